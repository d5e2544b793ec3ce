"""What the build report says: the headline, the figures and the tables, from plain data."""

from __future__ import annotations

import math
import re
from collections.abc import Mapping, Sequence
from dataclasses import dataclass

from facedge.runtime.manifest import Artifact, Gate, Manifest

from .report_numbers import (
    NBSP,
    TIMES,
    area,
    byte_size,
    count,
    number,
    signed,
    split_unit,
    with_unit,
)

BACKENDS = {
    "onnxruntime": "ONNX Runtime",
    "openvino": "OpenVINO",
    "tensorrt": "TensorRT",
    "tensorrt-rtx": "TensorRT for RTX",
}
_PSNR = re.compile(r"psnr_y (?P<variant>.+?)(?: restored_(?P<step>\d+))?")
_LATENCY = "latency_ms "
_GATE_MEANING = {
    "trace-agreement": "The ONNX graph gives what torch gives",
    "rewrite-agreement": "Rewriting the graph did not change its results",
    "io-agreement": "Bytes in and out give what torch gives",
    "fp32-agreement": "The shipped FP32 graph gives what the traced one gives",
    "fp16-agreement": "FP16 gives what FP32 gives",
    "int8-psnr-loss": "What INT8 costs against the original pictures",
    "int8-agreement": "INT8 gives what FP32 gives",
    "au-decision-agreement": "INT8 and FP32 decide alike on every action unit",
    "batch-agreement": "A face in a batch gets the result it gets alone",
    "backend-agreement": "Two backends play the same graph alike",
}


@dataclass(frozen=True)
class Tile:
    """One figure of the summary: its value, unit and what it means."""

    value: str
    unit: str
    meaning: str


@dataclass(frozen=True)
class GateBar:
    """One gate with its distance to the limit.

    Attributes:
        share: length of the bar in percent; the distance to the limit as a part of the largest
            distance in its group.
    """

    gate: Gate
    measured: str
    limit: str
    distance: str
    share: float


@dataclass(frozen=True)
class GateGroup:
    """All gates of one name, the tightest first."""

    name: str
    meaning: str
    bars: tuple[GateBar, ...]

    @property
    def passed(self) -> bool:
        """Whether every gate of the group holds."""
        return all(bar.gate.passed for bar in self.bars)


@dataclass(frozen=True)
class LatencyBar:
    """Median milliseconds per face of one backend; ``ours`` is False for the plain export."""

    label: str
    milliseconds: float
    share: float
    ours: bool


def psnr_table(quality: Mapping[str, float]) -> dict[str, dict[int, float]]:
    """Luma PSNR in dB by variant and step; the step is 0 where there are none, as for bicubic.

    Reads the manifest's keys ``psnr_y <variant>`` and ``psnr_y <variant> restored_<step>``.
    """
    table: dict[str, dict[int, float]] = {}
    for key, value in quality.items():
        match = _PSNR.fullmatch(key)
        if match:
            table.setdefault(match["variant"], {})[int(match["step"] or 0)] = value
    return table


def own_variant(m: Manifest) -> str:
    """What the preferred back end plays, such as ``int8 openvino``; FP32 is one for all."""
    played = next((a.dialect for a in m.artifacts if a.backend == m.preferred), "portable")
    return m.precision if m.precision == "fp32" else f"{m.precision} {played}"


def own_psnr(m: Manifest) -> float | None:
    """PSNR in dB of the last step as the preferred back end plays it; None where not measured."""
    return psnr_table(m.quality).get(own_variant(m), {}).get(m.steps)


def fastest(m: Manifest) -> Artifact | None:
    """The artifact with the lowest measured latency, or None where nothing was measured."""
    measured = [a for a in m.artifacts if a.latency_ms > 0]
    return min(measured, key=lambda a: a.latency_ms, default=None)


def plain_latency(m: Manifest) -> float | None:
    """Milliseconds of the plain export in FP32, or None where it was not measured."""
    return next((v for k, v in m.quality.items() if k.startswith(f"{_LATENCY}plain")), None)


def headline(m: Manifest) -> str:
    """One sentence that somebody new to all this understands."""
    size = _size(m.inputs[0].shape)
    if m.task == "super-resolution":
        what = f"turns a {size} pixel face into {_size(m.outputs[0].shape)}"
    else:
        what = f"reads {m.outputs[0].shape[-1]} facial action units from a {size} pixel face"
    best = fastest(m)
    speed = f" in {number(best.latency_ms)}{NBSP}ms on {BACKENDS[best.backend]}" if best else ""
    return f"{m.model} in {m.precision.upper()} {what}{speed}."


def standfirst(m: Manifest) -> str:
    """The sentence below the headline: how good, how fast, and whether the build may be trusted."""
    parts = []
    base, own = psnr_table(m.quality).get("bicubic", {}).get(0), own_psnr(m)
    if base is not None and own is not None:
        side = "closer to" if own >= base else "farther from"
        parts.append(
            f"Its pictures are {abs(own - base):.2f} dB {side} the originals than plain bicubic "
            "enlargement."
        )
    best, plain = fastest(m), plain_latency(m)
    if best and plain:
        ratio = plain / best.latency_ms
        word = "faster" if ratio >= 1 else "slower"
        factor = ratio if ratio >= 1 else 1 / ratio
        parts.append(
            f"It runs {factor:.1f} times {word} than the plain export of the same weights."
        )
    failed = sum(not gate.passed for gate in m.gates)
    if m.gates:
        every = f"All {len(m.gates)} quality gates hold." if len(m.gates) > 1 else "Its gate holds."
        parts.append(f"{failed} of {len(m.gates)} quality gates fail." if failed else every)
    return " ".join(parts)


def tiles(m: Manifest, sizes: Mapping[str, int]) -> list[Tile]:
    """The figures of the summary, only those that were measured."""
    found: list[Tile] = []
    table = psnr_table(m.quality)
    base, own = table.get("bicubic", {}).get(0), own_psnr(m)
    if own is not None and base is not None:
        found.append(Tile(signed(own - base), "dB", f"over bicubic ({own:.2f} against {base:.2f})"))
    full = table.get("fp32", {}).get(m.steps)
    if own is not None and full is not None and m.precision != "fp32":
        found.append(Tile(signed(own - full), "dB", f"against FP32 ({full:.2f})"))
    agreement = [g.measured for g in m.gates if g.name == "au-decision-agreement"]
    if agreement:
        found.append(Tile(f"{min(agreement):.1f}", "%", "of decisions as in FP32"))
    best, plain = fastest(m), plain_latency(m)
    if best:
        found.append(Tile(number(best.latency_ms), "ms", f"per face on {BACKENDS[best.backend]}"))
    if best and plain:
        found.append(Tile(f"{plain / best.latency_ms:.1f}", TIMES, "the speed of the plain export"))
    if best and best.path in sizes:
        found.append(Tile(*split_unit(byte_size(sizes[best.path])), "size of the file it plays"))
    if m.rewrites:
        last = m.rewrites[-1]
        found.append(Tile(*split_unit(count(last.macs_after)), "multiply-accumulates per face"))
        found.append(Tile(*split_unit(count(last.parameters_after)), "parameters"))
    return found


def gate_groups(gates: Sequence[Gate]) -> list[GateGroup]:
    """Gates by name in the order they were measured, failing and tight ones first."""
    names = dict.fromkeys(gate.name for gate in gates)
    return [_group(name, [g for g in gates if g.name == name]) for name in names]


def latency_bars(m: Manifest) -> list[LatencyBar]:
    """Every measured latency, fastest first, the plain export among them.

    The manifest's ``quality`` repeats the backends' own figures; those are left out here.
    """
    rows = [
        (f"{BACKENDS[a.backend]} {a.version}".strip(), a.latency_ms, True)
        for a in m.artifacts
        if a.latency_ms > 0
    ]
    others = {k[len(_LATENCY) :]: v for k, v in m.quality.items() if k.startswith(_LATENCY)}
    rows += [(name, v, False) for name, v in others.items() if name not in BACKENDS]
    rows.sort(key=lambda row: row[1])
    longest = max((row[1] for row in rows), default=1.0)
    return [LatencyBar(label, ms, 100 * ms / longest, ours) for label, ms, ours in rows]


def other_quality(m: Manifest) -> list[tuple[str, float]]:
    """Reported figures that stand in no other table."""
    return [
        (key, value)
        for key, value in m.quality.items()
        if not _PSNR.fullmatch(key) and not key.startswith(_LATENCY)
    ]


def _group(name: str, gates: Sequence[Gate]) -> GateGroup:
    distances = [_distance(gate) for gate in gates]
    finite = [
        abs(d)
        for d, g in zip(distances, gates, strict=True)
        if not g.identical and math.isfinite(d)
    ]
    largest = max(finite, default=1.0) or 1.0
    bars = [
        GateBar(
            gate,
            "identical" if gate.identical else with_unit(gate.measured, gate.unit),
            f"{gate.sense} {gate.limit:g} {gate.unit}".strip(),
            with_unit(abs(distance), gate.unit) + (" to spare" if gate.passed else " short"),
            100.0
            if gate.identical or not math.isfinite(distance)
            else min(100.0, 100 * abs(distance) / largest),
        )
        for gate, distance in sorted(
            zip(gates, distances, strict=True), key=lambda pair: _order(pair[1])
        )
    ]
    return GateGroup(name, _GATE_MEANING.get(name, name), tuple(bars))


def _distance(gate: Gate) -> float:
    """How far on the good side of the limit; negative when the gate fails."""
    forward = gate.measured - gate.limit
    return forward if gate.sense == "at least" else -forward


def _order(distance: float) -> float:
    return -math.inf if math.isnan(distance) else distance


def _size(shape: Sequence[int]) -> str:
    return area(shape[1], shape[2])

"""The figures that facedge promises, each held against what a comparison measured."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field

import numpy as np

from .cases import FP32, INT8, PLAIN_OPENVINO
from .contenders import Contender, Lineup
from .interleave import Timing, speed_up
from .judged import gain, largest_difference
from .peers import quantize_static
from .peers.registry import BASELINE, EAGER
from .result import Latency
from .statistics import Ratio, line_deviation_of_rounds, median_of_ratios
from .target import Sense, Target, judged, missing

LOSS_DB = 0.1
"""PSNR below torch's that a form may lose and still count as equally good."""

NOISELESS = "computed, without noise"


@dataclass(frozen=True)
class Measured:
    """What was measured of one model.

    Attributes:
        lineup: contenders and their outputs.
        timings: contender -> rounds at batch 1, measured in turns.
        batches: bundle -> batch sizes, measured in turns.
    """

    lineup: Lineup
    timings: Mapping[str, Timing]
    batches: Mapping[str, tuple[Latency, ...]] = field(default_factory=dict)

    def timed(self, keep: Callable[[Contender], bool]) -> list[str]:
        """Names of contenders that were timed, fastest first."""
        names = [n for n, c in self.lineup.contenders.items() if n in self.timings and keep(c)]
        return sorted(names, key=lambda name: self.timings[name].percentile(50))

    def peer(self, name: str) -> str | None:
        """A peer's name in the run, or None where it was not timed."""
        full = self.lineup.name(name)
        return full if full in self.timings else None

    def bundle(self, precision: str, backend: str) -> str | None:
        """The bundle with all steps, likewise."""
        found = self.timed(
            lambda c: (
                _is_whole(c, self.lineup)
                and (c.result.precision, c.result.backend) == (precision, backend)
            )
        )
        return found[0] if found else None


def promised(measured: Sequence[Measured]) -> list[Target]:
    """Every promise about the models of this run."""
    found: list[Target] = []
    for each in measured:
        model = each.lineup.case.model
        if model == "fsr-student":
            found += _faster(each) + _onnxruntime_alone(each)
            found += [_throughput(each), *_linear(each)]
        if model == "au-gcn":
            for backend, plain in (("onnxruntime", BASELINE), ("openvino", PLAIN_OPENVINO)):
                found += _rewritten(each, backend, plain)
    return found


def best(measured: Measured) -> str | None:
    """The fastest bundle with all steps that loses ``LOSS_DB`` at most."""
    found = measured.timed(lambda c: _is_whole(c, measured.lineup) and _is_good(c, measured))
    return found[0] if found else None


def shortest(measured: Measured) -> str | None:
    """The fastest bundle of any number of steps that loses ``LOSS_DB`` at most."""
    found = measured.timed(lambda c: c.subject is not None and _is_good(c, measured))
    return found[0] if found else None


def _is_whole(contender: Contender, lineup: Lineup) -> bool:
    steps = lineup.contenders[lineup.name(EAGER)].result.steps
    return contender.subject is not None and contender.result.steps == steps


def _is_good(contender: Contender, measured: Measured) -> bool:
    full = measured.lineup.contenders[measured.lineup.name(EAGER)].judged.psnr_y
    own = contender.judged.psnr_y
    return full is not None and own is not None and own >= full - LOSS_DB


def _faster(measured: Measured) -> list[Target]:
    fastest = best(measured)
    given = measured.timed(lambda c: c.peer is not None and c.peer.given_export)
    good = [n for n in given if _is_good(measured.lineup.contenders[n], measured)]
    rows = [
        ("faster than torch eager", 6.0, measured.peer(EAGER)),
        ("faster than the plain export in ONNX Runtime, FP32", 5.0, measured.peer(BASELINE)),
        ("faster than the fastest peer given the plain export", 1.3, next(iter(given), None)),
    ]
    if given[:1] != good[:1]:
        text = f"faster than the fastest of them that loses at most {LOSS_DB:g} dB"
        rows.append((text, 1.3, next(iter(good), None)))
    found = [_times(measured, text, limit, fastest, other) for text, limit, other in rows]
    knob = shortest(measured)
    if knob != fastest:
        # Fewer steps are no other precision: what they win stands beside, and replaces nothing.
        few = f"with as few steps as lose {LOSS_DB:g} dB"
        found += [
            _times(measured, f"{few}, {t}", limit, knob, other) for t, limit, other in rows[:3]
        ]
    return found


def _onnxruntime_alone(measured: Measured) -> list[Target]:
    own = measured.bundle(INT8, "onnxruntime")
    theirs = measured.timed(lambda c: c.peer in (quantize_static.DEFAULT, quantize_static.UINT8))
    rival = next(iter(theirs), None)
    whole = measured.bundle(FP32, "onnxruntime")
    return [
        _times(measured, "INT8 faster than its own FP32, ONNX Runtime alone", 2.5, own, whole),
        _times(measured, "INT8 faster than quantize_static on the plain export", 1.5, own, rival),
        _better(measured, "INT8 at least as good as that quantize_static", own, rival),
    ]


def _rewritten(measured: Measured, backend: str, plain: str) -> list[Target]:
    own, other = measured.bundle(FP32, backend), measured.peer(plain)
    text = f"rewritten, faster than the plain export in {backend}"
    rows = [_times(measured, text, 2.0, own, other)]
    text = f"largest difference from the plain export in {backend}"
    if own is None or other is None:
        return [*rows, _untimed(measured, text, "at most", 1e-4, "", own, other)]
    contenders = measured.lineup.contenders
    found = largest_difference(contenders[own].outputs, contenders[other].outputs)
    exact = Ratio(found, found, found)
    return [*rows, judged(_model(measured), text, "at most", 1e-4, "", exact, NOISELESS)]


def _throughput(measured: Measured) -> Target:
    text, limit = "faces per second at batch 8 against batch 1", 1.5
    name = next(
        (n for n in measured.timed(lambda c: _is_good(c, measured)) if n in measured.batches), None
    )
    rows = {row.batch: row for row in measured.batches.get(name or "", ())}
    if name is None or 1 not in rows or 8 not in rows:
        return missing(_model(measured), text, "at least", limit, "x", "batches were not measured")
    found = median_of_ratios([8 * ms for ms in rows[1].rounds], rows[8].rounds)
    return judged(_model(measured), text, "at least", limit, "x", found, name)


def _linear(measured: Measured) -> list[Target]:
    text = "latency over recurrent steps, distance from a straight line"
    found: list[Target] = []
    for backend in dict.fromkeys(c.result.backend for c in measured.lineup.contenders.values()):
        series = {
            c.result.steps: measured.timings[name].by_round()
            for name, c in measured.lineup.contenders.items()
            if name in measured.timings
            and c.subject is not None
            and (c.result.precision, c.result.backend) == (INT8, backend)
        }
        if len(series) < 3:
            continue
        steps = sorted(series)
        rounds = np.stack([series[k] for k in steps])
        ratio = line_deviation_of_rounds(steps, rounds)
        share = Ratio(100 * ratio.value, 100 * ratio.low, 100 * ratio.high)
        detail = f"INT8, {backend}, steps {', '.join(map(str, steps))}"
        found.append(judged(_model(measured), text, "at most", 10.0, "%", share, detail))
    why = "fewer than three step counts were measured"
    return found or [missing(_model(measured), text, "at most", 10.0, "%", why)]


def _times(
    measured: Measured, text: str, limit: float, own: str | None, other: str | None
) -> Target:
    if own is None or other is None:
        return _untimed(measured, text, "at least", limit, "x", own, other)
    found = Ratio(*speed_up(measured.timings[other], measured.timings[own]))
    detail = f"{own} against {other}"
    return judged(_model(measured), text, "at least", limit, "x", found, detail)


def _better(measured: Measured, text: str, own: str | None, other: str | None) -> Target:
    truths = measured.lineup.pictures.truths
    if own is None or other is None:
        return _untimed(measured, text, "at least", 0.0, "dB", own, other)
    if truths is None:
        why = "the pictures have no ground truth"
        return missing(_model(measured), text, "at least", 0.0, "dB", why)
    contenders = measured.lineup.contenders
    found = gain(contenders[own].outputs, contenders[other].outputs, truths)
    detail = f"{own} against {other}, {len(truths)} pictures"
    return judged(_model(measured), text, "at least", 0.0, "dB", found, detail)


def _untimed(
    measured: Measured,
    text: str,
    sense: Sense,
    limit: float,
    unit: str,
    own: str | None,
    other: str | None,
) -> Target:
    """Says what is missing: ours, theirs or both."""
    absent = [
        name
        for name, found in (("a bundle of facedge", own), ("what it is held against", other))
        if found is None
    ]
    why = f"{' and '.join(absent)} did not run"
    return missing(_model(measured), text, sense, limit, unit, why)


def _model(measured: Measured) -> str:
    return measured.lineup.case.model

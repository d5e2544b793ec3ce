"""Verification: every stage of the build against the one before it, on real pictures."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np
import onnx
from numpy.typing import NDArray

from facedge.resize import reduce_bicubic
from facedge.runtime.manifest import Gate, Precision

from .dialects import DialectGraph
from .gates import (
    Limits,
    agreement,
    decision_gate,
    fp16_gates,
    int8_picture_gates,
    mean_psnr,
    peak_of,
)
from .precision.emulate import emulate_fp16
from .reference import GateSet
from .runner import OnnxRuntimeRunner, OpenVinoRunner, Runner, run_all

Array = NDArray[Any]
Outputs = Mapping[str, Array]
BATCHES = (1, 3, 8)


def trace_gates(
    traced: onnx.ModelProto, expected: Outputs, pictures: GateSet, limits: Limits, threads: int
) -> list[Gate]:
    """The traced float graph against torch, every output at several batch sizes."""
    runner = OnnxRuntimeRunner(traced.SerializeToString(), threads)
    gates = []
    for batch in BATCHES:
        feeds = {name: array[:batch] for name, array in pictures.float_feeds().items()}
        found = runner(feeds)
        for name in sorted(expected):
            gates.append(
                agreement(
                    "trace-agreement",
                    f"batch {len(feeds['image'])} {name}",
                    found[name],
                    expected[name][:batch],
                    peak_of(name, expected[name]),
                    limits.trace_db,
                )
            )
    return gates


def rewrite_gates(
    rewritten: onnx.ModelProto, expected: Outputs, pictures: GateSet, limits: Limits, threads: int
) -> list[Gate]:
    """The rewritten float graph (still float in and out) against torch, every output."""
    found = run_all(
        OnnxRuntimeRunner(rewritten.SerializeToString(), threads), pictures.float_feeds(), 8
    )
    return [
        agreement(
            "rewrite-agreement",
            name,
            found[name],
            expected[name],
            peak_of(name, expected[name]),
            limits.rewrite_db,
        )
        for name in sorted(expected)
    ]


def io_gates(
    final: onnx.ModelProto, expected: Outputs, pictures: GateSet, limits: Limits, threads: int
) -> list[Gate]:
    """The graph with uint8 NHWC input and output against torch's outputs made into bytes."""
    found = run_all(OnnxRuntimeRunner(final.SerializeToString(), threads), pictures.feeds(), 8)
    wanted = {
        name.replace("step_", "restored_"): _bytes(array) if name.startswith("step_") else array
        for name, array in expected.items()
    }
    return [
        agreement("io-agreement", n, found[n], wanted[n], peak_of(n, wanted[n]), limits.io_db)
        for n in sorted(wanted)
    ]


def _bytes(pictures: Array) -> Array:
    """Float NCHW, nominally in [0, 1] -> uint8 NHWC, clipped and rounded half to even."""
    levels = np.rint(np.clip(pictures, 0, 1) * np.float32(255)).astype(np.uint8)
    return levels.transpose(0, 2, 3, 1)


@dataclass(frozen=True)
class Verified:
    """Outcome of verifying the dialects.

    Attributes:
        gates: every gate measured, in order.
        full: outputs of the FP32 graph on the gate pictures.
        outputs: ``"<dialect>"`` -> outputs of that dialect, on OpenVINO of its own where it is
            installed, else on ONNX Runtime.
        quality: figures that are reported and not gated.
    """

    gates: tuple[Gate, ...]
    full: Outputs
    outputs: Mapping[str, Outputs]
    quality: Mapping[str, float]


def verify_dialects(
    full_model: onnx.ModelProto,
    graphs: Sequence[DialectGraph],
    precision: Precision,
    pictures: GateSet,
    limits: Limits,
    *,
    openvino: bool,
    threads: int,
    advance: Callable[[int, int], None],
) -> Verified:
    """Measure every dialect against the FP32 graph and, where there is one, the ground truth."""
    total = 1 + len(graphs)
    feeds = pictures.feeds()
    full = run_all(OnnxRuntimeRunner(full_model.SerializeToString(), threads), feeds, 8)
    advance(1, total)
    gates: list[Gate] = []
    quality: dict[str, float] = {}
    outputs: dict[str, Outputs] = {}
    _bicubic_quality(quality, pictures)
    _picture_quality(quality, "fp32", full, pictures)
    for index, graph in enumerate(graphs):
        runner = _runner(graph, precision, threads, openvino)
        found = run_all(runner, feeds, 8)
        outputs[graph.dialect] = found
        gates += precision_gates(graph.dialect, precision, found, full, pictures, limits)
        gates += batch_gates(graph.dialect, runner, feeds, found, limits)
        if isinstance(runner, OpenVinoRunner):
            other = run_all(_runner(graph, precision, threads, openvino=False), feeds, 8)
            gates += backend_gates(graph.dialect, found, other, limits)
        if precision != "fp32":
            _picture_quality(quality, f"{precision} {graph.dialect}", found, pictures)
        _drift(quality, f"{precision} {graph.dialect}", found, full)
        advance(2 + index, total)
    return Verified(tuple(gates), full, outputs, quality)


def _runner(graph: DialectGraph, precision: Precision, threads: int, openvino: bool) -> Runner:
    """OpenVINO for its own dialect if wanted, else ONNX Runtime as the dialect's devices compute.

    FP16 tensors of a GPU's are really rounded to FP16, and nothing is fused: ONNX Runtime's fusions
    of Q/DQ are made for the portable dialect and misread FP16 biases (docs/precision.md).
    """
    model = graph.model.SerializeToString()
    if graph.dialect == "openvino" and openvino:
        return OpenVinoRunner(model, threads)
    if graph.dialect != "tensorrt" or precision == "fp32":
        return OnnxRuntimeRunner(model, threads)
    emulated = emulate_fp16(graph.model).SerializeToString()
    return OnnxRuntimeRunner(emulated, threads, optimise=False)


def precision_gates(
    subject: str,
    precision: Precision,
    found: Outputs,
    full: Outputs,
    pictures: GateSet,
    limits: Limits,
) -> list[Gate]:
    """Gates of one graph against the FP32 graph, as its precision demands."""
    if precision == "fp32":
        return [
            agreement(
                "fp32-agreement",
                f"{subject} {n}",
                found[n],
                full[n],
                peak_of(n, full[n]),
                limits.rewrite_db,
            )
            for n in sorted(found)
        ]
    if precision == "fp16":
        gates = fp16_gates(subject, found, full, limits)
    else:
        gates = int8_picture_gates(subject, found, full, pictures.truths, limits)
    if "probabilities" in found:
        gates.append(decision_gate(subject, found, full, limits))
    return gates


def batch_gates(
    subject: str, runner: Runner, feeds: Outputs, together: Outputs, limits: Limits
) -> list[Gate]:
    """Each of the first pictures alone against the same picture in a batch."""
    count = min(3, len(next(iter(feeds.values()))))
    alone = run_all(runner, {name: array[:count] for name, array in feeds.items()}, 1)
    return [
        agreement(
            "batch-agreement",
            f"{subject} {n}",
            alone[n],
            together[n][:count],
            peak_of(n, together[n]),
            limits.batch_db,
        )
        for n in sorted(alone)
    ]


def backend_gates(subject: str, found: Outputs, expected: Outputs, limits: Limits) -> list[Gate]:
    """One backend against ONNX Runtime on the same graph."""
    return [
        agreement(
            "backend-agreement",
            f"{subject} {n}",
            found[n],
            expected[n],
            peak_of(n, expected[n]),
            limits.backend_db,
        )
        for n in sorted(found)
    ]


def _bicubic_quality(quality: dict[str, float], pictures: GateSet) -> None:
    """The figure every restored picture has to beat."""
    if pictures.truths is None:
        return
    side = pictures.truths[0].shape[0]
    enlarged = np.stack([reduce_bicubic(image, side) for image in pictures.images])
    quality["psnr_y bicubic"] = mean_psnr(enlarged, pictures.truths)


def _picture_quality(
    quality: dict[str, float], subject: str, found: Outputs, pictures: GateSet
) -> None:
    if pictures.truths is None:
        return
    for name in sorted(n for n in found if n.startswith("restored")):
        quality[f"psnr_y {subject} {name}"] = mean_psnr(found[name], pictures.truths)


def _drift(quality: dict[str, float], subject: str, found: Outputs, full: Outputs) -> None:
    if "probabilities" not in found:
        return
    for name, unit in (("probabilities", ""), ("landmarks", " px")):
        worst = np.abs(found[name].astype(np.float64) - full[name].astype(np.float64)).max()
        quality[f"max difference {subject} {name}{unit}"] = float(worst)

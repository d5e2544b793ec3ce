"""From one rewritten float graph to the graphs that backends play, per precision."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

import onnx

from facedge.calibration.ranges import Ranges
from facedge.errors import InputError
from facedge.models.contract import ModelSpec
from facedge.runtime.manifest import Dialect, PassRow, Precision

from .graph import keep_outputs
from .passes import CPU_PASSES, Rewritten, rewrite
from .precision import fp16, portable, tensorrt
from .precision.choice import NO_CHOICE, Choice


@dataclass(frozen=True)
class DialectGraph:
    """One dialect of the model, with every step as an output.

    Attributes:
        dialect: which backends it is for.
        model: the ONNX graph.
        notes: what the precision passes had to leave in higher precision, and why.
        rows: size before and after the rewrites that only this dialect has.
    """

    dialect: Dialect
    model: onnx.ModelProto
    notes: tuple[str, ...] = ()
    rows: tuple[PassRow, ...] = ()


def cpu_form(model: onnx.ModelProto) -> Rewritten:
    """A rewritten float graph in the form of the portable dialect, which suits CPU kernels."""
    return rewrite(model, [each.name for each in CPU_PASSES])


def make_dialects(
    model: onnx.ModelProto,
    spec: ModelSpec,
    precision: Precision,
    ranges: Ranges | None,
    method: str,
    choice: Choice = NO_CHOICE,
) -> tuple[DialectGraph, ...]:
    """Portable and TensorRT form of a rewritten float graph.

    Args:
        model: float graph with uint8 NHWC input and output.
        spec: names the scopes that stay FP32.
        precision: ``fp32``, ``fp16`` or ``int8``.
        ranges: activation ranges; needed for int8, used as range guard for fp16.
        method: which of the ranges' methods to take.
        choice: what a precision plan decides, for int8.
    """
    keep = spec.float32_scopes
    for_cpu = cpu_form(model)
    if precision == "fp32":
        return (
            DialectGraph("portable", for_cpu.model, rows=for_cpu.rows),
            DialectGraph("tensorrt", model),
        )
    if precision == "fp16":
        casted = fp16.cast_to_fp16(model, ranges, keep)
        return (
            DialectGraph("portable", fp16.weights_to_fp16(for_cpu.model), rows=for_cpu.rows),
            DialectGraph("tensorrt", casted.model, tuple(str(row) for row in casted.rows)),
        )
    if ranges is None:
        raise InputError("int8 needs activation ranges; give --calib or --ranges")
    return (
        DialectGraph(
            "portable",
            portable.quantise(for_cpu.model, ranges, method, keep, choice=choice),
            rows=for_cpu.rows,
        ),
        DialectGraph("tensorrt", tensorrt.quantise(model, ranges, method, keep, choice=choice)),
    )


def ship(model: onnx.ModelProto, steps: int) -> onnx.ModelProto:
    """The graph that goes into the bundle: only the last step, named ``restored``.

    Graphs without steps (action units) are returned with their outputs as they are.
    """
    outputs = [o.name for o in model.graph.output]
    last = f"restored_{steps}"
    kept = [name for name in outputs if name == last or not name.startswith("restored_")]
    shipped = keep_outputs(model, kept)
    _rename(shipped, last, "restored")
    return shipped


def _rename(model: onnx.ModelProto, old: str, new: str) -> None:
    values: Sequence[onnx.ValueInfoProto] = model.graph.output
    for value in values:
        if value.name == old:
            value.name = new
    for node in model.graph.node:
        for names in (node.input, node.output):
            for i, name in enumerate(names):
                if name == old:
                    names[i] = new

"""From one rewritten float graph to the graphs that backends play, per precision."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

import onnx

from facedge.calibration.ranges import Ranges
from facedge.errors import InputError
from facedge.models.contract import ModelSpec
from facedge.runtime.manifest import Dialect, Precision

from .graph import keep_outputs
from .precision import fp16, portable, tensorrt

DIALECTS: tuple[Dialect, ...] = ("portable", "tensorrt")


@dataclass(frozen=True)
class DialectGraph:
    """One dialect of the model, with every step as an output.

    Attributes:
        dialect: which backends it is for.
        model: the ONNX graph.
        notes: what the precision passes had to leave in higher precision, and why.
    """

    dialect: Dialect
    model: onnx.ModelProto
    notes: tuple[str, ...] = ()


def make_dialects(
    model: onnx.ModelProto,
    spec: ModelSpec,
    precision: Precision,
    ranges: Ranges | None,
    method: str,
) -> tuple[DialectGraph, ...]:
    """Portable and TensorRT form of a rewritten float graph.

    Args:
        model: float graph with uint8 NHWC input and output.
        spec: names the scopes that stay FP32.
        precision: ``fp32``, ``fp16`` or ``int8``.
        ranges: activation ranges; needed for int8, used as range guard for fp16.
        method: which of the ranges' methods to take.
    """
    keep = spec.float32_scopes
    if precision == "fp32":
        return tuple(DialectGraph(dialect, model) for dialect in DIALECTS)
    if precision == "fp16":
        casted = fp16.cast_to_fp16(model, ranges, keep)
        return (
            DialectGraph("portable", fp16.weights_to_fp16(model)),
            DialectGraph("tensorrt", casted.model, tuple(str(row) for row in casted.rows)),
        )
    if ranges is None:
        raise InputError("int8 needs activation ranges; give --calib or --ranges")
    return (
        DialectGraph("portable", portable.quantise(model, ranges, method, exclude=keep)),
        DialectGraph("tensorrt", tensorrt.quantise(model, ranges, method, keep)),
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

"""From one rewritten float graph to the graphs that backends play, per precision."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

import onnx

from facedge.calibration.ranges import Ranges
from facedge.errors import InputError
from facedge.models.contract import ModelSpec
from facedge.runtime.manifest import EVERY_DIALECT, Dialect, PassRow, Precision

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


def dialect_form(model: onnx.ModelProto, dialect: Dialect) -> Rewritten:
    """A rewritten float graph in the form that suits a dialect's kernels."""
    return rewrite(model, [each.name for each in CPU_PASSES if dialect in each.dialects])


def make_dialects(
    model: onnx.ModelProto,
    spec: ModelSpec,
    precision: Precision,
    ranges: Ranges | None,
    method: str,
    choice: Choice = NO_CHOICE,
) -> tuple[DialectGraph, ...]:
    """Every dialect's form of a rewritten float graph.

    Args:
        model: float graph with uint8 NHWC input and output.
        spec: names the scopes that stay FP32.
        precision: ``fp32``, ``fp16`` or ``int8``.
        ranges: activation ranges; needed for int8, used as range guard for fp16.
        method: which of the ranges' methods to take.
        choice: what a precision plan decides, for int8.
    """

    def made(dialect: Dialect) -> DialectGraph:
        form = dialect_form(model, dialect)
        graph: onnx.ModelProto = form.model
        notes: tuple[str, ...] = ()
        if precision == "int8":
            if ranges is None:
                raise InputError("int8 needs activation ranges; give --calib or --ranges")
            graph = int8_form(form.model, dialect, spec, ranges, method, choice)
        elif precision == "fp16" and dialect == "tensorrt":
            casted = fp16.cast_to_fp16(form.model, ranges, spec.float32_scopes)
            graph, notes = casted.model, tuple(str(row) for row in casted.rows)
        elif precision == "fp16":
            graph = fp16.weights_to_fp16(form.model)
        return DialectGraph(dialect, graph, notes, form.rows)

    return tuple(made(dialect) for dialect in EVERY_DIALECT)


def int8_form(
    model: onnx.ModelProto,
    dialect: Dialect,
    spec: ModelSpec,
    ranges: Ranges,
    method: str,
    choice: Choice = NO_CHOICE,
    half: bool = True,
) -> onnx.ModelProto:
    """A float graph with the Q/DQ pairs of a dialect.

    Args:
        model: in the dialect's form.
        half: whether FP16 is what ``tensorrt`` keeps out of INT8.
    """
    keep = spec.float32_scopes
    if dialect == "tensorrt":
        return tensorrt.quantise(model, ranges, method, keep, half=half, choice=choice)
    signed = dialect == "openvino"
    return portable.quantise(model, ranges, method, keep, choice=choice, signed=signed)


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

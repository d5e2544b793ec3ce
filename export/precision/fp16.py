"""FP16 as weights only (CPUs) and as a strongly typed graph (TensorRT)."""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass

import numpy as np
import onnx
import onnx_ir as ir

from .casting import CastRow, cast_graph
from .contraction import CONTRACTIONS
from .guard import constant_risk
from .ir_edit import (
    Names,
    RangeTable,
    add_constant,
    add_node,
    close_model,
    constant,
    open_model,
)

__all__ = ["CastRow", "Casted", "cast_to_fp16", "weights_to_fp16"]


@dataclass(frozen=True)
class Casted:
    """A graph in FP16 and what had to stay in FP32.

    Attributes:
        model: strongly typed graph; inputs and outputs have the types they had.
        rows: one row for every node that the guard kept in FP32.
    """

    model: onnx.ModelProto
    rows: tuple[CastRow, ...]


def weights_to_fp16(model: onnx.ModelProto) -> onnx.ModelProto:
    """Store the float weights of contractions as FP16 and cast them to FP32 where they are read.

    Back ends fold the Cast when they load, so the arithmetic stays FP32 and the file halves.
    Weights that FP16 would overflow or underflow stay FP32.

    Args:
        model: float graph.
    """
    opened = open_model(model)
    graph, names = opened.graph, Names(opened.graph)
    restored: dict[ir.Value, ir.Value] = {}
    for node in list(graph):
        if node.op_type not in CONTRACTIONS:
            continue
        for index in (0, 1):
            source = node.inputs[index]
            array = constant(source)
            if source is None or array is None or array.dtype != np.float32:
                continue
            if array.size < 2 or constant_risk(source.name or "", array) is not None:
                continue
            if source not in restored:
                name = source.name or "weight"
                half = add_constant(graph, names(f"{name}_fp16"), array.astype(np.float16))
                to = int(ir.DataType.FLOAT)
                cast = add_node(names, "Cast", [half], name, ir.DataType.FLOAT, {"to": to})
                graph.insert_before(next(iter(graph)), cast)
                restored[source] = cast.outputs[0]
            node.replace_input_with(index, restored[source])
    return close_model(opened)


def cast_to_fp16(
    model: onnx.ModelProto, ranges: RangeTable | None = None, keep: Iterable[str] = ()
) -> Casted:
    """A strongly typed FP16 graph for TensorRT, with a range guard.

    Args:
        model: float32 graph; uint8 and float32 inputs and outputs keep their types.
        ranges: calibrated min-max ranges; a tensor that comes near FP16's largest number keeps
            the nodes around it in FP32. Without them only constants are guarded.
        keep: scopes (node name prefixes) that stay in FP32.

    Raises:
        InputError: control flow, or a tensor whose type cannot be inferred.
    """
    opened = open_model(model)
    rows = cast_graph(opened, ranges, tuple(keep))
    return Casted(close_model(opened), rows)

"""Two linear layers with no activation between: (x W1 + b1) W2 + b2 = x W1W2 + b1W2 + b2."""

from __future__ import annotations

import numpy as np
import onnx_ir as ir

from .edit import Insertion, nodes, producer, read_once, sizes
from .linear import Linear, insert_linear, linear_at


def apply(model: ir.Model) -> int:
    """Fold pairs whose product takes fewer multiply-accumulates than the two.

    The first layer's output must have no other reader. An Identity or a Flatten that changes no
    shape may stand between.

    Returns:
        How many pairs were folded; a chain of three layers counts two.
    """
    count = 0
    for node in nodes(model, "Gemm", "MatMul", "Add"):
        if node.graph is None:
            continue
        second = linear_at(node.outputs[0])
        first = None if second is None else _layer_before(second)
        if first is None or second is None:
            continue
        (inputs, middle), outputs = first.weight.shape, second.weight.shape[1]
        if inputs * outputs >= middle * (inputs + outputs):
            continue
        _fold(model, node, first, second)
        count += 1
    return count


def _layer_before(second: Linear) -> Linear | None:
    value: ir.Value | None = second.source
    while value is not None and read_once(value):
        between = producer(value, "Identity", "Flatten")
        if between is None:
            return linear_at(value)
        if between.op_type == "Flatten" and (
            sizes(between.inputs[0]) is None
            or len(sizes(between.inputs[0]) or ()) != 2
            or between.attributes.get_int("axis", 1) != 1
        ):
            return None
        value = between.inputs[0]
    return None


def _fold(model: ir.Model, node: ir.Node, first: Linear, second: Linear) -> None:
    w1, w2 = first.weight.astype(np.float64), second.weight.astype(np.float64)
    bias = first.bias.astype(np.float64) @ w2 + second.bias
    has_bias = first.has_bias or second.has_bias
    edit = Insertion(model, node)
    new = insert_linear(edit, first.source, w1 @ w2, bias if has_bias else None, second.name)
    edit.replace(second.output, new)

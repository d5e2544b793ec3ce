"""PReLU with one slope is LeakyReLU with that slope as an attribute; with slope 0 it is ReLU."""

from __future__ import annotations

import onnx_ir as ir

from .edit import Insertion, constant, nodes


def apply(model: ir.Model) -> int:
    """Replace every PRelu whose constant slope is the same for all channels."""
    count = 0
    for node in nodes(model, "PRelu"):
        slope = constant(node.inputs[1])
        if slope is None or slope.size == 0 or (slope != slope.flat[0]).any():
            continue
        edit = Insertion(model, node)
        alpha = float(slope.flat[0])
        new = (
            edit.op("Relu", node.inputs[:1])
            if alpha == 0
            else edit.op("LeakyRelu", node.inputs[:1], alpha=alpha)
        )
        edit.replace(node.outputs[0], new)
        count += 1
    return count

"""What a convolution that passes can compute with is made of."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
import onnx_ir as ir

from .edit import Array, constant, ints


@dataclass(frozen=True)
class Convolution:
    """An ungrouped, undilated two-dimensional convolution with constant weights.

    Attributes:
        node: the Conv.
        weight: float32 [out, in, kh, kw].
        bias: [out]; zeros where it has none.
        has_bias: whether it has one.
        strides: vertical and horizontal.
        pads: as ONNX has them.
    """

    node: ir.Node
    weight: Array
    bias: Array
    has_bias: bool
    strides: tuple[int, ...]
    pads: tuple[int, ...]


def convolution(node: ir.Node | None) -> Convolution | None:
    """The parts of a Conv, or None where it is another kind."""
    if node is None or node.attributes.get_int("group", 1) != 1:
        return None
    if node.attributes.get_string("auto_pad", "NOTSET") != "NOTSET":
        return None
    if any(d != 1 for d in ints(node, "dilations", (1, 1))):
        return None
    weight = constant(node.inputs[1])
    if weight is None or weight.ndim != 4 or weight.dtype != np.float32:
        return None
    has_bias = len(node.inputs) > 2 and node.inputs[2] is not None
    bias = constant(node.inputs[2]) if has_bias else np.zeros(len(weight), np.float32)
    if bias is None:
        return None
    strides, pads = ints(node, "strides", (1, 1)), ints(node, "pads", (0, 0, 0, 0))
    return Convolution(node, weight, bias, has_bias, strides, pads)

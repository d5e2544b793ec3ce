"""A 1x1 convolution of a few channels to one or two, such as a luma, as a matrix product.

CPU kernels of convolutions fill vectors with channels: 3 -> 1 costs as much as 16 -> 16, and the
picture is laid out anew before and after. W [out, in] times the picture [in, height * width] fills
vectors with pixels.
"""

from __future__ import annotations

import numpy as np
import onnx_ir as ir

from .edit import Insertion, constant, ints, nodes, sizes

_MOST_CHANNELS = 4


def apply(model: ir.Model) -> int:
    """Replace unpadded 1x1 convolutions of at most 4 channels to at most 4, of a fixed size.

    Returns:
        How many were replaced.
    """
    count = 0
    for node in nodes(model, "Conv"):
        weight, shape = constant(node.inputs[1]), sizes(node.inputs[0])
        bias = constant(node.inputs[2]) if len(node.inputs) > 2 else None
        if weight is None or weight.ndim != 4 or weight.shape[2:] != (1, 1):
            continue
        if max(weight.shape[:2]) > _MOST_CHANNELS or node.attributes.get_int("group", 1) != 1:
            continue
        if any(s != 1 for s in ints(node, "strides", (1, 1))) or any(ints(node, "pads", (0,))):
            continue
        if shape is None or None in shape[1:] or (len(node.inputs) > 2 and bias is None):
            continue
        outputs, inputs = weight.shape[:2]
        height, width = shape[2], shape[3]
        edit = Insertion(model, node)
        stem = node.inputs[1].name or "weight"  # type: ignore[union-attr]
        rows = edit.constant(np.array([0, inputs, -1]), f"{stem}_rows")
        back = edit.constant(np.array([0, outputs, height, width]), f"{stem}_picture")
        matrix = edit.constant(weight.reshape(outputs, inputs), f"{stem}_matrix")
        value = edit.op("MatMul", [matrix, edit.op("Reshape", [node.inputs[0], rows])])
        if bias is not None:
            shift = edit.constant(bias.reshape(outputs, 1), f"{stem}_shift")
            value = edit.op("Add", [value, shift])
        edit.replace(node.outputs[0], edit.op("Reshape", [value, back]))
        count += 1
    return count

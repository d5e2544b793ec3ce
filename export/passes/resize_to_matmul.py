"""Resize by linear or cubic interpolation of a small picture as two products with fixed matrices.

Interpolation is linear and separable: Y = A X B^T, row r of A being the weights of output row r.
CPU kernels of Resize compute those weights and gather pixel by pixel; the products fill vectors.
"""

from __future__ import annotations

import numpy as np
import onnx_ir as ir
from onnx import TensorProto, helper, numpy_helper

from ..graph import run
from .edit import Array, Insertion, constant, nodes, sizes

_MOST_WORK = 64
"""Multiply-accumulates per output pixel up to which dense products are faster than gathering."""


def apply(model: ir.Model) -> int:
    """Replace Resize nodes of fixed size that interpolate over the last two axes.

    Returns:
        How many were replaced.
    """
    count = 0
    for node in nodes(model, "Resize"):
        before, after = sizes(node.inputs[0]), sizes(node.outputs[0])
        if node.attributes.get_string("mode", "nearest") not in ("linear", "cubic"):
            continue
        if node.attributes.get_string("coordinate_transformation_mode", "") == "tf_crop_and_resize":
            continue
        if before is None or after is None or len(before) != 4 or before[1] != after[1]:
            continue
        if node.outputs[0].dtype != ir.DataType.FLOAT:
            continue
        (height, width), (rows, columns) = before[2:], after[2:]
        if height is None or width is None or rows is None or columns is None:
            continue
        if (height * width / columns + width) > _MOST_WORK or node.inputs[0] is None:
            continue
        matrices = weights_of_axis(node, 0, height, rows), weights_of_axis(node, 1, width, columns)
        if matrices[0] is None or matrices[1] is None:
            continue
        edit = Insertion(model, node)
        left = edit.constant(matrices[0], f"{node.name}_rows")
        right = edit.constant(np.ascontiguousarray(matrices[1].T), f"{node.name}_columns")
        value = edit.op("MatMul", [left, node.inputs[0]])
        edit.replace(node.outputs[0], edit.op("MatMul", [value, right]))
        count += 1
    return count


def weights_of_axis(node: ir.Node, axis: int, size: int, target: int) -> Array | None:
    """Weights [target, size] of one axis: what the node itself makes of an identity matrix."""
    if size == target:
        return np.eye(size, dtype=np.float32)
    scales = constant(node.inputs[2]) if len(node.inputs) > 2 else None
    attributes = {name: value.value for name, value in node.attributes.items()}
    if "axes" in attributes or (scales is not None and scales.size not in (0, 4)):
        return None
    if not _keeps_pictures(node, scales):
        return None
    if scales is not None and scales.size:
        ratio = np.ones(4, np.float32)
        ratio[2] = scales[2 + axis]
        inputs, given = ["x", "", "given"], ratio
    else:
        inputs, given = ["x", "", "", "given"], np.array([1, 1, target, size])
    resize = helper.make_node("Resize", inputs, ["y"], **attributes)
    x, y = (helper.make_tensor_value_info(n, TensorProto.FLOAT, None) for n in "xy")
    graph = helper.make_graph([resize], "axis", [x], [y], [numpy_helper.from_array(given, "given")])
    model = helper.make_model(graph, opset_imports=[helper.make_opsetid("", 18)], ir_version=8)
    found = run(model, {"x": np.eye(size, dtype=np.float32)[None, None]})["y"]
    return found[0, 0] if found.shape == (1, 1, target, size) else None


def _keeps_pictures(node: ir.Node, scales: Array | None) -> bool:
    """Whether neither pictures nor channels are resized."""
    if scales is not None and scales.size:
        return bool((scales[:2] == 1).all())
    wanted = constant(node.inputs[3]) if len(node.inputs) > 3 else None
    before = sizes(node.inputs[0])
    return wanted is not None and before is not None and tuple(wanted[:2]) == before[:2]

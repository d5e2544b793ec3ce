"""Compute what does not depend on the input, and leave out additions of zero."""

from __future__ import annotations

import onnx_ir as ir
import onnx_ir.passes.common as ir_passes
from onnxscript.optimizer import fold_constants

from .edit import Insertion, nodes
from .zeros import is_zero

_LARGEST = 1 << 16
"""Elements of the largest array computed in advance: shapes and small tables, no feature maps."""


def apply(model: ir.Model) -> int:
    """Fold constant subgraphs and shape arithmetic; drop x + 0 and x - 0.

    Returns:
        How many nodes it removed.
    """
    before = sum(1 for _ in model.graph)
    fold_constants(
        model, onnx_shape_inference=False, input_size_limit=_LARGEST, output_size_limit=_LARGEST
    )
    ir_passes.LiftConstantsToInitializersPass(lift_all_constants=True, size_limit=0)(model)
    for node in nodes(model, "Add", "Sub"):
        first, second = node.inputs
        if is_zero(second):
            _pass_on(model, node, first)
        elif node.op_type == "Add" and is_zero(first):
            _pass_on(model, node, second)
    ir_passes.RemoveUnusedNodesPass()(model)
    return max(0, before - sum(1 for _ in model.graph))


def _pass_on(model: ir.Model, node: ir.Node, value: ir.Value | None) -> None:
    """Let the readers of a node read ``value``, unless the node broadcasts it."""
    if value is None or not _same_known_shape(value, node.outputs[0]):
        return
    if value.dtype != node.outputs[0].dtype:
        return
    Insertion(model, node).replace(node.outputs[0], value)


def _same_known_shape(a: ir.Value, b: ir.Value) -> bool:
    if a.shape is None or b.shape is None or len(a.shape) != len(b.shape):
        return False

    def known(size: int | ir.SymbolicDim) -> int | str | None:
        return size if isinstance(size, int) else size.value

    pairs = [(known(x), known(y)) for x, y in zip(a.shape, b.shape, strict=True)]
    return all(x == y and x is not None for x, y in pairs)

"""Nodes and initialisers that reach no output of the graph."""

from __future__ import annotations

import onnx_ir as ir
import onnx_ir.passes.common as ir_passes


def apply(model: ir.Model) -> int:
    """Remove them; such as a last step's prior, which no picture depends on.

    Returns:
        How many nodes and initialisers were removed.
    """
    before = _size(model)
    ir_passes.RemoveUnusedNodesPass()(model)
    return before - _size(model)


def _size(model: ir.Model) -> int:
    return sum(1 for _ in model.graph) + len(model.graph.initializers)

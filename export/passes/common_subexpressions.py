"""Compute once what several nodes compute from the same values."""

from __future__ import annotations

import onnx_ir as ir
import onnx_ir.passes.common as ir_passes

from ..graph import merge_initialisers


def apply(model: ir.Model) -> int:
    """Merge equal initialisers, then nodes with equal operator, inputs and attributes.

    Returns:
        How many initialisers and nodes were merged.
    """
    merged = merge_initialisers(model)
    before = sum(1 for _ in model.graph)
    ir_passes.CommonSubexpressionEliminationPass()(model)
    return merged + before - sum(1 for _ in model.graph)

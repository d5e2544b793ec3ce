"""Small redundancies that exporters leave: no-ops, slices of slices, padding before a convolution.

The patterns are onnxscript's; slices along different axes are merged here.
"""

from __future__ import annotations

import numpy as np
import onnx_ir as ir
import onnx_ir.passes.common as ir_passes
from onnxscript.rewriter import RewriteRuleSet
from onnxscript.rewriter.rules import common as rules

from .edit import Array, Insertion, constants, nodes, producer, scope, sizes

_RULES = RewriteRuleSet(
    [
        rules.no_op_cast_rule,
        rules.no_op_transpose_rule,
        rules.no_op_expand_rule,
        rules.mul_by_1_rule,
        rules.div_by_1_rule,
        rules.dropout_inference_rule,
        rules.transpose_transpose_rule,
        rules.reshape_reshape_rule,
        rules.collapse_slice2_rule,
        rules.successive_relu_rule,
        rules.successive_clip_rule,
        rules.fuse_pad_into_conv_rule,
    ]
)


def apply(model: ir.Model) -> int:
    """Apply the patterns and merge slices.

    Returns:
        How many places changed.
    """
    scopes = {value.name: scope(node) for node in model.graph for value in node.outputs}
    names = {node.name for node in model.graph}
    count = _RULES.apply_to_model(model)
    if count:
        _restore_scopes(model, names, scopes)
    ir_passes.IdentityEliminationPass()(model)
    return count + _merge_slices(model)


def _restore_scopes(model: ir.Model, names: set[str | None], scopes: dict[str | None, str]) -> None:
    """The rewriter keeps value names and renames nodes: give new nodes their value's scope."""
    taken = {node.name for node in model.graph}
    for node in model.graph:
        if node.name in names:
            continue
        readers = [use.node for use in node.outputs[0].uses()]
        inherited = scopes.get(node.outputs[0].name, scope(readers[0]) if readers else "")
        number = 0
        stem = f"{inherited}/{node.op_type}" if inherited else node.op_type
        while f"{stem}_{number}" in taken:
            number += 1
        node.name = f"{stem}_{number}"
        taken.add(node.name)


def _merge_slices(model: ir.Model) -> int:
    count = 0
    for outer in nodes(model, "Slice"):
        inner = producer(outer.inputs[0], "Slice")
        if inner is None:
            continue
        first, second = _ranges(inner), _ranges(outer)
        if first is None or second is None or set(first[2]) & set(second[2]):
            continue
        edit = Insertion(model, outer)
        stem = (outer.name or "Slice").rpartition("/")[2]
        new = [
            edit.constant(np.concatenate(pair).astype(np.int64), f"{stem}_{what}")
            for what, pair in zip(
                ("starts", "ends", "axes", "steps"), zip(first, second, strict=True), strict=True
            )
        ]
        edit.replace(outer.outputs[0], edit.op("Slice", [inner.inputs[0], *new]))
        count += 1
    return count


def _ranges(node: ir.Node) -> tuple[Array, Array, Array, Array] | None:
    """Starts, ends, axes (from 0) and steps of a Slice with constant ones."""
    shape = sizes(node.inputs[0])
    given = constants(node.inputs[1:])
    if shape is None or given is None or len(given) < 2:
        return None
    starts, ends = given[:2]
    axes = given[2] % len(shape) if len(given) > 2 else np.arange(len(starts))
    steps = given[3] if len(given) > 3 else np.ones_like(starts)
    return starts, ends, axes, steps

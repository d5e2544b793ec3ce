"""vectorise-attention: maps computed AU by AU from landmarks become one broadcast over all.

To be run after ``group-branches``, which brings the maps together in one Concat.
"""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np
import onnx_ir as ir

from .edit import Array, constant, nodes, producer, sizes
from .hoist import (
    CHANNELS,
    BranchInsertion,
    Rule,
    Siblings,
    hoist,
    is_channel_concat,
    leads_to,
    sweep,
    with_shapes,
)
from .merges import (
    BINARY,
    BINARY_OPS,
    ELEMENTWISE,
    ELEMENTWISE_OPS,
    SLICE_ELSEWHERE,
    UNSQUEEZE_BEHIND,
)


def gather(siblings: Siblings) -> ir.Value | None:
    """Rows i_1 … i_n of one tensor, sliced one by one: one Gather."""
    rows = [_rows(node) for node in siblings.nodes]
    if any(r is None for r in rows) or len({id(n.inputs[0]) for n in siblings.nodes}) != 1:
        return None
    indices = np.concatenate([np.array(r, np.int64) for r in rows if r is not None])
    source = siblings.nodes[0].inputs[0]
    chosen = siblings.edit.constant(indices, "landmark_indices")
    return siblings.edit.op("Gather", [source, chosen], axis=CHANNELS)


def _rows(node: ir.Node) -> range | None:
    """Which rows of axis 1 a Slice takes, or None where it takes other axes or steps."""
    shape = sizes(node.inputs[0])
    if node.op_type != "Slice" or len(node.inputs) < 4 or shape is None or len(shape) < 2:
        return None
    arguments = [constant(value) for value in node.inputs[1:]]
    size = shape[CHANNELS]
    if size is None or any(a is None or a.size != 1 for a in arguments):
        return None
    start, end, axis, *step = [int(a.ravel()[0]) for a in arguments if a is not None]
    if axis % len(shape) != CHANNELS or step not in ([], [1]):
        return None
    return range(*slice(start, end).indices(size))


RULES = (
    # Slicing copies a few numbers: merged even where another map reads the same row.
    Rule(frozenset(["Slice"]), gather, shared=True),
    SLICE_ELSEWHERE,
    UNSQUEEZE_BEHIND,
    ELEMENTWISE_OPS,
    BINARY_OPS,
)

_BETWEEN = ELEMENTWISE | BINARY | frozenset(["Slice", "Unsqueeze"])


def apply(model: ir.Model) -> int:
    """Compute maps that differ in landmark and constants only in one broadcast.

    Returns:
        How many times siblings were merged into one operator.
    """
    with_shapes(model)
    concats = [
        node
        for node in nodes(model, "Concat")
        if is_channel_concat(node) and leads_to(node.inputs, _BETWEEN, _rows_of_one)
    ]
    merged = hoist(model, concats, RULES)
    return merged + sum(_multiples(model, node) for node in nodes(model, "Concat"))


def _multiples(model: ir.Model, concat: ir.Node) -> bool:
    """Concat of fixed multiples of one [N, 1, …] value: one product with a vector.

    Exporters drop a factor of 1, so that these branches are not all of one operator.
    """
    if not is_channel_concat(concat):
        return False
    terms = [_multiple(value) for value in concat.inputs if value is not None]
    source = terms[0][0]
    shape = sizes(source)
    if shape is None or shape[CHANNELS] != 1 or any(value is not source for value, _ in terms):
        return False
    branches = [node for v in concat.inputs if v is not None and (node := v.producer()) is not None]
    if len(branches) < len(terms) or all(value is source for value in concat.inputs):
        return False
    edit = BranchInsertion(model, concat, branches)
    factors = np.array([factor for _, factor in terms])
    vector = edit.constant(factors.reshape(1, -1, *[1] * (len(shape) - 2)), "factors")
    edit.replace(concat.outputs[0], edit.op("Mul", [source, vector]))
    sweep(branches)
    return True


def _multiple(value: ir.Value) -> tuple[ir.Value, Array]:
    """A value as (what is multiplied, by which number)."""
    node = producer(value, "Mul")
    for source, factor in () if node is None else (node.inputs[:2], node.inputs[1::-1]):
        number = constant(factor)
        if source is not None and number is not None and number.size == 1:
            return source, number.reshape(())
    return value, np.ones((), np.float32)


def _rows_of_one(branch: Sequence[ir.Node]) -> bool:
    rows = [_rows(node) for node in branch]
    return all(r is not None for r in rows) and len({id(n.inputs[0]) for n in branch}) == 1

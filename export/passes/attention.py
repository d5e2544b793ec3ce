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
from .slices import kept


def gather(siblings: Siblings) -> ir.Value | None:
    """Rows i_1 … i_n of one tensor, sliced one by one: one Gather, one Slice of other axes."""
    cuts = [kept(node) for node in siblings.nodes]
    present = [cut for cut in cuts if cut is not None and CHANNELS in cut]
    source = siblings.nodes[0].inputs[0]
    if len(present) < len(cuts) or any(n.inputs[0] is not source for n in siblings.nodes):
        return None
    other = [{k: v for k, v in cut.items() if k != CHANNELS} for cut in present]
    if any(cut != other[0] for cut in other) or any(r.step < 0 for r in other[0].values()):
        return None
    edit = siblings.edit
    indices = np.concatenate([np.array(cut[CHANNELS], np.int64) for cut in present])
    chosen = edit.op("Gather", [source, edit.constant(indices, "rows")], axis=CHANNELS)
    if not other[0]:
        return chosen
    columns = [[r.start, r.stop, axis, r.step] for axis, r in other[0].items()]
    names = ("starts", "ends", "axes", "steps")
    arguments = [
        edit.constant(numbers, name)
        for numbers, name in zip(np.array(columns, np.int64).T, names, strict=True)
    ]
    return edit.op("Slice", [chosen, *arguments])


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
    if branch[0].op_type != "Slice" or len({id(node.inputs[0]) for node in branch}) != 1:
        return False
    return all(cut is not None and CHANNELS in cut for cut in map(kept, branch))

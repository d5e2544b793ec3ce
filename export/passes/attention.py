"""vectorise-attention: maps computed AU by AU from landmarks become one broadcast over all.

To be run after ``group-branches``, which brings the maps together in one Concat.
"""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np
import onnx_ir as ir

from .branch_insertion import typed
from .edit import nodes
from .hoist import CHANNELS, Rule, Siblings, hoist, is_channel_concat, leads_to, with_shapes
from .merges import (
    BINARY,
    BINARY_OPS,
    ELEMENTWISE,
    ELEMENTWISE_OPS,
    SLICE_ELSEWHERE,
    UNSQUEEZE_BEHIND,
)
from .slices import kept
from .terms import even_out


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
    assert source is not None
    shape = list(source.shape or ())
    shape[CHANNELS] = len(indices)
    typed(chosen, source, shape)
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
        if is_channel_concat(node) and _from_landmarks(node.inputs)
    ]
    merged = hoist(model, concats, RULES)
    while uneven := _even_out(model):
        changed, concats = uneven
        merged += changed + hoist(model, concats, RULES)
    return merged


def _even_out(model: ir.Model) -> tuple[int, list[ir.Node]] | None:
    """Concats whose branches lack a factor of 1 or a summand of 0: how many, and what to hoist."""
    results = [even_out(model, node, _from_landmarks) for node in nodes(model, "Concat")]
    changed = [result for result in results if result is not None]
    return (len(changed), [node for made in changed for node in made]) if changed else None


def _from_landmarks(values: Sequence[ir.Value | None]) -> bool:
    return leads_to(values, _BETWEEN, _rows_of_one)


def _rows_of_one(branch: Sequence[ir.Node]) -> bool:
    if branch[0].op_type != "Slice" or len({id(node.inputs[0]) for node in branch}) != 1:
        return False
    return all(cut is not None and CHANNELS in cut for cut in map(kept, branch))

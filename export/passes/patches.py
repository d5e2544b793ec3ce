"""group-patches: a grid of patches, each with its own convolution, becomes one grouped one.

Patches are moved to the channels by Reshape and Transpose, so each keeps its own zero padding,
weights and normalisation.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

import onnx_ir as ir

from .branch_insertion import BranchInsertion
from .edit import constant, nodes, producer, read_once, sizes
from .hoist import Rule, Siblings, hoist, leads_to, sweep, with_shapes
from .merges import BATCH_NORM, CONVOLUTION, ELEMENTWISE, ELEMENTWISE_OPS
from .slices import kept

_ROWS, _COLUMNS = 2, 3


@dataclass(frozen=True)
class Box:
    """What part of which [N, C, H, W] value a chain of Slices takes."""

    source: ir.Value
    top: int
    bottom: int
    left: int
    right: int


def box(value: ir.Value | None) -> Box | None:
    """The box that spatial Slices of step 1 cut out, or None where it is something else."""
    cuts: list[dict[int, range]] = []
    while (node := producer(value, "Slice")) is not None:
        cut = kept(node)
        if cut is None or not set(cut) <= {_ROWS, _COLUMNS}:
            return None
        cuts.append(cut)
        value = node.inputs[0]
    shape = sizes(value)
    if value is None or not cuts or shape is None or len(shape) != 4:
        return None
    edges: list[int] = []
    for axis in (_ROWS, _COLUMNS):
        indices = range(shape[axis] or 0)
        for cut in reversed(cuts):
            if axis in cut:
                indices = indices[cut[axis].start : cut[axis].stop : cut[axis].step]
        if indices.step != 1:
            return None
        edges += [indices.start, indices.stop]
    return Box(value, *edges)


def grid_source(values: Sequence[ir.Value | None], rows: int, columns: int) -> ir.Value | None:
    """The value that these boxes tile row by row in equal patches, or None."""
    boxes = [box(value) for value in values]
    first = boxes[0]
    shape = None if first is None else sizes(first.source)
    if first is None or shape is None or len(boxes) != rows * columns:
        return None
    high, wide = shape[_ROWS], shape[_COLUMNS]
    if high is None or wide is None or high % rows or wide % columns:
        return None
    high, wide = high // rows, wide // columns
    for index, each in enumerate(boxes):
        row, column = divmod(index, columns)
        expected = (row * high, (row + 1) * high, column * wide, (column + 1) * wide)
        if each is None or each.source is not first.source:
            return None
        if (each.top, each.bottom, each.left, each.right) != expected:
            return None
    return first.source


def apply(model: ir.Model) -> int:
    """Group the convolutions of every grid of patches.

    Returns:
        How many grids were grouped.
    """
    with_shapes(model)
    grouped = 0
    for node in nodes(model, "Concat"):
        if node.graph is not None and (cells := _cells(node)) is not None:
            _group(model, node, cells)
            grouped += 1
    if grouped:
        model.graph.sort()
    return grouped


def _cells(node: ir.Node) -> list[list[ir.Value]] | None:
    """Patches by row and column, where a node assembles a grid of parallel convolutions."""
    bands = [_joined(value, _COLUMNS) for value in node.inputs]
    if node.attributes.get_int("axis", 0) % 4 != _ROWS or len(sizes(node.outputs[0]) or ()) != 4:
        return None
    cells = [band for band in bands if band is not None]
    if len(cells) < len(bands) or len({len(band) for band in cells}) != 1:
        return None
    flat = [value for band in cells for value in band]
    shapes = {sizes(value) for value in flat}
    if len(flat) < 2 or len(shapes) != 1 or None in (shapes.pop() or (None,))[1:]:
        return None
    if not all(read_once(value) for value in flat):
        return None
    rows, columns = len(cells), len(cells[0])

    def slices(branch: Sequence[ir.Node]) -> bool:
        return grid_source([n.outputs[0] for n in branch], rows, columns) is not None

    between = ELEMENTWISE | {"BatchNormalization", "Conv"}
    return cells if leads_to(flat, between, slices) and _alike(flat) else None


def _joined(value: ir.Value | None, axis: int) -> list[ir.Value] | None:
    node = producer(value, "Concat")
    if node is None or value is None or not read_once(value):
        return None
    if node.attributes.get_int("axis", 0) % 4 != axis:
        return None
    return [each for each in node.inputs if each is not None]


def _alike(values: Sequence[ir.Value]) -> bool:
    """Whether the patches' operators can all be merged, level by level up to the Slices."""
    level: list[ir.Value | None] = list(values)
    convolutions = 0
    while True:
        found = [producer(v, "Conv", "BatchNormalization", *ELEMENTWISE) for v in level]
        present = [node for node in found if node is not None]
        if len(present) < len(found):
            return convolutions > 0
        first = present[0]
        convolutions += first.op_type == "Conv"
        for node in present:
            if {k: a.value for k, a in node.attributes.items()} != {
                k: a.value for k, a in first.attributes.items()
            }:
                return False
            parameters = [constant(v) for v in node.inputs[1:] if v is not None]
            expected = [constant(v) for v in first.inputs[1:] if v is not None]
            if any(p is None for p in parameters) or len(parameters) != len(expected):
                return False
            if any(
                p is None or e is None or p.shape != e.shape
                for p, e in zip(parameters, expected, strict=True)
            ):
                return False
            if not read_once(node.outputs[0]):
                return False
        level = [node.inputs[0] for node in present]


def _group(model: ir.Model, node: ir.Node, cells: list[list[ir.Value]]) -> None:
    """Concatenate the patches on channels, put them back in place, and move the Concat up."""
    rows, columns = len(cells), len(cells[0])
    flat = [value for band in cells for value in band]
    bands = [
        p for value in node.inputs if value is not None and (p := value.producer()) is not None
    ]
    branches = [p for value in flat if (p := value.producer()) is not None]
    edit = BranchInsertion(model, node, branches)
    siblings = Siblings(tuple(branches), edit, node.outputs[0])
    _, width, high, wide = (int(s or 0) for s in sizes(flat[0]) or ())
    joined = siblings.concat(flat)
    apart = edit.reshape(joined, [rows, columns, width, high, wide])
    placed = edit.transpose(apart, [0, 3, 1, 4, 2, 5])
    edit.replace(node.outputs[0], edit.reshape(placed, [width, rows * high, columns * wide]))
    sweep(bands)
    concat = joined.producer()
    assert concat is not None

    def patches(found: Siblings) -> ir.Value | None:
        return _to_channels(found, rows, columns)

    rules = (
        CONVOLUTION,
        BATCH_NORM,
        ELEMENTWISE_OPS,
        Rule(frozenset(["Slice"]), patches, shared=True),
    )
    hoist(model, [concat], rules)


def _to_channels(siblings: Siblings, rows: int, columns: int) -> ir.Value | None:
    """Patches of one value side by side on the channels: Reshape, Transpose, Reshape."""
    source = grid_source([node.outputs[0] for node in siblings.nodes], rows, columns)
    shape = sizes(source)
    if source is None or shape is None or None in shape[1:]:
        return None
    width, high, wide = (int(s or 0) for s in shape[1:])
    high, wide, edit = high // rows, wide // columns, siblings.edit
    apart = edit.reshape(source, [width, rows, high, columns, wide])
    moved = edit.transpose(apart, [0, 2, 4, 1, 3, 5])
    return edit.reshape(moved, [rows * columns * width, high, wide])

"""Moves a Concat upward through parallel branches, so that twelve operators become one.

``Concat(f(x_1), …, f(x_n))`` over the channels becomes ``F(Concat(x_1, …, x_n))`` where F does
all branches at once; the new Concat is then moved up in turn, to a fixpoint. What F is for each
operator stands in a list of rules (``branches.py``, ``patches.py``, ``attention.py``).
"""

from __future__ import annotations

from collections.abc import Callable, Iterable, Sequence
from dataclasses import dataclass

import numpy as np
import onnx_ir as ir

from ..graph import infer_shapes
from .branch_insertion import MADE, BranchInsertion, dims, typed
from .edit import Array, constant, sizes

CHANNELS = 1
"""The axis branches are concatenated on."""


@dataclass(frozen=True)
class Siblings:
    """Operators of one type, one for each branch, in the order of the Concat they feed.

    Attributes:
        nodes: the operators; one stands several times where branches share it.
        edit: puts new nodes in front of the Concat, under the siblings' common module path.
        joined: output of the Concat, what a rule computes anew.
    """

    nodes: tuple[ir.Node, ...]
    edit: BranchInsertion
    joined: ir.Value

    def same_attributes(self, *ignored: str) -> bool:
        """Whether all siblings have the same attributes, apart from the ignored ones."""

        def plain(node: ir.Node) -> dict[str, object]:
            return {k: a.value for k, a in node.attributes.items() if k not in ignored}

        first = plain(self.nodes[0])
        return all(plain(node) == first for node in self.nodes[1:])

    def operands(self, position: int) -> list[ir.Value | None]:
        """The siblings' inputs at one position, None where there is none."""
        return [n.inputs[position] if position < len(n.inputs) else None for n in self.nodes]

    def concat(self, values: Sequence[ir.Value]) -> ir.Value:
        """The values side by side on the channel axis."""
        output = self.edit.op("Concat", values, axis=CHANNELS)
        shape = dims(values[0])
        shape[CHANNELS] = sum(channels(value) or 0 for value in values)
        return typed(output, values[0], shape)


Merge = Callable[[Siblings], "ir.Value | None"]


@dataclass(frozen=True)
class Rule:
    """How siblings of one type become one operator.

    Attributes:
        ops: operator types it is for.
        merge: builds the merged operator and returns its output, or None where it does not fit.
        shared: whether siblings that others read too may be merged. Only for operators that
            cost nothing, for they are computed twice.
    """

    ops: frozenset[str]
    merge: Merge
    shared: bool = False


def hoist(
    model: ir.Model, concats: Iterable[ir.Node], rules: Sequence[Rule], recursive: bool = True
) -> int:
    """Move these Concats of channels up as far as the rules go.

    Values need shapes (``with_shapes``). Dead operators are removed.

    Returns:
        How many times siblings were merged.
    """
    active = [node for node in concats if is_channel_concat(node)]
    merged, progress = 0, True
    while progress:
        progress = False
        pending, active = active, []
        for concat in pending:
            if concat.graph is None:
                continue
            found = _merge_once(model, concat, rules)
            if found is None:
                active.append(concat)
                continue
            merged, progress = merged + 1, True
            active += [new for new in found if recursive]
        active = _unify(active)
    if merged:
        model.graph.sort()
    return merged


def _merge_once(model: ir.Model, concat: ir.Node, rules: Sequence[Rule]) -> list[ir.Node] | None:
    """Apply the first rule that fits; the new Concats, or None where no rule does."""
    nodes = [value.producer() if value is not None else None for value in concat.inputs]
    present = tuple(node for node in nodes if node is not None and len(node.outputs) == 1)
    if len(present) != len(nodes) or len({(n.domain, n.op_type) for n in present}) != 1:
        return None
    private = all(_read_only_by(node.outputs[0], concat) for node in present)
    for rule in rules:
        if present[0].op_type not in rule.ops or not (private or rule.shared):
            continue
        edit = BranchInsertion(model, concat, present)
        merged = rule.merge(Siblings(present, edit, concat.outputs[0]))
        if merged is None:
            continue
        _take_over(edit, concat, merged)
        sweep(present)
        return [n for n in edit.made if is_channel_concat(n) and n.graph is not None]
    return None


def _take_over(edit: BranchInsertion, concat: ir.Node, merged: ir.Value) -> None:
    """Let the readers of a Concat read the merged operator's output."""
    old = concat.outputs[0]
    if old.is_graph_output() or MADE not in concat.meta:
        edit.replace(old, merged)  # keeps the tensor's name, which ranges are filed under
        return
    merged.type, merged.shape = old.type, old.shape
    old.replace_all_uses_with(merged)
    sweep([concat])


def is_channel_concat(node: ir.Node) -> bool:
    """Whether a node concatenates two or more values of known shape on axis 1."""
    if node.op_type != "Concat" or len(node.inputs) < 2:
        return False
    shapes = [sizes(value) for value in node.inputs]
    if any(shape is None or len(shape) < 2 or shape[CHANNELS] is None for shape in shapes):
        return False
    axis = node.attributes.get_int("axis", 0)
    return axis in (CHANNELS, CHANNELS - len(dims(node.inputs[0])))


def leads_to(
    values: Sequence[ir.Value | None],
    through: frozenset[str],
    goal: Callable[[Sequence[ir.Node]], bool],
) -> bool:
    """Whether parallel branches, followed upward operator by operator, reach the goal.

    Args:
        values: one value of each branch.
        through: operator types that may lie between.
        goal: told the branches' operators at each level.
    """
    while True:
        found = [value.producer() if value is not None else None for value in values]
        nodes = [node for node in found if node is not None]
        if len(nodes) != len(found) or len({n.op_type for n in nodes}) != 1:
            return False
        if goal(nodes):
            return True
        if nodes[0].op_type not in through:
            return False
        values = _varying_operand(nodes)


def _varying_operand(nodes: Sequence[ir.Node]) -> list[ir.Value | None]:
    """The first operand that differs between branches and is computed, else the first."""
    for position in range(min(len(n.inputs) for n in nodes)):
        values = [node.inputs[position] for node in nodes]
        computed = all(v is not None and v.producer() is not None for v in values)
        if len({id(v) for v in values}) > 1 and computed and constant(values[0]) is None:
            return values
    return [node.inputs[0] if node.inputs else None for node in nodes]


def with_shapes(model: ir.Model) -> None:
    """Infer shapes where some are missing."""
    outputs = [value for node in model.graph for value in node.outputs]
    if any(value.shape is None for value in outputs):
        infer_shapes(model)


def sweep(nodes: Iterable[ir.Node]) -> None:
    """Remove the nodes that nobody reads any more, and then their producers likewise."""
    queue = list(nodes)
    while queue:
        node = queue.pop()
        if node.graph is None or any(o.uses() or o.is_graph_output() for o in node.outputs):
            continue
        queue += [p for v in node.inputs if v is not None and (p := v.producer()) is not None]
        graph, inputs = node.graph, node.inputs
        assert isinstance(graph, ir.Graph)
        graph.remove(node, safe=True)
        for value in inputs:
            if value is not None and value.is_initializer() and not value.uses():
                graph.initializers.pop(str(value.name), None)


def same(values: Sequence[ir.Value | None]) -> bool:
    """Whether all values are one value, or equal constants, or all absent."""
    if len({id(value) for value in values}) == 1:
        return True
    arrays = [constant(value) for value in values]
    first = arrays[0]
    return first is not None and all(
        a is not None and a.dtype == first.dtype and np.array_equal(a, first) for a in arrays
    )


def stacked(values: Sequence[ir.Value | None], axis: int = 0) -> Array | None:
    """Constants joined along an axis, or None where one is not constant or shapes do not fit."""
    arrays = [constant(value) for value in values]
    if any(a is None for a in arrays):
        return None
    present = [a for a in arrays if a is not None]
    others = {a.shape[:axis] + a.shape[axis + 1 :] for a in present}
    return np.concatenate(present, axis) if len(others) == 1 else None


def _read_only_by(value: ir.Value, reader: ir.Node) -> bool:
    return not value.is_graph_output() and all(use.node is reader for use in value.uses())


def _unify(concats: Sequence[ir.Node]) -> list[ir.Node]:
    """Let Concats of the same values be one, so that both readers' branches can merge."""
    known: dict[tuple[int, ...], ir.Node] = {}
    for node in concats:
        if node.graph is None:
            continue
        first = known.setdefault(tuple(id(value) for value in node.inputs), node)
        if first is not node and not node.outputs[0].is_graph_output():
            node.outputs[0].replace_all_uses_with(first.outputs[0])
            sweep([node])
    return list(known.values())


def channels(value: ir.Value | None) -> int | None:
    """Size of the channel axis, or None where it is not known."""
    shape = sizes(value)
    return shape[CHANNELS] if shape is not None and len(shape) > CHANNELS else None

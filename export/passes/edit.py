"""What every pass needs: read constants, ask who uses a value, put new nodes in."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

import numpy as np
import onnx_ir as ir
from numpy.typing import NDArray

Array = NDArray[Any]
Attribute = int | float | str | Sequence[int] | Sequence[float]

_STANDARD = ("", "ai.onnx")


def nodes(model: ir.Model, *op_types: str) -> list[ir.Node]:
    """The main graph's standard-domain nodes of these types, in order, safe to edit around."""
    return [n for n in model.graph if n.op_type in op_types and n.domain in _STANDARD]


def producer(value: ir.Value | None, *op_types: str) -> ir.Node | None:
    """The node that computes ``value`` if it is of one of these types, else None."""
    node = None if value is None else value.producer()
    if node is None or node.domain not in _STANDARD or node.op_type not in op_types:
        return None
    return node


def constant(value: ir.Value | None) -> Array | None:
    """The fixed array behind a value, or None where it can change from run to run."""
    if value is None or value.is_graph_input():
        return None
    if value.is_initializer() and value.const_value is not None:
        return value.const_value.numpy()
    node = value.producer()
    if node is not None and node.op_type == "Constant" and "value" in node.attributes:
        return node.attributes["value"].as_tensor().numpy()
    return None


def constants(values: Sequence[ir.Value | None]) -> list[Array] | None:
    """Fixed arrays behind all the values, or None where one of them is not fixed."""
    arrays = [constant(value) for value in values]
    return None if any(a is None for a in arrays) else [a for a in arrays if a is not None]


def read_once(value: ir.Value) -> bool:
    """Whether exactly one node input reads the value and it is not an output of the graph."""
    return len(value.uses()) == 1 and not value.is_graph_output()


def sole_consumer(value: ir.Value) -> ir.Node | None:
    """The only reader of a value that is not a graph output; None when there are others."""
    return next(iter(value.uses())).node if read_once(value) else None


def sizes(value: ir.Value | None) -> tuple[int | None, ...] | None:
    """Inferred shape, None for a symbolic size, or None where not even the rank is known."""
    if value is None or value.shape is None:
        return None
    return tuple(size if isinstance(size, int) else None for size in value.shape)


def ints(node: ir.Node, name: str, default: Sequence[int]) -> tuple[int, ...]:
    """An integer-list attribute."""
    return tuple(node.attributes.get_ints(name, default))


def scope(node: ir.Node) -> str:
    """Module path of a node: its name up to the last slash, empty at the root."""
    return (node.name or "").rpartition("/")[0]


class Insertion:
    """Builds nodes in front of one node, named with its module path, then replaces values.

    Args:
        model: the model under edit.
        anchor: the node whose place and scope the new nodes take; the end of the graph when None.
        scope_name: scope of the new nodes where it is not the anchor's.
    """

    def __init__(
        self, model: ir.Model, anchor: ir.Node | None, scope_name: str | None = None
    ) -> None:
        self._graph = model.graph
        self._anchor = anchor
        self._scope = scope_name or ("" if anchor is None else scope(anchor))
        self._names = {node.name for node in model.graph}
        self._values = {value.name for node in model.graph for value in node.outputs}
        self._values |= set(model.graph.initializers) | {v.name for v in model.graph.inputs}

    def op(
        self, op_type: str, inputs: Sequence[ir.Value | None], **attributes: Attribute
    ) -> ir.Value:
        """A new node; returns its (single) output."""
        stem = f"{self._scope}/{op_type}" if self._scope else op_type
        name = _unused(stem, self._names)
        output = ir.Value(name=_unused(name, self._values))
        node = ir.node(op_type, inputs, attributes=attributes, outputs=[output], name=name)
        if self._anchor is None:
            self._graph.append(node)
        else:
            self._graph.insert_before(self._anchor, node)
        return output

    def constant(self, array: Array, name: str) -> ir.Value:
        """A new initialiser, named ``name`` or, where that is taken, with a number after it."""
        free = name if name not in self._values else _unused(name, self._values)
        self._values.add(free)
        tensor = ir.tensor(np.asarray(array, order="C"), name=free)
        value = ir.Value(
            name=free,
            const_value=tensor,
            type=ir.TensorType(tensor.dtype),
            shape=ir.Shape(array.shape),
        )
        self._graph.register_initializer(value)
        return value

    def replace(self, old: ir.Value, new: ir.Value) -> None:
        """Let every reader of ``old``, and the graph if it is an output, take ``new`` instead.

        ``new`` takes over the name, type and shape of ``old``, so that ranges measured by tensor
        name and the names of outputs stay good.
        """
        if old.is_graph_output() and (new.producer() is None or new.is_graph_output()):
            new = self.op("Identity", [new])
        made_here = new.producer() is not None and new.shape is None
        shown = old.is_graph_output()
        name = old.name
        new_type, new_shape = old.type, old.shape
        old.replace_all_uses_with(new, replace_graph_outputs=True)
        if made_here or shown:
            old.name = _unused(f"{name}_replaced", self._values)
            new.name = name
            new.type, new.shape = new_type, new_shape
        node = old.producer()
        if node is not None and not any(o.uses() or o.is_graph_output() for o in node.outputs):
            self._graph.remove(node, safe=True)


def _unused(stem: str, taken: set[str | None]) -> str:
    number = 0
    while f"{stem}_{number}" in taken:
        number += 1
    name = f"{stem}_{number}"
    taken.add(name)
    return name

"""Puts in the nodes that stand for several parallel branches."""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np
import onnx_ir as ir

from .edit import Insertion, scope

MADE = "facedge.hoist"
"""Mark of nodes made here: their tensors' names are nobody's yet."""


class BranchInsertion(Insertion):
    """Insertion whose nodes are named after all branches: ``local/*/0/Conv_3``.

    Attributes:
        made: the nodes put in so far.
    """

    def __init__(self, model: ir.Model, anchor: ir.Node, branches: Sequence[ir.Node]) -> None:
        super().__init__(model, anchor)
        self._scope = common_scope([scope(node) for node in branches])
        self.made: list[ir.Node] = []

    def op(self, op_type: str, inputs: Sequence[ir.Value | None], **attributes: object) -> ir.Value:
        output = super().op(op_type, inputs, **attributes)  # type: ignore[arg-type]
        node = output.producer()
        assert node is not None
        node.meta[MADE] = True
        self.made.append(node)
        return output

    def reshape(self, value: ir.Value, behind: Sequence[int | None]) -> ir.Value:
        """Reshape to [batch, *behind]; all sizes behind the batch are known."""
        known = [size for size in behind if size is not None]
        assert len(known) == len(behind)
        target = self.constant(np.array([-1, *known], np.int64), "shape")
        output = self.op("Reshape", [value, target])
        return typed(output, value, [dims(value)[0], *behind])

    def transpose(self, value: ir.Value, order: Sequence[int]) -> ir.Value:
        """Transpose."""
        shape = dims(value)
        return typed(self.op("Transpose", [value], perm=order), value, [shape[k] for k in order])

    def unsqueeze(self, value: ir.Value, axis: int) -> ir.Value:
        """A new axis of size 1."""
        axes = self.constant(np.array([axis], np.int64), "axes")
        shape = dims(value)
        shape.insert(axis, 1)
        return typed(self.op("Unsqueeze", [value, axes]), value, shape)


def common_scope(scopes: Sequence[str]) -> str:
    """Module path of a merged operator: parts in which branches differ become ``*``."""
    paths = [path.split("/") for path in dict.fromkeys(scopes)]
    if len({len(path) for path in paths}) == 1:
        return "/".join(p[0] if len(set(p)) == 1 else "*" for p in zip(*paths, strict=True))
    shared = []
    for parts in zip(*paths, strict=False):
        if len(set(parts)) != 1:
            break
        shared.append(parts[0])
    return "/".join(shared)


def typed(value: ir.Value, like: ir.Value, shape: Sequence[object]) -> ir.Value:
    """Give a new value the element type of another and a shape."""
    value.type = like.type
    value.shape = ir.Shape(shape)  # type: ignore[arg-type]
    return value


def dims(value: ir.Value | None) -> list[object]:
    """Shape of a value, symbolic sizes included, as a list to change."""
    assert value is not None
    assert value.shape is not None
    return list(value.shape)

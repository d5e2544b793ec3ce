"""Rounds of masked 3x3 dilation of one channel, as hysteresis has them, on 16 strips as channels.

CPU kernels of MaxPool fill vectors with channels, so that one channel uses a lane of sixteen. Cut
into 16 strips of rows, each with as many rows of its neighbours as rounds follow, the map fills
them; what comes in wrong from a strip's own ends has not reached its rows when they are joined.
"""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
import onnx_ir as ir

from .edit import Insertion, ints, nodes, producer, sizes, sole_consumer

_STRIPS = 16
_ROUNDS = 2
"""Rounds between joins: more of them compute more rows twice."""


@dataclass(frozen=True)
class _Chain:
    """start -> (MaxPool, Mul by mask) again and again -> end."""

    start: ir.Value
    mask: ir.Value
    products: tuple[ir.Node, ...]


def apply(model: ir.Model) -> int:
    """Rewrite chains of at least two rounds whose map and mask are 0 or 1, of fixed size.

    Returns:
        How many chains were rewritten.
    """
    count = 0
    for node in nodes(model, "MaxPool"):
        if node.graph is None or (chain := _chain(node)) is None:
            continue
        shape = sizes(chain.start)
        if shape is None or shape[1] != 1 or shape[2] is None or shape[3] is None:
            continue
        if shape[2] % _STRIPS or shape[2] // _STRIPS < _ROUNDS:
            continue
        _rewrite(model, chain, shape[2], shape[3])
        count += 1
    return count


def _chain(pool: ir.Node) -> _Chain | None:
    start = pool.inputs[0]
    if not _is_binary(start) or start is None:
        return None
    mask: ir.Value | None = None
    products: list[ir.Node] = []
    value: ir.Value = start
    following: ir.Node | None = pool
    while following is not None and _dilates(following) and following.inputs[0] is value:
        product = sole_consumer(following.outputs[0])
        if product is None or product.op_type != "Mul":
            break
        factor = product.inputs[1 if product.inputs[0] is following.outputs[0] else 0]
        if not _is_binary(factor) or mask not in (None, factor):
            break
        mask, value = factor, product.outputs[0]
        products.append(product)
        following = sole_consumer(value)
    if mask is None or len(products) < _ROUNDS or sizes(mask) != sizes(start):
        return None
    return _Chain(start, mask, tuple(products))


def _is_binary(value: ir.Value | None) -> bool:
    cast = producer(value, "Cast")
    source = None if cast is None else cast.inputs[0]
    return source is not None and source.dtype == ir.DataType.BOOL


def _dilates(node: ir.Node) -> bool:
    return (
        node.op_type == "MaxPool"
        and len(node.outputs) == 1
        and ints(node, "kernel_shape", ()) == (3, 3)
        and ints(node, "strides", (1, 1)) == (1, 1)
        and ints(node, "dilations", (1, 1)) == (1, 1)
        and ints(node, "pads", ()) == (1, 1, 1, 1)
    )


def _rewrite(model: ir.Model, chain: _Chain, height: int, width: int) -> None:
    edit = Insertion(model, chain.products[-1])
    cut = _Cut(edit, height, width, chain.start.name or "map")
    mask, value = cut.apart(chain.mask), chain.start
    left = len(chain.products)
    while left:
        value = cut.apart(value)
        for _ in range(min(left, _ROUNDS)):
            value = edit.op("MaxPool", [value], kernel_shape=[3, 3], strides=[1, 1], pads=[1] * 4)
            value = edit.op("Mul", [value, mask])
        value = cut.together(value)
        left -= min(left, _ROUNDS)
    edit.replace(chain.products[-1].outputs[0], value)


class _Cut:
    """Cuts maps [N, 1, height, width] into [N, 16, rows + 2 halo, width] and joins them."""

    def __init__(self, edit: Insertion, height: int, width: int, name: str) -> None:
        self.edit, rows = edit, height // _STRIPS
        taken = rows + 2 * _ROUNDS
        indices = rows * np.arange(_STRIPS)[:, None] + np.arange(taken)

        def constant(what: str, numbers: object) -> ir.Value:
            return edit.constant(np.asarray(numbers, np.int64), f"{name}_{what}")

        self.halo = constant("halo", [0, 0, _ROUNDS, 0, 0, 0, _ROUNDS, 0])
        self.indices = constant("strips", indices)
        self.cut = constant("cut", [0, _STRIPS, taken, width])
        self.own = [constant(w, [n]) for w, n in (("from", _ROUNDS), ("to", _ROUNDS + rows))]
        self.axis = constant("axis", [2])
        self.joined = constant("joined", [0, 1, height, width])

    def apart(self, value: ir.Value) -> ir.Value:
        padded = self.edit.op("Pad", [value, self.halo], mode="constant")
        strips = self.edit.op("Gather", [padded, self.indices], axis=2)
        return self.edit.op("Reshape", [strips, self.cut])

    def together(self, value: ir.Value) -> ir.Value:
        own = self.edit.op("Slice", [value, *self.own, self.axis])
        return self.edit.op("Reshape", [own, self.joined])

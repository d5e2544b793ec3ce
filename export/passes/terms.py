"""Branches that differ because a factor of 1 or a summand of 0 was simplified away.

A shift of ``c * ruler`` is ``Add(y, Mul(ruler, c))`` in most attention maps, ``Add(y, ruler)``
where c is 1 and plain ``y`` where it is 0. Here the Concat of such branches becomes one sum, with
the missing numbers put back into one vector of factors.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence

import numpy as np
import onnx_ir as ir

from .branch_insertion import BranchInsertion, typed
from .edit import Array, constant, producer, sizes
from .hoist import CHANNELS, Siblings, channels, is_channel_concat, sweep


def even_out(
    model: ir.Model, concat: ir.Node, wanted: Callable[[Sequence[ir.Value]], bool]
) -> list[ir.Node] | None:
    """Rewrite Concat(y_i + c_i r or y_i) as Concat(y_i) + c r, and Concat(c_i r or r) as c r.

    Args:
        model: the model under edit.
        concat: a Concat on axis 1.
        wanted: told the y_i; whether they are worth a Concat of their own.

    Returns:
        The new Concats, none in the second case; None where the Concat is not of these forms.
    """
    values = [value for value in concat.inputs if value is not None]
    branches = [node for value in values if (node := value.producer()) is not None]
    if not is_channel_concat(concat) or len(branches) < len(concat.inputs):
        return None
    if any(channels(value) != 1 for value in values) or len(set(map(sizes, values))) != 1:
        return None
    if len({node.op_type for node in branches}) == 1:
        return None
    edit = BranchInsertion(model, concat, branches)
    products = [_multiple(value) for value in values]
    if all(source is products[0][0] for source, _ in products):
        product = _scaled(edit, products[0][0], [factor for _, factor in products])
        edit.replace(concat.outputs[0], product)
        sweep(branches)
        return []
    sums = [_summands(value) for value in values]
    common = _common_source([pair for pair in sums if pair is not None])
    if common is None:
        return None
    parts = [_split(pair, value, common) for pair, value in zip(sums, values, strict=True)]
    plain = [part for part, _ in parts]
    if any(sizes(part) != sizes(plain[0]) for part in plain) or not wanted(plain):
        return None
    joined = Siblings(tuple(branches), edit, concat.outputs[0]).concat(plain)
    offset = _scaled(edit, common, [factor for _, factor in parts])
    edit.replace(concat.outputs[0], edit.op("Add", [joined, offset]))
    sweep(branches)
    made = joined.producer()
    return [] if made is None else [made]


def _scaled(edit: BranchInsertion, source: ir.Value, factors: Sequence[Array]) -> ir.Value:
    rank = len(sizes(source) or ())
    dtype = next((f.dtype for f in factors if f.ndim == 0), np.dtype(np.float32))
    vector = np.array([float(f) for f in factors], dtype).reshape(1, -1, *[1] * (rank - 2))
    product = edit.op("Mul", [source, edit.constant(vector, "factors")])
    shape = list(source.shape or ())
    shape[CHANNELS] = len(factors)
    return typed(product, source, shape)


def _multiple(value: ir.Value) -> tuple[ir.Value, Array]:
    """A value as (what is multiplied, by which number)."""
    node = producer(value, "Mul")
    for source, factor in () if node is None else (node.inputs[:2], node.inputs[1::-1]):
        number = constant(factor)
        if source is not None and number is not None and number.size == 1:
            return source, number.reshape(())
    return value, np.ones((), np.float32)


def _summands(value: ir.Value) -> tuple[ir.Value, ir.Value] | None:
    node = producer(value, "Add")
    if node is None or node.inputs[0] is None or node.inputs[1] is None:
        return None
    return node.inputs[0], node.inputs[1]


def _common_source(sums: Sequence[tuple[ir.Value, ir.Value]]) -> ir.Value | None:
    """What every sum has a multiple of."""
    candidates = [source for value in sums[0] for source, _ in [_multiple(value)]] if sums else []
    for source in candidates:
        shape = sizes(source)
        if shape is None or len(shape) < 2 or shape[CHANNELS] != 1:
            continue
        if all(any(_multiple(value)[0] is source for value in pair) for pair in sums):
            return source
    return None


def _split(
    pair: tuple[ir.Value, ir.Value] | None, value: ir.Value, common: ir.Value
) -> tuple[ir.Value, Array]:
    """A branch as (the rest, its multiple of the common source)."""
    if pair is None:
        return value, np.zeros((), np.float32)
    first, second = pair
    source, factor = _multiple(second)
    if source is common:
        return first, factor
    return second, _multiple(first)[1]

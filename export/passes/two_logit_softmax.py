"""The second of two softmax probabilities is a sigmoid: e^b / (e^a + e^b) = sigmoid(b - a).

Where a linear layer makes the two logits, it makes their difference just as well, with half of
its weights.
"""

from __future__ import annotations

import math
from dataclasses import dataclass

import numpy as np
import onnx_ir as ir

from .edit import Insertion, constant, nodes, producer, sizes, sole_consumer
from .linear import Linear, insert_linear, linear_at


@dataclass(frozen=True)
class _Choice:
    """One entry taken out of a two-way softmax."""

    output: ir.Value
    index: int
    keeps_axis: bool


def apply(model: ir.Model) -> int:
    """Replace Linear -> (Reshape) -> Softmax over two -> one probability.

    LogSoftmax followed by Exp counts as Softmax. Nothing between may have another reader, so a
    graph whose logits or both probabilities are wanted stays as it is.

    Returns:
        How many softmaxes were replaced.
    """
    count = 0
    for node in nodes(model, "Softmax", "LogSoftmax"):
        shape = sizes(node.inputs[0])
        if shape is None:
            continue
        axis = node.attributes.get_int("axis", -1) % len(shape)
        # Axis 0 is the batch; sizes behind it must be fixed, to address single logits.
        if axis == 0 or shape[axis] != 2 or any(size is None for size in shape[1:]):
            continue
        choice = _choice(node, axis)
        found = _logits(node.inputs[0])
        if choice is None or found is None:
            continue
        rest = tuple(size for size in shape[1:] if size is not None)
        if found.weight.shape[1] != math.prod(rest):
            continue
        _replace(model, found, rest, axis - 1, choice)
        count += 1
    return count


def _choice(softmax: ir.Node, axis: int) -> _Choice | None:
    value = softmax.outputs[0]
    reader = sole_consumer(value)
    if softmax.op_type == "LogSoftmax":
        if reader is None or reader.op_type != "Exp":
            return None
        value = reader.outputs[0]
        reader = sole_consumer(value)
    if reader is None or reader.inputs[0] is not value:
        return None
    if reader.op_type == "Gather":
        index = constant(reader.inputs[1])
        rank = len(sizes(softmax.inputs[0]) or ())
        if index is None or index.size != 1 or index.ndim > 1:
            return None
        if reader.attributes.get_int("axis", 0) % rank != axis:
            return None
        return _Choice(reader.outputs[0], int(index.item()) % 2, index.ndim == 1)
    if reader.op_type == "Slice":
        return _slice_choice(reader, axis)
    return None


def _slice_choice(reader: ir.Node, axis: int) -> _Choice | None:
    if len(reader.inputs) < 4:
        return None
    starts, ends, axes = (constant(value) for value in reader.inputs[1:4])
    step = constant(reader.inputs[4]) if len(reader.inputs) > 4 else np.ones(1, np.int64)
    if starts is None or ends is None or axes is None or step is None or axes.size != 1:
        return None
    rank = len(sizes(reader.inputs[0]) or ())
    taken = range(2)[slice(int(starts.item()), int(ends.item()), int(step.item()))]
    if int(axes.item()) % rank != axis or len(taken) != 1:
        return None
    return _Choice(reader.outputs[0], taken[0], True)


def _logits(value: ir.Value | None) -> Linear | None:
    """The linear layer, [N, K] -> [N, C], whose output is reshaped into the logits."""
    if value is None or sole_consumer(value) is None:
        return None
    reshape = producer(value, "Reshape")
    if reshape is not None:
        value = reshape.inputs[0]
        shape = sizes(reshape.outputs[0])
        if value is None or sole_consumer(value) is None or shape is None:
            return None
    layer = linear_at(value)
    rank = sizes(None if layer is None else layer.source)
    return layer if rank is not None and len(rank) == 2 else None


def _replace(
    model: ir.Model, layer: Linear, rest: tuple[int, ...], axis: int, choice: _Choice
) -> None:
    def difference(array: np.ndarray) -> np.ndarray:
        logits = array.astype(np.float64).reshape(*array.shape[:-1], *rest)
        along = axis + array.ndim - 1
        chosen = logits.take(choice.index, along) - logits.take(1 - choice.index, along)
        return np.asarray(chosen.reshape(*array.shape[:-1], -1))

    anchor = choice.output.producer()
    assert anchor is not None
    edit = Insertion(model, anchor)
    bias = difference(layer.bias) if layer.has_bias else None
    value = insert_linear(edit, layer.source, difference(layer.weight), bias, layer.name)
    value = edit.op("Sigmoid", [value])
    kept = list(rest)
    kept[axis : axis + 1] = [1] if choice.keeps_axis else []
    if len(kept) != 1:
        target = edit.constant(np.array([-1, *kept], np.int64), "probabilities_shape")
        value = edit.op("Reshape", [value, target])
    edit.replace(choice.output, value)

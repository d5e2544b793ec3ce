"""Two convolutions with nothing between: one whose kernel is the two convolved.

With kernels k1, k2 and strides s1, s2, output o of the second reads rows s1 s2 o + s1 j + i of the
input, for tap j of the second and i of the first: one convolution of stride s1 s2 whose kernel of
k1 + s1 (k2 - 1) rows sums W2[j] W1[i] where s1 j + i meet.
"""

from __future__ import annotations

from itertools import product

import numpy as np
import onnx_ir as ir

from .convolution import Convolution, convolution
from .edit import Array, Insertion, nodes, producer, read_once, sizes

_LANES = 16
"""Output channels that vector units compute together; fewer cost as much."""


def apply(model: ir.Model) -> int:
    """Fold pairs whose product takes fewer multiply-accumulates than the two.

    They are counted as vector units do them: output channels in multiples of 16. The first one's
    output must have no other reader, and the second must not pad it.

    Returns:
        How many pairs were folded.
    """
    count = 0
    for node in nodes(model, "Conv"):
        second = convolution(node)
        if second is None or any(second.pads):
            continue
        middle = node.inputs[0]
        first = None if middle is None else convolution(producer(middle, "Conv"))
        if first is None or middle is None or not read_once(middle):
            continue
        if (weight := _worth_it(first, second)) is not None:
            _fold(model, first, second, weight)
            count += 1
    return count


def _worth_it(first: Convolution, second: Convolution) -> Array | None:
    """The folded kernel where it multiplies less, else None."""
    middle, last = (sizes(each.node.outputs[0]) for each in (first, second))
    if middle is None or last is None or None in (*middle[2:], *last[2:]):
        return None
    inputs, (outputs, between) = first.weight.shape[1], second.weight.shape[:2]
    kernel = [
        k1 + s * (k2 - 1)
        for k1, s, k2 in zip(
            first.weight.shape[2:], first.strides, second.weight.shape[2:], strict=True
        )
    ]
    apart = _work(middle, first.weight.shape) + _work(last, second.weight.shape)
    if _work(last, (outputs, inputs, *kernel)) >= apart:
        return None
    folded = np.zeros((outputs, inputs, *kernel))
    w1, w2 = first.weight.astype(np.float64), second.weight.astype(np.float64)
    for (y1, x1), (y2, x2) in product(np.ndindex(*w1.shape[2:]), np.ndindex(*w2.shape[2:])):
        y, x = y1 + first.strides[0] * y2, x1 + first.strides[1] * x2
        folded[:, :, y, x] += w2[:, :between, y2, x2] @ w1[:, :, y1, x1]
    return folded.astype(np.float32)


def _work(output: tuple[int | None, ...], weight: tuple[int, ...]) -> int:
    pixels = int(np.prod([size or 1 for size in output[2:]]))
    channels = -(-weight[0] // _LANES) * _LANES
    return pixels * channels * int(np.prod(weight[1:]))


def _fold(model: ir.Model, first: Convolution, second: Convolution, weight: Array) -> None:
    edit = Insertion(model, second.node)
    name = second.node.inputs[1].name or "weight"  # type: ignore[union-attr]
    inputs = [first.node.inputs[0], edit.constant(weight, f"{name}_folded")]
    if first.has_bias or second.has_bias:
        passed = second.weight.astype(np.float64).sum((2, 3)) @ first.bias.astype(np.float64)
        bias = (passed + second.bias).astype(np.float32)
        inputs.append(edit.constant(bias, f"{name}_folded_bias"))
    strides = [a * b for a, b in zip(first.strides, second.strides, strict=True)]
    folded = edit.op(
        "Conv", inputs, strides=strides, pads=list(first.pads), kernel_shape=list(weight.shape[2:])
    )
    edit.replace(second.node.outputs[0], folded)

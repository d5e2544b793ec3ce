"""A small picture enlarged by a whole number, as the blocks that another picture is kept in.

Interpolation by f gives each small pixel f x f large ones, each a fixed sum over the pixels about
it: a convolution of the small picture, padded by its edge, to f f channels for every one.
"""

from __future__ import annotations

from dataclasses import replace

import numpy as np
import onnx_ir as ir

from .blocks import Blocks, spread
from .edit import Array, Insertion, sizes
from .resize_to_matmul import weights_of_axis

_MOST_TAPS = 5


def enlarged(
    edit: Insertion, resize: ir.Node, like: Blocks, channels_last: bool
) -> ir.Value | None:
    """What a Resize makes, by its blocks.

    Args:
        edit: where new nodes go.
        resize: a Resize node.
        like: of the same size as the result; tells how blocks are laid out.
        channels_last: likewise.

    Returns:
        None where the result is not a sum with fixed weights over few pixels.
    """
    shape = sizes(resize.inputs[0])
    if shape is None or len(shape) != 4 or None in shape[1:]:
        return None
    _, channels, height, width = (size or 0 for size in shape)
    b, large = like.block, (like.rows * like.block, like.columns * like.block)
    factor = large[0] // max(height, 1)
    if channels != like.channels or factor % b or (height * factor, width * factor) != large:
        return None
    down = _kernel(weights_of_axis(resize, 0, height, large[0]), height, factor)
    across = _kernel(weights_of_axis(resize, 1, width, large[1]), width, factor)
    if down is None or across is None:
        return None
    weight = _weight(down, across, like)
    margins = [down.shape[1] // 2, across.shape[1] // 2]
    pads = edit.constant(np.array([0, 0, *margins, 0, 0, *margins]), "enlarge_pads")
    padded = edit.op("Pad", [resize.inputs[0], pads], mode="edge")
    value = edit.op(
        "Conv",
        [padded, edit.constant(weight, "enlarge_weight")],
        kernel_shape=list(weight.shape[2:]),
    )
    if channels_last:
        value = edit.op("Transpose", [value], perm=[0, 2, 3, 1])
    cells = replace(
        like,
        packed=value,
        block=factor // b,
        channels=channels * b * b,
        rows=height,
        columns=width,
        last=channels_last,
    )
    return spread(edit, cells, channels_last)


def _kernel(matrix: Array | None, size: int, factor: int) -> Array | None:
    """[factor, taps] of an interpolation [size * factor, size] that is the same everywhere."""
    if matrix is None:
        return None
    middle = size // 2
    rows = matrix[middle * factor : (middle + 1) * factor]
    reach = int(max(abs(np.nonzero(rows)[1] - middle), default=0))
    if 2 * reach + 1 > min(_MOST_TAPS, size) or not middle >= reach <= size - 1 - middle:
        return None
    kernel = rows[:, middle - reach : middle + reach + 1]
    again = np.zeros((size, factor, size), matrix.dtype)
    for row in range(size):
        for tap in range(2 * reach + 1):
            again[row, :, min(max(row + tap - reach, 0), size - 1)] += kernel[:, tap]
    return kernel if np.allclose(again.reshape(matrix.shape), matrix, rtol=0, atol=1e-6) else None


def _weight(down: Array, across: Array, like: Blocks) -> Array:
    """[C factor^2, C, taps, taps], channels in the order of blocks of blocks."""
    c, b, m = like.channels, like.block, len(down) // like.block
    planes = np.einsum("pt,qs,cd->cpqdts", down, across, np.eye(c, dtype=down.dtype))
    split = planes.reshape(c, m, b, m, b, *planes.shape[3:])  # c Y y X x
    order = (0, 2, 4, 1, 3) if like.crd else (1, 3, 2, 4, 0)
    return np.ascontiguousarray(split.transpose(*order, 5, 6, 7)).reshape(-1, *planes.shape[3:])

"""Pictures as the blocks of pixels that DepthToSpace spreads out, in two layouts."""

from __future__ import annotations

from dataclasses import dataclass, replace

import numpy as np
import onnx_ir as ir

from .edit import Array, Insertion


@dataclass(frozen=True)
class Blocks:
    """A picture [N, C, h b, w b] by its blocks of b x b pixels.

    Attributes:
        packed: [N, b b C, h, w], or [N, h, w, b b C] where channels are last.
        block: b.
        channels: C.
        rows: h.
        columns: w.
        crd: whether channels lie outside of a block's pixels (PixelShuffle) or inside.
        last: whether the picture itself is [N, h b, w b, C].
    """

    packed: ir.Value
    block: int
    channels: int
    rows: int
    columns: int
    crd: bool
    last: bool = False


def spread(edit: Insertion, of: Blocks, channels_last: bool) -> ir.Value:
    """The picture itself, from its blocks."""
    if of.block == 1:
        if of.last == channels_last:
            return of.packed
        return edit.op("Transpose", [of.packed], perm=[0, 2, 3, 1] if of.last else [0, 3, 1, 2])
    if not channels_last:
        mode = "CRD" if of.crd else "DCR"
        value = edit.op("DepthToSpace", [of.packed], blocksize=of.block, mode=mode)
        return edit.op("Transpose", [value], perm=[0, 2, 3, 1]) if of.last else value
    if of.channels == 1 and not of.last:
        value = edit.op("Transpose", [of.packed], perm=[0, 3, 1, 2])
        return edit.op("DepthToSpace", [value], blocksize=of.block, mode="DCR")
    height, width = of.rows * of.block, of.columns * of.block
    cut = [0, of.rows, of.columns, of.block, of.block * of.channels]
    value = edit.op("Reshape", [of.packed, _shape(edit, cut)])
    value = edit.op("Transpose", [value], perm=[0, 1, 3, 2, 4])
    value = edit.op("Reshape", [value, _shape(edit, [0, height, width, of.channels])])
    return value if of.last else edit.op("Transpose", [value], perm=[0, 3, 1, 2])


def pack(edit: Insertion, picture: ir.Value, like: Blocks, channels_last: bool) -> ir.Value:
    """Another picture [N, C, h b, w b] by its blocks, laid out as those of ``like``."""
    b, c, h, w = like.block, like.channels, like.rows, like.columns
    if channels_last:
        value = edit.op("Transpose", [picture], perm=[0, 2, 3, 1])
        value = edit.op("Reshape", [value, _shape(edit, [0, h, b, w, b * c])])
        value = edit.op("Transpose", [value], perm=[0, 1, 3, 2, 4])
        return edit.op("Reshape", [value, _shape(edit, [0, h, w, b * b * c])])
    if not like.crd:
        return edit.op("SpaceToDepth", [picture], blocksize=b)
    value = edit.op("Reshape", [picture, _shape(edit, [0, c, h, b, w, b])])
    value = edit.op("Transpose", [value], perm=[0, 1, 3, 5, 2, 4])
    return edit.op("Reshape", [value, _shape(edit, [0, c * b * b, h, w])])


def convolved(
    edit: Insertion, of: Blocks, weight: Array, bias: Array | None, stem: str, channels_last: bool
) -> Blocks:
    """A convolution whose stride is its kernel, [out, C, s, s] with s a divisor of the block."""
    outputs, _, side, _ = weight.shape
    left = of.block // side
    matrix = _on_blocks(weight, of)
    given = [of.packed]
    if bias is not None:
        bias = np.repeat(bias, left**2) if of.crd else np.tile(bias, left**2)
    if channels_last:
        value = edit.op("MatMul", [*given, edit.constant(matrix.T, f"{stem}_blocks")])
        if bias is not None:
            value = edit.op("Add", [value, edit.constant(bias, f"{stem}_blocks_bias")])
    else:
        given.append(edit.constant(matrix[:, :, None, None], f"{stem}_blocks"))
        if bias is not None:
            given.append(edit.constant(bias, f"{stem}_blocks_bias"))
        value = edit.op("Conv", given, kernel_shape=[1, 1])
    return replace(of, packed=value, block=left, channels=outputs)


def _on_blocks(weight: Array, of: Blocks) -> Array:
    """[out, C, s, s] on pixels -> [out (b / s)^2, C b^2] on blocks, both in the blocks' order."""
    outputs, inputs, side, _ = weight.shape
    left = of.block // side
    whole = np.zeros((outputs, left, left, inputs, of.block, of.block), weight.dtype)
    for y, x in np.ndindex(left, left):
        rows, columns = slice(y * side, (y + 1) * side), slice(x * side, (x + 1) * side)
        whole[:, y, x, :, rows, columns] = weight
    if not of.crd:
        whole = whole.transpose(1, 2, 0, 4, 5, 3)
    return np.ascontiguousarray(whole).reshape(outputs * left**2, inputs * of.block**2)


def _shape(edit: Insertion, sizes: list[int]) -> ir.Value:
    return edit.constant(np.array(sizes, np.int64), "blocks_" + "x".join(map(str, sizes[1:])))

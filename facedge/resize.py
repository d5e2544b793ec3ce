"""Resizing with anti-aliasing, and the centred square crop, on uint8 RGB pictures.

The bicubic resampling is that of MATLAB's ``imresize`` and Pillow's ``BICUBIC``: Keys' cubic kernel
with a = -1/2 (R. Keys, IEEE Trans. ASSP 29(6), 1981), stretched by the reduction factor so that
every input pixel counts, renormalised at the borders. OpenCV's ``INTER_CUBIC`` does not stretch
the kernel and aliases when it reduces.
"""

from __future__ import annotations

from functools import lru_cache

import cv2
import numpy as np
from numpy.typing import NDArray

from .errors import InputError

_SUPPORT = 2.0


def reduce_bicubic(rgb: NDArray[np.uint8], size: int | tuple[int, int]) -> NDArray[np.uint8]:
    """Resample a picture to ``size``; it also enlarges, where no anti-aliasing is needed.

    Columns are resampled first and rounded to 8 bits, then rows, as Pillow does.

    Args:
        rgb: uint8 [H, W, 3].
        size: side of a square in pixels, or (height, width).

    Returns:
        uint8 [height, width, 3].

    Raises:
        InputError: not a uint8 RGB picture, or a size that is not positive.
    """
    _expect_rgb(rgb)
    height, width = (size, size) if isinstance(size, int) else size
    if height < 1 or width < 1:
        raise InputError(f"a picture size of at least 1x1 was expected; found {height}x{width}")
    columns = _resample(rgb.swapaxes(0, 1), width).swapaxes(0, 1)
    return np.ascontiguousarray(_resample(columns, height))


def reduce_by_area(rgb: NDArray[np.uint8], side: int) -> NDArray[np.uint8]:
    """Average over the area each new pixel covers: uint8 [S, S, 3] -> [side, side, 3].

    Raises:
        InputError: not a uint8 RGB picture, or smaller than ``side``.
    """
    _expect_rgb(rgb)
    if min(rgb.shape[:2]) < side:
        raise InputError(
            f"cannot reduce {rgb.shape[0]}x{rgb.shape[1]} to {side}x{side}: it is smaller"
        )
    if rgb.shape[:2] == (side, side):
        return rgb
    return np.asarray(cv2.resize(rgb, (side, side), interpolation=cv2.INTER_AREA), np.uint8)


def square_crop(rgb: NDArray[np.uint8]) -> NDArray[np.uint8]:
    """The largest centred square of a picture: uint8 [H, W, 3] -> uint8 [S, S, 3], a view.

    Raises:
        InputError: not a uint8 RGB picture.
    """
    _expect_rgb(rgb)
    height, width = rgb.shape[:2]
    side = min(height, width)
    top, left = (height - side) // 2, (width - side) // 2
    return rgb[top : top + side, left : left + side]


def model_input(
    square: NDArray[np.uint8], input_side: int, output_side: int = 0
) -> tuple[NDArray[np.uint8], NDArray[np.uint8] | None]:
    """A square picture at a model's input size, as in calibration so in play.

    Super-resolution reduces a large picture by area to the output size (the truth) and that by
    bicubic to the input size. A picture smaller than the output is low resolution itself: it is
    only brought to the input size and has no truth. Action units reduce by area.

    Args:
        square: uint8 [S, S, 3].
        input_side: side of the model's input in pixels.
        output_side: side of the restored picture; 0 for action units.

    Returns:
        uint8 [h, h, 3], h = ``input_side``, and the truth uint8 [H, H, 3] or None.
    """
    side = square.shape[0]
    if 0 < output_side <= side:
        truth = reduce_by_area(square, output_side)
        return reduce_bicubic(truth, input_side), truth
    if not output_side and side >= input_side:
        return reduce_by_area(square, input_side), None
    return reduce_bicubic(square, input_side), None


def _expect_rgb(rgb: NDArray[np.uint8]) -> None:
    if rgb.dtype != np.uint8 or rgb.ndim != 3 or rgb.shape[2] != 3 or rgb.size == 0:
        raise InputError(
            f"a uint8 RGB picture [H, W, 3] was expected; found {rgb.dtype} {list(rgb.shape)}"
        )


def _resample(rows: NDArray[np.uint8], length: int) -> NDArray[np.uint8]:
    """Resample the first axis to ``length``."""
    if rows.shape[0] == length:
        return rows
    first, weights = _taps(rows.shape[0], length)
    out = np.empty((length, *rows.shape[1:]), np.uint8)
    for i, (start, line) in enumerate(zip(first, weights, strict=True)):
        window = rows[start : start + line.size].astype(np.float32)
        value = np.tensordot(line, window, axes=1)
        out[i] = np.clip(np.floor(value + 0.5), 0, 255)
    return out


@lru_cache(maxsize=64)
def _taps(source: int, target: int) -> tuple[list[int], list[NDArray[np.float32]]]:
    """First input index and weights of every output sample."""
    scale = source / target
    stretch = max(scale, 1.0)
    first: list[int] = []
    weights: list[NDArray[np.float32]] = []
    for i in range(target):
        centre = (i + 0.5) * scale
        low = max(int(centre - _SUPPORT * stretch + 0.5), 0)
        high = min(int(centre + _SUPPORT * stretch + 0.5), source)
        line = _keys((np.arange(low, high, dtype=np.float64) + 0.5 - centre) / stretch)
        first.append(low)
        weights.append((line / line.sum()).astype(np.float32))
    return first, weights


def _keys(x: NDArray[np.float64]) -> NDArray[np.float64]:
    """Keys' cubic convolution kernel with a = -1/2."""
    x = np.abs(x)
    near = (1.5 * x - 2.5) * x**2 + 1.0
    far = ((-0.5 * x + 2.5) * x - 4.0) * x + 2.0
    return np.where(x < 1, near, np.where(x < 2, far, 0.0))

"""Square crops and the two resampling filters of calibration and evaluation."""

from __future__ import annotations

from functools import lru_cache

import cv2
import numpy as np
import numpy.typing as npt

from facedge.pictures import Rgb


def centre_square(picture: Rgb) -> Rgb:
    """The largest centred square: uint8 [H, W, 3] -> uint8 [s, s, 3] with s = min(H, W)."""
    height, width = picture.shape[:2]
    side = min(height, width)
    top, left = (height - side) // 2, (width - side) // 2
    return np.ascontiguousarray(picture[top : top + side, left : left + side])


def reduce_by_area(picture: Rgb, side: int) -> Rgb:
    """Average over the area each new pixel covers: uint8 [s, s, 3] -> [side, side, 3], side <= s."""
    if picture.shape[:2] == (side, side):
        return picture
    return np.asarray(cv2.resize(picture, (side, side), interpolation=cv2.INTER_AREA), np.uint8)


def resize_bicubic(picture: Rgb, side: int) -> Rgb:
    """Antialiased bicubic resampling: uint8 [H, W, 3] -> uint8 [side, side, 3].

    Keys' kernel with a = -0.5, widened by the reduction factor and renormalised at the borders:
    the filter of MATLAB's ``imresize``, of Pillow's ``BICUBIC`` and of the super-resolution
    literature. OpenCV's INTER_CUBIC does not widen the kernel and aliases when it reduces.
    """
    height, width = picture.shape[:2]
    if (height, width) == (side, side):
        return picture
    rows, columns = _weights(height, side), _weights(width, side)
    across = np.einsum("hwc,xw->hxc", picture.astype(np.float64), columns, optimize=True)
    both = np.einsum("hxc,yh->yxc", across, rows, optimize=True)
    resized: Rgb = np.clip(np.rint(both), 0, 255).astype(np.uint8)
    return resized


@lru_cache(maxsize=64)
def _weights(size: int, target: int) -> npt.NDArray[np.float64]:
    """Resampling matrix float64 [target, size] (R. Keys, IEEE Trans. ASSP 29, 1981)."""
    ratio = size / target
    stretch = max(ratio, 1.0)
    centre = (np.arange(target)[:, None] + 0.5) * ratio
    x = np.abs((np.arange(size)[None, :] + 0.5 - centre) / stretch)
    near = 1.5 * x**3 - 2.5 * x**2 + 1.0
    far = -0.5 * x**3 + 2.5 * x**2 - 4.0 * x + 2.0
    kernel = np.where(x < 1.0, near, np.where(x < 2.0, far, 0.0))
    return np.asarray(kernel / kernel.sum(1, keepdims=True))

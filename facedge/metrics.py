"""Picture quality in the protocol of DIC (CVPR 2020): luma, cropped border, 11x11 Gaussian SSIM.

The luma is that of MATLAB's ``rgb2ycbcr`` (ITU-R BT.601, studio range 16..235), not rounded,
with a peak of 255, as the published super-resolution figures take it. In RGB the same border is
cropped and the same window used; SSIM is the mean of the three channels'.
"""

from __future__ import annotations

import math
from typing import Any

import numpy as np
from numpy.typing import NDArray

from .errors import InputError

Picture = NDArray[Any]
_LUMA = np.array([65.481, 128.553, 24.966]) / 255.0
_WINDOW, _SIGMA = 11, 1.5


def psnr(a: Picture, b: Picture, peak: float = 255.0) -> float:
    """Peak signal-to-noise ratio in dB over all values of two arrays of one shape.

    Returns:
        10 log10(peak^2 / MSE); infinite when the arrays are equal.

    Raises:
        InputError: the shapes differ or the arrays are empty.
    """
    _same_shape(a, b)
    mse = float(np.mean((a.astype(np.float64) - b.astype(np.float64)) ** 2))
    return math.inf if mse == 0 else 10 * math.log10(peak**2 / mse)


def luma(rgb: Picture) -> NDArray[np.float64]:
    """Studio-range BT.601 luma: RGB [..., 3] in 0..255 -> float64 [...] in 16..235."""
    if rgb.ndim < 1 or rgb.shape[-1] != 3:
        raise InputError(f"an RGB picture was expected, [..., 3]; found shape {rgb.shape}")
    return rgb.astype(np.float64) @ _LUMA + 16.0


def psnr_y(a_rgb: Picture, b_rgb: Picture, border: int = 8) -> float:
    """PSNR in dB of the luma of two pictures, RGB [H, W, 3] in 0..255, without ``border`` pixels.

    Raises:
        InputError: the shapes differ, are not RGB, or nothing is left inside the border.
    """
    return psnr(*_cropped_luma(a_rgb, b_rgb, border))


def ssim_y(a_rgb: Picture, b_rgb: Picture, border: int = 8) -> float:
    """Mean SSIM (Wang et al., 2004) of the luma, RGB [H, W, 3] in 0..255, without the border.

    Gaussian window 11x11 of sigma 1.5, only where it fits entirely; K1 0.01, K2 0.03, peak 255,
    population covariance.

    Raises:
        InputError: the shapes differ, are not RGB, or the window does not fit inside the border.
    """
    return _ssim(*_cropped_luma(a_rgb, b_rgb, border))


def psnr_rgb(a_rgb: Picture, b_rgb: Picture, border: int = 8) -> float:
    """PSNR in dB over all values of two pictures, RGB [H, W, 3] in 0..255, without the border.

    Raises:
        InputError: as :func:`psnr_y`.
    """
    return psnr(*_cropped_rgb(a_rgb, b_rgb, border))


def ssim_rgb(a_rgb: Picture, b_rgb: Picture, border: int = 8) -> float:
    """Mean over R, G and B of each channel's SSIM, the window that of :func:`ssim_y`.

    Raises:
        InputError: as :func:`ssim_y`.
    """
    a, b = _cropped_rgb(a_rgb, b_rgb, border)
    return float(np.mean([_ssim(a[..., channel], b[..., channel]) for channel in range(3)]))


def _ssim(a: NDArray[np.float64], b: NDArray[np.float64]) -> float:
    if min(a.shape) < _WINDOW:
        raise InputError(
            f"SSIM needs {_WINDOW} pixels each way inside the border; "
            f"found {a.shape[0]}x{a.shape[1]}"
        )
    c1, c2 = (0.01 * 255) ** 2, (0.03 * 255) ** 2
    mean_a, mean_b = _smooth(a), _smooth(b)
    var_a = _smooth(a * a) - mean_a**2
    var_b = _smooth(b * b) - mean_b**2
    covariance = _smooth(a * b) - mean_a * mean_b
    similarity = ((2 * mean_a * mean_b + c1) * (2 * covariance + c2)) / (
        (mean_a**2 + mean_b**2 + c1) * (var_a + var_b + c2)
    )
    return float(similarity.mean())


def _smooth(plane: NDArray[np.float64]) -> NDArray[np.float64]:
    offset = np.arange(_WINDOW) - _WINDOW // 2
    line = np.exp(-(offset**2) / (2 * _SIGMA**2))
    line /= line.sum()
    for axis in (0, 1):
        windows = np.lib.stride_tricks.sliding_window_view(plane, _WINDOW, axis=axis)
        plane = windows @ line
    return plane


def _cropped_luma(
    a: Picture, b: Picture, border: int
) -> tuple[NDArray[np.float64], NDArray[np.float64]]:
    a, b = _cropped_rgb(a, b, border)
    return luma(a), luma(b)


def _cropped_rgb(
    a: Picture, b: Picture, border: int
) -> tuple[NDArray[np.float64], NDArray[np.float64]]:
    _same_shape(a, b)
    if a.ndim != 3 or min(a.shape[:2]) <= 2 * border:
        raise InputError(
            f"an RGB picture larger than a border of {border} was expected, [H, W, 3]; "
            f"found shape {a.shape}"
        )
    if a.shape[-1] != 3:
        raise InputError(f"an RGB picture was expected, [..., 3]; found shape {a.shape}")
    inside = (slice(border, a.shape[0] - border), slice(border, a.shape[1] - border))
    return a[inside].astype(np.float64), b[inside].astype(np.float64)


def _same_shape(a: Picture, b: Picture) -> None:
    if a.shape != b.shape or a.size == 0:
        raise InputError(
            f"two arrays of one shape were expected, not empty; found {a.shape} and {b.shape}"
        )

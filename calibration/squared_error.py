"""Clipping by least squared error: rounding against clipping, balanced on the histogram.

The error of a range is integrated exactly over the histogram with values spread evenly inside
each bin, which stays right where a quantisation step is narrower than a bin. Exact zeros are
left out: both forms represent them without error.
"""

from __future__ import annotations

from collections.abc import Callable

import numpy as np
import numpy.typing as npt

from .histogram import BINS, Histogram

_SEARCH_BINS = 2048
_RATIO = 0.9
_GRID = _RATIO ** np.arange(48)
_FINE = np.array([-0.75, -0.5, -0.25, 0.25, 0.5, 0.75])
_ROUNDS = 4


def least_error_range(histogram: Histogram) -> tuple[float, float]:
    """Lower and upper bound with the least squared error for unsigned 8 bits."""
    density = _Density(histogram)
    low, high = min(histogram.minimum, 0.0), max(histogram.maximum, 0.0)

    def error(lower: float, upper: float) -> float:
        return density.error(lower, upper, *affine_levels(lower, upper))

    if low == 0.0:
        return 0.0, high * _best(lambda f: error(0.0, f * high))
    if high == 0.0:
        return low * _best(lambda f: error(f * low, 0.0)), 0.0
    # Both sides together, then each in turn: errors of the sides meet only in the step size.
    below = above = _best(lambda f: error(f * low, f * high))
    for _ in range(_ROUNDS):
        previous = below, above
        below = _best(lambda f, a=above: error(f * low, a * high), below)  # type: ignore[misc]
        above = _best(lambda f, b=below: error(b * low, f * high), above)  # type: ignore[misc]
        if (below, above) == previous:
            break
    return below * low, above * high


def least_error_magnitude(histogram: Histogram) -> float:
    """Magnitude with the least squared error for signed 8 bits, levels -127..127."""
    density = _Density(histogram)
    peak = max(-histogram.minimum, histogram.maximum)
    return peak * _best(lambda f: density.error(-f * peak, f * peak, -127, 127))


def affine_levels(lower: float, upper: float) -> tuple[int, int]:
    """Lowest and highest multiple of the step (upper - lower) / 255 that uint8 can hold."""
    zero_point = round(255.0 * -lower / (upper - lower))
    return -zero_point, 255 - zero_point


def _best(error: Callable[[float], float], start: float | None = None) -> float:
    """Fraction in (0, 1] of least error: a geometric grid, then twice finer around its best."""
    candidates = _GRID if start is None else np.append(_GRID, start)
    values = [error(float(fraction)) for fraction in candidates]
    best = float(candidates[int(np.argmin(values))])
    least = min(values)
    for scale in (1.0, 0.25):
        for fraction in np.minimum(best * _RATIO ** (_FINE * scale), 1.0):
            if (value := error(float(fraction))) < least:
                best, least = float(fraction), value
    return best


class _Density:
    """Values other than zero, evenly spread inside bins."""

    def __init__(self, histogram: Histogram) -> None:
        merge = BINS // _SEARCH_BINS
        counts = histogram.counts.copy()
        counts[BINS] -= histogram.zeros
        counts = counts.reshape(-1, merge).sum(1)
        filled = np.flatnonzero(counts)
        first, last = (int(filled[0]), int(filled[-1])) if filled.size else (0, 0)
        self._counts = counts[first : last + 1].astype(np.float64)
        self._width = histogram.width * merge
        self._edges = (np.arange(first, last + 2) - _SEARCH_BINS) * self._width

    def error(self, lower: float, upper: float, lowest: int, highest: int) -> float:
        """Sum of squared errors when values are rounded to multiples of the step and clipped."""
        step = (upper - lower) / (highest - lowest)
        integral = _error_integral(np.asarray(self._edges / step), lowest, highest)
        return float(self._counts @ np.diff(integral)) * step**3 / self._width


def _error_integral(
    x: npt.NDArray[np.float64], lowest: int, highest: int
) -> npt.NDArray[np.float64]:
    """Antiderivative of (x - clip(round(x), lowest, highest))^2, up to a constant."""
    inside = np.clip(x, lowest - 0.5, highest + 0.5) + 0.5
    whole = np.floor(inside)
    rounding = inside - whole - 0.5
    above, below = np.maximum(x - highest, 0.5), np.maximum(lowest - x, 0.5)
    # Products: numpy's ** 3 calls pow for every element, ten times slower.
    cubes = rounding * rounding * rounding + above * above * above - below * below * below
    return np.asarray(whole / 12.0 + cubes / 3.0)

"""Clipping ranges from a histogram: min-max, percentiles, entropy and least squared error.

Each method gives an asymmetric range (for unsigned 8 bits with a zero point, 256 levels) and a
magnitude (for signed 8 bits about zero, levels -127..127). Every range contains zero, which
both forms represent exactly.
"""

from __future__ import annotations

import numpy as np
import numpy.typing as npt

from .entropy import entropy_magnitude
from .histogram import BINS, Histogram
from .squared_error import least_error_magnitude, least_error_range

PERCENTILES = {
    "percentile-99.9": 99.9,
    "percentile-99.99": 99.99,
    "percentile-99.999": 99.999,
}
METHODS = ("minmax", *PERCENTILES, "entropy", "mse")
DEFAULT_METHOD = "mse"

Bounds = tuple[float, float, float]
"""Lower and upper bound of the asymmetric range, and the magnitude of the symmetric one."""


def all_bounds(histogram: Histogram) -> dict[str, Bounds]:
    """Every method's bounds of one tensor, in the order of ``METHODS``."""
    low, high = min(histogram.minimum, 0.0), max(histogram.maximum, 0.0)
    peak = max(-low, high)
    if peak == 0.0 or not histogram.total:
        return dict.fromkeys(METHODS, (0.0, 0.0, 0.0))
    bounds = {"minmax": (low, high, peak)}
    for name, percent in PERCENTILES.items():
        tail = (100.0 - percent) / 200.0
        bounds[name] = (
            min(_quantile(histogram, tail), 0.0),
            max(_quantile(histogram, 1.0 - tail), 0.0),
            _magnitude_quantile(histogram, percent / 100.0),
        )
    bounds["entropy"] = _entropy(histogram, low, high, peak)
    bounds["mse"] = (*least_error_range(histogram), least_error_magnitude(histogram))
    return {name: _shortest(values) for name, values in bounds.items()}


def _entropy(histogram: Histogram, low: float, high: float, peak: float) -> Bounds:
    # TensorRT's method clips magnitudes. On one side of zero unsigned 8 bits have 256 levels
    # for them, with a sign 128.
    signed = entropy_magnitude(histogram, levels=128)
    one_sided = low == 0.0 or high == 0.0
    reach = entropy_magnitude(histogram, levels=256) if one_sided else signed
    return max(low, -reach), min(high, reach), min(signed, peak)


def _quantile(histogram: Histogram, fraction: float) -> float:
    """Quantile of the values, linear inside a bin: at most one bin width off."""
    left_edge = -BINS * histogram.width
    value = _interpolate(histogram.counts, fraction, left_edge, histogram.width)
    return float(np.clip(value, histogram.minimum, histogram.maximum))


def _magnitude_quantile(histogram: Histogram, fraction: float) -> float:
    value = _interpolate(histogram.folded(), fraction, 0.0, histogram.width)
    return min(value, max(-histogram.minimum, histogram.maximum))


def _interpolate(
    counts: npt.NDArray[np.int64], fraction: float, left: float, width: float
) -> float:
    below = np.concatenate([[0], np.cumsum(counts)])
    rank = fraction * float(below[-1])
    bin_index = int(np.searchsorted(below, rank, side="left")) - 1
    bin_index = max(bin_index, int(np.flatnonzero(counts)[0]))
    inside = (rank - below[bin_index]) / counts[bin_index]
    return float(left + (bin_index + inside) * width)


def _shortest(bounds: Bounds) -> Bounds:
    """The same float32 numbers with as few decimal digits as tell them apart."""
    low, high, magnitude = (float(str(np.float32(value))) for value in bounds)
    return low, high, magnitude

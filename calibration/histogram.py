"""A histogram of any amount of data in a fixed amount of memory."""

from __future__ import annotations

import math

import numpy as np
import numpy.typing as npt

BINS = 8192
_SMALLEST = -100
_CHUNK = 1 << 16


class Histogram:
    """Counts of signed float32 values in bins of equal width around zero.

    The ``2 * BINS`` bins span [-2^k, 2^k) with k the smallest integer whose range holds every
    value seen; zero is always an edge. When a larger value arrives the range doubles and bins
    merge pairwise. As every width is a power of two, binning and merging are exact: the result
    equals the histogram of all data taken at once, whatever the order and the batches.

    Attributes:
        counts: int64 [2 * BINS]; bin i covers [(i - BINS) * width, (i + 1 - BINS) * width).
        total: values seen.
        zeros: how many of them were exactly zero.
        minimum: smallest value seen, 0 when none.
        maximum: largest value seen, 0 when none.
    """

    def __init__(self) -> None:
        self.counts: npt.NDArray[np.int64] = np.zeros(2 * BINS, np.int64)
        self.total = 0
        self.zeros = 0
        self.minimum = math.inf
        self.maximum = -math.inf
        self._exponent = _SMALLEST

    @property
    def width(self) -> float:
        """Width of a bin."""
        return math.ldexp(1.0, self._exponent) / BINS

    def add(self, values: npt.NDArray[np.float32]) -> None:
        """Count values, float32 of any shape.

        Raises:
            ValueError: a value is NaN or infinite; nothing was counted.
        """
        flat = np.ascontiguousarray(values, np.float32).reshape(-1)
        if not flat.size:
            return
        low, high = float(flat.min()), float(flat.max())
        if not (math.isfinite(low) and math.isfinite(high)):
            raise ValueError("not finite")
        self.minimum, self.maximum = min(self.minimum, low), max(self.maximum, high)
        self._grow(max(-low, high))
        scale = np.float32(1.0 / self.width)
        scaled = np.empty(min(flat.size, _CHUNK), np.float32)
        # Chunks stay in the cache through the four passes over them.
        for start in range(0, flat.size, _CHUNK):
            chunk = flat[start : start + _CHUNK]
            part = scaled[: chunk.size]
            np.multiply(chunk, scale, out=part)
            np.floor(part, out=part)
            np.add(part, BINS, out=part)
            self.counts += np.bincount(part.astype(np.intp), minlength=2 * BINS)
            self.zeros += chunk.size - int(np.count_nonzero(chunk))
        self.total += flat.size

    def _grow(self, magnitude: float) -> None:
        # frexp: magnitude = f * 2^e with 0.5 <= f < 1, so magnitude < 2^e.
        needed = math.frexp(magnitude)[1] if magnitude else _SMALLEST
        if needed <= self._exponent:
            return
        merged = np.zeros_like(self.counts)
        step = 1 << min(needed - self._exponent, BINS.bit_length() - 1)
        kept = BINS // step
        merged[BINS - kept : BINS + kept] = self.counts.reshape(-1, step).sum(1)
        self.counts, self._exponent = merged, needed

    def folded(self) -> npt.NDArray[np.int64]:
        """Counts of magnitudes, int64 [BINS]: bin i covers [i * width, (i + 1) * width)."""
        return self.counts[BINS:] + self.counts[BINS - 1 :: -1]

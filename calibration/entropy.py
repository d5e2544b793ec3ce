"""Clipping by relative entropy: lose as little information as possible to 8 bits.

S. Migacz, "8-bit Inference with TensorRT", GTC 2017: for each threshold the magnitudes below it
are the distribution P, outliers counted into its last bin, and Q is what remains of it when the
bins are averaged into 128 levels, each spread over the bins of P that are not empty. The
threshold with the least KL(P || Q) wins. As in NVIDIA's pytorch-quantization the first bin takes
the count of the second, so that the zeros of a ReLU do not decide.
"""

from __future__ import annotations

import numpy as np
import numpy.typing as npt

from .histogram import Histogram

ENTROPY_BINS = 2048
_ROWS = 256


def entropy_magnitude(histogram: Histogram, levels: int) -> float:
    """Threshold on magnitudes with the least divergence, never above the largest magnitude."""
    fine = histogram.folded()
    merge = fine.size // ENTROPY_BINS
    counts = fine.reshape(-1, merge).sum(1).astype(np.float64)
    peak = max(-histogram.minimum, histogram.maximum)
    used = int(np.flatnonzero(counts)[-1]) + 1
    if used <= levels:
        return peak
    counts = counts[:used]
    counts[0] = counts[1]
    divergence = kl_divergences(counts, levels)
    # Of equals the widest clips least.
    best = used - int(np.argmin(divergence[::-1]))
    return min(best * histogram.width * merge, peak)


def kl_divergences(counts: npt.NDArray[np.float64], levels: int) -> npt.NDArray[np.float64]:
    """KL(P || Q) for every threshold: float64 [bins] -> float64 [bins - levels + 1].

    Entry j keeps the first ``levels + j`` bins; infinite where Q is zero and P is not. With h
    the counts, N their sum and S the sum of those kept, and as Q is constant on a level,

        KL = (sum p log p - sum over levels of P(level) log Q(level)) / N + log(S / N)

    takes cumulative sums only.
    """
    bins = counts.size
    total = float(counts.sum())
    if not total:
        return np.zeros(bins - levels + 1)
    sums = np.concatenate([[0.0], np.cumsum(counts)])
    filled = np.concatenate([[0.0], np.cumsum(counts > 0)])
    own = np.concatenate([[0.0], np.cumsum(_xlogx(counts))])
    result = np.empty(bins - levels + 1)
    for start in range(levels, bins + 1, _ROWS):
        kept = np.arange(start, min(start + _ROWS, bins + 1))
        edges = -(-np.arange(levels + 1)[None, :] * kept[:, None] // levels)
        mass = np.diff(sums[edges], axis=1)
        width = np.diff(filled[edges], axis=1)
        outliers = total - sums[kept]
        last = counts[kept - 1]
        # The last bin of P holds the outliers too, and may be filled by them alone.
        width[:, -1] += (last == 0) & (outliers > 0)
        reference = mass.copy()
        reference[:, -1] += outliers
        level = np.divide(mass, width, out=np.zeros_like(mass), where=width > 0)
        log_level = np.log(level, out=np.full_like(level, -np.inf), where=level > 0)
        cross = np.multiply(reference, log_level, out=np.zeros_like(level), where=reference > 0)
        straight = own[kept] - _xlogx(last) + _xlogx(last + outliers)
        with np.errstate(divide="ignore"):
            ratio = np.log(sums[kept] / total)
        # log 0 on both sides: nothing kept, everything clipped.
        value = (straight - cross.sum(1)) / total + np.where(sums[kept] > 0, ratio, 0.0)
        result[start - levels : start - levels + kept.size] = value
    return result


def _xlogx(values: npt.NDArray[np.float64]) -> npt.NDArray[np.float64]:
    logs = np.log(values, out=np.zeros_like(values), where=values > 0)
    return np.asarray(values * logs)

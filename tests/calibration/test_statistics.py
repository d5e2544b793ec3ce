"""Ranges from histograms against brute force over the full data."""

from __future__ import annotations

import math
from collections.abc import Callable

import numpy as np
import pytest
from onnxruntime.quantization.calibrate import HistogramCollector
from scipy.stats import entropy as scipy_entropy

from facedge.calibration.entropy import entropy_magnitude, kl_divergences
from facedge.calibration.histogram import Histogram
from facedge.calibration.squared_error import affine_levels
from facedge.calibration.statistics import METHODS, PERCENTILES, all_bounds

RNG = np.random.default_rng(7)
DATA = {
    "symmetric": RNG.laplace(size=40_000),
    "skewed": RNG.gamma(2.0, 1.0, 40_000) - 1.0,
    "relu": np.maximum(RNG.standard_t(3, 40_000), 0),
    "negative": -RNG.exponential(size=40_000),
    "outlier": np.append(RNG.normal(size=40_000), 60.0),
    "two-valued": RNG.integers(0, 2, 40_000).astype(float),
}


def measured(values: np.ndarray) -> tuple[np.ndarray, Histogram, dict[str, tuple[float, ...]]]:
    data = values.astype(np.float32)
    histogram = Histogram()
    histogram.add(data)
    return data, histogram, all_bounds(histogram)


def quantised_error(data: np.ndarray, step: float, lowest: int, highest: int) -> float:
    levels = np.clip(np.rint(data.astype(np.float64) / step), lowest, highest)
    return float(((data - levels * step) ** 2).sum())


def affine_error(data: np.ndarray, low: float, high: float) -> float:
    return quantised_error(data, (high - low) / 255, *affine_levels(low, high))


def symmetric_error(data: np.ndarray, magnitude: float) -> float:
    return quantised_error(data, magnitude / 127, -127, 127)


@pytest.mark.parametrize("kind", DATA)
def test_minmax_is_exact_and_holds_zero(kind: str) -> None:
    data, _, bounds = measured(DATA[kind])
    low, high = min(data.min(), 0), max(data.max(), 0)
    assert [np.float32(b) for b in bounds["minmax"]] == [low, high, np.abs(data).max()]


@pytest.mark.parametrize("kind", DATA)
@pytest.mark.parametrize("method", PERCENTILES)
def test_percentiles_agree_with_numpy_to_a_bin(kind: str, method: str) -> None:
    data, histogram, bounds = measured(DATA[kind])
    tail = (100 - PERCENTILES[method]) / 2
    kwargs = {"method": "inverted_cdf"}
    low = min(float(np.percentile(data, tail, **kwargs)), 0.0)
    high = max(float(np.percentile(data, 100 - tail, **kwargs)), 0.0)
    magnitude = float(np.percentile(np.abs(data), PERCENTILES[method], **kwargs))
    # The histogram knows a value to one bin.
    assert bounds[method] == pytest.approx((low, high, magnitude), abs=histogram.width * 1.01)


@pytest.mark.parametrize("kind", DATA)
def test_mse_is_as_good_as_a_brute_force_search(kind: str) -> None:
    data, _, bounds = measured(DATA[kind])
    low, high, magnitude = bounds["mse"]
    lowest, highest = min(data.min(), 0.0), max(data.max(), 0.0)
    fractions = np.linspace(0.05, 1, 20)
    both = [
        affine_error(data, a * lowest, b * highest)
        for a in (fractions if lowest else [1.0])
        for b in (fractions if highest else [1.0])
    ]
    peak = float(np.abs(data).max())
    one = [symmetric_error(data, f * peak) for f in np.linspace(0.02, 1, 99)]
    # 2 %: the search's steps, and values taken as evenly spread inside the histogram's bins.
    assert affine_error(data, low, high) <= 1.02 * min(both) + 1e-9
    assert symmetric_error(data, magnitude) <= 1.02 * min(one) + 1e-9


def test_mse_clips_an_outlier_that_minmax_keeps() -> None:
    data, _, bounds = measured(np.append(RNG.normal(size=400_000), 60.0))
    assert bounds["mse"][1] < 0.9 * bounds["minmax"][1]
    assert affine_error(data, *bounds["mse"][:2]) < affine_error(data, *bounds["minmax"][:2])


def brute_force_kl(counts: np.ndarray, levels: int) -> list[float]:
    """The definition, bin by bin, with SciPy's relative entropy."""
    divergences = []
    for kept in range(levels, counts.size + 1):
        p = counts[:kept].copy()
        p[-1] += counts[kept:].sum()
        level_of = np.digitize(np.arange(kept), np.linspace(0, kept, levels + 1)[1:-1])
        q = np.zeros(kept)
        for level in range(levels):
            inside = level_of == level
            full = inside & (p > 0)
            if full.any():
                q[full] = counts[:kept][inside].sum() / full.sum()
        if not q.sum():
            divergences.append(math.inf)
            continue
        divergences.append(float(scipy_entropy(p, q)))
    return divergences


@pytest.mark.parametrize("levels", [4, 8, 16])
@pytest.mark.parametrize("sparse", [False, True])
def test_kl_divergence_follows_its_definition(levels: int, sparse: bool) -> None:
    rng = np.random.default_rng(levels)
    counts = rng.integers(1, 500, 96).astype(float) * np.exp(-np.arange(96) / 20)
    counts = np.floor(counts)
    if sparse:
        counts *= rng.random(96) < 0.5
        counts[0] = 9
    found, expected = kl_divergences(counts, levels), brute_force_kl(counts, levels)
    assert np.isfinite(expected).sum() > 10
    # Float64 sums in another order.
    np.testing.assert_allclose(found, expected, rtol=1e-9, atol=1e-9)


def test_kl_divergence_of_a_case_computed_by_hand() -> None:
    # Keep both bins in one level: P = (3/4, 1/4), Q = (1/2, 1/2); keep the first bin alone,
    # the outlier joins it: P = Q = (1).
    by_hand = 0.75 * math.log(0.75 / 0.5) + 0.25 * math.log(0.25 / 0.5)
    assert kl_divergences(np.array([3.0, 1.0]), 1) == pytest.approx([0.0, by_hand])


def test_entropy_threshold_is_near_onnxruntimes() -> None:
    rng = np.random.default_rng(3)
    values = rng.laplace(size=200_000).astype(np.float32)
    data = np.concatenate([values, -values])
    _, histogram, _ = measured(data)
    peak = float(np.abs(data).max())
    # 64 of the 128 levels of ONNX Runtime's signed histogram lie on one side of zero.
    bins = 2 * round(peak / (histogram.width * 4)) + 1
    counts, edges = np.histogram(data, bins, (-peak, peak))
    collector = HistogramCollector("entropy", True, bins, 128, 99.99, "same")
    reference = collector.get_entropy_threshold((counts, edges, -peak, peak, peak), 128)
    # ONNX Runtime rounds the spread counts to integers, smooths empty bins, and lets the bins
    # that do not divide into the levels fall out of Q, so its curve is rougher near the minimum.
    assert entropy_magnitude(histogram, 64) == pytest.approx(float(reference[1]), rel=0.15)


@pytest.mark.parametrize("kind", DATA)
def test_every_range_holds_zero_and_stays_within_the_data(kind: str) -> None:
    _, _, bounds = measured(DATA[kind])
    assert tuple(bounds) == METHODS
    low, high, magnitude = bounds["minmax"]
    for method, (a, b, m) in bounds.items():
        assert low <= a <= 0 <= b <= high, method
        assert 0 < m <= magnitude, method


@pytest.mark.parametrize(
    "make",
    [lambda: np.zeros(5), lambda: np.zeros(0), lambda: np.full(4, -0.0)],
    ids=["zeros", "nothing", "minus zero"],
)
def test_a_tensor_that_is_always_zero_has_the_range_zero(make: Callable[[], np.ndarray]) -> None:
    _, _, bounds = measured(make())
    assert set(bounds.values()) == {(0.0, 0.0, 0.0)}


@pytest.mark.parametrize("value", [3.0, -0.001, 1e-30])
def test_a_constant_tensor_is_represented(value: float) -> None:
    _, _, bounds = measured(np.full(100, value))
    for method, (low, high, magnitude) in bounds.items():
        assert max(-low, high) == pytest.approx(abs(value), rel=0.01), method
        assert magnitude == pytest.approx(abs(value), rel=0.01), method

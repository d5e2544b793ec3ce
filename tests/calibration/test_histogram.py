"""The growing histogram against numpy's histogram of all data at once."""

from __future__ import annotations

import tracemalloc

import numpy as np
import pytest

from facedge.calibration.histogram import BINS, Histogram


def filled(*parts: np.ndarray) -> Histogram:
    histogram = Histogram()
    for part in parts:
        histogram.add(part)
    return histogram


@pytest.fixture
def long_tailed() -> np.ndarray:
    rng = np.random.default_rng(0)
    values = rng.standard_t(2, 200_000).astype(np.float32)
    values[::7] = 0
    return values


def test_equals_numpys_histogram_of_the_whole(long_tailed: np.ndarray) -> None:
    histogram = filled(*np.array_split(long_tailed, 13))
    peak = float(np.abs(long_tailed).max())
    reach = BINS * histogram.width
    assert reach / 2 <= peak < reach
    edges = np.linspace(-reach, reach, 2 * BINS + 1)
    expected, _ = np.histogram(long_tailed.astype(np.float64), edges)
    np.testing.assert_array_equal(histogram.counts, expected)
    assert histogram.total == long_tailed.size
    assert histogram.zeros == int((long_tailed == 0).sum())
    assert (histogram.minimum, histogram.maximum) == (long_tailed.min(), long_tailed.max())


@pytest.mark.parametrize("pieces", [1, 2, 50, 3000])
def test_order_and_batches_do_not_matter(long_tailed: np.ndarray, pieces: int) -> None:
    whole = filled(long_tailed)
    # Ascending magnitudes double the range again and again.
    ordered = long_tailed[np.argsort(np.abs(long_tailed))]
    for values in (ordered, ordered[::-1]):
        histogram = filled(*np.array_split(values, pieces))
        np.testing.assert_array_equal(histogram.counts, whole.counts)
        assert histogram.width == whole.width


@pytest.mark.parametrize("magnitude", [1e-38, 1e-20, 1.0, 2.0**40, 3e38])
def test_every_magnitude_of_float32_is_counted(magnitude: float) -> None:
    values = np.array([-1.0, -0.5, 0.0, 0.25, 1.0], np.float32) * np.float32(magnitude)
    histogram = filled(np.zeros(3, np.float32), values)
    assert histogram.counts.sum() == 8
    assert histogram.counts[BINS:].sum() == 6
    assert (histogram.minimum, histogram.maximum) == (values[0], values[-1])


def test_folding_adds_both_signs() -> None:
    values = np.array([0.3, -0.3, 0.7, -0.9], np.float32)
    histogram = filled(values)
    expected = np.bincount((np.abs(values) / histogram.width).astype(int), minlength=BINS)
    np.testing.assert_array_equal(histogram.folded(), expected)


@pytest.mark.parametrize("bad", [np.nan, np.inf, -np.inf])
def test_what_is_not_finite_is_refused_and_not_counted(bad: float) -> None:
    histogram = Histogram()
    with pytest.raises(ValueError, match="not finite"):
        histogram.add(np.array([1.0, bad], np.float32))
    assert histogram.total == histogram.counts.sum() == 0


def test_memory_does_not_grow_with_the_data() -> None:
    histogram = Histogram()
    rng = np.random.default_rng(0)
    tracemalloc.start()
    sizes = []
    for round_ in range(40):
        histogram.add(rng.normal(size=1 << 16).astype(np.float32) * np.float32(1.3**round_))
        sizes.append(tracemalloc.get_traced_memory()[0])
    tracemalloc.stop()
    assert sizes[-1] - sizes[3] < 4096, "only the bins may stay"

"""Every definition in benchmarks/statistics.py against a case worked out by hand."""

from __future__ import annotations

import numpy as np
import pytest

from facedge.benchmarks import statistics
from facedge.errors import InputError

EXACT = pytest.approx


def test_percentiles_lie_between_the_sorted_neighbours():
    values = [40.0, 10.0, 30.0, 20.0]
    # positions (n - 1) p / 100: 1.5, 2.7 and 2.97 of 10, 20, 30, 40
    assert statistics.percentile(values, 50) == EXACT(25.0)
    assert statistics.percentile(values, 90) == EXACT(37.0)
    assert statistics.percentile(values, 99) == EXACT(39.7)
    assert statistics.percentile(values, 100) == 40.0


def test_a_single_value_is_all_of_its_percentiles():
    assert [statistics.percentile([7.0], p) for p in (0, 50, 100)] == [7.0] * 3


def test_no_value_is_an_error_in_words():
    with pytest.raises(InputError, match="nothing was measured"):
        statistics.percentile([], 50)


def test_jitter_is_the_mean_change_from_call_to_call():
    assert statistics.jitter([1.0, 3.0, 2.0, 2.0]) == EXACT((2 + 1 + 0) / 3)
    assert statistics.jitter([5.0]) == 0.0


def test_jitter_does_not_compare_across_rounds():
    assert statistics.jitter([[1.0, 2.0], [9.0, 10.0]]) == 1.0
    assert statistics.jitter([[1.0], [9.0]]) == 0.0


def test_a_drift_has_less_jitter_than_an_alternation_of_the_same_values():
    assert statistics.jitter([1, 2, 3, 4]) < statistics.jitter([1, 4, 2, 3])


def test_a_deadline_is_missed_by_what_is_longer_than_a_frame():
    frame = 1 / 30
    assert statistics.deadline_misses([frame, frame + 1e-6, 0.02, 0.05], 30) == 2
    assert statistics.deadline_misses([frame, frame + 1e-6, 0.02, 0.05], 60) == 4


def test_ratio_of_medians_of_constants_has_no_width():
    found = statistics.ratio_of_medians([6.0] * 5, [2.0] * 3)
    assert (found.value, found.low, found.high) == (3.0, 3.0, 3.0)


def test_ratio_of_medians_covers_the_draws_of_two_values():
    # Medians of two draws of {2, 4} are 2, 3, 4 with probabilities 1/4, 1/2, 1/4: the 2.5th and
    # 97.5th percentiles are the ends.
    found = statistics.ratio_of_medians([2.0, 4.0], [1.0])
    assert (found.value, found.low, found.high) == (3.0, 2.0, 4.0)


def test_ratio_of_medians_is_the_same_every_time():
    random = np.random.default_rng(3)
    a, b = random.normal(10, 1, 64), random.normal(8, 1, 50)
    first = statistics.ratio_of_medians(a, b, seed=5)
    assert first == statistics.ratio_of_medians(a, b, seed=5)
    assert first.low < first.value < first.high


def test_the_interval_of_equal_populations_contains_one():
    random = np.random.default_rng(0)
    found = statistics.ratio_of_medians(random.normal(10, 1, 200), random.normal(10, 1, 200))
    assert found.low < 1 < found.high


def test_paired_ratios_ignore_what_slows_both():
    drift = np.array([1.0, 7.0, 3.0])
    found = statistics.median_of_ratios(3 * drift, drift)
    assert (found.value, found.low, found.high) == EXACT((3.0, 3.0, 3.0))


def test_pairs_need_as_many_of_each():
    with pytest.raises(InputError, match="2 and 1"):
        statistics.median_of_ratios([1.0, 2.0], [1.0])


def test_energy_of_constant_power_is_power_times_time():
    assert statistics.energy([0, 1, 2], [5, 5, 5], 0.25, 1.75) == EXACT(7.5)


def test_energy_of_a_ramp_is_its_triangle():
    # 0 to 10 W over 2 s: 10 J; its second half alone: 5 W to 10 W over 1 s, 7.5 J
    assert statistics.energy([0, 2], [0, 10], 0, 2) == EXACT(10.0)
    assert statistics.energy([0, 2], [0, 10], 1, 2) == EXACT(7.5)


def test_energy_takes_uneven_samples():
    # 2 W to 4 W in 1 s: 3 J; 4 W to 0 W in 3 s: 6 J
    assert statistics.energy([0, 1, 4], [2, 4, 0], 0, 4) == EXACT(9.0)


def test_energy_outside_of_the_samples_takes_the_nearest():
    assert statistics.energy([1.0], [6.0], 0.0, 2.0) == EXACT(12.0)


def test_energy_needs_a_time_for_every_power():
    with pytest.raises(InputError, match="2 times and 1 values"):
        statistics.energy([0, 1], [5], 0, 1)


def test_a_counter_that_wraps_goes_on():
    found = statistics.unwrap([90, 99, 5, 50, 3], 99)
    assert found.tolist() == [90, 99, 105, 150, 203]


def test_points_on_a_line_do_not_deviate():
    assert statistics.line_deviation([1, 2, 3], [3.0, 5.0, 7.0]) == EXACT(0.0, abs=1e-12)


def test_the_deviation_is_relative_to_the_line():
    # The least-squares line of (1, 1), (2, 4), (3, 1) is y = 2: 4 lies 100 % above it.
    assert statistics.line_deviation([1, 2, 3], [1.0, 4.0, 1.0]) == EXACT(1.0)

"""Benchmark arithmetic against hand-computed cases."""

from __future__ import annotations

import numpy as np
import pytest

from facedge.benchmarks.interleave import Timing, interleave, speed_up


def timing(*rounds: float) -> Timing:
    return Timing(np.repeat(np.array(rounds), 4), np.array(rounds))


def test_percentiles_are_milliseconds_between_neighbours():
    seconds = np.array([0.001, 0.002, 0.003, 0.004])
    found = Timing(seconds, seconds)
    assert found.percentile(50) == pytest.approx(2.5)
    assert found.percentile(100) == pytest.approx(4.0)


def test_speed_up_is_the_median_of_paired_rounds():
    # ratios 2, 4, 3: a slow second round of the baseline alone does not move the median
    ratio, low, high = speed_up(timing(2.0, 4.0, 3.0), timing(1.0, 1.0, 1.0))
    assert ratio == 3.0
    assert 2.0 <= low <= 3.0 <= high <= 4.0


def test_a_drift_common_to_both_leaves_the_ratio():
    drift = np.array([1.0, 5.0, 2.0, 9.0])
    ratio, low, high = speed_up(timing(*(drift * 3)), timing(*drift))
    assert (ratio, low, high) == pytest.approx((3.0, 3.0, 3.0))


def test_every_contender_is_called_equally_often_and_in_turns():
    order: list[str] = []
    calls = {name: (lambda name=name: order.append(name)) for name in "abc"}
    found = interleave(calls, calls=20, per_round=5, warm_up=2)
    assert {name: len(t.seconds) for name, t in found.items()} == dict.fromkeys("abc", 20)
    assert all(len(t.rounds) == 4 for t in found.values())
    # warm-up 2, then 4 rounds of two calls to refill the caches and 5 measured
    assert {name: order.count(name) for name in "abc"} == dict.fromkeys("abc", 2 + 4 * 7)
    measured = order[6:]
    assert len(set(measured[:21])) == 3


def test_the_machine_rests_before_each_round_of_several_contenders(monkeypatch):
    rests: list[float] = []
    monkeypatch.setattr("facedge.benchmarks.interleave.time.sleep", rests.append)
    one, two = (dict.fromkeys(names, lambda: None) for names in ("a", "ab"))
    interleave(one, calls=8, per_round=4, warm_up=0, settle=0.25)
    assert rests == []
    interleave(two, calls=8, per_round=4, warm_up=0, settle=0.25)
    assert rests == [0.25] * 4  # two rounds of each


def test_a_contender_that_fails_half_way_is_named_and_the_rest_is_kept():
    calls = {"good": 0, "bad": 0}

    def good():
        calls["good"] += 1

    def bad():
        calls["bad"] += 1
        if calls["bad"] > 12:
            raise RuntimeError("device lost")

    told: list[tuple[str, str]] = []
    found = interleave(
        {"good": good, "bad": bad},
        calls=40,
        per_round=4,
        warm_up=2,
        failed=lambda name, error: told.append((name, str(error))),
    )
    assert told == [("bad", "device lost")]
    assert list(found) == ["good"]
    assert len(found["good"].seconds) == 40


def test_without_a_handler_the_failure_is_raised():
    def bad():
        raise RuntimeError("device lost")

    with pytest.raises(RuntimeError, match="device lost"):
        interleave({"bad": bad}, calls=4)


def test_when_all_fail_the_run_ends():
    def bad():
        raise RuntimeError("no")

    assert interleave({"a": bad, "b": bad}, failed=lambda name, error: None) == {}


def test_rounds_may_be_of_different_sizes():
    found = interleave(
        {"one": lambda: None, "eight": lambda: None},
        calls=32,
        per_round={"one": 16, "eight": 2},
        warm_up=0,
    )
    assert {name: len(t.seconds) for name, t in found.items()} == {"one": 32, "eight": 4}


def test_rounds_go_on_until_the_time_is_reached(monkeypatch):
    ticks = iter(range(10**6))
    monkeypatch.setattr("time.perf_counter", lambda: float(next(ticks)))
    # every call takes one tick of a second between its two readings of the clock
    found = interleave({"a": lambda: None}, calls=1, seconds=10.0, per_round=4, warm_up=0)
    assert len(found["a"].seconds) == 12


def test_jitter_is_taken_within_rounds():
    found = Timing(np.array([0.001, 0.002, 0.011, 0.012]), np.array([0.0015, 0.0115]))
    assert found.jitter_ms == pytest.approx(1.0)

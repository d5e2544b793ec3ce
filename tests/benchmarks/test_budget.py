"""A time budget with a clock that is moved by hand."""

from __future__ import annotations

import pytest

from facedge.benchmarks.budget import Budget
from facedge.benchmarks.interleave import FEWEST_ROUNDS, interleave
from facedge.errors import InputError


class Clock:
    def __init__(self) -> None:
        self.now = 1000.0

    def __call__(self) -> float:
        return self.now


@pytest.fixture
def clock():
    return Clock()


def test_it_counts_down_to_nothing(clock):
    budget = Budget(100, clock)
    clock.now += 30
    assert budget.left() == 70
    clock.now += 90
    assert budget.left() == 0


def test_preparing_ends_while_there_is_time_to_measure(clock):
    budget = Budget(100, clock)
    clock.now += 64
    assert budget.may_prepare()
    clock.now += 1
    assert not budget.may_prepare()


def test_parts_share_what_is_left_by_weight(clock):
    budget = Budget(100, clock)
    clock.now += 20
    budget.plan({"a": 3.0, "b": 1.0})
    over = budget.begin("a")  # 60 of 80 seconds
    clock.now += 59
    assert not over()
    clock.now += 1
    assert over()
    over = budget.begin("b")
    clock.now += 20
    assert over()


def test_time_that_a_part_does_not_need_goes_to_the_next(clock):
    budget = Budget(100, clock)
    budget.plan({"a": 1.0, "b": 1.0})
    budget.begin("a")
    clock.now += 10
    over = budget.begin("b")
    clock.now += 89
    assert not over()


@pytest.mark.parametrize("seconds", [0, -1, float("nan")])
def test_no_time_is_refused(seconds):
    with pytest.raises(InputError, match="expected more than 0"):
        Budget(seconds)


def test_rounds_end_when_the_time_is_up_but_not_before_there_are_enough(clock):
    found = interleave({"a": lambda: None}, calls=10**6, per_round=2, warm_up=0, stop=lambda: True)
    assert len(found["a"].rounds) == FEWEST_ROUNDS

    def second():
        clock.now += 1

    # four calls in a round, the first two of them not measured
    budget = Budget(60, clock)
    budget.plan({"a": 1.0})
    stop = budget.begin("a")
    found = interleave({"a": second}, calls=10**6, per_round=2, warm_up=0, stop=stop)
    assert len(found["a"].rounds) == 15
    assert clock.now == 1060

"""The schedule at its corners."""

from __future__ import annotations

import pytest

from facedge.training.schedule import Schedule


def test_rate_warms_up_then_falls_to_the_floor() -> None:
    schedule = Schedule(peak=1e-3, floor=0.01, warmup=0.1)
    assert schedule.rate(0.0) == pytest.approx(1e-5)
    assert schedule.rate(0.1) == pytest.approx(1e-3)
    assert schedule.rate(0.55) == pytest.approx(1e-3 * (0.01 + 0.99 * 0.5))
    assert schedule.rate(1.0) == pytest.approx(1e-5)
    assert schedule.rate(1.2) == pytest.approx(1e-5)
    later = [schedule.rate(0.1 + 0.09 * i) for i in range(11)]
    assert later == sorted(later, reverse=True)


def test_steps_are_added_one_at_a_time() -> None:
    schedule = Schedule(grow=0.4)
    at = (0.0, 0.19, 0.21, 0.39, 0.4, 1.0)
    assert [schedule.steps(progress, 3) for progress in at] == [1, 1, 2, 2, 3, 3]
    assert Schedule(grow=0.0).steps(0.0, 3) == 3
    assert schedule.steps(0.0, 1) == 1


def test_loss_settles() -> None:
    schedule = Schedule(settle=0.6)
    assert [schedule.loss(p) for p in (0.0, 0.59, 0.6, 1.0)] == ["l1", "l1", "log-mse", "log-mse"]

"""Options that recipes share."""

from __future__ import annotations

import pytest

from facedge.errors import InputError
from facedge.training.loop import Budget
from facedge.training.options import budget, pace


def test_a_budget_is_iterations_or_hours_or_both() -> None:
    assert budget(10, None) == Budget(iterations=10)
    assert budget(None, 0.5) == Budget(hours=0.5)
    assert budget(10, 0.5) == Budget(10, 0.5)


@pytest.mark.parametrize("none", [(None, None), (0, None), (None, 0.0)])
def test_a_run_without_an_end_is_refused(none: tuple[int | None, float | None]) -> None:
    with pytest.raises(InputError, match="no end was given; pass --hours or --iterations"):
        budget(*none)


@pytest.mark.parametrize("negative", [(-1, None), (None, -0.5), (10, -1.0)])
def test_a_negative_budget_is_refused(negative: tuple[int | None, float | None]) -> None:
    with pytest.raises(InputError, match="--hours and --iterations must be positive"):
        budget(*negative)


def test_a_pace_that_would_stand_still_is_refused() -> None:
    assert (pace(200, 0).save, pace(200, 0).check) == (200, 0)
    for wrong in ((0, 0), (-1, 1), (1, -1)):
        with pytest.raises(InputError, match=r"--save-every is -?\d and --check-every -?\d; exp"):
            pace(*wrong)

"""Time that a run may take, shared out among its parts."""

from __future__ import annotations

import time
from collections.abc import Callable

from facedge.errors import InputError

PREPARATION = 0.65
"""Share of the time after which nothing more is prepared, so that something is left to measure."""


class Budget:
    """Counts down from the moment it is made.

    Args:
        seconds: for everything.
        clock: seconds that only grow.

    Raises:
        InputError: no time at all.
    """

    def __init__(self, seconds: float, clock: Callable[[], float] = time.monotonic) -> None:
        if not seconds > 0:
            raise InputError(f"the time budget is {seconds / 60:g} minutes; expected more than 0")
        self._seconds, self._clock = seconds, clock
        self._end = clock() + seconds
        self._weights: dict[str, float] = {}

    def left(self) -> float:
        """Seconds until it is used up; 0 afterwards."""
        return max(0.0, self._end - self._clock())

    def may_prepare(self) -> bool:
        """Whether less than ``PREPARATION`` of it is used."""
        return self.left() > (1 - PREPARATION) * self._seconds

    def plan(self, weights: dict[str, float]) -> None:
        """Name the parts that share what is left, each with its weight."""
        self._weights = dict(weights)

    def begin(self, part: str) -> Callable[[], bool]:
        """Start a planned part: a question that is true once its share is used up.

        A part that ends early leaves its time to those that follow.
        """
        total = sum(self._weights.values())
        end = self._clock() + self.left() * self._weights.pop(part) / total
        return lambda: self._clock() >= end

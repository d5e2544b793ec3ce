"""Which changes to make together: the best sums of two figures, exactly.

Every change saves loss and costs time, and both add up. A choice of changes is on the front when
none other is at least as fast and loses at most as much: a knapsack problem, solved by adding one
change after the other and dropping what is dominated (Nemhauser and Ullmann, 1969).
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np

RESOLUTION = 2000
"""Most choices kept; beyond it, those that save almost the same as a faster one are dropped."""


@dataclass(frozen=True)
class Choices:
    """A point of the front.

    Attributes:
        time: sum of the changes' times.
        saved: sum of the losses they save.
        taken: indices of the changes, ascending.
    """

    time: float
    saved: float
    taken: tuple[int, ...]


def front(
    times: Sequence[float],
    saved: Sequence[float],
    resolution: int = RESOLUTION,
) -> tuple[Choices, ...]:
    """The best choices, fastest first; each saves more than all faster ones.

    Exact while the front has at most ``resolution`` points.

    Args:
        times: what each change costs, negative where it is faster.
        saved: what each change saves, negative where it loses more.
        resolution: see ``RESOLUTION``.
    """
    points = [(0.0, 0.0, 0)]
    for index, (time, gain) in enumerate(zip(times, saved, strict=True)):
        added = [(t + time, s + gain, taken | 1 << index) for t, s, taken in points]
        points = _undominated([*points, *added])
        if len(points) > resolution:
            points = _thinned(points, resolution)
    return tuple(Choices(t, s, _indices(taken)) for t, s, taken in points)


def best_within(points: Sequence[Choices], time: float) -> Choices | None:
    """The choice that saves most in at most ``time``; None where all take longer."""
    able = [point for point in points if point.time <= time + 1e-12]
    return max(able, key=lambda point: point.saved) if able else None


def fastest_saving(points: Sequence[Choices], saved: float) -> Choices | None:
    """The fastest choice that saves at least ``saved``; None where none does."""
    able = [point for point in points if point.saved >= saved - 1e-12]
    return min(able, key=lambda point: point.time) if able else None


Point = tuple[float, float, int]


def _undominated(points: list[Point]) -> list[Point]:
    kept: list[Point] = []
    # Equal in both figures: fewer changes first, so that nothing is changed for nothing.
    for point in sorted(points, key=lambda p: (p[0], -p[1], p[2].bit_count())):
        if not kept or point[1] > kept[-1][1]:
            kept.append(point)
    return kept


def _thinned(points: list[Point], count: int) -> list[Point]:
    """The fastest, the one that saves most, and an even spread of what lies between."""
    wanted = np.unique(np.linspace(0, len(points) - 1, count).astype(int))
    return [points[index] for index in wanted]


def _indices(taken: int) -> tuple[int, ...]:
    return tuple(index for index in range(taken.bit_length()) if taken >> index & 1)

"""Timing of several contenders in alternating rounds, so that a drifting machine favours none."""

from __future__ import annotations

import random
import time
from collections.abc import Callable, Collection, Mapping
from dataclasses import dataclass
from functools import partial

import numpy as np

from facedge.runtime.machine import SETTLE

from .statistics import Floats, jitter, median_of_ratios, percentile

Call = Callable[[], object]

MOST_CALLS = 200_000
"""Calls of one contender that are kept; a very fast one stops there and not at the clock."""

NOT_COUNTED = 2
"""Calls that begin a round and bring code, data and threads back after another contender ran."""

FEWEST_ROUNDS = 8
"""Rounds that are measured even when the time is up: with fewer an interval says nothing."""


@dataclass(frozen=True)
class Timing:
    """Latencies of one contender.

    Attributes:
        seconds: every measured call, float64 [calls].
        rounds: median of each round, float64 [rounds]; pairs with another contender's.
    """

    seconds: Floats
    rounds: Floats

    def percentile(self, p: float) -> float:
        """The ``p``-th percentile in milliseconds; see ``statistics.percentile``."""
        return percentile(self.seconds, p) * 1e3

    @property
    def jitter_ms(self) -> float:
        """Mean change from one call to the next of the same round; see ``statistics.jitter``."""
        return jitter(self.by_round()) * 1e3

    def by_round(self) -> Floats:
        """Every call in seconds, float64 [rounds, calls of a round]."""
        return self.seconds.reshape(len(self.rounds), -1)


def interleave(
    contenders: Mapping[str, Call],
    *,
    calls: int = 1024,
    seconds: float = 0.0,
    per_round: int | Mapping[str, int] = 16,
    warm_up: int = 32,
    seed: int = 0,
    settle: float = SETTLE,
    advance: Callable[[int, int], None] | None = None,
    failed: Callable[[str, Exception], None] | None = None,
    stop: Callable[[], bool] | None = None,
) -> dict[str, Timing]:
    """Time every contender in rounds of shuffled order until each has enough.

    Args:
        contenders: name -> a call that does one inference.
        calls: least measured calls of each; with several ``per_round``, of the one with the most.
        seconds: least measured time of each; rounds go on until the fastest has reached it.
        per_round: consecutive calls of one contender within a round; for all, or by name.
        warm_up: calls of each before anything is measured.
        seed: of the order.
        settle: seconds of rest before each round of a contender, if there are several, so that the
            threads of the one before are asleep.
        advance: called with (rounds done, rounds expected).
        failed: told of a contender that raised, which is then left out for good; without it the
            exception ends the run.
        stop: asked after every round from ``FEWEST_ROUNDS`` on; true ends the run early.

    Returns:
        name -> timing, in the order given; of a contender that failed, nothing.
    """
    if not contenders:
        return {}
    sizes = {n: per_round if isinstance(per_round, int) else per_round[n] for n in contenders}
    least = -(-calls // max(sizes.values()))
    tallies = {name: _Tally() for name in contenders}

    def attempt(name: str, action: Callable[[], None]) -> None:
        try:
            action()
        except Exception as error:
            if failed is None:
                raise
            del tallies[name]
            failed(name, error)

    for name in contenders:
        attempt(name, partial(_warm, contenders[name], warm_up))
    shuffle, done = random.Random(seed), 0
    while tallies and not _enough(tallies.values(), least, seconds):
        order = list(tallies)
        shuffle.shuffle(order)
        for name in order:
            if len(order) > 1:
                time.sleep(settle)
            attempt(name, partial(tallies[name].take, contenders[name], sizes[name]))
        done += 1
        if advance and tallies:
            shortest = min(t.total for t in tallies.values()) / done
            expected = max(least, int(seconds / max(shortest, 1e-9)) + 1)
            advance(done, max(done, expected))
        if stop and done >= FEWEST_ROUNDS and stop():
            break
    return {name: tallies[name].timing() for name in contenders if name in tallies}


class _Tally:
    """What was measured of one contender so far."""

    def __init__(self) -> None:
        self.rounds: list[list[float]] = []
        self.total, self.calls = 0.0, 0

    def take(self, call: Call, count: int) -> None:
        """Measure one more round."""
        times = _time(call, count)
        self.rounds.append(times)
        self.total += sum(times)
        self.calls += count

    def timing(self) -> Timing:
        return Timing(
            np.array([t for times in self.rounds for t in times]),
            np.array([float(np.median(times)) for times in self.rounds]),
        )


def _enough(tallies: Collection[_Tally], least: int, seconds: float) -> bool:
    """Whether each has its rounds and its time; all have had the same number of rounds."""
    if min(len(t.rounds) for t in tallies) < least:
        return False
    slow = min(t.total for t in tallies) < seconds
    return not slow or max(t.calls for t in tallies) >= MOST_CALLS


def _warm(call: Call, count: int) -> None:
    for _ in range(count):
        call()


def _time(call: Call, count: int) -> list[float]:
    _warm(call, NOT_COUNTED)
    result = []
    for _ in range(count):
        start = time.perf_counter()
        call()
        result.append(time.perf_counter() - start)
    return result


def speed_up(
    baseline: Timing, contender: Timing, *, resamples: int = 2000, seed: int = 0
) -> tuple[float, float, float]:
    """How many times faster a contender is: (median ratio, low, high) with a 95 % interval.

    The rounds' medians are paired; see ``statistics.median_of_ratios``.
    """
    found = median_of_ratios(baseline.rounds, contender.rounds, resamples=resamples, seed=seed)
    return found.value, found.low, found.high

"""Timing of several contenders in alternating rounds, so that a drifting machine favours none."""

from __future__ import annotations

import random
import time
from collections.abc import Callable, Mapping
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray


@dataclass(frozen=True)
class Timing:
    """Latencies of one contender.

    Attributes:
        seconds: every measured call, float64 [calls].
        rounds: median of each round, float64 [rounds]; pairs with another contender's.
    """

    seconds: NDArray[np.float64]
    rounds: NDArray[np.float64]

    def percentile(self, p: float) -> float:
        """The ``p``-th percentile in milliseconds, linear between neighbours."""
        return float(np.percentile(self.seconds, p)) * 1e3


def interleave(
    contenders: Mapping[str, Callable[[], object]],
    *,
    calls: int = 1024,
    per_round: int = 16,
    warm_up: int = 32,
    seed: int = 0,
    advance: Callable[[int, int], None] | None = None,
) -> dict[str, Timing]:
    """Time every contender ``calls`` times, in rounds of shuffled order.

    Args:
        contenders: name -> a call that does one inference.
        calls: measured calls of each; a multiple of ``per_round`` is reached.
        per_round: consecutive calls of one contender within a round.
        warm_up: calls of each before anything is measured.
        advance: called with (rounds done, rounds in all).

    Returns:
        name -> timing, in the order given.
    """
    order = list(contenders)
    shuffle = random.Random(seed)
    for name in order:
        for _ in range(warm_up):
            contenders[name]()
    rounds = -(-calls // per_round)
    samples: dict[str, list[list[float]]] = {name: [] for name in order}
    for done in range(rounds):
        shuffle.shuffle(order)
        for name in order:
            samples[name].append(_time(contenders[name], per_round))
        if advance:
            advance(done + 1, rounds)
    return {
        name: Timing(
            np.concatenate([np.array(r) for r in samples[name]]),
            np.array([float(np.median(r)) for r in samples[name]]),
        )
        for name in contenders
    }


def _time(call: Callable[[], object], count: int) -> list[float]:
    call()  # brings code and data back into the caches after another contender ran
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

    The interval is a percentile bootstrap over rounds (Efron, 1979), whose medians are paired.
    """
    values = baseline.rounds / contender.rounds
    picks = np.random.default_rng(seed).integers(0, len(values), (resamples, len(values)))
    medians = np.median(values[picks], axis=1)
    low, high = np.percentile(medians, [2.5, 97.5])
    return float(np.median(values)), float(low), float(high)

"""Arithmetic of benchmarks: percentiles, jitter, deadlines, ratios with intervals, energy.

Everything here takes and returns plain numbers, so that each definition can be checked by hand.
"""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
from numpy.typing import ArrayLike, NDArray

from facedge.errors import InputError

Floats = NDArray[np.float64]

LEVEL = 0.95
"""Confidence level of every interval."""

RESAMPLES = 2000
"""Bootstrap resamples of every interval."""


@dataclass(frozen=True)
class Ratio:
    """A ratio, or another figure, and its bootstrap interval at ``LEVEL``.

    Attributes:
        value: the figure.
        low: lower end of the interval.
        high: upper end.
    """

    value: float
    low: float
    high: float


def percentile(values: ArrayLike, p: float) -> float:
    """The ``p``-th percentile, linear between neighbours.

    Definition 7 of Hyndman and Fan (1996), numpy's default: of n sorted values the one at position
    (n - 1) p / 100, counted from 0, and between two values their weighted mean.

    Args:
        values: at least one number.
        p: 0 to 100.

    Raises:
        InputError: there is no value.
    """
    return float(np.percentile(_some(values), p))


def jitter(values: ArrayLike) -> float:
    """Mean absolute difference of consecutive values, in their unit; 0 for a single one.

    RFC 3393's delay variation of consecutive packets, averaged: what a display or a controller
    sees change from one frame to the next. A slow drift hardly counts, an alternation fully.

    Args:
        values: [calls], or [rounds, calls]: then the last call of a round and the first of the
            next, between which something else ran, are not compared.
    """
    array = np.atleast_2d(_some(values))
    if array.shape[1] < 2:
        return 0.0
    return float(np.abs(np.diff(array, axis=1)).mean())


def deadline_misses(seconds: ArrayLike, frames_per_second: float) -> int:
    """How many calls took longer than one frame lasts, 1 / ``frames_per_second`` seconds."""
    return int((_some(seconds) > 1.0 / frames_per_second).sum())


def ratio_of_medians(
    numerator: ArrayLike, denominator: ArrayLike, *, resamples: int = RESAMPLES, seed: int = 0
) -> Ratio:
    """median(numerator) / median(denominator) of two independent samples.

    The interval is a percentile bootstrap (Efron, 1979): both samples are drawn again with
    replacement, independently. The same arguments give the same interval.

    Args:
        numerator: positive numbers, such as the round medians of one run.
        denominator: likewise, of another run; the lengths may differ.
        resamples: how often to draw.
        seed: of the random numbers.
    """
    a, b = _some(numerator), _some(denominator)
    random = np.random.default_rng(seed)
    tops = np.median(a[random.integers(0, len(a), (resamples, len(a)))], axis=1)
    bottoms = np.median(b[random.integers(0, len(b), (resamples, len(b)))], axis=1)
    return _interval(float(np.median(a) / np.median(b)), tops / bottoms)


def median_of_ratios(
    numerator: ArrayLike, denominator: ArrayLike, *, resamples: int = RESAMPLES, seed: int = 0
) -> Ratio:
    """Median of ``numerator[i] / denominator[i]`` of paired rounds.

    For two things measured in turns: what slows the machine for a while falls on both of a pair
    and leaves their ratio. The interval is a percentile bootstrap over the pairs.

    Raises:
        InputError: the lengths differ.
    """
    a, b = _some(numerator), _some(denominator)
    if len(a) != len(b):
        raise InputError(f"paired rounds are {len(a)} and {len(b)}; expected as many of each")
    ratios = a / b
    picks = np.random.default_rng(seed).integers(0, len(ratios), (resamples, len(ratios)))
    return _interval(float(np.median(ratios)), np.median(ratios[picks], axis=1))


def bootstrap_mean(values: ArrayLike, *, resamples: int = RESAMPLES, seed: int = 0) -> Ratio:
    """Mean of the values with a percentile bootstrap interval; for paired differences."""
    x = _some(values)
    picks = np.random.default_rng(seed).integers(0, len(x), (resamples, len(x)))
    return _interval(float(x.mean()), x[picks].mean(axis=1))


def energy(times: ArrayLike, watts: ArrayLike, start: float, end: float) -> float:
    """Joules between two moments: the trapezoid rule over timestamped power samples.

    The power at ``start`` and ``end`` is interpolated between the samples around them; before the
    first and after the last sample it is taken as constant.

    Args:
        times: seconds, ascending [samples].
        watts: power at these times [samples].
        start: seconds on the same clock.
        end: likewise, not before ``start``.

    Raises:
        InputError: no sample, or as many times as watts are expected and differ.
    """
    t, w = _some(times), _some(watts)
    if len(t) != len(w):
        raise InputError(f"power has {len(t)} times and {len(w)} values; expected as many of each")
    inside = (t > start) & (t < end)
    edges = np.interp([start, end], t, w)
    ts = np.concatenate([[start], t[inside], [end]])
    ws = np.concatenate([edges[:1], w[inside], edges[1:]])
    return float((np.diff(ts) * (ws[1:] + ws[:-1]) / 2).sum())


def unwrap(counts: ArrayLike, limit: float) -> Floats:
    """A counter that starts again at 0 after ``limit``, made monotonic.

    Args:
        counts: readings, oldest first; between two of them it wraps at most once.
        limit: the largest value the counter shows.
    """
    array = _some(counts)
    wraps = np.concatenate([[0], np.cumsum(np.diff(array) < 0)])
    unwrapped: Floats = array + wraps * (limit + 1)
    return unwrapped


def line_deviation(xs: ArrayLike, ys: ArrayLike) -> float:
    """Largest distance of points from their least-squares line, as a share of the line's value.

    0.1 means that a point lies 10 % above or below what a linear growth says.

    Args:
        xs: [points], at least three, not all the same.
        ys: [points], positive.
    """
    x, y = _some(xs), _some(ys)
    slope, offset = np.polyfit(x, y, 1)
    fitted = slope * x + offset
    return float((np.abs(y - fitted) / fitted).max())


def line_deviation_of_rounds(
    xs: ArrayLike, rounds: ArrayLike, *, resamples: int = RESAMPLES, seed: int = 0
) -> Ratio:
    """``line_deviation`` of the medians of all calls, with a bootstrap interval over the rounds.

    Args:
        xs: [points], at least three, not all the same.
        rounds: [points, rounds, calls], positive; all points of a round were measured in turns.
        resamples: how often to draw.
        seed: of the random numbers.
    """
    x, ys = _some(xs), _some(rounds)
    random, count = np.random.default_rng(seed), ys.shape[1]
    picks = random.integers(0, count, (resamples, count))
    drawn = [line_deviation(x, np.median(ys[:, pick], axis=(1, 2))) for pick in picks]
    return _interval(line_deviation(x, np.median(ys, axis=(1, 2))), np.array(drawn))


def _interval(value: float, drawn: Floats) -> Ratio:
    tail = (1 - LEVEL) / 2 * 100
    low, high = np.percentile(drawn, [tail, 100 - tail])
    return Ratio(value, float(low), float(high))


def _some(values: ArrayLike) -> Floats:
    array = np.asarray(values, np.float64)
    if not array.size:
        raise InputError("nothing was measured; expected at least one value")
    return array

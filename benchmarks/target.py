"""A promised figure held against a measurement, and the rule for saying that it holds."""

from __future__ import annotations

from typing import Literal

from .machine import Record
from .statistics import Ratio

Sense = Literal["at least", "at most"]
Verdict = Literal["met", "not met", "not resolved", "not measured"]


class Target(Record, frozen=True):
    """One promised figure.

    Attributes:
        model: what it is promised of.
        text: the promise in words.
        sense: which side of ``limit`` is right.
        limit: in ``unit``.
        unit: ``x`` for times faster, ``dB``, ``%`` or empty.
        value: what was measured; None when it was not.
        low: lower end of the 95 % interval; equal to ``value`` for what has no noise.
        high: upper end.
        verdict: see ``verdict``; ``not measured`` without a value.
        detail: what was compared with what, or why there is no value.
    """

    model: str
    text: str
    sense: Sense
    limit: float
    unit: str
    value: float | None
    low: float | None
    high: float | None
    verdict: Verdict
    detail: str


def verdict(sense: Sense, limit: float, low: float, high: float) -> Verdict:
    """``met`` when the whole interval is on the right side of the limit, ``not met`` when it is
    wholly on the wrong side, ``not resolved`` when it holds the limit.

    The limit itself is on the right side.
    """
    if sense == "at least":
        return "met" if low >= limit else "not met" if high < limit else "not resolved"
    return "met" if high <= limit else "not met" if low > limit else "not resolved"


def judged(
    model: str, text: str, sense: Sense, limit: float, unit: str, found: Ratio, detail: str
) -> Target:
    """A promise and what was measured."""
    return Target(
        model=model,
        text=text,
        sense=sense,
        limit=limit,
        unit=unit,
        value=found.value,
        low=found.low,
        high=found.high,
        verdict=verdict(sense, limit, found.low, found.high),
        detail=detail,
    )


def missing(model: str, text: str, sense: Sense, limit: float, unit: str, why: str) -> Target:
    """A promise that could not be measured."""
    return Target(
        model=model,
        text=text,
        sense=sense,
        limit=limit,
        unit=unit,
        value=None,
        low=None,
        high=None,
        verdict="not measured",
        detail=why,
    )

"""Latency against quality over the recurrent steps: the knob of ``facedge build --steps``."""

from __future__ import annotations

from collections.abc import Iterable

from .result import StepPoint, StepSeries, SubjectResult
from .statistics import line_deviation


def step_series(subjects: Iterable[SubjectResult]) -> tuple[StepSeries, ...]:
    """One series for every model, precision and backend measured at two step counts or more.

    Of bundles only: a peer of the same precision is another graph.
    """
    groups: dict[tuple[str, str, str], dict[int, SubjectResult]] = {}
    for subject in subjects:
        if subject.latency and not subject.peer:
            key = subject.model, subject.precision, subject.backend
            groups.setdefault(key, {}).setdefault(subject.steps, subject)
    return tuple(
        _series(key, [found[steps] for steps in sorted(found)])
        for key, found in groups.items()
        if len(found) > 1
    )


def _series(key: tuple[str, str, str], subjects: list[SubjectResult]) -> StepSeries:
    names = [name for s in subjects for name in s.quality]
    quality = names[0] if names else ""
    points = [
        StepPoint(steps=s.steps, subject=s.name, p50=s.latency.p50, quality=s.quality.get(quality))
        for s in subjects
        if s.latency
    ]
    deviation = None
    if len(points) >= 3:
        deviation = line_deviation([p.steps for p in points], [p.p50 for p in points])
    return StepSeries(
        model=key[0],
        precision=key[1],
        backend=key[2],
        quality_name=quality,
        points=tuple(points),
        deviation=deviation,
    )

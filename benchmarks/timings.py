"""Latency, throughput over batch sizes and throughput over streams."""

from __future__ import annotations

import statistics as plain
import threading
import time
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from functools import partial

import numpy as np

from facedge.progress import Advance
from facedge.runtime.session import Session

from .interleave import Call, Timing, interleave, speed_up
from .result import Latency, Method, Speedup, Streams
from .statistics import deadline_misses, jitter, percentile
from .subjects import Faces, Subject

PERCENTILES = (0, *range(1, 100), 99.5, 99.9, 100)
"""Where a distribution is kept for plots."""

STREAM_ROUNDS = 3

Failed = Callable[[str, str, Exception], None]
"""Told of (subject, part, error) of what does not run."""


def measure_latency(
    subjects: Sequence[Subject], method: Method, advance: Advance, failed: Failed
) -> tuple[dict[str, Latency], list[Speedup]]:
    """Batch 1, all subjects in turns; and how many times faster than the first each is."""
    calls: dict[str, Call] = {s.name: partial(s.session, s.batch(1)) for s in subjects}
    timings = interleave(
        calls,
        calls=method.queries,
        seconds=method.seconds,
        per_round=method.per_round,
        warm_up=method.warm_up,
        seed=method.seed,
        advance=advance,
        failed=lambda name, error: failed(name, "latency", error),
    )
    return {n: summary(t, 1) for n, t in timings.items()}, speedups(timings)


def measure_batches(
    subjects: Sequence[Subject],
    method: Method,
    advance: Advance,
    failed: Failed,
    stop: Callable[[], bool] | None = None,
) -> dict[str, tuple[Latency, ...]]:
    """Every batch size of every subject, in turns: about as many faces of each in a round.

    ``stop`` is that of ``interleave``.
    """
    calls: dict[str, Call] = {}
    sizes: dict[str, int] = {}
    owners: dict[str, tuple[str, int]] = {}
    for subject in subjects:
        for size in method.batches:
            name = f"{subject.name} batch {size}"
            calls[name] = partial(subject.session, subject.batch(size))
            sizes[name] = max(1, method.per_round // size)
            owners[name] = subject.name, size
    timings = interleave(
        calls,
        calls=method.queries,
        per_round=sizes,
        warm_up=min(method.warm_up, 3),
        seed=method.seed,
        advance=advance,
        failed=lambda name, error: failed(owners[name][0], f"batch {owners[name][1]}", error),
        stop=stop,
    )
    found: dict[str, list[Latency]] = {subject.name: [] for subject in subjects}
    for name, timing in timings.items():
        subject_name, size = owners[name]
        found[subject_name].append(summary(timing, size, plotted=False))
    return {name: tuple(rows) for name, rows in found.items()}


def measure_streams(
    subjects: Sequence[Subject], method: Method, advance: Advance, failed: Failed
) -> dict[str, tuple[Streams, ...]]:
    """Several sessions in threads of their own, the subjects in turns."""
    found: dict[str, list[Streams]] = {subject.name: [] for subject in subjects}
    total, done = len(subjects) * len(method.streams) * STREAM_ROUNDS, 0
    for count in method.streams:
        each = max(1, method.threads // count)
        gangs: dict[str, _Gang] = {}
        for subject in subjects:
            try:
                gangs[subject.name] = _Gang([subject.open(each) for _ in range(count)], subject)
            except Exception as error:
                failed(subject.name, f"{count} streams", error)
        for _ in range(STREAM_ROUNDS):
            for name in list(gangs):
                try:
                    gangs[name].play(method.seconds / STREAM_ROUNDS)
                except Exception as error:
                    failed(name, f"{count} streams", error)
                    del gangs[name]
                done += 1
                advance(done, total)
        for name, gang in gangs.items():
            found[name].append(gang.summary(count, each))
    return {name: tuple(rows) for name, rows in found.items()}


@dataclass(frozen=True)
class _Round:
    calls: tuple[float, ...]
    seconds: float


class _Gang:
    """The sessions of one subject, each in a thread."""

    def __init__(self, sessions: Sequence[Session], subject: Subject) -> None:
        self._sessions, self._faces = sessions, subject.batch(1)
        for session in sessions:
            for _ in range(3):
                session(self._faces)
        self._rounds: list[_Round] = []

    def play(self, seconds: float) -> None:
        """Let all play for a while, each at least 8 times."""
        count = len(self._sessions)
        barrier = threading.Barrier(count + 1)
        times: list[list[float]] = [[] for _ in range(count)]
        errors: list[Exception] = []

        def work(session: Session, mine: list[float]) -> None:
            barrier.wait()
            try:
                _repeat(session, self._faces, seconds, mine)
            except Exception as error:
                errors.append(error)

        threads = [
            threading.Thread(target=work, args=pair, daemon=True)
            for pair in zip(self._sessions, times, strict=True)
        ]
        for thread in threads:
            thread.start()
        barrier.wait()
        start = time.perf_counter()
        for thread in threads:
            thread.join()
        took = time.perf_counter() - start
        if errors:
            raise errors[0]
        self._rounds.append(_Round(tuple(t for mine in times for t in mine), took))

    def summary(self, count: int, each: int) -> Streams:
        calls = [t for r in self._rounds for t in r.calls]
        return Streams(
            streams=count,
            threads_each=each,
            queries=len(calls),
            seconds=round(sum(r.seconds for r in self._rounds), 6),
            faces_per_second=plain.median(len(r.calls) / r.seconds for r in self._rounds),
            p50=_ms(percentile(calls, 50)),
            p99=_ms(percentile(calls, 99)),
        )


def _repeat(session: Session, faces: Faces, seconds: float, times: list[float]) -> None:
    end = time.perf_counter() + seconds
    while (now := time.perf_counter()) < end or len(times) < 8:
        session(faces)
        times.append(time.perf_counter() - now)


def speedups(timings: Mapping[str, Timing], than: str | None = None) -> list[Speedup]:
    """How many times faster than one of them each is; than the first when ``than`` is None."""
    if not timings:
        return []
    first = next(iter(timings)) if than is None else than
    found = []
    for name in (name for name in timings if name != first):
        times, low, high = speed_up(timings[first], timings[name])
        found.append(Speedup(subject=name, than=first, times=times, low=low, high=high))
    return found


def summary(timing: Timing, batch: int, plotted: bool = True) -> Latency:
    """The figures of one contender at one batch size; ``plotted`` keeps the distribution."""
    seconds, spread = timing.seconds, PERCENTILES if plotted else ()
    total = float(seconds.sum())
    per_round = seconds.reshape(len(timing.rounds), -1)
    points = np.percentile(seconds, spread) if spread else ()
    return Latency(
        batch=batch,
        queries=len(seconds),
        seconds=round(total, 9),
        p50=_ms(percentile(seconds, 50)),
        p90=_ms(percentile(seconds, 90)),
        p99=_ms(percentile(seconds, 99)),
        max=_ms(float(seconds.max())),
        jitter=_ms(jitter(per_round)),
        missed_30=deadline_misses(seconds, 30),
        missed_60=deadline_misses(seconds, 60),
        faces_per_second=batch * len(seconds) / total,
        rounds=tuple(_ms(float(r)) for r in timing.rounds),
        distribution=tuple((p, _ms(float(s))) for p, s in zip(spread, points, strict=True)),
    )


def _ms(seconds: float) -> float:
    """Milliseconds to 10 ns."""
    return round(seconds * 1e3, 5)

"""A whole benchmark run: open, measure part by part, describe the machine.

An engine that fails is named in the result and left out of what follows; the rest goes on.
"""

from __future__ import annotations

import time
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass, field, replace
from datetime import datetime, timezone
from pathlib import Path

import msgspec

from facedge.errors import InputError
from facedge.progress import Advance, Stages
from facedge.runtime.machine import usable_cpus

from .energy import measure_energy
from .environment import note_load, read_after, read_environment
from .gpu_stages import measure_stages
from .memory import measure_memory
from .power import find_meter
from .result import Failure, Method, Result, Speedup, SubjectResult
from .steps import step_series
from .subjects import Subject, open_subjects, reason
from .sysfs import Files
from .timings import measure_batches, measure_latency, measure_streams
from .watch import Watch

BATCHES = (1, 2, 4, 8, 16, 32)
STREAMS = (1, 2, 4)
LEAST_QUERIES = 1024
MOST_BATCHES = 8
"""Batch sizes whose buffers a Session keeps."""


@dataclass(frozen=True)
class Plan:
    """What to measure.

    Attributes:
        bundles: bundle folders.
        backends: wanted backends; none takes all that each bundle has.
        batches: batch sizes; none skips them, and likewise for ``streams``.
        streams: numbers of parallel sessions.
        threads: CPU threads of one inference; 0 takes all that this process may use.
        seconds: least measured time of each subject.
        queries: least measured calls of each subject.
        quick: allow fewer than 1,024 calls; the result says so.
        memory: measure memory, in a process of its own for each subject.
    """

    bundles: Sequence[Path]
    backends: Sequence[str] = ()
    batches: Sequence[int] = BATCHES
    streams: Sequence[int] = STREAMS
    threads: int = 0
    seconds: float = 5.0
    queries: int = LEAST_QUERIES
    quick: bool = False
    memory: bool = True

    def method(self) -> Method:
        """Check and complete the plan.

        Raises:
            InputError: a number out of range.
        """
        if not self.bundles:
            raise InputError("no bundle was given; expected at least one bundle folder")
        if self.queries < LEAST_QUERIES and not self.quick:
            raise InputError(
                f"--queries is {self.queries}; a figure needs at least {LEAST_QUERIES}, or "
                f"--quick, which marks the result"
            )
        batches, streams = (tuple(sorted(set(v))) for v in (self.batches, self.streams))
        numbers = (*batches, *streams, self.queries)
        if min(numbers) < 1 or self.threads < 0 or self.seconds < 0:
            raise InputError("batches, streams, queries, threads and seconds cannot be negative")
        if len(batches) > MOST_BATCHES:
            raise InputError(f"{len(batches)} batch sizes were given; at most {MOST_BATCHES} fit")
        return Method(
            quick=self.quick,
            queries=self.queries,
            seconds=self.seconds,
            warm_up=8 if self.quick else 32,
            per_round=16,
            threads=self.threads or usable_cpus(),
            batches=batches,
            streams=streams,
        )


def quick(plan: Plan) -> Plan:
    """A look in seconds, not for quoting: lowers whatever the plan leaves at its default."""
    usual = Plan(())
    return replace(
        plan,
        quick=True,
        batches=(1, 8) if plan.batches == usual.batches else plan.batches,
        streams=(1, 2) if plan.streams == usual.streams else plan.streams,
        seconds=0.3 if plan.seconds == usual.seconds else plan.seconds,
        queries=64 if plan.queries == usual.queries else plan.queries,
    )


def measure(plan: Plan, stages: Stages, files: Files | None = None) -> Result:
    """Measure everything that the plan asks for.

    Raises:
        BackendError: nothing could be opened.
        InputError: the plan is wrong.
    """
    method, files, start = plan.method(), files or Files(), time.perf_counter()
    created = datetime.now(timezone.utc).isoformat(timespec="seconds")
    before = read_environment(files)
    note_load(files, before.load)
    with stages.stage("Opening bundles") as stage:
        subjects, failures = open_subjects(plan.bundles, plan.backends, method.threads)
        stage.note = f"{len(subjects)} to measure"
    run = _Run(method, stages, files, subjects, failures)
    with Watch(files) as watch:
        run.latency()
        run.batches()
        run.streams()
        run.energy()
        run.gpu()
        if plan.memory:
            run.memory()
    results = tuple(run.results.values())
    return Result(
        created=created,
        duration=round(time.perf_counter() - start, 2),
        method=method,
        environment=read_after(files, watch, before),
        subjects=results,
        speedups=tuple(run.speedups),
        steps=step_series(results),
        failures=tuple(run.failures),
    )


@dataclass
class _Run:
    """The parts of a run, which fill in the results of the subjects that still work."""

    method: Method
    stages: Stages
    files: Files
    subjects: list[Subject]
    failures: list[Failure]
    results: dict[str, SubjectResult] = field(default_factory=dict)

    def __post_init__(self) -> None:
        self.results = {subject.name: subject.result() for subject in self.subjects}
        self.speedups: list[Speedup] = []

    def latency(self) -> None:
        with self.part("Latency at batch 1") as advance:
            found, speedups = measure_latency(self.subjects, self.method, advance, self.failed)
        for name, latency in found.items():
            self.set(name, latency=latency)
        self.speedups = speedups
        self.subjects = [s for s in self.subjects if s.name in found]

    def batches(self) -> None:
        if not self.method.batches or not self.subjects:
            return
        with self.part("Throughput over batch sizes") as advance:
            found = measure_batches(self.subjects, self.method, advance, self.failed)
        for name, rows in found.items():
            self.set(name, batches=rows)

    def streams(self) -> None:
        if not self.method.streams or not self.subjects:
            return
        with self.part("Throughput over streams") as advance:
            found = measure_streams(self.subjects, self.method, advance, self.failed)
        for name, rows in found.items():
            self.set(name, streams=rows)

    def energy(self) -> None:
        meter = find_meter(self.files)
        if meter is None or not self.subjects:
            return
        with self.part("Energy per face") as advance:
            for done, subject in enumerate(self.subjects, 1):
                try:
                    self.set(
                        subject.name, energy=measure_energy(subject, meter, self.method.seconds)
                    )
                except Exception as error:
                    self.failed(subject.name, "energy", error)
                advance(done, len(self.subjects))

    def gpu(self) -> None:
        for subject in self.subjects:
            try:
                found = measure_stages(subject, self.method.queries, self.method.per_round)
            except Exception as error:
                self.failed(subject.name, "parts of a GPU call", error)
                continue
            if isinstance(found, str):
                self.set(subject.name, notes=(*self.results[subject.name].notes, found))
            elif found:
                self.set(subject.name, gpu=found)

    def memory(self) -> None:
        if not self.subjects:
            return
        with self.part("Memory") as advance:
            for done, s in enumerate(self.subjects, 1):
                try:
                    found = measure_memory(s.bundle.path, s.backend, s.threads)
                    self.set(s.name, memory=found)
                except Exception as error:
                    self.failed(s.name, "memory", error)
                advance(done, len(self.subjects))

    def set(self, name: str, **values: object) -> None:
        self.results[name] = msgspec.structs.replace(self.results[name], **values)

    def failed(self, name: str, part: str, error: Exception) -> None:
        self.failures.append(Failure(subject=name, part=part, reason=reason(error)))

    @contextmanager
    def part(self, title: str) -> Iterator[Advance]:
        count = len(self.failures)
        with self.stages.stage(title) as stage:
            yield stage.advance
            if new := len(self.failures) - count:
                stage.note = f"{new} failed"

"""A whole comparison: bundles and peers of several models, measured in turns in one run."""

from __future__ import annotations

import time
from collections.abc import Sequence
from dataclasses import dataclass, field
from datetime import datetime, timezone
from functools import partial

import msgspec

from facedge.progress import Stages

from .budget import Budget
from .cases import FP32, INT8, Case
from .contenders import Lineup, Setup, open_lineup
from .environment import note_load, read_after, read_environment
from .interleave import Timing, interleave
from .measure import BATCHES, LEAST_QUERIES
from .others import Others
from .peers.registry import BASELINE, EAGER
from .result import Failure, Latency, Method, Result, Speedup, SubjectResult
from .steps import step_series
from .subjects import Subject, reason
from .sysfs import Files
from .targets import Measured, promised
from .timings import measure_batches, speedups, summary
from .watch import Watch

WARM_UP = 8


def compare(
    cases: Sequence[Case],
    setup: Setup,
    budget: Budget,
    stages: Stages,
    *,
    queries: int = LEAST_QUERIES,
    files: Files | None = None,
) -> Result:
    """Build, open, judge and time everything, and hold the promises against it.

    Every model's contenders are timed in turns until each has ``queries`` calls or the model's
    share of the time is used up; the result says when it was.

    Raises:
        InputError: pictures or folders are not what they have to be.
        BackendError: torch or onnx is missing.
    """
    files, start = files or Files(), time.perf_counter()
    created = datetime.now(timezone.utc).isoformat(timespec="seconds")
    before = read_environment(files)
    note_load(files, before.load)
    lineups = [open_lineup(case, setup, budget, stages) for case in cases]
    run = _Run(setup, budget, stages, queries, files)
    budget.plan(_weights(lineups))
    others = Others(files)
    with Watch(files) as watch:
        for lineup in lineups:
            run.latency(lineup)
        for lineup in lineups:
            if lineup.case.throughput:
                run.throughput(lineup)
    others.note()
    results = tuple(run.results.values())
    return Result(
        created=created,
        duration=round(time.perf_counter() - start, 2),
        method=run.method,
        environment=read_after(files, watch, before),
        subjects=results,
        speedups=tuple(run.speedups),
        steps=step_series(results),
        failures=tuple(failure for lineup in lineups for failure in lineup.failures),
        targets=tuple(promised([run.measured[lineup.case.model] for lineup in lineups])),
    )


def _weights(lineups: Sequence[Lineup]) -> dict[str, float]:
    weights = {_latency_part(lineup): lineup.case.weight for lineup in lineups}
    weights |= {_batch_part(lineup): 2.0 for lineup in lineups if lineup.case.throughput}
    return weights


def _latency_part(lineup: Lineup) -> str:
    return f"{lineup.case.model}: latency at batch 1"


def _batch_part(lineup: Lineup) -> str:
    return f"{lineup.case.model}: throughput over batch sizes"


@dataclass
class _Run:
    """The timed parts, which fill in the results."""

    setup: Setup
    budget: Budget
    stages: Stages
    queries: int
    files: Files
    results: dict[str, SubjectResult] = field(default_factory=dict)
    speedups: list[Speedup] = field(default_factory=list)
    measured: dict[str, Measured] = field(default_factory=dict)

    @property
    def method(self) -> Method:
        return Method(
            quick=self.queries < LEAST_QUERIES,
            queries=self.queries,
            seconds=0.0,
            warm_up=WARM_UP,
            per_round=16,
            threads=self.setup.threads,
            batches=BATCHES,
            streams=(),
        )

    def latency(self, lineup: Lineup) -> None:
        """Everything of one model in turns."""
        part = _latency_part(lineup)
        stop = self.budget.begin(part)
        with self.stages.stage(part) as stage:
            timings = interleave(
                {name: contender.call for name, contender in lineup.contenders.items()},
                calls=self.queries,
                per_round=lineup.case.per_round,
                warm_up=WARM_UP,
                advance=stage.advance,
                failed=partial(self._failed, lineup, "latency"),
                stop=stop,
            )
            stage.note = self._cut_short(part, [summary(t, 1, False) for t in timings.values()])
        for name, contender in lineup.contenders.items():
            result = contender.result
            if name in timings:
                result = msgspec.structs.replace(result, latency=summary(timings[name], 1))
            self.results[name] = result
        self.speedups += _against_baseline(lineup, timings)
        self.measured[lineup.case.model] = Measured(lineup, timings)

    def throughput(self, lineup: Lineup) -> None:
        """Batch sizes of the FP32 and INT8 bundles with all steps, on every backend."""
        part = _batch_part(lineup)
        stop = self.budget.begin(part)
        timed = self.measured[lineup.case.model].timings
        subjects = [s for s in _whole(lineup) if s.name in timed]
        with self.stages.stage(part) as stage:
            rows = measure_batches(
                subjects,
                self.method,
                stage.advance,
                lambda name, what, error: self._failed(lineup, what, name, error),
                stop,
            )
            stage.note = self._cut_short(part, [row for r in rows.values() for row in r[:1]])
        for name, latencies in rows.items():
            self.results[name] = msgspec.structs.replace(self.results[name], batches=latencies)
        self.measured[lineup.case.model] = Measured(lineup, timed, rows)

    def _failed(self, lineup: Lineup, part: str, name: str, error: Exception) -> None:
        lineup.failures.append(Failure(subject=name, part=part, reason=reason(error)))

    def _cut_short(self, part: str, rows: Sequence[Latency]) -> str:
        """Note that there were fewer calls than asked for."""
        fewest = min((row.queries for row in rows), default=self.queries)
        if fewest >= self.queries:
            return ""
        text = f"ended by the time budget after {fewest:,} of {self.queries:,} calls"
        self.files.note(f"{part} was {text}")
        return text


def _whole(lineup: Lineup) -> list[Subject]:
    """Bundles whose throughput is measured."""
    steps = lineup.contenders[lineup.name(EAGER)].result.steps
    return [
        c.subject
        for c in lineup.contenders.values()
        if c.subject and c.result.steps == steps and c.result.precision in (FP32, INT8)
    ]


def _against_baseline(lineup: Lineup, timings: dict[str, Timing]) -> list[Speedup]:
    """How many times faster than the plain export; nothing where that did not run."""
    name = lineup.name(BASELINE)
    return speedups(timings, name) if name in timings else []

"""What libfacedge costs on top of its back end's own call.

    python benchmarks/native_overhead.py                 # both back ends, a tiny and a real bundle
    python benchmarks/native_overhead.py --bundle BUNDLE --backend openvino --json overhead.json

``native_overhead`` (built with FACEDGE_TOOLS) plays one engine in alternating rounds: by the back
end's call on a bound lane, by the same on as many lanes in turn as a stream has, from
``facedge_submit_faces`` to ``facedge_poll`` inline, with one set of buffers (depth 0) and with
three, and through the worker thread.

Two things are told of each. *Own* is the time of a call outside the back end's functions, which a
plug-in around the back end's measures in the very same call, less that of ``backend``, which is
what measuring takes: nothing that the back end does from call to call blurs it, and the limits are
about it. *Difference* is the whole call against the back end's own in neighbouring rounds: it would
show it, too, if the library made its back end slower.
Where its memory happens to lie makes a process faster or slower by more than what is sought
(Mytkowicz et al., "Producing wrong data without doing anything obviously wrong!", ASPLOS 2009), so
the program is started several times, and intervals are over processes. A second bound lane is timed
too: it shows what two equal things differ by. On a busy machine, let nothing interrupt it:
``chrt -f 1 python benchmarks/native_overhead.py``. A limit counts as met or not met only where the
whole interval says so.
"""

from __future__ import annotations

import json
import os
import subprocess
import sys
import tempfile
from collections.abc import Mapping, Sequence
from dataclasses import asdict, dataclass
from pathlib import Path
from typing import Annotated, Any, Literal

import numpy as np
import typer
from numpy.typing import NDArray
from rich.console import Console
from rich.table import Table

from facedge.benchmarks.session_overhead import own_bundle
from facedge.errors import BackendError, FacedgeError, InputError
from facedge.files import write_file
from facedge.runtime.backends import registry
from facedge.runtime.bundle import load
from facedge.runtime.machine import identity
from facedge.runtime.native import wheels

MEDIAN_LIMIT_US, P99_LIMIT_PERCENT = 5.0, 2.0
"""Most that ``single`` may take itself: in the median, and at the 99th percentile as a share of the
99th percentile of ``backend``."""

BASELINE, LIMITED = "backend", "single"
REAL_BUNDLE = Path("bundles/fsr-student-int8")
WIDTH = 110
"""Of the tables, where no terminal has its own."""


Interval = tuple[float, float]


@dataclass(frozen=True)
class Row:
    """Times of one way to play, in microseconds: whole calls, what is its own, and how they differ.

    Attributes:
        way: ``backend``, ``control``, ``lanes``, ``single``, ``inline`` or ``worker``.
        p50_us: median of all calls; likewise the 90th and 99th percentile.
        own_us: median of a call's time outside the back end, less ``backend``'s.
        own_interval: its 95 % bootstrap interval over processes (Efron, 1979).
        own_p99_percent: the same of the 99th percentile, in percent of that of ``backend``'s calls.
        own_p99_interval: its 95 % bootstrap interval over processes.
        difference_us: mean over the processes of the median over a process's rounds of (median of
            this way - median of ``backend``): both of a round are neighbours in time, so a machine
            that changes its speed favours none.
        difference_interval: its 95 % bootstrap interval over processes.
    """

    way: str
    p50_us: float
    p90_us: float
    p99_us: float
    own_us: float
    own_interval: Interval
    own_p99_percent: float
    own_p99_interval: Interval
    difference_us: float
    difference_interval: Interval


Verdict = Literal["met", "not met", "not resolved"]


@dataclass(frozen=True)
class Measurement:
    """One bundle on one back end.

    Attributes:
        bundle: name of the bundle.
        backend: back end and version.
        rows: the ways, the back end's own call first.
    """

    bundle: str
    backend: str
    rows: list[Row]

    @property
    def median(self) -> Verdict:
        """Whether ``single`` respects the limit of the median."""
        return _verdict(self._limited.own_interval, MEDIAN_LIMIT_US)

    @property
    def p99(self) -> Verdict:
        """Whether ``single`` respects the limit at the 99th percentile."""
        return _verdict(self._limited.own_p99_interval, P99_LIMIT_PERCENT)

    @property
    def _limited(self) -> Row:
        return next(row for row in self.rows if row.way == LIMITED)


def _verdict(interval: Interval, limit: float) -> Verdict:
    low, high = interval
    return "met" if high <= limit else "not met" if low > limit else "not resolved"


def rows(
    ways: Sequence[str],
    nanoseconds: NDArray[np.int64],
    outside: NDArray[np.int64],
    per_round: int,
    *,
    resamples: int = 1000,
) -> list[Row]:
    """Percentiles, shares and paired differences.

    Args:
        ways: names; ``backend`` is what the others are compared with.
        nanoseconds: of whole calls, int64 [processes, ways, calls], in the order of measurement.
        outside: of them, what was spent outside the back end; the same shape.
        per_round: calls of a round; an incomplete last round counts in percentiles only.
        resamples: of the bootstrap.
    """
    times, own = ((each / 1e3).transpose(1, 0, 2) for each in (nanoseconds, outside))
    processes, calls = times.shape[1:]
    rounds = calls // per_round
    blocks = times[:, :, : rounds * per_round].reshape(len(ways), processes, rounds, per_round)
    medians = np.median(blocks, axis=3)
    base = ways.index(BASELINE)
    picks = np.random.default_rng(0).integers(0, processes, (resamples, processes))
    tails = [np.percentile(times[base][pick], 99) for pick in picks]
    measuring = [np.percentile(own[base][pick], (50, 99)) for pick in picks]
    made = []
    for way, whole, part, median in zip(ways, times, own, medians, strict=True):
        p50, p90, p99 = (float(p) for p in np.percentile(whole, (50, 90, 99)))
        found = np.percentile(part, (50, 99)) - np.percentile(own[base], (50, 99))
        drawn = [np.percentile(part[pick], (50, 99)) for pick in picks]
        middles, slow = np.subtract(drawn, measuring).T
        difference = np.median(median - medians[base], axis=1)
        made.append(
            Row(
                way, p50, p90, p99,
                float(found[0]), _interval(middles),
                100 * float(found[1] / np.percentile(times[base], 99)),
                _interval(100 * slow / tails),
                float(difference.mean()), _interval(difference[picks].mean(axis=1)),
            )
        )  # fmt: skip
    return made


def _interval(resampled: NDArray[np.float64]) -> Interval:
    low, high = np.percentile(resampled, [2.5, 97.5])
    return float(low), float(high)


@dataclass(frozen=True)
class Workload:
    """CPU threads of an inference, faces of a frame, calls a process measures, calls in a row."""

    threads: int
    faces: int
    calls: int
    per_round: int
    processes: int = 1

    def arguments(self) -> list[str]:
        """Options of ``native_overhead``."""
        options = {
            "--threads": self.threads,
            "--faces": self.faces,
            "--calls": self.calls,
            "--per-round": self.per_round,
        }
        return [text for name, value in options.items() for text in (name, str(value))]


def measure(build: Path, bundle: Path, backend: str, work: Workload) -> Measurement:
    """Run the native program as often as ``work`` says.

    Raises:
        BackendError: it is not built, or the back end fails.
    """
    program = build / "benchmarks/native/native_overhead"
    if not program.exists():
        raise BackendError(
            f"{program} does not exist; build it with 'make native', or name the build folder "
            f"in FACEDGE_NATIVE_BUILD"
        )
    wheels.offer()
    surroundings = os.environ | {"FACEDGE_TIMED_PLUGINS": str(build / "plugins")}
    with tempfile.TemporaryDirectory() as folder:
        samples = Path(folder) / "samples"
        paths = (str(program.parent / "timed"), str(samples))
        command = [str(program), str(bundle), backend, *paths, *work.arguments()]
        taken = []
        for _ in range(work.processes):
            done = subprocess.run(command, capture_output=True, text=True, env=surroundings)
            if done.returncode:
                raise BackendError(f"{bundle} cannot be measured: {done.stderr.strip()}")
            told: Mapping[str, Any] = json.loads(done.stdout)
            taken.append(np.fromfile(samples, np.int64))
    ways = list(told["contenders"])
    samples_of = np.stack(taken).reshape(work.processes, 2, len(ways), work.calls)
    made = rows(ways, samples_of[:, 0], samples_of[:, 1], work.per_round)
    return Measurement(load(bundle).manifest.name, f"{told['backend']} {told['version']}", made)


def report(measurements: Sequence[Measurement], work: Workload) -> dict[str, Any]:
    """The figures with what they depend on, as plain data."""
    return {
        "machine": identity(),
        **asdict(work),
        "limits": {"median_us": MEDIAN_LIMIT_US, "p99_percent": P99_LIMIT_PERCENT},
        "measurements": [
            asdict(each) | {"median": each.median, "p99": each.p99} for each in measurements
        ],
    }


def table(measurement: Measurement) -> Table:
    """One measurement for people."""
    shown = Table(
        title=f"{measurement.bundle}, {measurement.backend}: µs per call (95 % intervals)",
        title_justify="left",
    )
    shown.add_column("way", min_width=max(len(row.way) for row in measurement.rows))
    for heading in ("p50", "p99", "own", "own p99, %", "difference"):
        shown.add_column(heading, justify="right")
    for row in measurement.rows:
        cells = [f"{row.p50_us:.1f}", f"{row.p99_us:.1f}"]
        if row.way != BASELINE:
            for value, (low, high), digits in (
                (row.own_us, row.own_interval, 2),
                (row.own_p99_percent, row.own_p99_interval, 2),
                (row.difference_us, row.difference_interval, 1),
            ):
                cells.append(f"{value:.{digits}f} ({low:.{digits}f} – {high:.{digits}f})")
        shown.add_row(row.way, *cells)
    shown.caption = (
        f"{LIMITED}, own: median at most {MEDIAN_LIMIT_US:g} µs {measurement.median}, 99th "
        f"percentile at most {P99_LIMIT_PERCENT:g} % of {BASELINE}'s {measurement.p99}"
    )
    return shown


def main(
    bundle: Annotated[
        list[Path] | None,
        typer.Option(help=f"Bundle to play; a tiny one and {REAL_BUNDLE} otherwise."),
    ] = None,
    backend: Annotated[list[str] | None, typer.Option(help="Back end; both otherwise.")] = None,
    threads: Annotated[int, typer.Option(min=1, help="CPU threads of one inference.")] = 1,
    faces: Annotated[int, typer.Option(min=1, max=256, help="Faces of a frame.")] = 1,
    calls: Annotated[
        int, typer.Option(min=64, help="Measured calls of each way in a process.")
    ] = 512,
    per_round: Annotated[int, typer.Option(min=1, max=64, help="Calls in a row.")] = 16,
    processes: Annotated[int, typer.Option(min=1, help="Times that all of it is run.")] = 12,
    json_file: Annotated[
        Path | None, typer.Option("--json", help="Also write the figures here.")
    ] = None,
) -> None:
    """Print what libfacedge costs over its back ends; exit 1 where a limit is not met."""
    root = Path(__file__).resolve().parents[1]
    build = Path(os.environ.get("FACEDGE_NATIVE_BUILD", root / "build/host"))
    work = Workload(threads, faces, calls, per_round, processes)
    console = Console(width=None if sys.stdout.isatty() else WIDTH)
    console.print(
        f"{identity()}, {threads} threads, {faces} faces, {calls} calls of each way in each of "
        f"{processes} processes"
    )
    measurements = []
    try:
        for name in backend or registry.CPU:
            if name not in registry.CPU:
                raise InputError(
                    f"backend {name} is not on the CPU; choose {' or '.join(registry.CPU)}"
                )
            with tempfile.TemporaryDirectory() as folder:
                real = [root / REAL_BUNDLE] if (root / REAL_BUNDLE).exists() else []
                for path in bundle or [own_bundle(Path(folder)).path, *real]:
                    measurements.append(measure(build, path, name, work))
                    console.print(table(measurements[-1]))
        if json_file:
            write_file(json_file, json.dumps(report(measurements, work), indent=2) + "\n")
    except FacedgeError as error:
        typer.echo(f"error: {error}", err=True)
        raise typer.Exit(error.exit_code) from error
    if any("not met" in (each.median, each.p99) for each in measurements):
        raise typer.Exit(1)


if __name__ == "__main__":
    typer.run(main)

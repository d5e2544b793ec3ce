"""Latency of bundles on the CPU backends against the plain export, interleaved in one run.

    python benchmarks/latency.py                          # fsr-student, every precision
    python benchmarks/latency.py --model au-gcn-edge --calls 2048 --json

The baseline is what one gets today: ``torch.onnx.export`` of the same weights, played by ONNX
Runtime in FP32. Its pre- and post-processing is not even counted; facedge's is in the graph.
"""

from __future__ import annotations

import json
import platform
from collections.abc import Callable, Mapping, Sequence
from dataclasses import asdict, dataclass
from datetime import date
from pathlib import Path

import msgspec
import numpy as np
import typer
from rich.console import Console
from rich.table import Table

from facedge.benchmarks.environment import note_load, read_environment, read_load
from facedge.benchmarks.interleave import Timing, interleave, speed_up
from facedge.benchmarks.plot import latency_plot
from facedge.benchmarks.statistics import deadline_misses
from facedge.benchmarks.sysfs import Files
from facedge.benchmarks.watch import Watch
from facedge.extras import require
from facedge.files import write_file
from facedge.progress import Stages
from facedge.runtime.backends import registry as backends
from facedge.runtime.machine import identity
from facedge.runtime.session import Session

BASELINE = "plain export, onnxruntime"
EAGER = "torch eager"


def contenders(
    model: str, bundles: Path, threads: int, stages: Stages, calib: Path | None
) -> dict[str, Callable[[], object]]:
    """Every way to run ``model`` on this CPU, as calls without arguments.

    Bundles that ``bundles`` lacks are built first.
    """
    for module in ("torch", "onnx"):
        require(module, "export", "make the plain export")
    from facedge.benchmarks.plain import eager, plain_export
    from facedge.export.build import build
    from facedge.export.options import PRECISIONS, BuildOptions

    calls: dict[str, Callable[[], object]] = {
        EAGER: eager(model, threads),
        BASELINE: plain_export(model, threads),
    }
    cpu = tuple(name for name in backends.CPU if backends.get(name).available())
    for precision in PRECISIONS:
        options = BuildOptions(
            model=model, precision=precision, backends=cpu, out=bundles, calibration=calib
        )
        path = bundles / options.bundle_name()
        if not (path / "manifest.json").is_file():
            build(options, stages)
        for backend in cpu:
            calls[f"{precision}, {backend}"] = _player(path, backend, threads)
    return calls


def _player(path: Path, backend: str, threads: int) -> Callable[[], object]:
    session = Session(path, backend, threads=threads, copy=False)
    size = session.bundle.manifest.inputs[0].shape[1:]
    face = np.random.default_rng(0).integers(0, 256, (1, *size), np.uint8)
    return lambda: session(face)


@dataclass(frozen=True)
class Row:
    """One contender's figures.

    Attributes:
        contender: what was timed.
        calls: measured calls.
        p50_ms: median; likewise the 90th and 99th percentile, and the slowest call.
        jitter_ms: mean change from one call to the next.
        missed_30: calls longer than a frame at 30 per second; likewise at 60.
        times_faster: speed-up over the plain export, median of the paired rounds.
        interval_95: its 95 % bootstrap interval.
    """

    contender: str
    calls: int
    p50_ms: float
    p90_ms: float
    p99_ms: float
    max_ms: float
    jitter_ms: float
    missed_30: int
    missed_60: int
    times_faster: float
    interval_95: tuple[float, float]


def rows(timings: Mapping[str, Timing]) -> list[Row]:
    """One row per contender, in order; the plain export is what they are compared with."""
    table = []
    for name, timing in timings.items():
        ratio, low, high = speed_up(timings[BASELINE], timing)
        table.append(
            Row(
                contender=name,
                calls=len(timing.seconds),
                p50_ms=timing.percentile(50),
                p90_ms=timing.percentile(90),
                p99_ms=timing.percentile(99),
                max_ms=timing.percentile(100),
                jitter_ms=timing.jitter_ms,
                missed_30=deadline_misses(timing.seconds, 30),
                missed_60=deadline_misses(timing.seconds, 60),
                times_faster=ratio,
                interval_95=(low, high),
            )
        )
    return table


def main(
    model: list[str] = typer.Option(
        ["fsr-student"], "--model", "-m", help="Model; give it again for several."
    ),
    bundles: Path = typer.Option(
        Path("bundles"), "--bundles", help="Bundles to play; missing ones are built."
    ),
    out: Path = typer.Option(
        Path("bundles/benchmark"), "--out", "-o", help="Folder for JSON and plot."
    ),
    calib: Path = typer.Option(None, "--calib", help="Pictures to build missing bundles with."),
    calls: int = typer.Option(1024, "--calls", help="Measured calls of every contender."),
    threads: int = typer.Option(2, "--threads", help="CPU threads of every contender."),
    as_json: bool = typer.Option(False, "--json", help="Print one JSON object instead of tables."),
) -> None:
    """Time every precision on both CPU backends against the plain export."""
    stages = Stages(quiet=as_json)
    models: dict[str, list[dict[str, object]]] = {}
    files = Files()
    load = read_load(files)
    note_load(files, load)
    result: dict[str, object] = {
        "machine": identity(),
        "system": platform.platform(),
        "date": date.today().isoformat(),
        "threads": threads,
        "batch": 1,
        "models": models,
    }
    console = Console(quiet=as_json, highlight=False)
    console.print(f"{identity()}, {threads} threads, batch 1, {date.today().isoformat()}")
    with Watch(files) as watch:
        for name in model:
            models[name] = _measure(name, bundles, threads, calls, stages, calib, out, console)
    environment = read_environment(files, watch)
    result["environment"] = msgspec.to_builtins(msgspec.structs.replace(environment, load=load))
    for note in (*environment.throttling, *environment.notes):
        console.print(f"note: {note}", markup=False)
    text = json.dumps(result, indent=1)
    write_file(out / "latency.json", text)
    if as_json:
        print(text)


def _measure(
    model: str,
    bundles: Path,
    threads: int,
    calls: int,
    stages: Stages,
    calib: Path | None,
    out: Path,
    console: Console,
) -> list[dict[str, object]]:
    """Time every way to run one model; print its table, write its plot, return its rows."""
    ways = contenders(model, bundles, threads, stages, calib)
    with stages.stage(f"Timing {len(ways)} ways to run {model}") as stage:
        timings = interleave(ways, calls=calls, advance=stage.advance)
    table = rows(timings)
    write_file(
        out / f"latency-{model}.svg",
        latency_plot(model, [(r.contender, r.p50_ms, r.p99_ms, r.times_faster) for r in table]),
    )
    console.print(_table(model, table))
    return [asdict(row) for row in table]


def _table(model: str, table: Sequence[Row]) -> Table:
    shown = Table(title=model, title_justify="left")
    shown.add_column("contender")
    for heading in ("p50 ms", "p90 ms", "p99 ms", "jitter", "times faster", "95 % interval"):
        shown.add_column(heading, justify="right")
    for row in table:
        low, high = row.interval_95
        shown.add_row(
            row.contender,
            f"{row.p50_ms:.2f}",
            f"{row.p90_ms:.2f}",
            f"{row.p99_ms:.2f}",
            f"{row.jitter_ms:.2f}",
            f"{row.times_faster:.2f}",
            f"{low:.2f} – {high:.2f}",
        )
    return shown


if __name__ == "__main__":
    import sys

    from facedge.cli.main import execute

    application = typer.Typer(add_completion=False, pretty_exceptions_enable=False)
    application.command()(main)
    sys.exit(execute(application, sys.argv[1:]))

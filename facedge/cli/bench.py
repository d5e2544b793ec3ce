"""``facedge bench``: how fast is it here; ``compare``, ``explain`` and ``report`` beside it."""

from __future__ import annotations

import json
from dataclasses import asdict
from pathlib import Path
from typing import TYPE_CHECKING

import typer
from rich.console import Console
from typer.core import TyperGroup

from facedge.errors import InputError
from facedge.progress import Stages

if TYPE_CHECKING:
    from facedge.benchmarks.measure import Plan

MEASURE = "run"


class _BundlesOrCommand(TyperGroup):
    """``facedge bench BUNDLE…`` measures; only the names of the other commands mean those."""

    def parse_args(self, ctx: typer.Context, args: list[str]) -> list[str]:  # type: ignore[override]
        if not args or args[0] not in self.commands:
            args = [MEASURE, *args]
        return super().parse_args(ctx, args)


app = typer.Typer(
    cls=_BundlesOrCommand,
    help="Measure bundles; compare results; explain figures.",
    rich_markup_mode="rich",
)


@app.command(MEASURE)
def run(
    bundles: list[Path] = typer.Argument(
        ..., metavar="BUNDLE", help="Bundle folders; several are measured in turns."
    ),
    backend: list[str] = typer.Option(
        [],
        "--backend",
        "-b",
        help="Only this backend; give it again for several. Default: all that a bundle has.",
        show_default=False,
    ),
    batch: str = typer.Option(
        "1,2,4,8,16,32", "--batch", help="Batch sizes of the throughput table; 0 skips it."
    ),
    streams: str = typer.Option(
        "1,2,4", "--streams", help="Sessions at once, each in a thread; 0 skips them."
    ),
    threads: int = typer.Option(
        0, "--threads", min=0, help="CPU threads of one inference; 0 takes all usable CPUs."
    ),
    seconds: float = typer.Option(
        5.0, "--seconds", min=0.0, help="Measure each for at least this long."
    ),
    queries: int = typer.Option(
        1024, "--queries", min=1, help="Measure at least this many calls of each."
    ),
    quick: bool = typer.Option(
        False, "--quick", help="A look in seconds: 64 calls, batches 1 and 8. Not for quoting."
    ),
    out: Path | None = typer.Option(
        None,
        "--out",
        "-o",
        help="Folder for bench.json, report.html and plots. Default: only print.",
    ),
    overwrite: bool = typer.Option(
        False, "--overwrite", help="Replace results that are in the folder already."
    ),
    as_json: bool = typer.Option(False, "--json", help="Print the result as JSON instead."),
) -> None:
    """Measure latency, throughput, memory and energy of bundles on this machine.

    All bundles and backends run in turns, at least 1,024 calls each. With --out a report for the
    browser is written.

    [bold]facedge bench compare A.json B.json[/bold] says whether B is slower,
    [bold]facedge bench explain[/bold] what each figure means,
    [bold]facedge bench report A.json --out DIR[/bold] draws the report of a result from elsewhere.

    Example: [bold]facedge bench bundles/fsr-student-int8 --out benchmark[/bold]
    """
    from facedge.benchmarks import report
    from facedge.benchmarks.measure import measure
    from facedge.benchmarks.result import encode
    from facedge.benchmarks.tables import print_result

    if out is not None:
        report.require_packages()
        report.refuse_results(out, overwrite)
    plan = _plan(bundles, backend, batch, streams, threads, seconds, queries, quick)
    result = measure(plan, Stages(quiet=as_json))
    if out is not None:
        report.write_results(result, out, overwrite)
    if as_json:
        print(encode(result).decode(), end="")
        return
    console = Console(highlight=False)
    print_result(result, console)
    if out is None:
        console.print("add --out DIR for bench.json, plots and report.html", style="dim")
    else:
        console.print(f"{out / report.PAGE}")


@app.command()
def compare(
    before: Path = typer.Argument(..., help="bench.json of the reference, or its folder."),
    after: Path = typer.Argument(..., help="bench.json to judge, or its folder."),
    tolerance: str = typer.Option("5%", "--tolerance", help="Slowdown to let pass."),
    force: bool = typer.Option(
        False, "--force", help="Compare results of different devices or settings too."
    ),
    as_json: bool = typer.Option(False, "--json", help="Print one JSON object."),
) -> None:
    """Compare two results; exit code 3 when the second is slower beyond noise and tolerance.

    A figure counts as slower when the whole 95 % interval of its ratio lies above the tolerance.

    Example: [bold]facedge bench compare main.json mine.json --tolerance 5%[/bold]
    """
    from facedge.benchmarks.compare import RegressionError
    from facedge.benchmarks.compare import compare as run_compare
    from facedge.benchmarks.result import read_result
    from facedge.benchmarks.tables import print_comparison

    share = _share(tolerance)
    found = run_compare(read_result(before), read_result(after), share, force)
    if as_json:
        print(json.dumps({**asdict(found), "regressions": found.regressions}, indent=1))
        raise typer.Exit(RegressionError.exit_code if found.regressions else 0)
    print_comparison(found, Console(highlight=False))
    found.require_no_regression()


@app.command()
def explain(
    metric: str | None = typer.Argument(None, help="One figure, such as p99; all otherwise."),
    as_json: bool = typer.Option(False, "--json", help="Print one JSON array."),
) -> None:
    """Say in plain words what a figure means and how it is measured.

    Example: [bold]facedge bench explain jitter[/bold]
    """
    from facedge.benchmarks import glossary

    terms = [glossary.explain(metric)] if metric else list(glossary.TERMS)
    if as_json:
        print(json.dumps([asdict(term) for term in terms], indent=1))
        return
    console = Console(highlight=False, markup=False)
    for term in terms:
        better = f"better: {term.better}" if term.better else ""
        console.print(f"{term.name}  ", style="bold", end="")
        console.print(", ".join(part for part in (term.unit, better) if part), style="dim")
        console.print(f"{term.text}\n" if not metric else term.text)


@app.command("report")
def draw(
    result: Path = typer.Argument(..., help="bench.json of any machine, or its folder."),
    out: Path = typer.Option(..., "--out", "-o", help="Folder for report.html and plots."),
    overwrite: bool = typer.Option(False, "--overwrite", help="Replace files in the folder."),
) -> None:
    """Draw the report of a result, such as one that a board printed with --json.

    Example: [bold]facedge bench report board.json --out board-report[/bold]
    """
    from facedge.benchmarks import report
    from facedge.benchmarks.result import read_result

    report.write_results(read_result(result), out, overwrite)
    print(out / report.PAGE)


def _plan(
    bundles: list[Path],
    backends: list[str],
    batch: str,
    streams: str,
    threads: int,
    seconds: float,
    queries: int,
    quick: bool,
) -> Plan:
    """What was asked for; --quick lowers what was left at its default."""
    from facedge.benchmarks import measure

    plan = measure.Plan(
        bundles,
        backends,
        batches=_sizes("--batch", batch),
        streams=_sizes("--streams", streams),
        threads=threads,
        seconds=seconds,
        queries=queries,
    )
    return measure.quick(plan) if quick else plan


def _sizes(option: str, text: str) -> tuple[int, ...]:
    """``1,2,8`` as numbers; ``0`` as none.

    Raises:
        InputError: something else.
    """
    if text.strip() == "0":
        return ()
    parts = [part.strip() for part in text.split(",")]
    if not all(part.isdecimal() and int(part) for part in parts):
        raise InputError(f"{option} is {text!r}; expected numbers such as 1,8,32, or 0 for none")
    return tuple(int(part) for part in parts)


def _share(text: str) -> float:
    """``5%`` or ``0.05`` as 0.05.

    Raises:
        InputError: something else.
    """
    number = text.strip().removesuffix("%")
    try:
        value = float(number)
    except ValueError as error:
        raise InputError(f"--tolerance is {text!r}; expected such as 5% or 0.05") from error
    return value / 100 if text.strip().endswith("%") else value

"""facedge against what one would use without it, in one run.

    python benchmarks/latency.py                             # three models, 11 minutes
    python benchmarks/latency.py -m fsr-student --minutes 4  # one of them
    python benchmarks/latency.py -m fsr-student --peer "NNCF, openvino" --json

Every bundle on every backend and every peer is timed in turns, and judged on the same pictures.
docs/benchmarks.md says how, and which peers there are.
"""

from __future__ import annotations

from pathlib import Path

import typer
from rich.console import Console

from facedge.extras import require
from facedge.progress import Stages
from facedge.runtime.backends import registry as backends


def main(
    model: list[str] = typer.Option(
        [],
        "--model",
        "-m",
        help="Model; give it again for several. Default: fsr-student, au-gcn, au-gcn-edge.",
        show_default=False,
    ),
    peer: list[str] = typer.Option(
        [],
        "--peer",
        help="Only this peer beside torch eager and the plain export; give it again for several.",
    ),
    backend: list[str] = typer.Option(
        [],
        "--backend",
        "-b",
        help="Only this backend for bundles; give it again for several. Default: all usable here.",
        show_default=False,
    ),
    bundles: Path = typer.Option(
        Path("bundles"), "--bundles", help="Bundles to play; missing ones are built into it."
    ),
    out: Path = typer.Option(
        Path("bundles/benchmark"),
        "--out",
        "-o",
        help="Folder for bench.json, comparison.md, report.html and plots; earlier ones go.",
    ),
    calib: Path | None = typer.Option(
        None,
        "--calib",
        help="Pictures to judge on, to calibrate with and to build with; embedded ones otherwise.",
    ),
    calls: int = typer.Option(1024, "--calls", min=1, help="Measured calls of every contender."),
    minutes: float = typer.Option(
        11.0,
        "--minutes",
        help="Time for everything, building included. What is cut short says after how many calls.",
    ),
    threads: int = typer.Option(2, "--threads", min=1, help="CPU threads of every contender."),
    as_json: bool = typer.Option(False, "--json", help="Print bench.json instead of tables."),
) -> None:
    """Compare bundles with torch, ONNX Runtime, OpenVINO, NNCF and ncnn on the same weights.

    Peers that are not installed, do not convert or fail are named with the reason; the rest is
    kept. [bold]pip install 'facedge\\[peers]'[/bold] brings those that are packages of their own.
    """
    for module in ("torch", "onnx"):
        require(module, "export", "make the plain export")
    from facedge.benchmarks import cases, report
    from facedge.benchmarks.budget import Budget
    from facedge.benchmarks.comparison import compare
    from facedge.benchmarks.contenders import Setup
    from facedge.benchmarks.markdown import TABLE
    from facedge.benchmarks.result import encode
    from facedge.benchmarks.tables import print_result
    from facedge.calibration.sources import open_source

    report.require_packages()
    report.refuse_results(out, overwrite=True)
    for name in backend:
        backends.get(name)
    open_source(calib, limit=1)  # refuses at once what holds no pictures
    budget = Budget(60 * minutes)
    chosen = [cases.case_of(name, tuple(peer)) for name in dict.fromkeys(model or cases.DEFAULT)]
    setup = Setup(bundles, calib, threads, tuple(backend))
    result = compare(chosen, setup, budget, Stages(quiet=as_json), queries=calls)
    report.write_results(result, out, overwrite=True)
    if as_json:
        print(encode(result).decode(), end="")
        return
    console = Console(highlight=False)
    print_result(result, console)
    console.print(f"{out / report.PAGE}, {out / TABLE}")


if __name__ == "__main__":
    from facedge.benchmarks.script import run_script

    run_script(main, __file__)

"""``facedge sensitivity``: what each node costs in quality when it is quantised alone."""

from __future__ import annotations

import json
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import TYPE_CHECKING

import typer
from rich.console import Console
from rich.table import Table

from facedge.errors import FacedgeError, InputError
from facedge.extras import require
from facedge.progress import Stages
from facedge.runtime.manifest import EVERY_DIALECT

from .options import Images, Method, Model, Ranges, Steps, Weights

if TYPE_CHECKING:
    from facedge.export.sensitivity_file import Sensitivity

_BAR = 12


class Kept(FacedgeError):
    """Ctrl-C, after something was measured that is kept."""

    exit_code = 130


@contextmanager
def keeping(file: Path | None) -> Iterator[None]:
    """Say on Ctrl-C that the figures so far are in ``file``."""
    try:
        yield
    except KeyboardInterrupt:
        if file is None or not file.exists():
            raise
        raise Kept(
            f"interrupted; what was measured is kept in {file}, and the same command goes on there"
        ) from None


def sensitivity(
    model: Model = "fsr-student",
    calib: Path | None = typer.Option(
        None,
        "--calib",
        help="Pictures to calibrate and measure on: a folder or a video. "
        "Default: pictures in scikit-image's wheel.",
    ),
    images: Images = 64,
    ranges: Ranges = None,
    method: Method = None,
    weights: Weights = None,
    steps: Steps = None,
    dialect: str = typer.Option(
        "portable", "--dialect", help="Whose INT8 graph: portable, openvino or tensorrt."
    ),
    au: bool = typer.Option(
        False, "--au", help="Read action units on the restored faces for every part, too."
    ),
    threads: int = typer.Option(0, "--threads", min=0, help="CPU threads; 0 takes all."),
    out: Path | None = typer.Option(
        None,
        "--out",
        "-o",
        help="Write the figures to this file, after every part. "
        "An interrupted run goes on from it.",
    ),
    as_json: bool = typer.Option(False, "--json", help="Print one JSON object."),
) -> None:
    """Measure what each node costs in quality: its weights, what it reads and what it gives.

    Losses add up, so the table says which nodes are worth FP16 or FP32. For super-resolution a
    loss is the luma PSNR expected to be lost, in millidecibels; without a ground truth, and for
    action units, the mean squared error added. `facedge plan` makes an assignment of it.

    Example: [bold]facedge sensitivity --model fsr-student --calib my_faces --out s.json[/bold]
    """
    for module in ("torch", "onnx", "onnxscript"):
        require(module, "export", "measure sensitivity")
    from facedge.export import sensitivity_file
    from facedge.export.sensitivity import ask, measure, open_judge

    if dialect not in EVERY_DIALECT:
        raise InputError(f"unknown dialect {dialect!r}; choose one of {', '.join(EVERY_DIALECT)}")
    if out is not None and out.exists():
        sensitivity_file.read(out)  # earlier figures may be replaced, nothing else
    stages = Stages(quiet=as_json)
    question = ask(
        model,
        calib,
        images=images,
        weights_file=weights,
        ranges_file=ranges,
        method=method,
        steps=steps,
        dialect=dialect,
        threads=threads,
        stages=stages,
    )
    with (
        keeping(out),
        open_judge(question, au=True, threads=threads, stages=stages) as judge,
    ):
        found = measure(
            question,
            judge,
            dialect=dialect,
            au=au,
            threads=threads,
            file=out,
            stages=stages,
        )
    if as_json:
        print(json.dumps(json.loads(sensitivity_file.encode(found)), indent=1))
    else:
        print_table(found)


def print_table(found: Sensitivity) -> None:
    """Nodes, worst first, with a small bar."""
    from facedge.export.sensitivity_file import alone, predict

    console = Console(highlight=False, soft_wrap=True)
    assert found.all_int8 is not None
    decibels = found.all_int8.loss_db is not None
    unit, factor = ("mdB", 1e3) if decibels else ("millionths", 1e6)
    rows = sorted(((alone(row, found.parts), row) for row in found.rows), key=lambda r: -r[0])
    title = f"{found.subject.model}, {found.subject.dialect}, loss in {unit}"
    table = Table(title=title, title_justify="left", pad_edge=False)
    table.add_column("node", overflow="fold")
    for heading in ("MACs %", "alone", "weights", "reads", "gives"):
        table.add_column(heading, justify="right", no_wrap=True)
    table.add_column("", no_wrap=True, min_width=_BAR)
    worst = max((loss for loss, _ in rows), default=0.0) or 1.0
    of = {(part.kind, part.name): part.loss.predictable * factor for part in found.parts}
    for loss, row in rows:
        table.add_row(
            row.node,
            f"{100 * row.share:.1f}",
            f"{loss * factor:.3f}",
            f"{predict(found.parts, {row.node}, ()) * factor:.3f}",
            f"{of['activation', row.reads]:.3f}",
            f"{of['activation', row.gives]:.3f}" if row.gives else "",
            "█" * max(1, round(_BAR * max(loss, 0.0) / worst)),
        )
    console.print(table)
    whole, sums = found.all_int8, found.additivity()
    console.print(
        f"All INT8: {whole.predictable * factor:.3f} {unit}"
        + (f", measured against the truth {whole.truth_loss_db:+.4f} dB" if decibels else "")
        + (
            f", {whole.au_agreement:.2f} % of AU decisions kept"
            if whole.au_agreement is not None
            else ""
        )
        + (f". The parts sum to {100 * sums:.0f} % of it." if sums is not None else ".")
    )
    console.print(
        f"{found.subject.pictures} pictures of {found.source}. An activation between two nodes "
        "stands in both rows."
    )

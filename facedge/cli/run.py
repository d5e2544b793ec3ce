"""``facedge run``: play a bundle on pictures, folders or a video."""

from __future__ import annotations

import json
import sys
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Annotated

import typer
from rich.console import Console
from rich.progress import BarColumn, MofNCompleteColumn, Progress, TextColumn, TimeRemainingColumn

from facedge.progress import Advance

SEEDED = "seeded"
"""Source of weights that nobody trained, in a manifest."""


def run(
    bundle: Annotated[
        Path, typer.Argument(help="Bundle folder, as made by `facedge build`.", show_default=False)
    ],
    pictures: Annotated[
        list[Path],
        typer.Argument(
            help="Pictures, folders of pictures (with subfolders), or videos.", show_default=False
        ),
    ],
    out: Annotated[
        Path, typer.Option("--out", "-o", help="Folder for the results.", show_default=False)
    ],
    backend: Annotated[
        str,
        typer.Option(
            "--backend",
            "-b",
            help="auto, onnxruntime, openvino, tensorrt, tensorrt-rtx, native (libfacedge).",
        ),
    ] = "auto",
    threads: Annotated[
        int | None, typer.Option(min=1, help="CPU threads. Default: the backend's choice.")
    ] = None,
    batch: Annotated[int, typer.Option(min=1, help="Pictures per call.")] = 8,
    overwrite: Annotated[
        bool,
        typer.Option(
            "--overwrite", help="Replace results of the same name; without it they are an error."
        ),
    ] = False,
    no_sheet: Annotated[
        bool, typer.Option("--no-sheet", help="No sheet.png of the first faces side by side.")
    ] = False,
    as_json: Annotated[
        bool, typer.Option("--json", help="Print one JSON object, no progress.")
    ] = False,
) -> None:
    """Restore faces, or read their action units, and write the results to a folder.

    A super-resolution bundle writes a [bold].png[/bold] per picture and [bold]sheet.png[/bold]
    (input, bicubic, restored, original). An action-unit bundle writes
    [bold]action_units.csv[/bold], [bold]action_units.json[/bold] and an overlay per picture. A
    picture larger than the model's input is cut to its centred square and reduced first.

    Example: [bold]facedge run bundles/fsr-student-int8 my_faces --out restored[/bold]
    """
    from facedge.runtime.play import play
    from facedge.runtime.session import Session

    session = Session(bundle, backend, threads=threads)
    with _progress(hidden=as_json or not sys.stderr.isatty()) as advance:
        played = play(
            session,
            pictures,
            out,
            batch=batch,
            with_sheet=not no_sheet,
            overwrite=overwrite,
            advance=advance,
        )
    if as_json:
        found = {
            "bundle": str(bundle),
            "task": session.bundle.manifest.task,
            "out": str(played.out),
            "pictures": played.pictures,
            "backend": played.backend,
            "batch": played.batch,
            "ms_per_face": round(played.ms_per_face, 4),
            "files": list(played.files),
            "warm": played.warm,
            "skipped": list(played.skipped),
            "weights": session.bundle.manifest.weights.source,
        }
        print(json.dumps(found, indent=1))
        return
    if session.bundle.manifest.weights.source == SEEDED:
        typer.echo("these weights are seeded, not trained: the results mean nothing yet", err=True)
    for sentence in played.skipped:
        typer.echo(f"skipped: {sentence}", err=True)
    what = "restored" if session.bundle.manifest.task == "super-resolution" else "read"
    faces = "1 face" if played.pictures == 1 else f"{played.pictures} faces"
    batches = f" in batches of {played.batch}" if min(played.batch, played.pictures) > 1 else ""
    cold = "" if played.warm else ", the first call's warm-up included"
    typer.echo(
        f"{faces} {what} into {played.out}, {played.ms_per_face:.2f} ms per face on "
        f"{played.backend}{batches}{cold}"
    )


@contextmanager
def _progress(hidden: bool) -> Iterator[Advance]:
    columns = (
        TextColumn("{task.description}"),
        BarColumn(bar_width=40),
        MofNCompleteColumn(),
        TimeRemainingColumn(),
    )
    console = Console(stderr=True)
    with Progress(*columns, console=console, transient=True, disable=hidden) as bar:
        task = bar.add_task("Playing", total=None)
        yield lambda done, total: bar.update(task, completed=done, total=total)

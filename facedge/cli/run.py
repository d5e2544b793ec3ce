"""``facedge run``: play a bundle on pictures, folders or a video."""

from __future__ import annotations

import json
import sys
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Optional

import typer
from rich.console import Console
from rich.progress import BarColumn, MofNCompleteColumn, Progress, TextColumn, TimeRemainingColumn

from facedge.progress import Advance


def run(
    bundle: Path = typer.Argument(..., help="Bundle folder, as made by `facedge build`."),
    pictures: list[Path] = typer.Argument(
        ..., help="Pictures, folders of pictures (with subfolders), or videos."
    ),
    out: Path = typer.Option(..., "--out", "-o", help="Folder for the results."),
    backend: str = typer.Option(
        "auto",
        "--backend",
        "-b",
        help="auto, onnxruntime, openvino, tensorrt or tensorrt-rtx.",
    ),
    threads: Optional[int] = typer.Option(
        None, "--threads", min=1, help="CPU threads. Default: the backend's choice."
    ),
    batch: int = typer.Option(8, "--batch", min=1, help="Pictures per call."),
    overwrite: bool = typer.Option(
        False, "--overwrite", help="Replace results of the same name; without it they are an error."
    ),
    no_sheet: bool = typer.Option(
        False, "--no-sheet", help="Leave out sheet.png, the first faces side by side."
    ),
    as_json: bool = typer.Option(False, "--json", help="Print one JSON object, no progress."),
) -> None:
    """Restore faces, or read their action units, and write the results to a folder.

    A super-resolution bundle writes a [bold].png[/bold] per picture and [bold]sheet.png[/bold]
    (input, bicubic, restored, original). An action-unit bundle writes
    [bold]action_units.csv[/bold], [bold]action_units.json[/bold] and an overlay per picture. A
    picture larger than the model's input is cut to its centred square and reduced first.

    Example: [bold]facedge run bundles/fsr-student-int8 my_faces --out restored[/bold]
    """  # fmt: skip
    from facedge.runtime.play import play
    from facedge.runtime.session import Session

    session = Session(bundle, backend, threads=threads)
    with _progress(hidden=as_json or not sys.stderr.isatty()) as advance:
        played = play(
            session, pictures, out, batch=batch, with_sheet=not no_sheet, overwrite=overwrite,
            advance=advance,
        )  # fmt: skip
    if as_json:
        found = {
            "bundle": str(bundle), "task": session.bundle.manifest.task, "out": str(played.out),
            "pictures": played.pictures, "backend": played.backend, "batch": played.batch,
            "ms_per_face": round(played.ms_per_face, 4), "files": list(played.files),
            "skipped": list(played.skipped),
        }  # fmt: skip
        print(json.dumps(found, indent=1))
        return
    for sentence in played.skipped:
        typer.echo(f"skipped: {sentence}", err=True)
    what = "restored" if session.bundle.manifest.task == "super-resolution" else "read"
    faces = "1 face" if played.pictures == 1 else f"{played.pictures} faces"
    typer.echo(
        f"{faces} {what} into {played.out}, {played.ms_per_face:.2f} ms per face on "
        f"{played.backend}{f' in batches of {played.batch}' if played.batch > 1 else ''}"
    )


@contextmanager
def _progress(hidden: bool) -> Iterator[Advance]:
    columns = (
        TextColumn("{task.description}"), BarColumn(bar_width=40), MofNCompleteColumn(),
        TimeRemainingColumn(),
    )  # fmt: skip
    console = Console(stderr=True)
    with Progress(*columns, console=console, transient=True, disable=hidden) as bar:
        task = bar.add_task("Playing", total=None)
        yield lambda done, total: bar.update(task, completed=done, total=total)

"""``facedge calibrate``: measure activation ranges once, use them in many builds."""

from __future__ import annotations

import json
from pathlib import Path

import typer

from facedge.errors import InputError
from facedge.extras import require
from facedge.progress import Stages

from .options import Model, Steps, Weights


def calibrate(
    model: Model = "fsr-student",
    calib: Path | None = typer.Option(
        None,
        "--calib",
        help="Pictures: a folder or a video. Default: pictures in scikit-image's wheel.",
    ),
    images: int | None = typer.Option(
        None,
        "--images",
        min=1,
        help="At most this many pictures. Default: 512, or 64 embedded ones.",
    ),
    weights: Weights = None,
    steps: Steps = None,
    state: bool = typer.Option(False, "--state", help="For a build with --state."),
    out: Path = typer.Option(Path("ranges.json"), "--out", "-o", help="Ranges file to write."),
    as_json: bool = typer.Option(False, "--json", help="Print one JSON object."),
) -> None:
    """Measure min-max, percentile, entropy and MSE ranges in one pass and write a ranges file.

    Example: [bold]facedge calibrate --calib my_faces --out ranges.json[/bold], then
    [bold]facedge build --ranges ranges.json --calib my_faces[/bold]
    """
    for module in ("torch", "onnx", "onnxscript"):
        require(module, "export", "calibrate a model")
    from facedge.export.calibrate import measure_ranges

    _refuse_foreign_file(out)
    measured = measure_ranges(
        model,
        calib,
        images=images,
        weights_file=weights,
        steps=steps,
        state=state,
        stages=Stages(quiet=as_json),
    )
    measured.write(out)
    tensors = len(measured.tensors)
    if as_json:
        print(json.dumps({"ranges": str(out), "tensors": tensors, "images": len(measured.images)}))
    else:
        print(f"{out}: ranges of {tensors} tensors over {len(measured.images)} pictures")


def _refuse_foreign_file(out: Path) -> None:
    """Ranges may replace earlier ranges, never a file of something else."""
    from facedge.calibration.ranges import read

    if not out.exists():
        return
    try:
        read(out)
    except InputError as error:
        raise InputError(
            f"{out} exists and is not a ranges file; it is left alone: choose another --out"
        ) from error

"""PSNR and SSIM of the shipped weights: ``python -m facedge.training.evaluate --help``."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Annotated

import torch
import typer

from facedge.errors import InputError
from facedge.models import registry, weights

from .command import command
from .data import read_faces
from .quality import evaluate


def main(
    data: Annotated[Path, typer.Option(help="Folder of aligned faces of the output size.")],
    model: Annotated[str, typer.Option(help="Super-resolution model of the registry.")],
    weights_file: Annotated[
        Path | None, typer.Option("--weights", help="Weights; the shipped ones when left out.")
    ] = None,
    threads: Annotated[int, typer.Option(help="CPU threads.")] = 2,
    as_json: Annotated[bool, typer.Option("--json", help="Print JSON.")] = False,
) -> None:
    """Print the mean luma PSNR and SSIM of bicubic and of every step."""
    torch.set_num_threads(threads)
    spec = registry.get(model)
    if spec.task != "super-resolution":
        raise InputError(f"{model} is for {spec.task}; expected a super-resolution model")
    loaded = weights.load(spec, weights_file)
    faces = read_faces(data, spec.output_size)
    found = evaluate(loaded.module, faces, spec.output_size // spec.input_size)
    if as_json:
        typer.echo(json.dumps({"model": model, "weights_sha256": loaded.sha256, **found.record()}))
        return
    typer.echo(f"{model}, weights {loaded.sha256[:12]}, {found.pictures} pictures")
    rows = [("bicubic", found.bicubic)]
    rows += [(f"step {index}", quality) for index, quality in enumerate(found.steps, 1)]
    for name, quality in rows:
        typer.echo(f"{name:8} {quality.psnr_y:6.2f} dB  {quality.ssim_y:.4f}")
    typer.echo(f"gain     {found.gain:+6.2f} dB")


if __name__ == "__main__":
    command(main)

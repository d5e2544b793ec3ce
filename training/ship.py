"""From a checkpoint to the weights that ship: ``python -m facedge.training.ship --help``."""

from __future__ import annotations

import copy
import math
from pathlib import Path
from typing import Annotated

import numpy as np
import torch
import typer
from torch import nn

from facedge.errors import InputError
from facedge.models import registry, weights

from . import checkpoint as checkpoints
from .command import command
from .data import Faces, read_faces
from .degrade import down
from .student import MODELS, model_name

LICENCE = "research use only: trained partly on non-commercial face data"
LOSSLESS_DB = 60.0


def half_precision_db(model: nn.Module, half: nn.Module, faces: Faces, scale: int) -> float:
    """Smallest PSNR, over pictures, of the last step with FP16-stored against FP32 weights.

    Both compute in float32; the pictures are compared as floats with peak 1, not rounded.
    """
    worst = math.inf
    for start in range(0, len(faces), 32):
        pixels = torch.from_numpy(faces.pixels[start : start + 32])
        small = down(pixels.permute(0, 3, 1, 2).float() / 255, scale)
        with torch.no_grad():
            pair = [network(small).steps[-1].numpy() for network in (model, half)]
        for a, b in zip(*pair, strict=True):
            mse = float(np.mean((a.astype(np.float64) - b) ** 2))
            worst = min(worst, math.inf if mse == 0 else -10 * math.log10(mse))
    return worst


def main(
    checkpoint: Annotated[Path, typer.Option(help="Checkpoint of facedge.training.student.")],
    scale: Annotated[int, typer.Option(help="8 (16 -> 128) or 4 (32 -> 128).")],
    data: Annotated[Path, typer.Option(help="Faces on which FP16 storage is compared with FP32.")],
    summary: Annotated[str, typer.Option(help="What it was trained on, for the metadata.")],
    out: Annotated[Path, typer.Option(help="The .safetensors file to write.")],
    licence: Annotated[str, typer.Option(help="Terms of the weights.")] = LICENCE,
) -> None:
    """Write a checkpoint's averaged weights, in FP16 where that is loss-free to 60 dB."""
    if scale not in MODELS:
        raise InputError(f"--scale is {scale}; fsr-student has {' and '.join(map(str, MODELS))}")
    saved = checkpoints.read(checkpoint, model_name(scale))
    spec = registry.get(MODELS[scale])
    model = spec.build().eval()
    model.load_state_dict(saved.average)
    rounded = copy.deepcopy(model).half().float()
    compared = half_precision_db(model, rounded, read_faces(data), scale)
    lossless = compared >= LOSSLESS_DB
    weights.save(
        model,
        out,
        {
            "model": spec.name,
            "source": "trained",
            "licence": licence,
            "seed": str(saved.seed),
            "iterations": str(saved.iteration),
            "training_minutes": f"{saved.seconds / 60:.1f}",
            "data": summary,
        },
        torch.float16 if lossless else None,
    )
    typer.echo(
        f"{out}: {spec.name} after {saved.iteration} iterations, stored in "
        f"{'FP16' if lossless else 'FP32'} (FP16 against FP32: {compared:.1f} dB at worst)"
    )


if __name__ == "__main__":
    command(main)

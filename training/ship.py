"""From a checkpoint to the weights that ship: ``python -m facedge.training.ship --help``."""

from __future__ import annotations

import copy
import math
from pathlib import Path
from typing import Annotated, NamedTuple

import numpy as np
import torch
import typer
from numpy.typing import NDArray
from torch import nn

from facedge.errors import InputError
from facedge.models import registry, weights
from facedge.models.contract import ModelSpec

from . import checkpoint as checkpoints
from .au_crop import au_crop
from .command import command
from .data import read_faces
from .degrade import bicubic
from .networks import NETWORK
from .quality import to_float

LICENCE = "research use only: trained partly on non-commercial face data"
LOSSLESS_DB = 60.0


class Storage(NamedTuple):
    """A way to store weights: its name, and the arguments of ``weights.save``."""

    name: str
    dtype: torch.dtype | None
    vectors: bool


STORAGES = (
    Storage("FP16", torch.float16, True),
    Storage("FP16, vectors in FP32", torch.float16, False),
    Storage("FP32", None, True),
)
"""From the smallest to the one that loses nothing."""


def stored_as(model: nn.Module, storage: Storage) -> nn.Module:
    """A network with the weights that come back from a file."""
    again = copy.deepcopy(model)
    for value in again.state_dict().values():
        if storage.dtype and value.is_floating_point() and (storage.vectors or value.dim() > 1):
            value.copy_(value.to(storage.dtype))
    return again


def result(model: nn.Module, spec: ModelSpec, pixels: NDArray[np.uint8]) -> NDArray[np.float64]:
    """What a network makes of aligned faces, on a scale of 0 to 1.

    Args:
        model: network of ``spec``.
        spec: row of the registry.
        pixels: uint8 RGB [N, 128, 128, 3].

    Returns:
        float64 [N, ...]: the last step's picture, or AU probabilities.
    """
    with torch.no_grad():
        if spec.task == "super-resolution":
            found = model(bicubic(to_float(pixels), spec.input_size)).steps[-1]
        else:
            found = model(to_float(au_crop(pixels))).probabilities
    return np.asarray(found.double().numpy())


def half_precision_db(
    model: nn.Module, half: nn.Module, spec: ModelSpec, pixels: NDArray[np.uint8], batch: int = 32
) -> float:
    """Smallest PSNR, over faces, of results with FP16-stored against FP32 weights.

    Both compute in float32; results are compared as they are, with peak 1, not rounded.
    """
    worst = math.inf
    for start in range(0, len(pixels), batch):
        some = pixels[start : start + batch]
        for a, b in zip(result(model, spec, some), result(half, spec, some), strict=True):
            mse = float(np.mean((a - b) ** 2))
            worst = min(worst, math.inf if mse == 0 else -10 * math.log10(mse))
    return worst


def main(
    checkpoint: Annotated[Path, typer.Option(help="Checkpoint of a recipe.")],
    model: Annotated[str, typer.Option(help="Model of the registry.")],
    data: Annotated[Path, typer.Option(help="Faces on which FP16 storage is compared with FP32.")],
    summary: Annotated[str, typer.Option(help="What it was trained on, for the metadata.")],
    out: Annotated[Path, typer.Option(help="The .safetensors file to write.")],
    licence: Annotated[str, typer.Option(help="Terms of the weights.")] = LICENCE,
) -> None:
    """Write a checkpoint's averaged weights, in FP16 as far as that is loss-free to 60 dB."""
    spec = registry.get(model)
    saved = checkpoints.read(checkpoint, model)
    network = spec.build().eval()
    own = {k.removeprefix(NETWORK): v for k, v in saved.average.items() if k.startswith(NETWORK)}
    try:
        network.load_state_dict(own)
    except RuntimeError as error:
        raise InputError(
            f"{checkpoint} was trained with another shape of {model}; expected the registry's"
        ) from error
    pixels = read_faces(data).pixels
    for storage in STORAGES:
        compared = half_precision_db(network, stored_as(network, storage), spec, pixels)
        if compared >= LOSSLESS_DB:
            break
    weights.save(
        network,
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
        storage.dtype,
        vectors=storage.vectors,
    )
    typer.echo(
        f"{out}: {spec.name} after {saved.iteration} iterations, stored in "
        f"{storage.name} ({compared:.1f} dB against FP32 at worst)"
    )


if __name__ == "__main__":
    command(main)

"""Training checkpoints: everything needed to go on as if never interrupted, written atomically."""

from __future__ import annotations

import io
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import torch
from torch import Tensor

from facedge.errors import InputError
from facedge.files import write_file

KIND = "facedge training checkpoint"


@dataclass(frozen=True)
class Checkpoint:
    """State of a training run between two iterations.

    Attributes:
        model: which network, such as ``fsr-student scale 8``; resuming checks it.
        iteration: iterations done.
        seconds: training time so far.
        weights: state dict being trained.
        average: state dict of the exponential moving average, what is evaluated and shipped.
        averaged: updates the average has seen.
        optimiser: the optimiser's state dict.
        seed: seed of weights, order and augmentation.
    """

    model: str
    iteration: int
    seconds: float
    weights: dict[str, Tensor]
    average: dict[str, Tensor]
    averaged: int
    optimiser: dict[str, Any]
    seed: int


def write(checkpoint: Checkpoint, path: Path) -> None:
    """Replace ``path`` with the checkpoint; a crash leaves the old file or the new one.

    Raises:
        InputError: the disk is full or the folder cannot be written.
    """
    stream = io.BytesIO()
    torch.save({"kind": KIND, **vars(checkpoint)}, stream)
    write_file(path, stream.getvalue())


def read(path: Path, model: str | None = None) -> Checkpoint:
    """Read a checkpoint; where ``model`` is given, it must be one of that network.

    Raises:
        InputError: the file is missing, is not a checkpoint, or is one of another network.
    """
    try:
        content = torch.load(path, map_location="cpu", weights_only=True)
    except FileNotFoundError as error:
        raise InputError(f"{path} does not exist; expected a training checkpoint") from error
    except Exception as error:  # torch.load raises many types on foreign bytes
        raise InputError(f"{path} is not a training checkpoint; remove it to start anew") from error
    if not isinstance(content, dict) or content.pop("kind", None) != KIND:
        raise InputError(f"{path} is not a training checkpoint; remove it to start anew")
    try:
        checkpoint = Checkpoint(**content)
    except TypeError as error:
        raise InputError(
            f"{path} was written by another version of this recipe; remove it to start anew"
        ) from error
    if model is not None and checkpoint.model != model:
        raise InputError(
            f"{path} is a checkpoint of {checkpoint.model}; expected {model}: "
            "choose another --out, or pass it as --init to start from its weights"
        )
    return checkpoint

"""Reads action units on restored faces, as ``facedge eval`` does."""

from __future__ import annotations

from typing import Any

import numpy as np
import torch
from numpy.typing import NDArray

from facedge.models import registry, weights
from facedge.models.contract import ModelSpec
from facedge.training.au_agreement import read_units
from facedge.training.au_crop import FACE, au_crop

from .judge import Reader

AU_MODEL = "au-gcn-edge"


def au_reader(spec: ModelSpec, threads: int) -> Reader | None:
    """The shipped ``au-gcn-edge`` for models whose pictures are aligned faces of 128 pixels.

    Args:
        spec: the super-resolution model.
        threads: torch's threads; 0 leaves them as they are.
    """
    if spec.output_size != FACE:
        return None
    if threads:
        torch.set_num_threads(threads)
    network: Any = weights.load(registry.get(AU_MODEL)).module

    def read(restored: NDArray[np.uint8]) -> NDArray[np.float32]:
        return read_units(network, au_crop(restored)).probabilities

    return read

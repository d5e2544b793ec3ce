"""Whether a restored face shows the action units of the true one.

A metric of "Face Super-Resolution with Progressive Embedding of Multi-scale Face Priors"
(arXiv 2210.06002): a detector reads both pictures and its findings are compared. No label is
needed; what the detector misses on the true face it may miss on the restored one too.
"""

from __future__ import annotations

import math
from dataclasses import dataclass

import numpy as np
import torch
from numpy.typing import NDArray
from torch import nn

from facedge.errors import InputError
from facedge.progress import Advance

from .au_metric import THRESHOLD
from .au_metric import measure as score

OFTEN = 5
"""An AU seen in fewer true faces than this has no F1: one decision would move it too far."""


@dataclass(frozen=True, eq=False)
class Reading:
    """What an action-unit network finds in N faces.

    Attributes:
        probabilities: float32 [N, 12].
        landmarks: float32 [N, 49, 2], x and y in pixels of the crop.
    """

    probabilities: NDArray[np.float32]
    landmarks: NDArray[np.float32]


@dataclass(frozen=True)
class Agreement:
    """How alike the readings of restored and true faces are.

    Attributes:
        equal: share of equal decisions, over faces x AUs, 0..1.
        difference: mean absolute difference of the probabilities.
        f1: F1 of the decisions on the restored faces with those on the true ones as truth, mean
            over ``units`` AUs; NaN where there are none.
        units: AUs that occur in at least ``OFTEN`` true faces.
    """

    equal: float
    difference: float
    f1: float
    units: int


def read_units(
    network: nn.Module,
    crops: NDArray[np.uint8],
    batch: int = 32,
    advance: Advance | None = None,
) -> Reading:
    """Run an action-unit network in float32.

    Args:
        network: its result is ``ActionUnits``.
        crops: uint8 RGB [N, 176, 176, 3], N at least 1.
        batch: pictures per call.
        advance: told of progress, in pictures.
    """
    training = network.training
    network.eval()
    device = next((p.device for p in network.parameters()), torch.device("cpu"))
    probabilities, landmarks = [], []
    try:
        for start in range(0, len(crops), batch):
            pixels = torch.from_numpy(crops[start : start + batch]).permute(0, 3, 1, 2)
            with torch.no_grad():
                found = network(pixels.float().to(device) / 255)
            probabilities.append(found.probabilities.float().cpu().numpy())
            landmarks.append(found.landmarks.float().cpu().numpy())
            if advance:
                advance(min(start + batch, len(crops)), len(crops))
    finally:
        network.train(training)
    return Reading(np.concatenate(probabilities), np.concatenate(landmarks))


def agreement(restored: NDArray[np.floating], truth: NDArray[np.floating]) -> Agreement:
    """Compare probabilities; an AU is present where its probability is above 0.5.

    Args:
        restored: float [N, 12], read from the restored faces.
        truth: float [N, 12], read from the true ones.

    Raises:
        InputError: the shapes differ or are empty.
    """
    if restored.shape != truth.shape or not truth.size:
        raise InputError(
            f"readings of one shape [N, 12] were expected, not empty; "
            f"found {list(restored.shape)} and {list(truth.shape)}"
        )
    present = truth > THRESHOLD
    often = present.sum(0) >= OFTEN
    labels = np.where(often, present, -1).astype(np.int8)
    return Agreement(
        equal=float(((restored > THRESHOLD) == present).mean()),
        difference=float(np.abs(restored.astype(np.float64) - truth).mean()),
        f1=score(restored, labels).mean_f1 if often.any() else math.nan,
        units=int(often.sum()),
    )

"""How well an action-unit network reads labelled faces: F1, accuracy, ABAW2's score, landmarks."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray
from torch import nn

from facedge.progress import Advance

from .action_units import predict
from .au_agreement import read_units
from .au_baselines import Baselines
from .au_crop import expression_points
from .au_metric import AuScore, measure
from .au_twins import GRAPH, TITLES
from .expressions import LabelledFaces
from .landmark_error import error_percent

LINEAR = "linear on landmarks"


@dataclass(frozen=True)
class ActionUnitQuality:
    """Figures of an action-unit network.

    Attributes:
        pictures: how many were read.
        score: F1 of each AU, mean F1, accuracy and ABAW2's score.
        nme_percent: mean error of the 49 landmarks over the distance of the outer eye corners,
            None where no landmarks were given.
    """

    pictures: int
    score: AuScore
    nme_percent: float | None

    def record(self) -> dict[str, object]:
        """Plain data for JSON."""
        return {
            "pictures": self.pictures,
            **self.score.record(),
            "nme_percent": self.nme_percent,
        }


def evaluate_action_units(
    model: nn.Module,
    pixels: NDArray[np.uint8],
    labels: NDArray[np.int8],
    points49: NDArray[np.float32] | None = None,
    batch: int = 32,
    advance: Advance | None = None,
) -> ActionUnitQuality:
    """Read faces and compare with their labels and landmarks.

    Args:
        model: an action-unit network.
        pixels: uint8 RGB [N, 176, 176, 3].
        labels: int8 [N, 12]: 1 present, 0 absent, -1 not known, which does not count.
        points49: true landmarks float32 [N, 49, 2] in pixels of the crop, or None.
        batch: pictures per call.
        advance: told of progress, in pictures.

    Raises:
        InputError: labels or landmarks do not fit the pictures, or nothing is labelled.
    """
    found = read_units(model, pixels, batch, advance)
    return ActionUnitQuality(
        len(pixels),
        measure(found.probabilities, labels),
        None if points49 is None else error_percent(found.landmarks, points49),
    )


def evaluate_beside(
    baselines: Baselines, faces: LabelledFaces, advance: Advance | None = None
) -> tuple[ActionUnitQuality, dict[str, AuScore]]:
    """Read faces once and decide with the graph and without it.

    Args:
        baselines: the network, and what it has to be better than.
        faces: expressions.
        advance: told of progress, in pictures.

    Returns:
        Figures of the network; by heading, the scores of the baselines.

    Raises:
        InputError: nothing is labelled.
    """
    found = predict(baselines.compared, faces, advance=advance)
    scores = {name: measure(each, faces.labels) for name, each in found.probabilities.items()}
    own = ActionUnitQuality(
        len(faces), scores.pop(GRAPH), error_percent(found.landmarks, found.truth)
    )
    linear = baselines.linear.probabilities(expression_points(faces.points))
    twins = {TITLES[name]: score for name, score in scores.items()}
    return own, {LINEAR: measure(linear, faces.labels), **twins}

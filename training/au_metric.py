"""The metric of ABAW2's action-unit challenge (Kollias et al., arXiv 2106.15318).

Half the mean F1 of the twelve AUs and half the accuracy. Accuracy is element-wise, over frames x
AUs: the evaluation code that challenge entries published flattens both tables, and no other
reading gives scores such as the 0.674 of arXiv 2107.04389.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np
from numpy.typing import NDArray

from facedge.errors import InputError
from facedge.runtime.action_units import ACTION_UNITS

THRESHOLD = 0.5


@dataclass(frozen=True)
class AuScore:
    """Agreement of predictions with labels.

    Attributes:
        entries: labelled entries of the table of frames x AUs; the others do not count.
        positives: frames in which each AU is labelled active: what its F1 rests on.
        f1: F1 of each AU, in the order of ``ACTION_UNITS``; None where an AU is never labelled.
        mean_f1: mean over the AUs that are labelled.
        accuracy: share of the labelled entries whose prediction is right.
        without_positives: AUs that are labelled but active in no label and no prediction. Their
            F1 is 0/0; it counts as 0, as in the challenge's code (scikit-learn's default).
    """

    entries: int
    positives: tuple[int, ...]
    f1: tuple[float | None, ...]
    mean_f1: float
    accuracy: float
    without_positives: tuple[int, ...]

    @property
    def score(self) -> float:
        """The challenge's score, 0.5 F1 + 0.5 accuracy."""
        return 0.5 * self.mean_f1 + 0.5 * self.accuracy

    def record(self) -> dict[str, object]:
        """Plain data for JSON."""
        return {
            "entries": self.entries,
            "f1": _by_unit(self.f1),
            "positives": _by_unit(self.positives),
            "mean_f1": self.mean_f1,
            "accuracy": self.accuracy,
            "score": self.score,
            "without_positives": list(self.without_positives),
        }


def _by_unit(values: Sequence[float | None]) -> dict[str, float | None]:
    return {f"AU{unit}": value for unit, value in zip(ACTION_UNITS, values, strict=True)}


def measure(
    probabilities: NDArray[np.floating[Any]],
    labels: NDArray[np.integer[Any]],
    threshold: float = THRESHOLD,
) -> AuScore:
    """Score predictions.

    Args:
        probabilities: float [N, 12] in [0, 1], columns in the order of ``ACTION_UNITS``.
        labels: int [N, 12]: 1 active, 0 not, -1 not labelled.
        threshold: an AU is predicted where its probability is above this.

    Raises:
        InputError: shapes or values differ from these, or nothing is labelled.
    """
    if probabilities.shape != labels.shape or labels.shape[1:] != (len(ACTION_UNITS),):
        raise InputError(
            f"probabilities are {list(probabilities.shape)} and labels {list(labels.shape)}; "
            f"expected [N, {len(ACTION_UNITS)}] twice"
        )
    if not np.isin(labels, (-1, 0, 1)).all():
        raise InputError("labels hold other values than 1, 0 and -1")
    known = labels >= 0
    if not known.any():
        raise InputError("no entry is labelled; expected at least one label of 0 or 1")
    measured = probabilities[known]
    if not ((measured >= 0) & (measured <= 1)).all():
        raise InputError("probabilities lie outside 0 to 1 or are not numbers; pass no logits")
    predicted, truth = (probabilities > threshold) & known, labels == 1
    hits = (predicted & truth).sum(0)
    positives = predicted.sum(0) + truth.sum(0)
    f1 = 2 * hits / np.maximum(positives, 1)
    labelled = np.asarray(known.any(0))
    return AuScore(
        entries=int(known.sum()),
        positives=tuple(int(count) for count in truth.sum(0)),
        f1=tuple(float(f1[i]) if labelled[i] else None for i in range(len(ACTION_UNITS))),
        mean_f1=float(f1[labelled].mean()),
        accuracy=float((predicted == truth)[known].mean()),
        without_positives=tuple(
            unit
            for unit, seen, count in zip(ACTION_UNITS, labelled, positives, strict=True)
            if seen and count == 0
        ),
    )

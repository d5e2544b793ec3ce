"""Weak action-unit labels: what an emotion implies, corrected by what the landmarks show.

Emotions imply action units through the EMFACS prototypes (Ekman and Friesen); lips apart and jaw
drop (AU 25, 26) are read from the opening of the mouth alone. Where the shape of the face
contradicts the prototype, or lies between two thresholds, the label is missing. Thresholds are
ours, chosen on the training faces.
"""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np
from numpy.typing import NDArray

from facedge.errors import InputError
from facedge.models.contract import ACTION_UNITS

EMOTIONS = {
    "happiness": (6, 12, 25),
    "sadness": (1, 4, 15),
    "surprise": (1, 2, 25, 26),
    "anger": (4, 7, 23, 24),
    "disgust": (4, 7, 10, 15),
    "fear": (1, 2, 4, 7, 25, 26),
    "contempt": (12,),
    "neutral": (),
}
"""Emotion -> the action units of its prototype, among the twelve of ABAW2."""

UNKNOWN = "unknown"
"""Emotion of a face whose emotion is not labelled: only AU 25 and 26 can be told."""

LIPS_APART = (0.035, 0.06)
"""Opening of the inner lips, over the distance of the outer eye corners: AU 25 is off below the
first and on above the second."""

JAW_DROP = (0.10, 0.16)
"""The same for AU 26."""

SMILING, RAISED = 0.09, 0.29
"""Corners of the mouth above its middle, and brows above the eyes, from where AU 12, and AU 1 and
2, are missing labels where the emotion does not imply them."""


def weak_labels(emotions: Sequence[str], points68: NDArray[np.floating]) -> NDArray[np.int8]:
    """Labels of faces.

    Args:
        emotions: one of :data:`EMOTIONS` or ``unknown`` for each face.
        points68: landmarks [N, 68, 2] of upright faces, in pixels of any scale.

    Returns:
        int8 [N, 12] in the order of ``ACTION_UNITS``: 1 on, 0 off, -1 missing.

    Raises:
        InputError: an emotion has another name, or the counts differ.
    """
    if len(emotions) != len(points68):
        raise InputError(
            f"{len(emotions)} emotions and landmarks of {len(points68)} faces were given; "
            "expected as many"
        )
    labels = np.full((len(emotions), len(ACTION_UNITS)), -1, np.int8)
    for row, emotion in zip(labels, emotions, strict=True):
        if emotion == UNKNOWN:
            continue
        if emotion not in EMOTIONS:
            raise InputError(
                f"an emotion is called {emotion!r}; expected one of {', '.join(EMOTIONS)}"
            )
        row[:] = [unit in EMOTIONS[emotion] for unit in ACTION_UNITS]
    column = {unit: labels[:, index] for index, unit in enumerate(ACTION_UNITS)}
    opening, corners, brows = _shape(points68.astype(np.float64))
    column[25][:] = _between(opening, LIPS_APART)
    column[26][:] = _between(opening, JAW_DROP)
    column[24][(column[24] == 1) & (opening > LIPS_APART[1])] = -1  # pressed lips are closed
    column[12][(column[12] == 0) & (corners > SMILING)] = -1
    for unit in (1, 2):
        column[unit][(column[unit] == 0) & (brows > RAISED)] = -1
    return labels


def _between(measure: NDArray[np.float64], limits: tuple[float, float]) -> NDArray[np.int8]:
    low, high = limits
    return np.where(measure > high, 1, np.where(measure < low, 0, -1)).astype(np.int8)


def _shape(
    p: NDArray[np.float64],
) -> tuple[NDArray[np.float64], NDArray[np.float64], NDArray[np.float64]]:
    """Opening of the inner lips, rise of the mouth's corners, height of the brows: each [N]."""
    eyes = np.linalg.norm(p[:, 36] - p[:, 45], axis=1)
    opening = np.linalg.norm(p[:, 62] - p[:, 66], axis=1)
    corners = p[:, (62, 66), 1].mean(1) - p[:, (48, 54), 1].mean(1)
    brows = p[:, (37, 38, 43, 44), 1].mean(1) - p[:, (18, 19, 24, 25), 1].mean(1)
    return opening / eyes, corners / eyes, brows / eyes

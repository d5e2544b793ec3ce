"""Frames of DISFA, BP4D and Aff-Wild2 as faces to train on: read and aligned when drawn."""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path

import cv2
import numpy as np
from numpy.typing import NDArray

from facedge.errors import InputError

from .au_datasets import AuFrames
from .landmarks import read_landmarks

LEFT_EYE, RIGHT_EYE = slice(36, 42), slice(42, 48)
EYES_OF_CROP = ((53.5, 50.0), (122.5, 50.0))
"""Where the centres of the eyes lie in the 176x176 crop."""


@dataclass(frozen=True, eq=False)
class FrameFaces:
    """Labelled frames with landmarks; pictures stay on the disk.

    Attributes:
        frames: pictures, labels, subjects.
        points: float32 [N, 68, 2] in pixels of each picture.
    """

    frames: AuFrames
    points: NDArray[np.float32]

    def __len__(self) -> int:
        return len(self.frames)

    @property
    def labels(self) -> NDArray[np.int8]:
        """int8 [N, 12]."""
        return self.frames.labels

    @property
    def groups(self) -> tuple[str, ...]:
        """The pattern of a frame's action units: rare ones are drawn more often."""
        return tuple("".join("-01"[value + 1] for value in row) for row in self.labels)

    def picture(self, index: int) -> NDArray[np.uint8]:
        """Read a frame, uint8 RGB [h, w, 3].

        Raises:
            InputError: it is not a readable picture.
        """
        path = self.frames.paths[index]
        bgr = cv2.imread(str(path), cv2.IMREAD_COLOR)
        if bgr is None:
            raise InputError(f"{path} is not a readable picture; remove it and its labels")
        return np.ascontiguousarray(bgr[:, :, ::-1]).astype(np.uint8, copy=False)

    def to_crop(self, index: int) -> NDArray[np.float64]:
        """Similarity that puts the centres of the eyes where the crop has them."""
        points = self.points[index].astype(np.float64)
        return eyes_to_crop(points[LEFT_EYE].mean(0), points[RIGHT_EYE].mean(0))

    def take(self, rows: NDArray[np.intp]) -> FrameFaces:
        """The frames with these numbers."""
        return FrameFaces(self.frames.take(rows), self.points[rows])

    def split(self, fold: int = 0, folds: int = 3, seed: int = 0) -> tuple[FrameFaces, FrameFaces]:
        """Train and held-out frames of a fold that share no subject."""
        kept, held = self.frames.folds(folds, seed)[fold]
        place = {path: row for row, path in enumerate(self.frames.paths)}
        rows = [np.array([place[path] for path in part.paths], np.intp) for part in (kept, held)]
        return self.take(rows[0]), self.take(rows[1])


def eyes_to_crop(left: NDArray[np.float64], right: NDArray[np.float64]) -> NDArray[np.float64]:
    """Similarity from two points to the eyes of the crop.

    Args:
        left: centre of the eye on the picture's left, x and y.
        right: centre of the other.

    Returns:
        float64 [2, 3].
    """
    target = complex(EYES_OF_CROP[1][0] - EYES_OF_CROP[0][0], 0)
    turn = target / complex(*(right - left))
    linear = np.array([[turn.real, -turn.imag], [turn.imag, turn.real]])
    return np.column_stack([linear, np.array(EYES_OF_CROP[0]) - linear @ left])


def with_landmarks(frames: AuFrames, pictures: Path, table: Path) -> FrameFaces:
    """Give frames their landmarks; frames without are left out.

    Args:
        frames: labelled frames.
        pictures: folder from which the table names pictures, such as ``SN001/0001.jpg``.
        table: CSV of :func:`facedge.training.landmarks.read_landmarks`.

    Raises:
        InputError: the table is not what it has to be, or has landmarks of no frame.
    """
    known = read_landmarks(table)
    names = [path.relative_to(pictures).as_posix() for path in frames.paths]
    rows = np.array([row for row, name in enumerate(names) if name in known], np.intp)
    if not len(rows):
        example = names[0] if names else "no frame"
        raise InputError(
            f"{table} has landmarks of none of the {len(names)} labelled frames, such as "
            f"{example}; name pictures as paths from {pictures}"
        )
    return FrameFaces(frames.take(rows), np.stack([known[names[row]] for row in rows]))

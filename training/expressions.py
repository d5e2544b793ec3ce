"""Faces to train action-unit networks on: pictures, landmarks, labels, and their augmentation."""

from __future__ import annotations

import csv
import math
from dataclasses import dataclass
from pathlib import Path
from typing import Protocol

import cv2
import numpy as np
import torch
from numpy.typing import NDArray
from torch import Tensor

from facedge.errors import InputError
from facedge.models.action_unit_maps import POINTS_49
from facedge.models.mean_face import CROP

from .au_crop import EXPRESSION, FACE_TO_CROP
from .data import Faces, read_faces
from .landmarks import MIRRORED, landmarks_of
from .weak_labels import UNKNOWN, weak_labels

LABELS, LANDMARKS = "labels.csv", "landmarks68.csv"


class UnitFaces(Protocol):
    """Faces with landmarks and action-unit labels, in memory or not."""

    @property
    def points(self) -> NDArray[np.float32]:
        """Landmarks [N, 68, 2] in pixels of the pictures."""

    @property
    def labels(self) -> NDArray[np.int8]:
        """int8 [N, 12], 1 on, 0 off, -1 missing."""

    @property
    def groups(self) -> tuple[str, ...]:
        """What faces have in common that are drawn by their number."""

    def __len__(self) -> int: ...

    def picture(self, index: int) -> NDArray[np.uint8]:
        """Picture of a face, uint8 RGB [h, w, 3]."""

    def to_crop(self, index: int) -> NDArray[np.float64]:
        """float64 [2, 3], from the picture's x, y, 1 to those of the 176x176 crop."""


@dataclass(frozen=True)
class LabelledFaces:
    """Aligned faces with landmarks and action-unit labels.

    Attributes:
        names: file names.
        pixels: uint8 RGB [N, size, size, 3].
        points: float32 [N, 68, 2] in pixels of the pictures.
        labels: int8 [N, 12], 1 on, 0 off, -1 missing.
        emotions: name of each face's emotion, ``unknown`` where it has none.
        alignment: float64 [2, 3], from a picture's x, y, 1 to those of the 176x176 crop.
    """

    names: tuple[str, ...]
    pixels: NDArray[np.uint8]
    points: NDArray[np.float32]
    labels: NDArray[np.int8]
    emotions: tuple[str, ...]
    alignment: NDArray[np.float64]

    def __len__(self) -> int:
        return len(self.names)

    @property
    def groups(self) -> tuple[str, ...]:
        """What faces have in common that are drawn by their number: the emotion."""
        return self.emotions

    def picture(self, index: int) -> NDArray[np.uint8]:
        """Picture of a face, uint8 RGB."""
        return np.asarray(self.pixels[index])

    def to_crop(self, index: int) -> NDArray[np.float64]:
        """Where the crop lies in it."""
        return self.alignment


def read_expressions(folder: Path, *splits: str) -> LabelledFaces:
    """Read a folder of 200x200 expressions with ``labels.csv`` and ``landmarks68.csv``.

    Args:
        folder: pictures and the two tables.
        splits: which of the table's splits; all where none is given.

    Raises:
        InputError: a table is missing or not what it has to be, a picture is missing or
            unreadable, or a split is empty.
    """
    path = folder / LABELS
    try:
        with path.open(newline="") as stream:
            rows = list(csv.DictReader(stream))
    except (OSError, UnicodeDecodeError) as error:
        raise InputError(f"{path} is not a readable table of emotions ({error})") from error
    if not rows or not {"file", "emotion", "split"} <= set(rows[0]):
        raise InputError(f"{path} lacks the columns file, emotion, split")
    rows = [row for row in rows if not splits or row["split"] in splits]
    if not rows:
        raise InputError(f"{path} has no picture of the split {' or '.join(splits)}")
    names = tuple(row["file"] for row in rows)
    emotions = tuple(row["emotion"] for row in rows)
    pixels = np.empty((len(rows), EXPRESSION, EXPRESSION, 3), np.uint8)
    for row, name in zip(pixels, names, strict=True):
        bgr = cv2.imread(str(folder / name), cv2.IMREAD_COLOR)
        if bgr is None or bgr.shape != row.shape:
            found = "unreadable" if bgr is None else f"{bgr.shape[1]}x{bgr.shape[0]}"
            raise InputError(
                f"{folder / name} is {found}; {path} names it, and a picture of "
                f"{EXPRESSION}x{EXPRESSION} was expected"
            )
        row[:] = bgr[:, :, ::-1]
    points = landmarks_of(names, folder / LANDMARKS)
    offset = (EXPRESSION - CROP) // 2
    to_crop = np.array([[1.0, 0, -offset], [0, 1.0, -offset]])
    return LabelledFaces(names, pixels, points, weak_labels(emotions, points), emotions, to_crop)


def read_unlabelled(folder: Path, landmarks: Path) -> LabelledFaces:
    """Read aligned 128x128 faces with landmarks, whose mouths alone give labels.

    Args:
        folder: pictures.
        landmarks: CSV that names them as ``<folder's name>/<file>``.

    Raises:
        InputError: a picture or its landmarks are missing or not what they have to be.
    """
    faces: Faces = read_faces(folder)
    points = landmarks_of(faces.names, landmarks, folder.name)
    emotions = (UNKNOWN,) * len(faces)
    labels = weak_labels(emotions, points)
    return LabelledFaces(faces.names, faces.pixels, points, labels, emotions, FACE_TO_CROP)


def draw_weights(faces: UnitFaces) -> NDArray[np.float64]:
    """How often each face is drawn: by the inverse root of its group's count, sum 1."""
    _, which, counts = np.unique(faces.groups, return_inverse=True, return_counts=True)
    weights = 1 / np.sqrt(counts.astype(np.float64))
    drawn = weights[which]
    return np.asarray(drawn / drawn.sum(), np.float64)


def crop(
    faces: UnitFaces, index: int, rng: np.random.Generator | None = None
) -> tuple[NDArray[np.uint8], NDArray[np.float32]]:
    """The 176x176 crop of one face, as it is or varied at random.

    Varied: turned by up to 10 degrees, zoomed by 10 %, moved by 8 pixels, mirrored, blurred,
    brightened, tinted.

    Args:
        faces: where from.
        index: row.
        rng: source of the variation; None for none.

    Returns:
        uint8 RGB [176, 176, 3] and landmarks float32 [49, 2] in its pixels.
    """
    matrix = faces.to_crop(index)
    if rng is not None:
        centre = (CROP - 1) / 2
        angle, zoom = rng.uniform(-10, 10), rng.uniform(0.9, 1.1)
        turn = np.asarray(cv2.getRotationMatrix2D((centre, centre), angle, zoom), np.float64)
        turn[:, 2] += rng.uniform(-8, 8, 2)
        if rng.random() < 0.5:
            turn[0] *= -1
            turn[0, 2] += CROP - 1
        matrix = turn @ np.vstack([matrix, [0, 0, 1]])
    picture = cv2.warpAffine(
        faces.picture(index),
        matrix,
        (CROP, CROP),
        flags=cv2.INTER_LINEAR,
        borderMode=cv2.BORDER_REPLICATE,
    )
    points = faces.points[index] @ matrix[:, :2].T + matrix[:, 2]
    if np.linalg.det(matrix[:, :2]) < 0:
        points = points[MIRRORED]
    if rng is not None:
        picture = _varied(np.asarray(picture, np.uint8), rng)
    return np.asarray(picture, np.uint8), points[list(POINTS_49)].astype(np.float32)


_SIDES = math.log(16), math.log(128)
"""Sides that a blurred face was made small to, all factors alike."""


def _varied(picture: NDArray[np.uint8], rng: np.random.Generator) -> NDArray[np.uint8]:
    """Blur (as super-resolved or distant faces), gain, offset, tint."""
    values = picture.astype(np.float32)
    if rng.random() < 0.4:
        side = round(math.exp(rng.uniform(*_SIDES)))
        small = cv2.resize(values, (side, side), interpolation=cv2.INTER_AREA)
        values = np.asarray(cv2.resize(small, (CROP, CROP), interpolation=cv2.INTER_CUBIC))
    gain, offset = rng.uniform(0.75, 1.25), rng.uniform(-20, 20)
    tint = rng.uniform(0.9, 1.1, 3) if rng.random() < 0.5 else np.ones(3)
    values = (values - 128) * gain + 128 + offset
    return np.clip(values * tint + 0.5, 0, 255).astype(np.uint8)


def to_tensor(pictures: NDArray[np.uint8]) -> Tensor:
    """uint8 [N, h, w, 3] -> float32 [N, 3, h, w] in [0, 1]."""
    return torch.from_numpy(pictures).permute(0, 3, 1, 2).float() / 255

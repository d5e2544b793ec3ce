"""Small folders to train on: crops of photographs, with made-up landmarks and labels."""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path

import cv2
import numpy as np
from skimage import data

from facedge.models.action_unit_maps import POINTS_49
from facedge.models.mean_face import CROP, mean_face
from facedge.training.au_crop import FACE_TO_CROP

Pixels = np.ndarray


def crops(count: int, seed: int = 0, side: int = 128) -> Pixels:
    """Random square crops of two photographs: uint8 RGB [count, side, side, 3]."""
    rng = np.random.default_rng(seed)
    photos = (data.astronaut(), data.chelsea())
    found = []
    for index in range(count):
        photo = photos[index % len(photos)]
        top, left = (int(rng.integers(0, length - side)) for length in photo.shape[:2])
        found.append(photo[top : top + side, left : left + side])
    return np.stack(found)


def mean_points() -> np.ndarray:
    """The mean face's 68 landmarks in pixels of the 176x176 crop: float32 [68, 2].

    Jaw and inner corners of the mouth, which the mean face lacks, are on a half ellipse and on
    the line between the mouth's corners.
    """
    angles = np.linspace(np.pi, 0, 17)
    points = np.zeros((68, 2))
    points[:17] = np.stack([88 + 80 * np.cos(angles), 55 + 115 * np.sin(angles)], 1)
    points[list(POINTS_49)] = mean_face().numpy()
    points[60], points[64] = points[48] + (8, 0), points[54] - (8, 0)
    return points.astype(np.float32)


def face_points() -> np.ndarray:
    """The same in pixels of an aligned 128x128 face: float32 [68, 2]."""
    moved = (mean_points() - FACE_TO_CROP[:, 2]) / FACE_TO_CROP[0, 0]
    return moved.astype(np.float32)


def expression_points() -> np.ndarray:
    """The same in pixels of an aligned 200x200 expression: float32 [68, 2]."""
    return mean_points() + (200 - CROP) // 2


def write_pictures(folder: Path, pixels: Pixels, names: Sequence[str] = ()) -> list[str]:
    """PNG files, named by their number or as told; the names."""
    folder.mkdir(parents=True, exist_ok=True)
    names = list(names) or [f"{index:02}.png" for index in range(len(pixels))]
    for name, picture in zip(names, pixels, strict=True):
        assert cv2.imwrite(str(folder / name), picture[:, :, ::-1])
    return names


def write_landmarks(path: Path, names: Sequence[str], points: np.ndarray) -> None:
    """A table of 68 points for each name; points float [N, 68, 2]."""
    header = ["file", *(f"{axis}{i}" for i in range(68) for axis in "xy")]
    lines = [
        ",".join([name, *(f"{value:.3f}" for value in row.reshape(-1))])
        for name, row in zip(names, points, strict=True)
    ]
    path.write_text("\n".join([",".join(header), *lines]) + "\n")


def write_expressions(
    folder: Path, emotions: Sequence[str], splits: Sequence[str], seed: int = 0
) -> None:
    """200x200 crops with ``labels.csv`` and ``landmarks68.csv``; landmarks vary by 2 pixels."""
    names = write_pictures(folder, crops(len(emotions), seed, 200))
    rows = zip(names, emotions, splits, strict=True)
    lines = ["file,emotion,split", *(",".join(row) for row in rows)]
    (folder / "labels.csv").write_text("\n".join(lines) + "\n")
    spread = np.random.default_rng(seed).normal(0, 2, (len(names), 68, 2))
    write_landmarks(folder / "landmarks68.csv", names, expression_points() + spread)


def with_dot(side: int, x: float, y: float) -> Pixels:
    """A black picture with a round white dot: uint8 [side, side, 3]."""
    rows, columns = np.mgrid[:side, :side]
    level = 255 * np.exp(-((rows - y) ** 2 + (columns - x) ** 2) / (2 * 3.0**2))
    return np.repeat(np.round(level).astype(np.uint8)[..., None], 3, 2)


def dot_in(picture: np.ndarray) -> np.ndarray:
    """Centre of mass of a picture's light above its darkest: [h, w] -> x, y.

    What is fainter than a tenth of the brightest is left out, so that a background that was
    lightened, or ringing of the interpolation, does not count.
    """
    light = picture.astype(np.float64)
    light = light - np.median(light)
    light[light < 0.1 * light.max()] = 0
    rows, columns = np.mgrid[: light.shape[0], : light.shape[1]]
    return np.array([(light * columns).sum(), (light * rows).sum()]) / light.sum()

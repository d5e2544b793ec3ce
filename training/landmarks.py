"""Landmark files: 68 points of each picture, in the iBUG order."""

from __future__ import annotations

import csv
from collections.abc import Sequence
from pathlib import Path

import numpy as np
from numpy.typing import NDArray

from facedge.errors import InputError

POINTS = 68
# fmt: off
_MIRRORED = (
    16, 15, 14, 13, 12, 11, 10, 9, 8, 7, 6, 5, 4, 3, 2, 1, 0,  # jaw
    26, 25, 24, 23, 22, 21, 20, 19, 18, 17,  # brows
    27, 28, 29, 30, 35, 34, 33, 32, 31,  # nose
    45, 44, 43, 42, 47, 46, 39, 38, 37, 36, 41, 40,  # eyes
    54, 53, 52, 51, 50, 49, 48, 59, 58, 57, 56, 55,  # outer mouth
    64, 63, 62, 61, 60, 67, 66, 65,  # inner mouth
)
# fmt: on
MIRRORED: NDArray[np.int64] = np.array(_MIRRORED)
"""Which point each becomes in a mirrored face: point i lies where MIRRORED[i] lay."""


def read_landmarks(path: Path) -> dict[str, NDArray[np.float32]]:
    """Read a CSV of ``file, x0, y0, ..., x67, y67``.

    Returns:
        File name as written -> float32 [68, 2], x and y in pixels of that picture.

    Raises:
        InputError: no such file, another header, or a row that is not 68 pairs of numbers.
    """
    header = ["file", *(f"{axis}{i}" for i in range(POINTS) for axis in "xy")]
    found: dict[str, NDArray[np.float32]] = {}
    try:
        with path.open(newline="") as stream:
            rows = csv.reader(stream)
            if next(rows, None) != header:
                raise InputError(
                    f"{path} does not begin with the columns file, x0, y0, ..., x67, y67; "
                    "expected landmarks in the 68-point order"
                )
            for row in rows:
                found[row[0]] = _points(row, path, rows.line_num)
    except (OSError, UnicodeDecodeError) as error:
        raise InputError(f"{path} is not a readable landmark file ({error})") from error
    return found


def _points(row: Sequence[str], path: Path, line: int) -> NDArray[np.float32]:
    try:
        values = np.array(row[1:], np.float32)
    except ValueError:
        values = np.empty(0, np.float32)
    if values.size != 2 * POINTS or not np.isfinite(values).all():
        raise InputError(
            f"line {line} of {path} holds no {2 * POINTS} numbers after the file's name; "
            "correct or remove it"
        )
    return values.reshape(POINTS, 2)


def landmarks_of(names: Sequence[str], path: Path, folder: str = "") -> NDArray[np.float32]:
    """Landmarks of pictures, in their order.

    Args:
        names: file names of the pictures.
        path: the CSV.
        folder: what the CSV writes before each name, such as ``train``; without it, nothing.

    Returns:
        float32 [N, 68, 2].

    Raises:
        InputError: the file is not what it has to be, or lacks a picture.
    """
    known = read_landmarks(path)
    wanted = [f"{folder}/{name}" if folder else name for name in names]
    if missing := [name for name in wanted if name not in known]:
        raise InputError(
            f"{path} has no landmarks of {missing[0]}"
            + (f" and {len(missing) - 1} more of {len(wanted)}" if len(missing) > 1 else "")
            + "; it must name every picture"
        )
    return np.stack([known[name] for name in wanted])


def move_points(
    points: NDArray[np.float32], matrices: NDArray[np.float64], mirrored: NDArray[np.bool_]
) -> NDArray[np.float32]:
    """Landmarks of pictures after they were moved and mirrored.

    Args:
        points: float32 [N, 68, 2].
        matrices: float64 [N, 2, 3], mirroring included, as in :class:`facedge.training.data.Drawn`.
        mirrored: bool [N].
    """
    moved = np.einsum("nij,npj->npi", matrices[:, :, :2], points) + matrices[:, None, :, 2]
    exchanged = np.where(mirrored[:, None, None], moved[:, MIRRORED], moved)
    return np.asarray(exchanged, np.float32)

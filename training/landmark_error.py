"""Landmarks of faces: found in heatmaps, looked up in a table, and their normalised mean error."""

from __future__ import annotations

import os
from collections.abc import Sequence
from pathlib import Path

import numpy as np
from numpy.typing import NDArray

from facedge.errors import InputError

from .landmarks import landmarks_of

_OUTER_EYE_CORNERS = {68: (36, 45), 49: (19, 28)}
_REACH = 3


def landmarks_of_pictures(table: Path, pictures: Sequence[Path]) -> NDArray[np.float32]:
    """Landmarks of picture files, float32 [N, 68, 2], x and y in pixels, in the pictures' order.

    Args:
        table: CSV of :func:`facedge.training.landmarks.read_landmarks`, in which ``file`` is a
            picture's path from the table's folder, such as ``test/face.jpg``.
        pictures: whose landmarks are wanted.

    Raises:
        InputError: the table is missing, of another form, or lacks a picture.
    """
    folder = table.resolve().parent
    names = [Path(os.path.relpath(picture.resolve(), folder)).as_posix() for picture in pictures]
    return landmarks_of(names, table)


def heatmap_points(heatmaps: NDArray[np.float32], size: int) -> NDArray[np.float32]:
    """Centres of heatmaps in pixels.

    The mean position over the 7x7 cells about the highest one, weighted by height, negative
    ones as 0. On a Gaussian of 1 cell that is right to 0.01 cells, where the soft-argmax of
    :mod:`facedge.models.action_unit_maps`, made for gradients, is drawn 0.2 cells towards the
    highest cell.

    Args:
        heatmaps: float [N, K, g, g].
        size: side of the picture in pixels; cell i has its centre at (i + 1/2) size / g - 1/2.

    Returns:
        float32 [N, K, 2], x and y as pixel indices.
    """
    count, points, grid = heatmaps.shape[:3]
    flat = heatmaps.reshape(count * points, grid * grid).astype(np.float64)
    peak = flat.argmax(1)
    reach = np.arange(-_REACH, _REACH + 1)
    rows = (peak // grid)[:, None, None] + reach[:, None]
    columns = (peak % grid)[:, None, None] + reach
    rows, columns = np.broadcast_arrays(rows, columns)
    inside = (rows >= 0) & (rows < grid) & (columns >= 0) & (columns < grid)
    cells = np.where(inside, rows * grid + columns, 0)
    height = np.take_along_axis(flat, cells.reshape(len(flat), -1), 1).reshape(cells.shape)
    weights = np.where(inside, np.maximum(height, 0), 0)
    weights[:, _REACH, _REACH] += 1e-9  # a map without a peak: its first cell
    total = weights.sum((1, 2))
    x = (weights * columns).sum((1, 2)) / total
    y = (weights * rows).sum((1, 2)) / total
    found = (np.stack([x, y], 1) + 0.5) * (size / grid) - 0.5
    return np.asarray(found.reshape(count, points, 2), np.float32)


def error_percent(points: NDArray[np.floating], truth: NDArray[np.floating]) -> float:
    """Normalised mean error (NME): mean distance over the distance of the outer eye corners.

    Args:
        points: [N, K, 2] in pixels; K is 68, or 49 in the order of ``POINTS_49``.
        truth: [N, K, 2].

    Returns:
        Mean over points, then over pictures, in percent; each picture is normalised by its own
        true eyes.

    Raises:
        InputError: the shapes differ, K is neither, or the true eye corners of a picture
            coincide.
    """
    if points.shape != truth.shape or points.ndim != 3 or points.shape[2] != 2:
        raise InputError(
            f"landmarks of one shape [N, K, 2] were expected; "
            f"found {list(points.shape)} and {list(truth.shape)}"
        )
    if truth.shape[1] not in _OUTER_EYE_CORNERS:
        raise InputError(f"68 or 49 landmarks were expected; found {truth.shape[1]}")
    true = truth.astype(np.float64)
    left, right = _OUTER_EYE_CORNERS[truth.shape[1]]
    eyes = np.linalg.norm(true[:, left] - true[:, right], axis=1)
    if not eyes.all():
        raise InputError("landmarks were given in which both outer eye corners are one point")
    distance = np.linalg.norm(points - true, axis=2).mean(1)
    return float(100 * np.mean(distance / eyes))

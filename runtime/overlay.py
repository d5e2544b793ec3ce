"""Pictures for people: landmarks and action units drawn on a face, and a sheet to compare."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

import cv2
import numpy as np
from numpy.typing import NDArray

from facedge.pictures import Rgb
from facedge.resize import reduce_bicubic

from .action_units import ACTION_UNITS, NAMES

_FACE = 528
_PANEL = 460
_INK, _SOFT, _PAPER, _TRACK = (31, 29, 26), (106, 101, 93), (251, 250, 247), (230, 225, 216)
_ACTIVE, _QUIET, _MARK = (15, 118, 110), (168, 160, 148), (61, 242, 201)
_FONT = cv2.FONT_HERSHEY_SIMPLEX
_GAP, _HEADING, _SHEET_ROWS = 8, 26, 8


@dataclass(frozen=True)
class SheetRow:
    """One face of a sheet: input [h, w, 3], restored [H, W, 3], original [H, W, 3] or None."""

    input: Rgb
    restored: Rgb
    original: Rgb | None


def action_unit_overlay(
    picture: Rgb, landmarks: NDArray[np.floating], probabilities: NDArray[np.floating]
) -> Rgb:
    """A face with its landmarks, beside it a bar per action unit.

    Args:
        picture: model input, uint8 RGB [h, w, 3].
        landmarks: float [49, 2], x and y in pixels of ``picture``.
        probabilities: float [12], in ABAW2's order.

    Returns:
        uint8 RGB [528, 988, 3].
    """
    canvas = np.full((_FACE, _FACE + _PANEL, 3), _PAPER, np.uint8)
    face = np.ascontiguousarray(reduce_bicubic(picture, _FACE))
    zoom = _FACE / picture.shape[0]
    for x, y in (landmarks + 0.5) * zoom:
        if np.isfinite(x) and np.isfinite(y) and abs(x) < 1e4 and abs(y) < 1e4:
            cv2.circle(face, (round(x), round(y)), 4, _INK, -1, cv2.LINE_AA)
            cv2.circle(face, (round(x), round(y)), 3, _MARK, -1, cv2.LINE_AA)
    canvas[:, :_FACE] = face
    line = _FACE / (len(ACTION_UNITS) + 1)
    for row, (unit, value) in enumerate(zip(ACTION_UNITS, probabilities, strict=True)):
        _draw_unit(canvas, unit, float(value), round((row + 1) * line))
    return canvas


def sheet(rows: Sequence[SheetRow]) -> Rgb:
    """Contact sheet: input (nearest) | bicubic | restored | original, one face per row.

    After eight rows it goes on in a second block beside the first. The last column is left out
    when no row has an original.

    Returns:
        uint8 RGB.
    """
    side = rows[0].restored.shape[0]
    titles = ["input", "bicubic", "restored"]
    if any(row.original is not None for row in rows):
        titles.append("original")
    pitch, columns = side + _GAP, len(titles)
    blocks = -(-len(rows) // _SHEET_ROWS)
    height = _HEADING + min(len(rows), _SHEET_ROWS) * pitch
    width = blocks * (columns * pitch + 2 * _GAP) - _GAP
    canvas = np.full((height, width, 3), _PAPER, np.uint8)
    for index, row in enumerate(rows):
        block, line = divmod(index, _SHEET_ROWS)
        left, top = _GAP + block * (columns * pitch + 2 * _GAP), _HEADING + line * pitch
        near = cv2.resize(row.input, (side, side), interpolation=cv2.INTER_NEAREST)
        cells = [near, reduce_bicubic(row.input, side), row.restored, row.original]
        for column, (title, cell) in enumerate(zip(titles, cells, strict=False)):
            x = left + column * pitch
            if cell is not None:
                canvas[top : top + side, x : x + side] = cell
            if line == 0:
                at = (x, _HEADING - 9)
                cv2.putText(canvas, title, at, _FONT, 0.45, _INK, 1, cv2.LINE_AA)
    return canvas


def _draw_unit(canvas: Rgb, unit: int, value: float, y: int) -> None:
    active = value > 0.5
    left, bar, width = _FACE + 22, _FACE + 262, 120
    ink = _INK if active else _SOFT
    cv2.putText(canvas, f"AU{unit}", (left, y + 5), _FONT, 0.5, ink, 1, cv2.LINE_AA)
    cv2.putText(canvas, NAMES[unit], (left + 52, y + 5), _FONT, 0.5, ink, 1, cv2.LINE_AA)
    cv2.rectangle(canvas, (bar, y - 6), (bar + width, y + 6), _TRACK, -1)
    if np.isfinite(value):
        filled = bar + round(width * min(max(value, 0.0), 1.0))
        cv2.rectangle(canvas, (bar, y - 6), (filled, y + 6), _ACTIVE if active else _QUIET, -1)
    cv2.line(canvas, (bar + width // 2, y - 8), (bar + width // 2, y + 8), _INK, 1)
    share = f"{100 * value:.0f}%" if np.isfinite(value) else "?"
    cv2.putText(canvas, share, (bar + width + 14, y + 5), _FONT, 0.5, ink, 1, cv2.LINE_AA)

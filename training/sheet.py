"""Picture sheets: what the network sees and makes, beside bicubic and the truth."""

from __future__ import annotations

from collections.abc import Sequence
from functools import partial
from pathlib import Path

import cv2
import numpy as np
from numpy.typing import NDArray
from torch import nn

from facedge.files import write_file

from .data import Faces
from .degrade import down
from .quality import Degrade, Restored, degraded, restore


def write_sheet(
    model: nn.Module,
    faces: Faces,
    scale: int,
    path: Path,
    rows: int = 8,
    degrade: Degrade | None = None,
) -> None:
    """Write a PNG: one face per row; columns bicubic, step 1..T, truth.

    Args:
        model: a super-resolution network.
        faces: pictures of the network's output size; ``rows`` of them, evenly spread, are shown.
        scale: the network's scale.
        path: the PNG to appear.
        rows: faces to show.
        degrade: makes the network's input; antialiased bicubic when None.
    """
    truth = faces.pixels[_spread(len(faces), rows)]
    small = degraded(truth, degrade or partial(down, scale=scale))
    write_columns([*restore(model, small).pictures, truth], path)


def write_face_sheet(
    restored: Restored, truth: NDArray[np.uint8], path: Path, rows: int = 8
) -> None:
    """The same from pictures that were restored already; truth uint8 [N, H, H, 3]."""
    chosen = _spread(len(truth), rows)
    write_columns([pictures[chosen] for pictures in (*restored.pictures, truth)], path)


def write_real_sheet(restored: Restored, path: Path, rows: int = 8) -> None:
    """Write a PNG of faces without truth: the input enlarged as it is, bicubic, the last step."""
    chosen = _spread(len(restored.small), rows)
    side = restored.bicubic.shape[1]
    cells = np.arange(side) * restored.small.shape[1] // side
    nearest = restored.small[chosen][:, cells][:, :, cells]
    write_columns([nearest, restored.bicubic[chosen], restored.steps[-1][chosen]], path)


def write_columns(columns: Sequence[NDArray[np.uint8]], path: Path) -> None:
    """Write a PNG of pictures side by side, each column uint8 RGB [rows, H, W, 3].

    Raises:
        InputError: the disk refuses.
    """
    lines = [np.hstack(pictures) for pictures in zip(*columns, strict=True)]
    sheet = np.vstack(lines)[:, :, ::-1]
    ok, encoded = cv2.imencode(".png", np.ascontiguousarray(sheet))
    assert ok, "PNG encoding of a uint8 picture cannot fail"
    write_file(path, encoded.tobytes())


def _spread(count: int, rows: int) -> NDArray[np.int64]:
    """Numbers of up to ``rows`` of ``count`` pictures, evenly spread."""
    return np.linspace(0, count - 1, min(rows, count)).astype(np.int64)

"""Picture sheets: what the network sees and makes, beside bicubic and the truth."""

from __future__ import annotations

from pathlib import Path

import cv2
import numpy as np
from torch import nn

from facedge.files import write_file

from .data import Faces
from .quality import restorations


def write_sheet(model: nn.Module, faces: Faces, scale: int, path: Path, rows: int = 8) -> None:
    """Write a PNG: one face per row; columns bicubic, step 1..T, truth.

    Args:
        model: a super-resolution network.
        faces: pictures of the network's output size; ``rows`` of them, evenly spread, are shown.
        scale: the network's scale.
        path: the PNG to appear.
    """
    chosen = np.linspace(0, len(faces) - 1, min(rows, len(faces))).astype(int)
    few = Faces(tuple(faces.names[i] for i in chosen), faces.pixels[chosen])
    lines = []
    for truth, *others in restorations(model, few, scale):
        lines += [np.hstack(pictures) for pictures in zip(*others, truth, strict=True)]
    sheet = np.vstack(lines)[:, :, ::-1]
    ok, encoded = cv2.imencode(".png", np.ascontiguousarray(sheet))
    assert ok, "PNG encoding of a uint8 picture cannot fail"
    write_file(path, encoded.tobytes())

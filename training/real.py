"""Real low-resolution faces: pictures of any size that have no high-resolution truth."""

from __future__ import annotations

from pathlib import Path

import cv2
import numpy as np
import torch

from facedge.errors import InputError

from .data import PICTURES, Faces
from .degrade import bicubic

SLACK = 0.1
"""A picture cut at whole pixels may be this much of its side away from a square."""


def read_real(folder: Path, size: int) -> Faces:
    """Decode a folder of (nearly) square faces and bring each to ``size`` x ``size``.

    Antialiased bicubic (:func:`facedge.training.degrade.bicubic`), smaller or larger.

    Args:
        folder: pictures of any size, square, in the framing of the training faces.
        size: side of the result in pixels.

    Raises:
        InputError: no such folder, no picture in it, or one that is unreadable or not square.
    """
    if not folder.is_dir():
        raise InputError(f"{folder} is not a folder; expected one of low-resolution faces")
    paths = sorted(p for p in folder.iterdir() if p.suffix.lower() in PICTURES)
    if not paths:
        raise InputError(
            f"{folder} holds no picture; expected files ending in {', '.join(PICTURES)}"
        )
    pixels = np.empty((len(paths), size, size, 3), np.uint8)
    for row, path in zip(pixels, paths, strict=True):
        bgr = cv2.imread(str(path), cv2.IMREAD_COLOR)
        if bgr is None:
            raise InputError(f"{path} is not a readable picture; remove or replace it")
        height, width = bgr.shape[:2]
        if abs(height - width) > SLACK * max(height, width):
            raise InputError(f"{path} is {width}x{height}; expected square pictures of faces")
        image = torch.from_numpy(np.ascontiguousarray(bgr[:, :, ::-1])).permute(2, 0, 1)
        resized = bicubic(image[None].float() / 255, size)[0]
        row[:] = torch.round(resized * 255).to(torch.uint8).permute(1, 2, 0).numpy()
    return Faces(tuple(p.name for p in paths), pixels)

"""Low-resolution pictures as the published comparisons make them: antialiased bicubic."""

from __future__ import annotations

import torch
from torch import Tensor
from torch.nn import functional as F


def bicubic(images: Tensor, size: int) -> Tensor:
    """Resample to ``size`` x ``size`` by antialiased bicubic (a = -0.5), as Pillow and MATLAB do.

    Args:
        images: float [N, C, h, w] in [0, 1].

    Returns:
        float [N, C, size, size] in [0, 1], rounded to the 256 levels a uint8 picture has.
    """
    resized = F.interpolate(
        images, size=(size, size), mode="bicubic", antialias=True, align_corners=False
    )
    return torch.round(resized.clamp(0, 1) * 255) / 255


def down(images: Tensor, scale: int) -> Tensor:
    """Low-resolution pair of square pictures: float [N, C, h, h] -> [N, C, h/scale, h/scale]."""
    return bicubic(images, images.shape[-1] // scale)

"""Bicubic pairs against Pillow, whose bicubic the published comparisons share."""

from __future__ import annotations

import numpy as np
import pytest
import torch
from PIL import Image

from facedge.training.degrade import bicubic, down


def pillow(pixels: np.ndarray, size: int) -> np.ndarray:
    pictures = [Image.fromarray(p).resize((size, size), Image.Resampling.BICUBIC) for p in pixels]
    return np.stack([np.asarray(p) for p in pictures]).astype(np.int64)


def ours(pixels: np.ndarray, size: int) -> np.ndarray:
    images = torch.from_numpy(pixels).permute(0, 3, 1, 2).float() / 255
    return np.round((bicubic(images, size) * 255).permute(0, 2, 3, 1).numpy()).astype(np.int64)


@pytest.mark.parametrize("size", [16, 32, 200])
def test_resampling_is_that_of_pillow(pixels: np.ndarray, size: int) -> None:
    # Pillow rounds after each of its two passes: a level may differ by one.
    soft = (40 + pixels.astype(np.float64) * 175 / 255).astype(np.uint8)
    assert np.abs(ours(soft, size) - pillow(soft, size)).max() <= 1
    # It clips after each pass too, which shows only where the first overshoots black or white.
    difference = np.abs(ours(pixels, size) - pillow(pixels, size))
    assert difference.mean() < 0.25
    assert (difference > 1).mean() < 1e-3


def test_values_are_uint8_levels_in_range(pixels: np.ndarray) -> None:
    images = torch.from_numpy(pixels).permute(0, 3, 1, 2).float() / 255
    small = down((images > 0.5).float(), 8)  # hard edges make bicubic overshoot
    assert small.shape == (len(pixels), 3, 16, 16)
    assert torch.equal(small, torch.round(small * 255) / 255)
    assert small.min() == 0
    assert small.max() == 1

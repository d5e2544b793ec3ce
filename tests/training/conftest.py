"""Pictures to train on, cut from scikit-image's, and one-thread arithmetic."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path

import cv2
import numpy as np
import pytest
import torch
from skimage import data

Pixels = np.ndarray


def crops(count: int, seed: int = 0) -> Pixels:
    """Random 128x128 crops of two photographs: uint8 RGB [count, 128, 128, 3]."""
    rng = np.random.default_rng(seed)
    photos = (data.astronaut(), data.chelsea())
    found = []
    for index in range(count):
        photo = photos[index % len(photos)]
        top, left = (int(rng.integers(0, side - 128)) for side in photo.shape[:2])
        found.append(photo[top : top + 128, left : left + 128])
    return np.stack(found)


@pytest.fixture(scope="session")
def pixels() -> Pixels:
    return crops(12)


@pytest.fixture
def folder(tmp_path: Path, pixels: Pixels) -> Path:
    """The same pictures as PNG files, in order."""
    path = tmp_path / "faces"
    path.mkdir()
    for index, picture in enumerate(pixels):
        cv2.imwrite(str(path / f"{index:02}.png"), picture[:, :, ::-1])
    return path


@pytest.fixture(autouse=True)
def one_thread() -> Iterator[None]:
    """Sums in one order, so that equal runs are equal to the bit."""
    before = torch.get_num_threads()
    torch.set_num_threads(1)
    yield
    torch.set_num_threads(before)

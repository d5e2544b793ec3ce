"""Pictures to train on, cut from scikit-image's, and one-thread arithmetic."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path

import pytest
import torch
from training_trees import Pixels, crops, write_pictures


@pytest.fixture(scope="session")
def pixels() -> Pixels:
    return crops(12)


@pytest.fixture
def folder(tmp_path: Path, pixels: Pixels) -> Path:
    """The same pictures as PNG files, in order."""
    path = tmp_path / "faces"
    write_pictures(path, pixels)
    return path


@pytest.fixture(autouse=True)
def one_thread() -> Iterator[None]:
    """Sums in one order, so that equal runs are equal to the bit."""
    before = torch.get_num_threads()
    torch.set_num_threads(1)
    yield
    torch.set_num_threads(before)

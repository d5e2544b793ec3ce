"""Real low-resolution faces are brought to one size."""

from __future__ import annotations

from pathlib import Path

import cv2
import numpy as np
import pytest
from PIL import Image
from training_trees import crops, write_pictures

from facedge.errors import InputError
from facedge.training.real import read_real


def pillow(picture: np.ndarray, size: int) -> np.ndarray:
    resized = Image.fromarray(picture).resize((size, size), Image.Resampling.BICUBIC)
    return np.asarray(resized).astype(np.int64)


def test_pictures_of_all_sizes_are_resampled_as_pillow_does(tmp_path: Path) -> None:
    pictures = [crops(1, seed, side)[0] for seed, side in enumerate((12, 16, 40, 128))]
    # Soft, so that bicubic does not overshoot black or white, where Pillow clips in between.
    pictures = [(40 + p.astype(np.float64) * 175 / 255).astype(np.uint8) for p in pictures]
    names = write_pictures(tmp_path, np.array(pictures, dtype=object))
    found = read_real(tmp_path, 16)
    assert found.names == tuple(names)
    assert found.pixels.shape == (4, 16, 16, 3)
    assert found.pixels.dtype == np.uint8
    for picture, result in zip(pictures, found.pixels, strict=True):
        # Pillow rounds after each of its two passes: a level may differ by one.
        assert np.abs(result - pillow(picture, 16)).max() <= 1
    np.testing.assert_array_equal(found.pixels[1], pictures[1])


def test_a_picture_cut_at_whole_pixels_counts_as_square(tmp_path: Path) -> None:
    write_pictures(tmp_path, np.full((1, 20, 22, 3), 77, np.uint8))
    assert (read_real(tmp_path, 32).pixels == 77).all()


def test_folders_and_files_that_do_not_fit_are_named(tmp_path: Path) -> None:
    with pytest.raises(InputError, match=r"nowhere is not a folder; expected one of low-resolut"):
        read_real(tmp_path / "nowhere", 16)
    (tmp_path / "notes.txt").write_text("hello")
    with pytest.raises(InputError, match=r"holds no picture; expected files ending in \.jpg"):
        read_real(tmp_path, 16)
    cv2.imwrite(str(tmp_path / "wide.png"), np.zeros((20, 30, 3), np.uint8))
    with pytest.raises(InputError, match=r"wide\.png is 30x20; expected square pictures of faces"):
        read_real(tmp_path, 16)
    (tmp_path / "torn.png").write_bytes(b"\x89PNG torn")
    with pytest.raises(InputError, match=r"torn\.png is not a readable picture"):
        read_real(tmp_path, 16)

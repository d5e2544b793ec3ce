"""Sheets of pictures, column by column."""

from __future__ import annotations

from pathlib import Path

import numpy as np
from skimage import io

from facedge.training.quality import Restored
from facedge.training.sheet import write_face_sheet, write_real_sheet


def restored(count: int) -> Restored:
    rng = np.random.default_rng(0)
    small = rng.integers(0, 256, (count, 16, 16, 3)).astype(np.uint8)
    large = [rng.integers(0, 256, (count, 128, 128, 3)).astype(np.uint8) for _ in range(3)]
    return Restored(small, large[0], (large[1], large[2]))


def test_a_sheet_of_faces_shows_bicubic_every_step_and_the_truth(tmp_path: Path) -> None:
    found = restored(5)
    truth = found.bicubic[::-1]
    write_face_sheet(found, truth, tmp_path / "sheet.png", rows=2)
    sheet = io.imread(tmp_path / "sheet.png")
    assert sheet.shape == (2 * 128, 4 * 128, 3)
    for row, face in enumerate((0, 4)):
        expected = np.hstack([p[face] for p in (found.bicubic, *found.steps, truth)])
        np.testing.assert_array_equal(sheet[row * 128 : (row + 1) * 128], expected)


def test_a_sheet_of_real_faces_shows_the_input_as_it_is(tmp_path: Path) -> None:
    found = restored(1)
    write_real_sheet(found, tmp_path / "sheet.png")
    sheet = io.imread(tmp_path / "sheet.png")
    assert sheet.shape == (128, 3 * 128, 3)
    np.testing.assert_array_equal(sheet[:, :128], found.small[0].repeat(8, 0).repeat(8, 1))
    np.testing.assert_array_equal(sheet[:, 128:256], found.bicubic[0])
    np.testing.assert_array_equal(sheet[:, 256:], found.steps[-1][0])

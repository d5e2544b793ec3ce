"""Anti-aliased bicubic resizing against Pillow."""

from __future__ import annotations

import numpy as np
import pytest
from PIL import Image
from skimage import data

from facedge.errors import InputError
from facedge.resize import reduce_bicubic, reduce_by_area, square_crop


@pytest.mark.parametrize("size", [(16, 16), (32, 32), (100, 37), (512, 512), (700, 333)])
def test_equals_pillow_bicubic_to_one_grey_level(size: tuple[int, int]) -> None:
    picture = data.astronaut()
    expected = np.asarray(Image.fromarray(picture).resize(size[::-1], Image.Resampling.BICUBIC))
    found = reduce_bicubic(picture, size)
    # Pillow computes in fixed point with 22 bits, so ties may round the other way.
    assert np.abs(found.astype(int) - expected.astype(int)).max() <= 1
    assert found.shape == (*size, 3)


def test_noise_whose_cubic_overshoots_is_clipped_between_the_passes_as_in_pillow() -> None:
    # Equal factors on both axes: Pillow 13 begins with the axis it reduces most, earlier ones
    # with the columns, and where a pass clips the order is visible.
    noise = np.random.default_rng(3).integers(0, 2, (96, 64, 3)).astype(np.uint8) * 255
    for size in ((12, 8), (192, 128)):
        expected = np.asarray(Image.fromarray(noise).resize(size[::-1], Image.Resampling.BICUBIC))
        found = reduce_bicubic(noise, size)
        assert np.abs(found.astype(int) - expected.astype(int)).max() <= 1


def test_a_fine_chequerboard_becomes_grey_instead_of_aliasing() -> None:
    board = np.indices((128, 128)).sum(0) % 2 * np.uint8(255)
    rgb = np.repeat(board.astype(np.uint8)[..., None], 3, axis=2)
    assert np.abs(reduce_bicubic(rgb, 16).astype(int) - 127).max() <= 2


def test_area_reduction_of_a_whole_factor_is_the_mean_of_the_block() -> None:
    picture = data.astronaut()
    blocks = picture.reshape(128, 4, 128, 4, 3).mean(axis=(1, 3))
    found = reduce_by_area(picture, 128)
    # OpenCV rounds the block's mean to the nearest grey level.
    assert np.abs(found - blocks).max() <= 0.5


def test_square_crop_is_centred() -> None:
    rgb = np.zeros((4, 10, 3), np.uint8)
    rgb[:, 3:7] = 9
    assert square_crop(rgb).shape == (4, 4, 3)
    assert (square_crop(rgb) == 9).all()
    assert (square_crop(rgb.swapaxes(0, 1)) == 9).all()


def test_a_float_picture_is_refused_in_one_sentence() -> None:
    with pytest.raises(InputError, match=r"uint8 RGB .*found float64 \[8, 8, 3\]"):
        reduce_bicubic(np.zeros((8, 8, 3)), 4)  # type: ignore[arg-type]

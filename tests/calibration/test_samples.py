"""Model inputs and truths against Pillow and plain averaging."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Literal

import numpy as np
import pytest
from PIL import Image
from skimage import data

from facedge.calibration.samples import samples
from facedge.calibration.sources import Picture


@dataclass(frozen=True)
class Contract:
    task: Literal["super-resolution", "action-units"]
    input_size: int
    output_size: int


X8 = Contract("super-resolution", 16, 128)
X4 = Contract("super-resolution", 32, 128)
AU = Contract("action-units", 176, 0)


def picture(side: int, width: int | None = None) -> Picture:
    rgb = np.asarray(Image.fromarray(data.astronaut()).resize((width or side, side)))
    return Picture(f"p{side}", rgb, "0" * 64)


def pillow(rgb: np.ndarray, side: int) -> np.ndarray:
    return np.asarray(Image.fromarray(rgb).resize((side, side), Image.Resampling.BICUBIC))


@pytest.mark.parametrize("contract", [X8, X4])
def test_a_picture_of_the_output_size_is_its_own_truth(contract: Contract) -> None:
    given = picture(128)
    (sample,) = samples([given], contract)
    np.testing.assert_array_equal(sample.truth, given.rgb)
    expected = pillow(given.rgb, contract.input_size).astype(int)
    # Pillow computes in fixed point.
    assert np.abs(sample.input.astype(int) - expected).max() <= 1
    assert (sample.name, sample.sha256) == (given.name, given.sha256)


def test_a_large_picture_is_cropped_and_averaged_to_the_truth() -> None:
    given = picture(256, 300)
    (sample,) = samples([given], X8)
    square = given.rgb[:, 22:278].astype(float)
    expected = square.reshape(128, 2, 128, 2, 3).mean((1, 3))
    assert sample.truth is not None
    # Half a grey level of rounding.
    assert np.abs(sample.truth - expected).max() <= 0.5


@pytest.mark.parametrize("side", [8, 16, 25, 73, 127])
def test_a_small_picture_is_real_low_resolution_without_truth(side: int) -> None:
    given = picture(side)
    (sample,) = samples([given], X8)
    assert sample.truth is None
    assert np.abs(sample.input.astype(int) - pillow(given.rgb, 16)).max() <= 1


@pytest.mark.parametrize("side", [100, 176, 352])
def test_action_units_take_the_square_resized_and_no_truth(side: int) -> None:
    (sample,) = samples([picture(side, side + 31)], AU)
    assert sample.truth is None
    assert sample.input.shape == (176, 176, 3)
    assert sample.input.dtype == np.uint8


def test_samples_stream_and_carry_the_sources_description() -> None:
    class Described(list[Picture]):
        description = "folder faces"

    stream = samples(Described([picture(128), picture(64)]), X8)
    assert stream.description == "folder faces"
    assert next(stream).truth is not None
    assert next(stream).truth is None
    assert next(stream, None) is None

"""Quality of steps against the metrics taken by hand."""

from __future__ import annotations

import math
from typing import NamedTuple

import numpy as np
import pytest
import torch
from PIL import Image
from torch import Tensor, nn

from facedge.errors import InputError
from facedge.metrics import psnr, psnr_rgb, psnr_y, ssim_rgb, ssim_y
from facedge.training.data import Faces
from facedge.training.degrade import bicubic, down
from facedge.training.quality import (
    Restored,
    consistency_db,
    degraded,
    evaluate,
    measure,
    restore,
    to_float,
    to_uint8,
)


class Steps(NamedTuple):
    steps: tuple[Tensor, ...]


class Enlarge(nn.Module):
    """Two steps: a flat grey picture, then bicubic enlargement."""

    def forward(self, image: Tensor) -> Steps:
        large = bicubic(image, 128)
        return Steps((torch.full_like(large, 0.5), large))


def test_every_step_is_measured_against_the_truth(pixels: np.ndarray) -> None:
    faces = Faces(tuple("abcde"), pixels[:5])
    found = evaluate(Enlarge(), faces, 4)
    truth = torch.from_numpy(pixels[:5]).permute(0, 3, 1, 2).float() / 255
    large = to_uint8(bicubic(down(truth, 4), 128))
    grey = np.full((128, 128, 3), 128, np.uint8)
    assert found.pictures == 5
    assert found.bicubic == found.steps[1]
    assert found.gain == 0
    # Means of the same float64 values.
    assert found.bicubic.psnr_y == pytest.approx(
        np.mean([psnr_y(a, b) for a, b in zip(large, pixels[:5], strict=True)]), abs=1e-9
    )
    assert found.steps[0].psnr_y == pytest.approx(
        np.mean([psnr_y(grey, b) for b in pixels[:5]]), abs=1e-9
    )
    assert found.steps[0].ssim_y == pytest.approx(
        np.mean([ssim_y(grey, b) for b in pixels[:5]]), abs=1e-9
    )
    assert found.steps[0].psnr_rgb == pytest.approx(
        np.mean([psnr_rgb(grey, b) for b in pixels[:5]]), abs=1e-9
    )
    assert found.steps[0].ssim_rgb == pytest.approx(
        np.mean([ssim_rgb(grey, b) for b in pixels[:5]]), abs=1e-9
    )


def test_batches_do_not_change_the_figures_and_the_mode_is_restored(pixels: np.ndarray) -> None:
    model = Enlarge().train()
    whole = evaluate(model, Faces(("",) * 12, pixels), 8, ssim=False)
    assert model.training
    assert math.isnan(whole.bicubic.ssim_y)
    halves = [evaluate(model, Faces(("",) * 6, part), 8) for part in (pixels[:6], pixels[6:])]
    assert whole.bicubic.psnr_y == pytest.approx(np.mean([h.bicubic.psnr_y for h in halves]))


def test_pictures_are_clipped_and_rounded() -> None:
    image = torch.tensor([-0.5, 0.4999 / 255, 0.5001 / 255, 2.0]).reshape(1, 1, 2, 2)
    assert to_uint8(image).reshape(-1).tolist() == [0, 0, 1, 255]


def flat(*levels: int, side: int) -> np.ndarray:
    return np.stack([np.full((side, side, 3), level, np.uint8) for level in levels])


def test_consistency_is_the_psnr_of_the_input_and_the_picture_made_small_again() -> None:
    # Flat pictures stay flat. 2 levels off: 20 log10(255 / 2); 10 levels: 20 log10(25.5).
    small, pictures = flat(100, 50, side=16), flat(102, 60, side=128)
    expected = (20 * math.log10(127.5) + 20 * math.log10(25.5)) / 2
    assert consistency_db(pictures, small) == pytest.approx(expected, abs=1e-9)


def test_consistency_of_bicubic_is_that_of_pillow(pixels: np.ndarray) -> None:
    # Away from black and white, where Pillow clips between its two passes.
    soft = (40 + pixels.astype(np.float64) * 175 / 255).astype(np.uint8)
    small = degraded(soft, lambda images: down(images, 8))
    large = to_uint8(bicubic(to_float(small), 128))
    again = [
        np.asarray(Image.fromarray(p).resize((16, 16), Image.Resampling.BICUBIC)) for p in large
    ]
    expected = np.mean([psnr(a, b) for a, b in zip(again, small, strict=True)])
    # Pillow rounds after each pass: few values differ, by one level, of errors of several.
    assert consistency_db(large, small) == pytest.approx(expected, abs=0.1)
    assert 25 < expected < 45


def test_a_picture_that_gives_its_input_back_counts_as_one_value_off_by_one() -> None:
    found = consistency_db(flat(80, side=128), flat(80, side=16))
    assert found == pytest.approx(10 * math.log10(255**2 * 16 * 16 * 3), abs=1e-9)


def test_another_degradation_makes_the_input(pixels: np.ndarray) -> None:
    def dark(images: Tensor) -> Tensor:
        return torch.round(down(images, 8) * 127) / 255

    faces = Faces(("",) * 3, pixels[:3])
    found = evaluate(Enlarge(), faces, 8, degrade=dark)
    large = to_uint8(bicubic(dark(to_float(pixels[:3])), 128))
    expected = np.mean([psnr_y(a, b) for a, b in zip(large, pixels[:3], strict=True)])
    assert found.bicubic.psnr_y == pytest.approx(expected, abs=1e-9)
    assert found.bicubic.psnr_y < evaluate(Enlarge(), faces, 8).bicubic.psnr_y - 3


def test_a_degradation_of_another_size_is_named(pixels: np.ndarray) -> None:
    small = flat(1, 2, side=16)
    restored = Restored(small, flat(1, 2, side=64), (flat(1, 2, side=64),))
    with pytest.raises(InputError, match=r"are \[2, 64, 64, 3\] and the truth \[2, 128, 128, 3\]"):
        measure(restored, pixels[:2])


class WithHeatmaps(nn.Module):
    """One step and 68 heatmaps whose peak is the cell that the first pixel's red tells."""

    class Result(NamedTuple):
        steps: tuple[Tensor, ...]
        landmarks: Tensor

    def forward(self, image: Tensor) -> Result:
        maps = torch.zeros(len(image), 68, 32 * 32)
        cell = torch.round(image[:, 0, 0, 0] * 255).long()
        maps[torch.arange(len(image)), :, cell] = 1.0
        return self.Result((bicubic(image, 128),), maps.reshape(-1, 68, 32, 32))


def test_landmarks_of_the_network_are_kept_for_every_picture() -> None:
    small = flat(0, 33, 70, side=16)
    points = restore(WithHeatmaps(), small, batch=2).points
    assert points is not None
    assert points.shape == (3, 68, 2)
    # Cells 0, 33 and 70 are (0, 0), (1, 1) and (6, 2); cell i has its centre at 4 i + 1.5.
    np.testing.assert_allclose(points[:, 0], [[1.5, 1.5], [5.5, 5.5], [25.5, 9.5]], atol=1e-5)
    assert restore(Enlarge(), small).points is None


def test_progress_ends_at_the_number_of_pictures(pixels: np.ndarray) -> None:
    told: list[tuple[int, int]] = []
    restored = restore(
        Enlarge(), flat(1, 2, 3, side=16), batch=2, advance=lambda *now: told.append(now)
    )
    assert told == [(2, 3), (3, 3)]
    told.clear()
    measure(restored, pixels[:3], ssim=False, advance=lambda *now: told.append(now))
    assert told[-1] == (9, 9)

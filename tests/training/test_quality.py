"""Quality of steps against the metrics taken by hand."""

from __future__ import annotations

import math
from typing import NamedTuple

import numpy as np
import pytest
import torch
from torch import Tensor, nn

from facedge.metrics import psnr_y, ssim_y
from facedge.training.data import Faces
from facedge.training.degrade import bicubic, down
from facedge.training.quality import evaluate, to_uint8


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

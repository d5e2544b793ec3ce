"""Losses against hand-computed values and against PSNR itself."""

from __future__ import annotations

import itertools
import math

import pytest
import torch

from facedge.training.losses import DISTANCES, l1, log_mse, over_steps

# Float32 sums over a few thousand values.
ROUNDING = 1e-6


def test_l1_is_the_mean_over_pictures_channels_and_pixels() -> None:
    truth = torch.zeros(2, 3, 4, 4)
    restored = truth.clone()
    restored[0, 0] = 0.3
    restored[1, :, 0] = -0.8
    assert float(l1(restored, truth)) == pytest.approx((0.3 * 16 + 0.8 * 12) / 96, abs=ROUNDING)


def test_log_mse_falls_by_the_same_amount_for_every_decibel() -> None:
    truth = torch.full((2, 3, 4, 4), 0.5)
    errors = [0.1 / 10 ** (db / 20) for db in range(4)]
    values = [float(log_mse(truth + error, truth)) for error in errors]
    falls = [a - b for a, b in itertools.pairwise(values)]
    # one decibel is a factor 10^0.1 in MSE; 1e-8 under the logarithm shifts it by 1e-6 of it
    assert falls == pytest.approx([0.02 * 0.1 * math.log(10)] * 3, rel=1e-4)


def test_log_mse_weighs_pictures_by_their_own_error() -> None:
    truth = torch.zeros(2, 3, 4, 4)
    restored = torch.stack([truth[0] + 0.01, truth[1] + 0.3]).requires_grad_()
    log_mse(restored, truth).backward()
    assert restored.grad is not None
    # d ln(e^2) = 2/e: the better picture has thirty times the slope
    ratio = restored.grad[0].mean() / restored.grad[1].mean()
    assert float(ratio) == pytest.approx(30.0, rel=1e-3)


def test_later_steps_weigh_more_and_the_last_run_weighs_most() -> None:
    truth = torch.zeros(1, 3, 2, 2)
    steps = [truth + error for error in (0.4, 0.2, 0.1)]
    weights = (0.3, 0.6, 1.0)
    assert float(over_steps(steps, truth, weights, l1)) == pytest.approx(
        0.3 * 0.4 + 0.6 * 0.2 + 0.1, abs=ROUNDING
    )
    assert float(over_steps(steps[:2], truth, weights, l1)) == pytest.approx(
        0.6 * 0.4 + 0.2, abs=ROUNDING
    )
    assert float(over_steps(steps[:1], truth, weights, l1)) == pytest.approx(0.4, abs=ROUNDING)


@pytest.mark.parametrize("name", sorted(DISTANCES))
def test_every_distance_is_least_at_the_truth(name: str) -> None:
    truth = torch.rand(2, 3, 8, 8, generator=torch.Generator().manual_seed(0))
    distance = DISTANCES[name]
    assert distance(truth, truth) < distance(truth + 0.01, truth) < distance(truth + 0.02, truth)

"""Losses over every step of a recurrent super-resolution network."""

from __future__ import annotations

from collections.abc import Callable, Sequence

import torch
from torch import Tensor
from torch.nn import functional as F

Distance = Callable[[Tensor, Tensor], Tensor]


def l1(restored: Tensor, truth: Tensor) -> Tensor:
    """Mean absolute error: float [N, 3, H, W] twice -> scalar."""
    return F.l1_loss(restored, truth)


def log_mse(restored: Tensor, truth: Tensor) -> Tensor:
    """Mean over pictures of ln(MSE), scaled to about ``l1``'s slope: [N, 3, H, W] twice -> scalar.

    Minimising it maximises the mean PSNR (the PSNR loss of NAFNet, arXiv 2204.04676).
    """
    mse = F.mse_loss(restored, truth, reduction="none").mean((1, 2, 3))
    return 0.02 * torch.log(mse + 1e-8).mean()


DISTANCES: dict[str, Distance] = {"l1": l1, "log-mse": log_mse}


def over_steps(
    steps: Sequence[Tensor], truth: Tensor, weights: Sequence[float], distance: Distance
) -> Tensor:
    """Weighted sum of the distance of each step's picture to the truth.

    Args:
        steps: each step's picture, float [N, 3, H, W].
        truth: float [N, 3, H, W] in [0, 1].
        weights: one per step; where fewer steps were run, the last weights are used, so that
            the last picture always has the largest.
    """
    used = list(weights)[-len(steps) :]
    terms = [
        weight * distance(step.float(), truth) for weight, step in zip(used, steps, strict=True)
    ]
    return torch.stack(terms).sum()

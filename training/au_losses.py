"""Losses of action-unit networks (after JAA-Net, arXiv 1803.05588) without missing labels."""

from __future__ import annotations

from torch import Tensor
from torch.nn import functional as F

LEFT_EYE, RIGHT_EYE = slice(19, 25), slice(25, 31)
"""Points of the eyes in the 49-point order."""


def unit_weights(labels: Tensor) -> Tensor:
    """Weight of each AU, inverse to its rate, with a mean of 1.

    Args:
        labels: int [N, K] in {1, 0, -1}.

    Returns:
        float [K]; an AU that never occurs counts as if it had occurred once.
    """
    known = (labels >= 0).sum(0).clamp(min=1)
    rate = (labels == 1).sum(0).clamp(min=1) / known
    inverse = 1 / rate
    return inverse / inverse.sum() * len(inverse)


def cross_entropy(logits: Tensor, labels: Tensor, weights: Tensor) -> Tensor:
    """Weighted cross-entropy of each AU, mean over labelled entries.

    Args:
        logits: float [N, K].
        labels: int [N, K] in {1, 0, -1}.
        weights: float [K].
    """
    known = (labels >= 0).float()
    each = F.binary_cross_entropy_with_logits(logits, labels.clamp(min=0).float(), reduction="none")
    return (each * known * weights).sum() / known.sum().clamp(min=1)


def dice(probabilities: Tensor, labels: Tensor, weights: Tensor) -> Tensor:
    """1 - Dice's coefficient of each AU over the batch, weighted mean over AUs that occur in it.

    Args:
        probabilities: float [N, K].
        labels: int [N, K] in {1, 0, -1}.
        weights: float [K].
    """
    known = (labels >= 0).float()
    truth = labels.clamp(min=0).float() * known
    found = probabilities * known
    overlap = 2 * (truth * found).sum(0) + 1
    total = truth.square().sum(0) + found.square().sum(0) + 1
    occurs = (truth.sum(0) > 0).float() * weights
    return ((1 - overlap / total) * occurs).sum() / occurs.sum().clamp(min=1e-6)


def alignment(found: Tensor, truth: Tensor) -> Tensor:
    """Mean squared distance of landmarks, in squares of the distance of the eyes' centres.

    Args:
        found: float [N, 49, 2].
        truth: float [N, 49, 2].
    """
    left, right = truth[:, LEFT_EYE].mean(1), truth[:, RIGHT_EYE].mean(1)
    between = (left - right).square().sum(1).clamp(min=1)
    return ((found - truth).square().sum(2).mean(1) / between).mean()

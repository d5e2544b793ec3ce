"""Losses of action-unit networks against cases by hand."""

from __future__ import annotations

import math

import pytest
import torch
from torch import Tensor

from facedge.training.au_losses import alignment, cross_entropy, dice, unit_weights

# Float32 arithmetic on a handful of numbers about 1.
ROUNDING = 1e-6


def softplus(x: float) -> float:
    return math.log1p(math.exp(x))


def test_weights_are_inverse_rates_with_a_mean_of_one() -> None:
    labels = torch.tensor([[1, 0, -1, 0], [1, 1, 1, 0], [1, 0, -1, 0], [1, -1, 0, 0]])
    # Rates 1, 1/3, 1/2, and one of four where none occurred: inverses 1, 3, 2, 4, mean 2.5.
    found = unit_weights(labels)
    assert found.tolist() == pytest.approx([0.4, 1.2, 0.8, 1.6], abs=ROUNDING)
    assert torch.isfinite(unit_weights(torch.full((2, 3), -1))).all()


def test_cross_entropy_by_hand() -> None:
    logits = torch.tensor([[2.0, -1.0], [0.5, 3.0]])
    labels = torch.tensor([[1, 0], [0, -1]])
    weights = torch.tensor([0.5, 1.5])
    # -ln sigmoid(x) where present is softplus(-x), absent softplus(x); three of four are known.
    wanted = (0.5 * softplus(-2.0) + 1.5 * softplus(-1.0) + 0.5 * softplus(0.5)) / 3
    assert float(cross_entropy(logits, labels, weights)) == pytest.approx(wanted, abs=ROUNDING)


def test_dice_by_hand() -> None:
    found = torch.tensor([[0.8, 0.3, 0.9], [0.4, 0.6, 0.9]])
    labels = torch.tensor([[1, 0, 0], [0, 1, -1]])
    weights = torch.tensor([1.0, 3.0, 9.0])
    # 1 - (2 t.p + 1) / (t.t + p.p + 1); the third AU does not occur and counts for nothing.
    first = 1 - (2 * 0.8 + 1) / (1 + 0.8**2 + 0.4**2 + 1)
    second = 1 - (2 * 0.6 + 1) / (1 + 0.3**2 + 0.6**2 + 1)
    wanted = (1 * first + 3 * second) / 4
    assert float(dice(found, labels, weights)) == pytest.approx(wanted, abs=ROUNDING)


def test_the_truth_itself_has_no_dice_loss_and_no_occurrence_no_loss() -> None:
    labels = torch.tensor([[1, 0], [0, 1]])
    ones = torch.ones(2)
    assert float(dice(labels.float(), labels, ones)) == pytest.approx(0, abs=ROUNDING)
    assert float(dice(torch.rand(2, 2), torch.zeros(2, 2), ones)) == 0


def test_alignment_by_hand() -> None:
    truth = torch.zeros(2, 49, 2)
    # Eyes 40 and 20 pixels apart; each face is measured by its own.
    truth[0, 25:31] = torch.tensor([40.0, 0.0])
    truth[1, 25:31] = torch.tensor([0.0, 20.0])
    found = truth.clone()
    found[0] += torch.tensor([3.0, 4.0])  # every point by 5
    found[1, 7] += torch.tensor([0.0, 7.0])  # one of 49 by 7
    wanted = (25 / 40**2 + 49 / 49 / 20**2) / 2
    assert float(alignment(found, truth)) == pytest.approx(wanted, abs=ROUNDING)
    assert float(alignment(truth, truth)) == 0


@pytest.mark.parametrize("loss", [cross_entropy, lambda x, y, w: dice(x.sigmoid(), y, w)])
def test_missing_labels_have_no_gradient_and_others_do(loss: object) -> None:
    generator = torch.Generator().manual_seed(0)
    logits = torch.randn(6, 12, generator=generator).requires_grad_()
    labels = torch.randint(-1, 2, (6, 12), generator=generator)
    labels[0] = 1  # every AU occurs
    loss(logits, labels, torch.ones(12)).backward()  # type: ignore[operator]
    assert logits.grad is not None
    missing: Tensor = labels == -1
    assert missing.any()
    assert not logits.grad[missing].any()
    assert (logits.grad[~missing] != 0).all()


def test_a_batch_without_labels_has_no_loss() -> None:
    logits, labels, ones = torch.randn(3, 12), torch.full((3, 12), -1), torch.ones(12)
    assert float(cross_entropy(logits, labels, ones)) == 0
    assert float(dice(logits.sigmoid(), labels, ones)) == 0

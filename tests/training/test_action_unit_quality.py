"""Figures of an action-unit network against labels, by hand."""

from __future__ import annotations

import json

import numpy as np
import pytest
import torch
from torch import Tensor, nn

from facedge.errors import InputError
from facedge.models.contract import ActionUnits
from facedge.models.mean_face import mean_face
from facedge.training.action_unit_quality import evaluate_action_units


class Bright(nn.Module):
    """All AUs where the picture is bright; the mean face, shifted by 3 and 4 pixels."""

    def forward(self, image: Tensor) -> ActionUnits:
        found = image.mean((1, 2, 3))[:, None].expand(-1, 12)
        points = (mean_face() + torch.tensor([3.0, 4.0])).expand(len(image), -1, -1)
        return ActionUnits(torch.logit(found), found, points)


PIXELS = np.stack([np.full((176, 176, 3), level, np.uint8) for level in (200, 220, 40, 60)])


def test_scores_and_landmark_errors_are_those_counted_by_hand() -> None:
    labels = np.zeros((4, 12), np.int8)
    labels[:2] = 1
    labels[1, 0] = 0  # AU1: one invented: F1 2/3
    labels[2, 1] = 1  # AU2: one missed: F1 2 * 2 / (4 + 1)
    labels[3, 2] = -1  # not known: does not count
    points = np.broadcast_to(mean_face().numpy(), (4, 49, 2))
    found = evaluate_action_units(Bright(), PIXELS, labels, points, batch=3)
    assert found.pictures == 4
    assert found.score.f1[:3] == pytest.approx((2 / 3, 4 / 5, 1.0))
    assert found.score.mean_f1 == pytest.approx((2 / 3 + 4 / 5 + 10) / 12)
    assert found.score.accuracy == pytest.approx(45 / 47)
    eyes = float(np.linalg.norm(points[0, 19] - points[0, 28]))
    # Float32 landmarks of about 100 pixels: relative 1e-7 of a shift of 5.
    assert found.nme_percent == pytest.approx(100 * 5 / eyes, rel=1e-5)
    record = json.loads(json.dumps(found.record(), allow_nan=False))
    assert record["f1"]["AU4"] == 1.0
    assert record["score"] == pytest.approx(found.score.score)


def test_without_landmarks_there_is_no_landmark_error() -> None:
    labels = np.ones((4, 12), np.int8)
    assert evaluate_action_units(Bright(), PIXELS, labels).nme_percent is None


def test_labels_that_do_not_fit_are_named() -> None:
    with pytest.raises(InputError, match=r"labels \[3, 12\]"):
        evaluate_action_units(Bright(), PIXELS, np.ones((3, 12), np.int8))

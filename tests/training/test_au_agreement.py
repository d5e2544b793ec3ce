"""Agreement of action units, with a stand-in network whose outputs are set by hand."""

from __future__ import annotations

import math

import numpy as np
import pytest
import torch
from torch import Tensor, nn

from facedge.errors import InputError
from facedge.models.contract import ActionUnits
from facedge.training.au_agreement import agreement, read_units


class Told(nn.Module):
    """Probabilities are those of its table, at the row that a picture's red level tells."""

    def __init__(self, table: np.ndarray) -> None:
        super().__init__()
        self.table = torch.from_numpy(table)
        self.batches: list[int] = []

    def forward(self, image: Tensor) -> ActionUnits:
        self.batches.append(len(image))
        found = self.table[torch.round(image[:, 0, 0, 0] * 255).long()]
        points = image[:, 0, :49, :2]
        return ActionUnits(torch.logit(found), found, points)


def test_every_crop_is_read_once_in_order_and_the_mode_is_restored() -> None:
    table = np.random.default_rng(0).uniform(0.1, 0.9, (5, 12)).astype(np.float32)
    crops = np.stack([np.full((176, 176, 3), row, np.uint8) for row in (3, 1, 4, 0, 2)])
    network = Told(table).train()
    told: list[tuple[int, int]] = []
    found = read_units(network, crops, batch=2, advance=lambda *now: told.append(now))
    np.testing.assert_array_equal(found.probabilities, table[[3, 1, 4, 0, 2]])
    assert found.landmarks.shape == (5, 49, 2)
    assert network.batches == [2, 2, 1]
    assert told == [(2, 5), (4, 5), (5, 5)]
    assert network.training


def test_decisions_differences_and_f1_are_counted_by_hand() -> None:
    truth = np.full((10, 12), 0.2)
    truth[:6, 0] = 0.9  # AU1 in six faces
    truth[:4, 1] = 0.9  # AU2 in four: too few for an F1
    restored = truth.copy()
    restored[0, 0] = 0.4  # AU1: one missed,
    restored[8:, 0] = 0.6  # two invented: 5 hits, F1 = 10 / (10 + 2 + 1)
    restored[9, 5] = 0.7  # and one invented AU7
    found = agreement(restored, truth)
    assert found.equal == pytest.approx(1 - 4 / 120, abs=1e-12)
    assert found.difference == pytest.approx((0.5 + 2 * 0.4 + 0.5) / 120, abs=1e-12)
    assert found.f1 == pytest.approx(10 / 13, abs=1e-12)
    assert found.units == 1


def test_f1_is_the_mean_over_action_units_that_occur_often() -> None:
    truth = np.zeros((10, 12))
    truth[:5, :2] = 1
    restored = truth.copy()
    restored[:5, 1] = 0  # AU2 never found
    found = agreement(restored, truth)
    assert found.units == 2
    assert found.f1 == pytest.approx(0.5, abs=1e-12)


def test_without_action_units_there_is_no_f1() -> None:
    found = agreement(np.full((4, 12), 0.1), np.full((4, 12), 0.2))
    assert found.equal == 1
    assert math.isnan(found.f1)
    assert found.units == 0


def test_half_is_not_present_as_in_the_challenge() -> None:
    assert agreement(np.full((1, 12), 0.5), np.full((1, 12), 0.4)).equal == 1
    assert agreement(np.full((1, 12), 0.51), np.full((1, 12), 0.5)).equal == 0


@pytest.mark.parametrize("shape", [(3, 12), (0, 12)])
def test_readings_that_do_not_fit_are_named(shape: tuple[int, int]) -> None:
    with pytest.raises(InputError, match="readings of one shape"):
        agreement(np.zeros(shape), np.zeros((0, 12)))

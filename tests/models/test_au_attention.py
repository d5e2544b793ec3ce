"""Attention maps against a cell-by-cell loop over the formula in JAA-Net's paper."""

from __future__ import annotations

import numpy as np
import pytest
import torch
from numpy.typing import NDArray

from facedge.models.attention import (
    CENTRES,
    HALF_WINDOW,
    ConeAttention,
    PredefinedAttentions,
)
from facedge.models.contract import ACTION_UNITS
from facedge.models.mean_face import CROP, mean_face


@pytest.fixture
def faces() -> torch.Tensor:
    """Three faces: the mean one, a jittered one, and one half outside the picture."""
    generator = torch.Generator().manual_seed(0)
    jitter = torch.randn(49, 2, generator=generator) * 6
    mean = mean_face()
    return torch.stack([mean, mean + jitter, mean - torch.tensor([80.0, 0.0])])


def centres_in_pixels(face: NDArray[np.float32], unit: int) -> list[tuple[float, float]]:
    """Where an AU acts, written out from the table of the paper, AU by AU."""
    ruler = abs(float(face[22, 0] - face[25, 0]))
    left, right, shift = {
        1: (4, 5, -ruler / 2),
        2: (1, 8, -ruler / 3),
        4: (2, 7, ruler / 3),
        6: (24, 29, ruler),
        7: (21, 26, 0),
        10: (43, 45, 0),
        12: (31, 37, 0),
        15: (31, 37, 0),
        23: (34, 40, 0),
        24: (34, 40, 0),
        25: (34, 40, 0),
        26: (39, 41, ruler / 2),
    }[unit]
    return [(float(face[p, 0]), float(face[p, 1]) + shift) for p in (left, right)]


def predefined(face: NDArray[np.float32], unit: int) -> NDArray[np.float32]:
    found = np.zeros((52, 52), np.float32)
    for x, y in centres_in_pixels(face, unit):
        column, row = round(x * 52 / 176), round(y * 52 / 176)
        for i in range(max(0, row - 4), min(52, row + 5)):
            for j in range(max(0, column - 4), min(52, column + 5)):
                value = 1 - 0.56 * (abs(i - row) + abs(j - column)) / 7.28
                found[i, j] = max(found[i, j], value)
    return found


def cone(face: NDArray[np.float32], unit: int, grid: int) -> NDArray[np.float32]:
    found = np.zeros((grid, grid), np.float32)
    cell, reach = 176 / grid, 0.14 * 176
    for x, y in centres_in_pixels(face, unit):
        for i in range(grid):
            for j in range(grid):
                distance = abs((i + 0.5) * cell - y) + abs((j + 0.5) * cell - x)
                found[i, j] = max(found[i, j], 1 - distance / reach)
    return found


def test_predefined_maps_are_those_of_a_loop_over_cells(faces: torch.Tensor) -> None:
    maps = torch.cat(PredefinedAttentions()(faces), 1).numpy()
    expected = np.stack(
        [[predefined(face, unit) for unit in ACTION_UNITS] for face in faces.numpy()]
    )
    assert expected.max() == 1
    assert (expected > 0).mean() > 0.03
    # Same arithmetic in float32; only the order of the multiplications differs.
    np.testing.assert_allclose(maps, expected, atol=1e-6)


def test_cones_are_those_of_a_loop_over_cells(faces: torch.Tensor) -> None:
    maps = ConeAttention(22)(faces).numpy()
    expected = np.stack([[cone(face, unit, 22) for unit in ACTION_UNITS] for face in faces.numpy()])
    assert (expected > 0).mean() > 0.03
    # 176-pixel coordinates in float32 resolve 1.5e-5 px, divided by a reach of 24.6 px.
    np.testing.assert_allclose(maps, expected, atol=1e-5)


def test_every_map_of_the_mean_face_lies_on_the_face() -> None:
    maps = ConeAttention(44)(mean_face()[None])[0]
    for unit, attention in zip(ACTION_UNITS, maps, strict=True):
        assert attention.max() > 0.8, f"AU {unit} has no centre in the picture"
        rows = attention.sum(1)
        middle = float((rows * torch.arange(44)).sum() / rows.sum()) / 44
        assert (middle < 0.45) == (unit in (1, 2, 4, 7)), f"AU {unit} is in the wrong half"


def test_cones_move_continuously_with_the_landmarks(faces: torch.Tensor) -> None:
    attention = ConeAttention(22)
    step = 0.01
    moved = attention(faces + step) - attention(faces)
    # Each landmark moves by 0.01 px in x and y, and the ruler not at all.
    assert moved.abs().max() <= 2 * step / attention.reach + 1e-5


def test_predefined_window_is_nine_cells_wide() -> None:
    attention = PredefinedAttentions()(mean_face()[None])[ACTION_UNITS.index(2)][0, 0]
    row = attention[attention.sum(1).argmax()]
    assert 2 * HALF_WINDOW + 1 == 9
    assert (row > 0).sum() == 18  # two centres whose windows do not touch


def test_centres_are_mirror_pairs_on_the_mean_face() -> None:
    face, axis = mean_face(), CROP / 2
    for centres in CENTRES:
        left, right = face[centres.left], face[centres.right]
        # The mean over photographs is symmetric to some pixels; lip-middle pairs share x.
        assert abs(float(left[0] + right[0]) / 2 - axis) < 6

"""All figures of a card together, with stand-in networks."""

from __future__ import annotations

import json
import math
from typing import NamedTuple

import numpy as np
import pytest
import torch
from torch import Tensor, nn

from facedge.models.contract import ActionUnits
from facedge.models.mean_face import mean_face
from facedge.training.au_crop import FACE_TO_CROP
from facedge.training.data import Faces
from facedge.training.degrade import bicubic, down
from facedge.training.face_quality import evaluate_faces, evaluate_real
from facedge.training.quality import Degrade, degraded, evaluate


class Steps(NamedTuple):
    steps: tuple[Tensor, ...]
    state: Tensor
    landmarks: Tensor | None = None


class Enlarge(nn.Module):
    """Two steps: black, then bicubic; heatmaps with every peak at one cell where asked."""

    def __init__(self, heatmaps: bool = False) -> None:
        super().__init__()
        self.heatmaps = heatmaps

    def forward(self, image: Tensor) -> Steps:
        large = bicubic(image, 128)
        maps = torch.zeros(len(image), 68, 32, 32)
        maps[:, :, 15, 15] = 1
        return Steps((torch.zeros_like(large), large), image, maps if self.heatmaps else None)


class Bright(nn.Module):
    """Every AU where the picture is not black; the mean face in it, 7 pixels right elsewhere."""

    def forward(self, image: Tensor) -> ActionUnits:
        seen = (image.mean((1, 2, 3)) > 0).float()
        found = (0.25 + 0.5 * seen)[:, None].expand(-1, 12)
        shift = torch.stack([7 * (1 - seen), 0 * seen], 1)[:, None]
        return ActionUnits(torch.logit(found), found, mean_face() + shift)


def points68(count: int) -> np.ndarray:
    """Landmarks of which the 49 of the crop are the mean face."""
    points = np.zeros((1, 68, 2), np.float32)
    chosen = [*range(17, 60), *range(61, 64), *range(65, 68)]
    inverse = np.linalg.inv(np.vstack([FACE_TO_CROP, [0, 0, 1]]))
    points[0, chosen] = mean_face().numpy() @ inverse[:2, :2].T + inverse[:2, 2]
    return points.repeat(count, 0)


def test_figures_of_every_step_are_those_of_its_pictures(pixels: np.ndarray) -> None:
    found = evaluate_faces(Enlarge(), pixels[:6], 16, Bright(), points=points68(6))
    alone = evaluate(Enlarge(), Faces(("",) * 6, pixels[:6]), 8)
    assert [figures.quality for _, figures in found.rows] == [None, alone.bicubic, *alone.steps]
    assert [name for name, _ in found.rows] == ["truth", "bicubic", "step 1", "step 2"]
    assert found.gain == pytest.approx(0.0, abs=1e-12)
    same, black = found.steps[1].agreement, found.steps[0].agreement
    assert same is not None
    assert black is not None
    assert found.truth.agreement is None
    assert (same.equal, same.difference, same.f1, same.units) == (1, 0, 1, 12)
    assert (black.equal, black.difference, black.f1) == (0, pytest.approx(0.5), 0)
    eyes = float(np.linalg.norm(mean_face()[19] - mean_face()[28]))
    # There and back through float32 coordinates of about 100 pixels.
    for figures in (found.truth, found.bicubic, found.steps[1]):
        assert figures.nme_percent == pytest.approx(0.0, abs=1e-4)
    assert found.steps[0].nme_percent == pytest.approx(100 * 7 / eyes, rel=1e-5)
    assert found.heatmap_nme_percent is None


def test_the_networks_own_landmarks_are_measured_in_the_face(pixels: np.ndarray) -> None:
    points = np.full((2, 68, 2), 61.5, np.float32)  # the centre of cell 15
    points[:, 36, 0], points[:, 45, 0] = 41.5, 81.5
    found = evaluate_faces(Enlarge(heatmaps=True), pixels[:2], 16, Bright(), points=points)
    # Two of 68 points are 20 pixels away, and the eyes are 40 apart.
    assert found.heatmap_nme_percent == pytest.approx(100 * 2 * 20 / 40 / 68, rel=1e-5)


def test_without_landmarks_and_action_units_the_record_is_still_json(pixels: np.ndarray) -> None:
    found = evaluate_faces(Enlarge(heatmaps=True), pixels[:2], 16, Bright())
    record = json.loads(json.dumps(found.record(), allow_nan=False))
    assert record["bicubic"]["au_f1"] is None  # two faces are too few
    assert record["truth"] == {"nme_percent": None}
    assert record["heatmap_nme_percent"] is None
    assert len(record["steps"]) == 2
    assert set(record["steps"][0]) == {
        *("psnr_y", "ssim_y", "psnr_rgb", "ssim_rgb", "consistency_db"),
        *("au_equal", "au_difference", "au_f1", "au_units", "nme_percent"),
    }


def test_another_degradation_takes_the_place_of_bicubic(pixels: np.ndarray) -> None:
    degrade: Degrade = lambda images: 1 - down(images, 8)  # noqa: E731
    found = evaluate_faces(Enlarge(), pixels[:2], 16, Bright(), degrade=degrade)
    np.testing.assert_array_equal(found.restored.small, degraded(pixels[:2], degrade))


def test_real_faces_are_measured_by_consistency_alone() -> None:
    small = np.stack([np.full((16, 16, 3), level, np.uint8) for level in (10, 50)])
    found = evaluate_real(Enlarge(), small)
    # Black against levels 10 and 50; bicubic of a flat picture gives it back.
    black = (20 * math.log10(25.5) + 20 * math.log10(5.1)) / 2
    exact = 10 * math.log10(255**2 * 16 * 16 * 3)
    assert found.steps == pytest.approx((black, exact), abs=1e-9)
    assert found.record() == {
        "pictures": 2,
        "bicubic_consistency_db": pytest.approx(exact),
        "steps_consistency_db": list(found.steps),
    }

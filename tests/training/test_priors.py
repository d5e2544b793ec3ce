"""Face priors as targets: heatmaps, action units, and the recipe that trains them."""

from __future__ import annotations

import json
from pathlib import Path

import numpy as np
import pytest
import torch
from torch import nn
from training_trees import dot_in, face_points, with_dot, write_landmarks

from facedge.errors import InputError
from facedge.models import registry, weights
from facedge.models.contract import ActionUnits
from facedge.models.fsr_priors_edge import FsrPriorsEdge
from facedge.training import checkpoint, priors
from facedge.training.au_crop import au_crop, au_points
from facedge.training.data import Batches
from facedge.training.degrade import down
from facedge.training.landmark_error import heatmap_points
from facedge.training.losses import l1, over_steps
from facedge.training.priors import (
    PriorRecurrence,
    Priors,
    heatmaps_of,
    main,
    silence,
    to_crop,
)
from facedge.training.quality import to_float
from facedge.training.schedule import Schedule
from facedge.training.super_resolution import STEP_WEIGHTS


def tiny(seed: int = 0) -> FsrPriorsEdge:
    torch.manual_seed(seed)
    return FsrPriorsEdge(width=32, deep=32, deep_blocks=1, head=32)


def test_the_peak_of_a_heatmap_is_the_cell_under_the_landmark() -> None:
    points = torch.zeros(1, 68, 2)
    # Cell (row i, column j) covers the pixels 4 j .. 4 j + 3 by 4 i .. 4 i + 3.
    points[0, 0] = torch.tensor([0.0, 0.0])
    points[0, 1] = torch.tensor([127.0, 63.0])
    points[0, 2] = torch.tensor([41.5, 9.5])  # the centre of a cell
    found = heatmaps_of(points)
    assert found.shape == (1, 68, 32, 32)
    cells = [divmod(int(found[0, point].argmax()), 32) for point in range(3)]
    assert cells == [(0, 0), (15, 31), (2, 10)]
    assert float(found[0, 2, 2, 10]) == 1
    # A cell is one standard deviation: e^-1/2 beside the centre, e^-1 across.
    assert float(found[0, 2, 2, 11]) == pytest.approx(np.exp(-0.5), abs=1e-6)
    assert float(found[0, 2, 1, 9]) == pytest.approx(np.exp(-1), abs=1e-6)


def test_landmarks_are_found_again_in_their_heatmaps() -> None:
    rng = np.random.default_rng(0)
    points = rng.uniform(16, 112, (2, 68, 2)).astype(np.float32)
    found = heatmap_points(heatmaps_of(torch.from_numpy(points)).numpy(), 128)
    # Right to 0.01 cells of 4 pixels on a Gaussian of one cell, more where a peak of a cell
    # half way leaves the window lopsided.
    np.testing.assert_allclose(found, points, atol=0.1)


def test_the_crop_with_a_gradient_is_that_of_opencv(pixels: np.ndarray) -> None:
    images = to_float(pixels[:4]).requires_grad_()
    found = to_crop(images)
    assert found.shape == (4, 3, 176, 176)
    levels = (found.detach() * 255).permute(0, 2, 3, 1).numpy()
    # OpenCV rounds positions to 1/32 pixel, hence weights by up to 1/64 of neighbouring levels
    # that may differ by 255, and results to whole levels.
    difference = np.abs(levels - au_crop(pixels[:4]))
    assert difference.max() < 2 * 255 / 64 + 0.5
    assert difference.mean() < 0.5
    found.sum().backward()
    assert images.grad is not None
    assert (images.grad[:, :, 8:120, 8:120] > 0).all()


def test_the_crop_moves_a_dot_where_its_landmark_goes() -> None:
    x, y, nose = 50.0, 70.0, 30
    points = np.zeros((1, 68, 2), np.float32)
    points[0, nose] = x, y
    found = to_crop(to_float(with_dot(128, x, y)[None]))[0, 0].numpy()
    # A symmetric dot, bilinear: the threshold of its rim is all that is not symmetric.
    told = au_points(points)[0, nose - 17]
    np.testing.assert_allclose(dot_in(found), told, atol=0.05)


@pytest.mark.parametrize(
    ("kept", "landmarks", "units"),
    [(Priors.both, True, True), (Priors.landmarks, True, False), (Priors.none, False, False)],
)
def test_a_silenced_prior_does_not_reach_the_picture(
    kept: Priors, landmarks: bool, units: bool
) -> None:
    image = torch.rand(2, 3, 16, 16, generator=torch.Generator().manual_seed(0))

    def steps(seed: int, *heads: str) -> list[torch.Tensor]:
        """Pictures of one network whose heads are another's."""
        network, other = tiny(), tiny(seed)
        silence(network, kept)
        for head in heads:
            getattr(network, head).load_state_dict(getattr(other, head).state_dict())
        with torch.no_grad():
            return list(network(image).steps)

    plain = steps(0)
    looked = steps(1, "landmarks")
    assert torch.equal(looked[0], plain[0])
    assert torch.equal(looked[1], plain[1]) is not landmarks
    seen = steps(1, "action_units")
    assert torch.equal(seen[1], plain[1])
    assert torch.equal(seen[2], plain[2]) is not units


class Reader(nn.Module):
    """Finds an action unit by the brightness of the crop."""

    def forward(self, image: torch.Tensor) -> ActionUnits:
        logits = image.mean((1, 2, 3))[:, None].expand(-1, 12) * 4 - 2
        return ActionUnits(logits, logits.sigmoid(), torch.zeros(len(image), 49, 2))


def objective(pixels: np.ndarray, read_weight: float = 0.0) -> PriorRecurrence:
    rng = np.random.default_rng(0)
    points = (face_points() + rng.normal(0, 3, (len(pixels), 68, 2))).astype(np.float32)
    return PriorRecurrence(
        tiny(),
        Batches(pixels, 3),
        points,
        Reader(),
        Schedule(grow=0.0, settle=1.0),
        heatmap_weight=2.0,
        unit_weight=0.5,
        read_weight=read_weight,
    )


def test_a_batch_has_the_landmarks_of_its_pictures(pixels: np.ndarray) -> None:
    made = objective(pixels)
    truth, points = made.batch(1)
    drawn = Batches(pixels, 3).draw(1)
    assert torch.equal(truth, drawn.images)
    for row, chosen, mirrored in zip(points.numpy(), drawn.chosen, drawn.mirrored, strict=True):
        own = made.points[chosen]
        # The tip of the nose is on the axis: mirrored in 128 columns, and nothing else here.
        x = 127 - own[30, 0] if mirrored else own[30, 0]
        assert row[30].tolist() == pytest.approx([x, own[30, 1]], abs=1e-4)


def test_the_terms_by_hand(pixels: np.ndarray) -> None:
    made = objective(pixels, read_weight=0.25)
    truth, points = made.batch(0)
    terms = {t.name: float(t.loss.detach()) for t in made.terms((truth, points), 0.0)}
    with torch.no_grad():
        found = tiny()(down(truth, 8))
        units = Reader()(to_crop(truth)).probabilities.double()
        read = Reader()(to_crop(found.steps[-1].clamp(0, 1))).probabilities.double()

    def unlike(p: torch.Tensor) -> float:
        return float(-(units * p.log() + (1 - units) * (1 - p).log()).mean())

    heatmaps = float((found.landmarks - heatmaps_of(points)).double().square().mean())
    wanted = {
        "pairs": float(over_steps(found.steps, truth, STEP_WEIGHTS, l1)),
        "heatmaps": 2.0 * heatmaps,
        "units": 0.5 * unlike(found.action_units.double()),
        "read": 0.25 * unlike(read),
    }
    # The same convolutions in another memory layout; float32 logarithms.
    assert terms == pytest.approx(wanted, rel=1e-4)
    assert "read" not in [t.name for t in objective(pixels).terms(made.batch(0), 0.0)]


def test_half_precision_training_has_finite_terms(pixels: np.ndarray) -> None:
    made = objective(pixels, read_weight=0.25)
    with torch.autocast("cpu", dtype=torch.bfloat16):
        terms = made.terms(made.batch(0), 0.0)
    assert all(bool(torch.isfinite(term.loss)) for term in terms)
    assert all(term.loss.dtype == torch.float32 for term in terms)


@pytest.fixture
def reader(tmp_path: Path) -> Path:
    path = tmp_path / "units.safetensors"
    spec = registry.get("au-gcn-edge")
    network = spec.build()
    weights.seed(network, 0)
    weights.save(network, path, {"model": spec.name})
    return path


@pytest.fixture
def small_networks(monkeypatch: pytest.MonkeyPatch) -> None:
    """The registry's networks of S2 with few channels, so that a test may train one."""
    spec = registry.get("fsr-priors-edge")

    class Small:
        @staticmethod
        def get(name: str) -> object:
            if name == "fsr-priors-edge":
                return type(spec)(**{**vars(spec), "build": tiny})
            return registry.get(name)

    monkeypatch.setattr(priors, "registry", Small)


@pytest.mark.usefixtures("small_networks")
def test_the_recipe_trains_logs_and_resumes(folder: Path, reader: Path, tmp_path: Path) -> None:
    for extra in folder.glob("*.png"):
        if int(extra.stem) >= 4:
            extra.unlink()
    names = [f"faces/{index:02}.png" for index in range(4)]
    write_landmarks(tmp_path / "landmarks68.csv", names, np.tile(face_points(), (4, 1, 1)))
    out = tmp_path / "run"
    options = {"batch": 2, "workers": 1, "save_every": 1, "units": reader, "read": 0.01}
    main(folder, out, iterations=1, **options)
    main(folder, out, iterations=2, val=folder, **options)
    assert checkpoint.read(out / "last.pt", "fsr-priors-edge").iteration == 2
    lines = [json.loads(line) for line in (out / "log.jsonl").read_text().splitlines()]
    assert [line["iteration"] for line in lines] == [1, 2, 2]
    terms = {f"loss/{name}" for name in ("pairs", "heatmaps", "units", "read")}
    assert set(lines[0]) == {"iteration", "loss", *terms, "rate", "seconds"}
    assert {"psnr/bicubic", "psnr/step_3"} < set(lines[2])
    assert (out / "sheet.png").exists()
    # An ablation is a network of its own.
    with pytest.raises(InputError, match="of fsr-priors-edge; expected fsr-priors-edge with none"):
        main(folder, out, iterations=3, priors=Priors.none, **options)


def test_bad_options_are_one_sentence(folder: Path, tmp_path: Path) -> None:
    out = tmp_path / "run"
    with pytest.raises(InputError, match="--model is fsr-student; expected fsr-priors-edge or fsr"):
        main(folder, out, model="fsr-student", iterations=1)
    with pytest.raises(InputError, match=r"landmarks68\.csv is not a readable landmark file"):
        main(folder, out, iterations=1)
    assert not out.exists()

"""Baselines of an action-unit network: they come back as they went, for their own network only."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import pytest
import torch

from facedge.errors import InputError
from facedge.models import registry, weights
from facedge.models.au_gcn_edge import AuGcnEdge
from facedge.training.au_baselines import ENDING, shipped_baselines, write_baselines
from facedge.training.au_linear import LinearOnLandmarks
from facedge.training.au_twins import TITLES, Compared

NAME = "au-gcn-edge"


@pytest.fixture(scope="module")
def compared() -> Compared:
    torch.manual_seed(0)
    network = registry.get(NAME).build()
    assert isinstance(network, AuGcnEdge)
    return Compared(network).eval().requires_grad_(False)


@pytest.fixture
def linear() -> LinearOnLandmarks:
    rng = np.random.default_rng(0)
    return LinearOnLandmarks(rng.random(98), 1 + rng.random(98), rng.random((12, 99)) - 0.5)


@pytest.fixture
def file(
    tmp_path: Path, compared: Compared, linear: LinearOnLandmarks, monkeypatch: pytest.MonkeyPatch
) -> Path:
    """The file as if it were shipped."""
    path = tmp_path / "baselines.safetensors"
    write_baselines(path, compared.network, compared.twins, linear)
    monkeypatch.setattr(weights, "packaged", {NAME + ENDING: path}.get)
    return path


def test_they_come_back_as_they_went(
    file: Path, compared: Compared, linear: LinearOnLandmarks
) -> None:
    found = shipped_baselines(NAME, compared.network, weights.hash_state(compared.network))
    assert found
    image = torch.rand(2, 3, 176, 176, generator=torch.Generator().manual_seed(1))
    wanted, landmarks = compared(image)
    assert list(found.twins) == [TITLES["unjoined"], TITLES["fused"]]
    for name in ("unjoined", "fused"):
        seen = found.twins[TITLES[name]](image)
        # Matrices are stored in FP16: 5e-4 of logits of about 1.
        torch.testing.assert_close(seen.logits, wanted[name], atol=5e-3, rtol=0)
        torch.testing.assert_close(seen.probabilities, torch.sigmoid(seen.logits))
        torch.testing.assert_close(seen.landmarks, landmarks)
    points = np.random.default_rng(2).random((3, 49, 2))
    # Stored in float32.
    np.testing.assert_allclose(
        found.linear.probabilities(points), linear.probabilities(points), atol=1e-5
    )


def test_other_weights_have_none(file: Path, compared: Compared) -> None:
    assert shipped_baselines(NAME, compared.network, "another") is None
    assert shipped_baselines("fsr-student", torch.nn.Linear(1, 1), "any") is None
    file.unlink()
    with pytest.raises(InputError, match="is no file"):
        shipped_baselines(NAME, compared.network, weights.hash_state(compared.network))


def test_a_damaged_file_is_named(file: Path, compared: Compared) -> None:
    weights.save(
        torch.nn.Linear(1, 1), file, {"network_sha256": weights.hash_state(compared.network)}
    )
    with pytest.raises(InputError, match="does not hold the baselines of au-gcn-edge"):
        shipped_baselines(NAME, compared.network, weights.hash_state(compared.network))

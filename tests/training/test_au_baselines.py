"""Baselines of an action-unit network: they come back as they went, for their own network only."""

from __future__ import annotations

import copy
from pathlib import Path

import numpy as np
import pytest
import torch

from facedge.errors import InputError
from facedge.models import registry, weights
from facedge.models.au_gcn_edge import AuGcnEdge
from facedge.training.au_baselines import baselines_file, baselines_of, write_baselines
from facedge.training.au_linear import LinearOnLandmarks
from facedge.training.au_twins import Compared

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
def file(tmp_path: Path, compared: Compared, linear: LinearOnLandmarks) -> Path:
    """Weights that need not exist; their baselines lie beside them."""
    path = tmp_path / "mine.safetensors"
    write_baselines(baselines_file(path), compared.network, compared.twins, linear)
    assert (tmp_path / "mine-baselines.safetensors").is_file()
    return path


def test_they_come_back_as_they_went(
    file: Path, compared: Compared, linear: LinearOnLandmarks
) -> None:
    found = baselines_of(compared.network, file)
    assert found
    image = torch.rand(2, 3, 176, 176, generator=torch.Generator().manual_seed(1))
    wanted, landmarks = compared(image)
    seen = found.compared(image)
    assert list(seen.logits) == list(wanted)
    for name, logits in wanted.items():
        # Matrices of the twins are stored in FP16: 5e-4 of logits of about 1.
        torch.testing.assert_close(seen.logits[name], logits, atol=5e-3, rtol=0)
    torch.testing.assert_close(seen.landmarks, landmarks)
    points = np.random.default_rng(2).random((3, 49, 2))
    # Stored in float32.
    np.testing.assert_allclose(
        found.linear.probabilities(points), linear.probabilities(points), atol=1e-5
    )


def test_other_weights_have_none(file: Path, compared: Compared) -> None:
    other = copy.deepcopy(compared.network)
    next(other.parameters()).add_(1)
    assert baselines_of(other, file) is None
    assert baselines_of(torch.nn.Linear(1, 1), file) is None
    assert baselines_of(compared.network, None) is None
    baselines_file(file).unlink()
    assert baselines_of(compared.network, file) is None


def test_a_damaged_file_is_named(file: Path, compared: Compared) -> None:
    sha256 = weights.hash_state(compared.network)
    weights.save(torch.nn.Linear(1, 1), baselines_file(file), {"network_sha256": sha256})
    with pytest.raises(InputError, match="does not hold the baselines"):
        baselines_of(compared.network, file)

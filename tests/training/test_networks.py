"""Where networks start: edges without gradient, and weights of files and checkpoints."""

from __future__ import annotations

from pathlib import Path

import pytest
import torch
from safetensors.torch import save_file
from torch import Tensor, nn

from facedge.errors import InputError
from facedge.models import registry, weights
from facedge.models.edges import Canny
from facedge.training import checkpoint
from facedge.training.checkpoint import Checkpoint
from facedge.training.networks import (
    DetachedEdges,
    NoEdges,
    network_of,
    shipped,
    start_weights,
    take_weights,
)


def test_bfloat16_training_leaves_edges_and_pictures_in_float32() -> None:
    image = torch.rand(1, 3, 128, 128, generator=torch.Generator().manual_seed(0))
    with torch.autocast("cpu", dtype=torch.bfloat16):
        found = DetachedEdges(Canny())(image.requires_grad_())
    assert torch.equal(found, Canny()(image))
    assert 0.01 < float(found.mean()) < 0.99
    assert not found.requires_grad


def test_without_edges_there_is_one_empty_channel() -> None:
    found = NoEdges(Canny(shrink=2))(torch.rand(2, 3, 16, 12))
    assert found.shape == (2, 1, 8, 6)
    assert not found.any()


def write_checkpoint(path: Path, average: dict[str, Tensor]) -> None:
    weights_now = {name: value + 1 for name, value in average.items()}
    checkpoint.write(Checkpoint("made-up", 1, 0.0, weights_now, average, 1, {}, 0), path)


def test_a_start_is_the_average_of_the_network_alone(tmp_path: Path) -> None:
    own, other = torch.tensor([1.0, 2.0]), torch.tensor([3.0])
    write_checkpoint(tmp_path / "new.pt", {"network.head": own, "degrade.last": other})
    write_checkpoint(tmp_path / "old.pt", {"head": own})
    save_file({"head": own}, tmp_path / "file.safetensors")
    for name in ("new.pt", "old.pt", "file.safetensors"):
        found = start_weights(tmp_path / name)
        assert list(found) == ["head"]
        assert torch.equal(found["head"], own)


def test_only_layers_that_were_named_may_stay_as_they_are(tmp_path: Path) -> None:
    path = tmp_path / "file.safetensors"
    layers = nn.ModuleDict({"head": nn.Linear(2, 3), "tail": nn.Linear(3, 1)})
    tail = {name: value + 1 for name, value in layers.state_dict().items() if "tail" in name}
    save_file({**tail, "head.weight": torch.zeros(5, 2), "more": torch.zeros(1)}, path)
    before = layers["head"].weight.clone()
    take_weights(layers, path, "head.")
    assert torch.equal(layers["head"].weight, before)
    assert torch.equal(layers["tail"].weight, tail["tail.weight"])
    with pytest.raises(InputError, match=r"not fit this network; head\.bias is missing or"):
        take_weights(layers, path)
    with pytest.raises(InputError, match=r"head\.bias"):
        take_weights(layers, path, "tail.")


def test_a_network_of_a_file_is_frozen_and_has_its_weights(tmp_path: Path) -> None:
    spec = registry.get("fsr-student")
    seeded = weights.load(spec).module
    weights.save(seeded, tmp_path / "x8.safetensors", {"model": "fsr-student"})
    found = network_of("fsr-student", tmp_path / "x8.safetensors")
    assert weights.hash_state(found) == weights.hash_state(seeded)
    assert not found.training
    assert not any(p.requires_grad for p in found.parameters())


def test_weights_that_are_not_shipped_are_asked_for(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(weights, "packaged", lambda name: None)
    with pytest.raises(InputError, match="no trained weights of au-gcn-edge are shipped; pass a"):
        shipped("au-gcn-edge")

"""Weights that ship: the average, loss-free, with what they are in their metadata."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import pytest
import torch
from safetensors import safe_open
from torch import Tensor, nn

from facedge.errors import InputError
from facedge.models import registry, weights
from facedge.models.contract import ActionUnits
from facedge.models.fsr_student import FsrStudent
from facedge.training import ship
from facedge.training.data import Batches
from facedge.training.loop import Budget, Trainer
from facedge.training.schedule import Schedule
from facedge.training.ship import half_precision_db, main
from facedge.training.student import new_student
from facedge.training.super_resolution import EdgeRecurrence

STUDENT = registry.get("fsr-student")


@pytest.fixture
def trainer(pixels: np.ndarray, tmp_path: Path) -> Trainer:
    objective = EdgeRecurrence(new_student(8, 0), Batches(pixels, 2), Schedule())
    made = Trainer(objective, "fsr-student", Budget(iterations=1))
    made.run(report_every=1)
    made.save(tmp_path / "last.pt")
    return made


def test_shipped_weights_are_the_average_and_load_into_the_model(
    trainer: Trainer, folder: Path, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    path = tmp_path / "fsr-student.safetensors"
    main(tmp_path / "last.pt", "fsr-student", folder, "12 crops", path)
    assert "fsr-student after 1 iterations, stored in FP16" in capsys.readouterr().out
    loaded = weights.load(STUDENT, path)
    average = trainer.averaged_model.state_dict()
    for name, value in loaded.module.state_dict().items():
        assert torch.equal(value, average[f"network.{name}"].half().float()), name
    assert loaded.licence.startswith("research use only")
    assert {k: loaded.metadata[k] for k in ("model", "source", "seed", "iterations", "data")} == {
        "model": "fsr-student",
        "source": "trained",
        "seed": "0",
        "iterations": "1",
        "data": "12 crops",
    }


@pytest.mark.parametrize(("reached", "dtypes"), [(0, {"F16"}), (1, {"F16", "F32"}), (2, {"F32"})])
def test_the_smallest_storage_that_loses_nothing_is_taken(
    trainer: Trainer,
    folder: Path,
    tmp_path: Path,
    monkeypatch: pytest.MonkeyPatch,
    reached: int,
    dtypes: set[str],
) -> None:
    found = iter([59.9] * reached + [60.0])
    monkeypatch.setattr(ship, "half_precision_db", lambda *_: next(found))
    path = tmp_path / "w.safetensors"
    main(tmp_path / "last.pt", "fsr-student", folder, "", path)
    with safe_open(path, "pt") as file:
        stored = {name: file.get_slice(name) for name in file.keys()}  # noqa: SIM118
        assert {tensor.get_dtype() for tensor in stored.values()} == dtypes
        if reached == 1:
            assert all(
                (len(tensor.get_shape()) > 1) == (tensor.get_dtype() == "F16")
                for tensor in stored.values()
            )
    # What was compared is what a file gives back.
    network = new_student(8, 0)
    again = ship.stored_as(network, ship.STORAGES[reached]).state_dict()
    weights.save(
        network,
        tmp_path / "again.safetensors",
        {"model": "fsr-student"},
        ship.STORAGES[reached].dtype,
        vectors=ship.STORAGES[reached].vectors,
    )
    loaded = weights.load(STUDENT, tmp_path / "again.safetensors").module.state_dict()
    assert all(torch.equal(loaded[name], value) for name, value in again.items())


def test_half_precision_is_measured_on_the_picture(pixels: np.ndarray) -> None:
    model, shifted = new_student(8, 0).eval(), new_student(8, 0).eval()
    with torch.no_grad():
        bias = shifted.reconstruct.conv.bias
        assert bias is not None
        bias.add_(0.01)
    # Every value moves by 0.01: 20 log10(1 / 0.01) = 40 dB, within float32 rounding.
    found = half_precision_db(model, shifted, STUDENT, pixels[:3], batch=2)
    assert found == pytest.approx(40.0, abs=0.01)
    assert half_precision_db(model, model, STUDENT, pixels[:1]) == np.inf


class Likely(nn.Module):
    """Finds every action unit with a probability that the first face's brightness shifts."""

    def __init__(self, probability: float) -> None:
        super().__init__()
        self.probability = probability

    def forward(self, image: Tensor) -> ActionUnits:
        assert image.shape[1:] == (3, 176, 176)
        found = torch.full((len(image), 12), self.probability)
        return ActionUnits(found, found, torch.zeros(len(image), 49, 2))


def test_half_precision_of_action_units_is_measured_on_probabilities(pixels: np.ndarray) -> None:
    spec = registry.get("au-gcn-edge")
    found = half_precision_db(Likely(0.5), Likely(0.501), spec, pixels[:2])
    # All twelve differ by 0.001: 60 dB, within float32 rounding of 0.501.
    assert found == pytest.approx(60.0, abs=0.01)


def test_a_checkpoint_of_another_scale_is_refused(
    trainer: Trainer, folder: Path, tmp_path: Path
) -> None:
    path = tmp_path / "x4.safetensors"
    with pytest.raises(InputError, match="a checkpoint of fsr-student; expected fsr-student-x4"):
        main(tmp_path / "last.pt", "fsr-student-x4", folder, "", path)
    assert not path.exists()


def test_a_checkpoint_of_another_shape_is_refused(
    pixels: np.ndarray, folder: Path, tmp_path: Path
) -> None:
    tiny = FsrStudent(width=32, deep=32, deep_blocks=1)
    objective = EdgeRecurrence(tiny, Batches(pixels, 2), Schedule())
    Trainer(objective, "fsr-student", Budget(iterations=1)).save(tmp_path / "last.pt")
    with pytest.raises(InputError, match="another shape of fsr-student; expected the registry's"):
        main(tmp_path / "last.pt", "fsr-student", folder, "", tmp_path / "x8.safetensors")
    assert not (tmp_path / "x8.safetensors").exists()

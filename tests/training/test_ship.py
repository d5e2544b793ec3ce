"""Weights that ship: the average, loss-free, with what they are in their metadata."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import pytest
import torch

from facedge.errors import InputError
from facedge.models import registry, weights
from facedge.training.data import Batches, Faces
from facedge.training.loop import Budget, Trainer
from facedge.training.ship import half_precision_db, main
from facedge.training.student import model_name, new_student


@pytest.fixture
def trainer(pixels: np.ndarray, tmp_path: Path) -> Trainer:
    made = Trainer(new_student(8, 0), model_name(8), Batches(pixels, 2), Budget(iterations=1))
    made.run(report_every=1)
    made.save(tmp_path / "last.pt")
    return made


def test_shipped_weights_are_the_average_and_load_into_the_model(
    trainer: Trainer, folder: Path, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    path = tmp_path / "fsr-student.safetensors"
    main(tmp_path / "last.pt", 8, folder, "12 crops", path)
    assert "fsr-student after 1 iterations, stored in FP16" in capsys.readouterr().out
    loaded = weights.load(registry.get("fsr-student"), path)
    average = trainer.averaged_model.state_dict()
    for name, value in loaded.module.state_dict().items():
        assert torch.equal(value, average[name].half().float()), name
    assert loaded.licence.startswith("research use only")
    assert {k: loaded.metadata[k] for k in ("model", "source", "seed", "iterations", "data")} == {
        "model": "fsr-student",
        "source": "trained",
        "seed": "0",
        "iterations": "1",
        "data": "12 crops",
    }


def test_half_precision_is_measured_on_the_picture(pixels: np.ndarray) -> None:
    model, shifted = new_student(8, 0).eval(), new_student(8, 0).eval()
    with torch.no_grad():
        bias = shifted.reconstruct.conv.bias
        assert bias is not None
        bias.add_(0.01)
    faces = Faces(("",) * 3, pixels[:3])
    # Every value moves by 0.01: 20 log10(1 / 0.01) = 40 dB, within float32 rounding.
    assert half_precision_db(model, shifted, faces, 8) == pytest.approx(40.0, abs=0.01)
    assert half_precision_db(model, model, faces, 8) == np.inf


def test_a_checkpoint_of_another_scale_is_refused(
    trainer: Trainer, folder: Path, tmp_path: Path
) -> None:
    path = tmp_path / "x4.safetensors"
    with pytest.raises(InputError, match="scale 8; expected fsr-student scale 4"):
        main(tmp_path / "last.pt", 4, folder, "", path)
    assert not path.exists()

"""The teacher's recipe: it begins as the student it has grown from."""

from __future__ import annotations

import json
from pathlib import Path

import pytest
import torch
from torch.nn import functional as F

from facedge.errors import InputError
from facedge.models import registry, weights
from facedge.training import checkpoint
from facedge.training.data import read_faces
from facedge.training.quality import evaluate
from facedge.training.teacher import main, new_teacher


def test_a_new_teacher_begins_at_the_bilinear_base() -> None:
    image = torch.rand(1, 3, 16, 16, generator=torch.Generator().manual_seed(0))
    with torch.no_grad():
        steps = new_teacher(0, None)(image).steps
    base = F.interpolate(image, scale_factor=8, mode="bilinear", align_corners=False)
    for step in steps:
        assert 0 < float((step - base).abs().max()) < 0.05


@pytest.fixture
def student(tmp_path: Path) -> Path:
    """Seeded weights: what they do is not the point."""
    path = tmp_path / "student.safetensors"
    spec = registry.get("fsr-student")
    network = spec.build()
    weights.seed(network, 1)
    weights.save(network, path, {"model": spec.name})
    return path


def test_a_grown_teacher_has_the_students_figures(folder: Path, student: Path) -> None:
    faces = read_faces(folder)
    faces = type(faces)(faces.names[:3], faces.pixels[:3])
    small = weights.load(registry.get("fsr-student"), student).module
    wanted = evaluate(small, faces, 8, ssim=False)
    found = evaluate(new_teacher(0, student), faces, 8, ssim=False)
    for a, b in zip(found.steps, wanted.steps, strict=True):
        # Pictures differ by float32 rounding, which a level on the edge shows: 0.01 dB.
        assert a.psnr_y == pytest.approx(b.psnr_y, abs=0.01)
    assert abs(wanted.gain) > 0.05


def test_the_recipe_grows_trains_and_resumes(folder: Path, student: Path, tmp_path: Path) -> None:
    out = tmp_path / "run"
    options = {"batch": 2, "workers": 1, "save_every": 1, "grow_from": student, "grow": 0.0}
    main(folder, out, iterations=1, rate=1e-9, val=folder, **options)
    saved = checkpoint.read(out / "last.pt", "fsr-teacher")
    assert saved.iteration == 1
    lines = [json.loads(line) for line in (out / "log.jsonl").read_text().splitlines()]
    small = weights.load(registry.get("fsr-student"), student).module
    wanted = evaluate(small, read_faces(folder), 8, ssim=False)
    # One step at a rate of almost zero: the student's figures still.
    assert lines[-1]["psnr/step_3"] == pytest.approx(wanted.steps[-1].psnr_y, abs=0.01)
    main(folder, out, iterations=2, **options)
    assert checkpoint.read(out / "last.pt", "fsr-teacher").iteration == 2


def test_weights_of_another_network_are_refused(folder: Path, tmp_path: Path) -> None:
    path = tmp_path / "x4.safetensors"
    weights.save(registry.get("fsr-student-x4").build(), path, {"model": "fsr-student-x4"})
    with pytest.raises(InputError, match="does not fit this network"):
        main(folder, tmp_path / "run", iterations=1, batch=2, grow_from=path)
    with pytest.raises(InputError, match="does not fit this network"):
        main(folder, tmp_path / "run", iterations=1, batch=2, init=path)
    assert not (tmp_path / "run").exists()

"""The student's recipe: its start, its transfer between scales, and its command line."""

from __future__ import annotations

import json
import subprocess
import sys
from pathlib import Path

import numpy as np
import pytest
import torch
from torch.nn import functional as F

from facedge.errors import InputError
from facedge.models.fsr_student import FsrStudent
from facedge.training import checkpoint
from facedge.training.data import Batches
from facedge.training.loop import Budget, Trainer
from facedge.training.networks import take_weights
from facedge.training.schedule import Schedule
from facedge.training.student import main, model_name, new_student
from facedge.training.super_resolution import EdgeRecurrence


def trainer(student: FsrStudent, name: str, pixels: np.ndarray) -> Trainer:
    return Trainer(
        EdgeRecurrence(student, Batches(pixels, 4), Schedule()), name, Budget(iterations=1)
    )


def test_a_new_student_begins_at_the_bilinear_base() -> None:
    image = torch.rand(2, 3, 16, 16, generator=torch.Generator().manual_seed(0))
    with torch.no_grad():
        steps = new_student(8, seed=0)(image).steps
    base = F.interpolate(image, scale_factor=8, mode="bilinear", align_corners=False)
    for step in steps:
        assert 0 < float((step - base).abs().max()) < 0.05


def test_a_student_is_a_function_of_its_seed() -> None:
    first, again, other = (new_student(8, seed).fuse.weight for seed in (0, 0, 1))
    assert torch.equal(first, again)
    assert not torch.equal(first, other)


def test_the_trunk_carries_over_to_another_scale(pixels: np.ndarray, tmp_path: Path) -> None:
    source = new_student(8, 0)
    trainer(source, model_name(8), pixels).save(tmp_path / "eight.pt")
    student = new_student(4, seed=1)
    head = student.head.weight.detach().clone()
    take_weights(student, tmp_path / "eight.pt", "head.")
    assert torch.equal(student.fuse.weight, source.fuse.weight)
    assert torch.equal(student.head.weight, head)


def test_weights_of_another_trunk_are_refused(pixels: np.ndarray, tmp_path: Path) -> None:
    tiny = FsrStudent(width=32, deep=32, deep_blocks=1)
    trainer(tiny, "tiny", pixels).save(tmp_path / "tiny.pt")
    with pytest.raises(InputError, match=r"tiny\.pt does not fit this network; core\.after\.first"):
        take_weights(new_student(8, 0), tmp_path / "tiny.pt", "head.")


def test_the_recipe_trains_logs_and_resumes(folder: Path, tmp_path: Path) -> None:
    out = tmp_path / "run"
    options = {"batch": 2, "workers": 2, "save_every": 1, "check_every": 1, "val": folder}
    main(folder, out, iterations=1, **options)
    saved = checkpoint.read(out / "last.pt", "fsr-student")
    assert saved.iteration == 1
    assert {name.split(".")[0] for name in saved.weights} == {"network"}
    main(folder, out, iterations=2, **options)
    assert checkpoint.read(out / "last.pt", "fsr-student").iteration == 2
    lines = [json.loads(line) for line in (out / "log.jsonl").read_text().splitlines()]
    assert [line["iteration"] for line in lines] == [1, 1, 2, 2]
    assert set(lines[2]) == {"iteration", "loss/pairs", "rate", "seconds"}
    steps = {f"psnr/step_{step}" for step in (1, 2, 3)}
    assert set(lines[3]) == {"iteration", "psnr/bicubic", *steps}
    sheet = (out / "sheet.png").read_bytes()
    assert sheet.startswith(b"\x89PNG")


@pytest.mark.parametrize(
    ("options", "sentence"),
    [
        ({"scale": 3, "iterations": 1}, "--scale is 3; fsr-student has 8 and 4"),
        ({}, "pass --hours or --iterations"),
        ({"iterations": 1, "batch": 64}, "holds 12 pictures and a batch takes 64"),
        ({"iterations": 1, "init": Path("none.pt")}, "does not exist"),
        ({"iterations": 1, "real": Path("faces")}, "--real needs --degradation"),
        ({"iterations": 1, "degradation": Path("none")}, "none is no file"),
        ({"iterations": 1, "device": "tpu"}, "--device is tpu; expected auto, cpu, cuda"),
        ({"iterations": 1, "precision": "half"}, "--precision is half; expected auto, float32"),
        (
            {"iterations": 1, "batch": 2, "save_every": 0},
            "--save-every is 0 and --check-every 0",
        ),
    ],
)
def test_bad_options_are_one_sentence_and_leave_nothing(
    folder: Path, tmp_path: Path, options: dict[str, object], sentence: str
) -> None:
    with pytest.raises(InputError, match=sentence):
        main(folder, tmp_path / "run", **options)  # type: ignore[arg-type]
    assert not (tmp_path / "run").exists()


def test_the_command_prints_one_sentence_and_exits_2(tmp_path: Path) -> None:
    command = [sys.executable, "-m", "facedge.training.student", "--iterations", "1"]
    ended = subprocess.run(
        [*command, "--data", str(tmp_path / "nowhere"), "--out", str(tmp_path / "run")],
        capture_output=True,
        text=True,
        check=False,
    )
    assert ended.returncode == 2
    assert ended.stderr.strip().endswith("--data takes a folder of face pictures")
    assert "Traceback" not in ended.stderr

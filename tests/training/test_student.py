"""The student's recipe: its start, its transfer between scales, and its command line."""

from __future__ import annotations

import json
import subprocess
import sys
from pathlib import Path

import pytest
import torch
from torch.nn import functional as F

from facedge.errors import InputError
from facedge.models.fsr_student import FsrStudent
from facedge.training import checkpoint
from facedge.training.data import Batches
from facedge.training.loop import Budget, Trainer
from facedge.training.student import main, model_name, new_student, take_weights


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


def test_the_trunk_carries_over_to_another_scale(pixels, tmp_path: Path) -> None:
    source = Trainer(new_student(8, 0), model_name(8), Batches(pixels, 4), Budget(iterations=1))
    source.save(tmp_path / "eight.pt")
    student = new_student(4, seed=1)
    head = student.head.weight.detach().clone()
    take_weights(student, tmp_path / "eight.pt")
    assert torch.equal(student.fuse.weight, source.model.fuse.weight)
    assert torch.equal(student.head.weight, head)


def test_weights_of_another_trunk_are_refused(pixels, tmp_path: Path) -> None:
    tiny = FsrStudent(width=32, deep=32, deep_blocks=1)
    Trainer(tiny, "tiny", Batches(pixels, 4), Budget(iterations=1)).save(tmp_path / "tiny.pt")
    with pytest.raises(InputError, match="does not fit fsr-student"):
        take_weights(new_student(8, 0), tmp_path / "tiny.pt")


def test_the_recipe_trains_logs_and_resumes(folder: Path, tmp_path: Path) -> None:
    out = tmp_path / "run"
    options = {"batch": 2, "workers": 2, "save_every": 1, "check_every": 1, "val": folder}
    main(folder, out, iterations=1, **options)
    assert checkpoint.read(out / "last.pt", model_name(8)).iteration == 1
    main(folder, out, iterations=2, **options)
    assert checkpoint.read(out / "last.pt", model_name(8)).iteration == 2
    lines = [json.loads(line) for line in (out / "log.jsonl").read_text().splitlines()]
    assert [line["iteration"] for line in lines] == [1, 1, 2, 2]
    assert len(lines[-1]["psnr_y"]) == 3
    sheet = (out / "sheet.png").read_bytes()
    assert sheet.startswith(b"\x89PNG")


@pytest.mark.parametrize(
    ("options", "sentence"),
    [
        ({"scale": 3, "iterations": 1}, "--scale is 3; fsr-student has 8 and 4"),
        ({}, "pass --hours or --iterations"),
        ({"iterations": 1, "batch": 64}, "holds 12 pictures and a batch takes 64"),
        ({"iterations": 1, "init": Path("none.pt")}, "does not exist"),
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

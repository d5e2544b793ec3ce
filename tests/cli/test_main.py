"""Bad input on the command line: one sentence, the right exit code, nothing written."""

from __future__ import annotations

import json
import os
import signal
import subprocess
import sys
import time
from pathlib import Path

import numpy as np
import pytest
import torch
from child_signals import default_signals
from safetensors.torch import load_file, save_file

from facedge.cli.main import app, execute
from facedge.models import registry, weights


def sentence(capsys) -> str:
    lines = [line for line in capsys.readouterr().err.splitlines() if line.startswith("facedge: ")]
    assert len(lines) == 1
    return lines[0]


def files(folder: Path) -> list[Path]:
    return [p for p in folder.rglob("*") if p.is_file()]


@pytest.fixture
def student_file(tmp_path) -> Path:
    spec = registry.get("fsr-student")
    path = tmp_path / "weights.safetensors"
    weights.save(weights.load(spec).module, path, {"model": "fsr-student"})
    return path


@pytest.mark.parametrize(
    ("arguments", "said"),
    [
        (["--model", "fsr-pupil"], "no model is called 'fsr-pupil'"),
        (["--precision", "int4"], "unknown precision 'int4'; choose from fp32, fp16, int8"),
        (["--backend", "coreml"], "unknown backend 'coreml'; choose from onnxruntime"),
        (["--steps", "4"], "steps 1 to 3; 4 was asked for"),
        (["--method", "guess"], "no calibration method 'guess'"),
        (["--gate-images", "0"], "--gate-images is 0; it must be at least 1"),
        (["--max-batch", "0"], "--max-batch is 0; it must be at least 1"),
        (["--threads", "-1"], "--threads is -1; it must be at least 0"),
        (["--weights", "missing.safetensors"], "missing.safetensors"),
        (["--ranges", "missing.json"], "missing.json"),
        (["--calib", "nowhere"], "nowhere"),
        (["--frobnicate"], "--frobnicate"),
        (["--model", "au-gcn-edge", "--state"], "state"),
    ],
)
def test_a_bad_option_is_one_sentence_and_exit_2(arguments, said, tmp_path, capsys, monkeypatch):
    monkeypatch.chdir(tmp_path)
    assert execute(app, ["build", "--out", "out", *arguments]) == 2
    assert said in sentence(capsys)
    assert files(tmp_path) == []


def test_a_missing_backend_is_exit_4_and_names_the_extra(tmp_path, capsys, monkeypatch):
    monkeypatch.setitem(sys.modules, "tensorrt", None)
    assert execute(app, ["build", "--out", str(tmp_path), "--backend", "tensorrt"]) == 4
    assert "facedge[tensorrt]" in sentence(capsys)
    assert files(tmp_path) == []


def test_json_errors_are_one_object_on_stdout(tmp_path, capsys):
    assert execute(app, ["build", "--json", "--model", "nope", "--out", str(tmp_path)]) == 2
    found = json.loads(capsys.readouterr().out)
    assert found["exit_code"] == 2
    assert "nope" in found["error"]


def test_nan_weights_are_named(student_file, tmp_path, capsys):
    tensors = load_file(student_file)
    tensors["fuse.weight"][0, 0] = float("nan")
    save_file(tensors, student_file, {"model": "fsr-student"})
    out = tmp_path / "out"
    assert execute(app, ["build", "--weights", str(student_file), "--out", str(out)]) == 2
    assert "fuse.weight" in sentence(capsys)
    assert not out.exists()


def test_a_wrong_shape_is_named_with_both_shapes(student_file, tmp_path, capsys):
    tensors = load_file(student_file)
    tensors["fuse.bias"] = torch.zeros(7)
    save_file(tensors, student_file, {"model": "fsr-student"})
    assert (
        execute(app, ["build", "--weights", str(student_file), "--out", str(tmp_path / "o")]) == 2
    )
    said = sentence(capsys)
    assert "fuse.bias" in said
    assert "7" in said
    assert "64" in said


def test_a_truncated_weights_file_is_refused(student_file, tmp_path, capsys):
    student_file.write_bytes(student_file.read_bytes()[:1000])
    assert (
        execute(app, ["build", "--weights", str(student_file), "--out", str(tmp_path / "o")]) == 2
    )
    assert "truncated" in sentence(capsys)


def test_a_folder_of_things_that_are_no_pictures_is_refused(tmp_path, capsys):
    (tmp_path / "a.jpg").write_text("not a picture")
    (tmp_path / "b.png").write_bytes(np.zeros(100, np.uint8).tobytes())
    out = tmp_path / "out"
    assert execute(app, ["build", "--calib", str(tmp_path), "--out", str(out)]) == 2
    assert "picture" in sentence(capsys)
    assert not out.exists()


def test_calibrating_on_no_picture_is_refused(tmp_path, capsys):
    assert execute(app, ["calibrate", "--images", "0", "--out", str(tmp_path / "r.json")]) == 2
    assert "--images" in sentence(capsys)
    assert files(tmp_path) == []


def test_calibrate_leaves_a_file_of_something_else_alone(tmp_path, capsys):
    file = tmp_path / "notes.json"
    file.write_text("mine")
    assert execute(app, ["calibrate", "--out", str(file)]) == 2
    assert "not a ranges file; it is left alone" in sentence(capsys)
    assert file.read_text() == "mine"


def test_ctrl_c_in_the_middle_leaves_no_bundle(tmp_path):
    command = [sys.executable, "-m", "facedge.cli.main", "build", "--out", str(tmp_path)]
    process = subprocess.Popen(
        command,
        stderr=subprocess.PIPE,
        text=True,
        start_new_session=True,
        preexec_fn=default_signals,
    )
    assert process.stderr is not None
    for line in process.stderr:
        if "Tracing" in line:
            break
    time.sleep(0.5)
    os.killpg(process.pid, signal.SIGINT)
    said = process.stderr.read()
    assert process.wait(60) == 130
    assert "facedge: interrupted; nothing was written" in said
    assert "Traceback" not in said
    assert files(tmp_path) == []


def test_a_full_disk_while_writing_the_bundle_is_one_sentence(tmp_path, capsys, monkeypatch):
    from facedge.export import bundle_writer

    def full(*_args: object) -> None:
        raise OSError(28, "No space left on device")

    monkeypatch.setattr(bundle_writer, "write_manifest", full)
    arguments = ["build", "--precision", "fp32", "--steps", "1", "--gate-images", "8"]
    assert execute(app, [*arguments, "--backend", "onnxruntime", "--out", str(tmp_path)]) == 2
    assert "No space left on device" in sentence(capsys)
    assert list(tmp_path.iterdir()) == []


@pytest.mark.parametrize(
    "command",
    ["build", "run", "verify", "inspect", "engine", "calibrate", "eval", "models", "passes"],
)
def test_every_command_has_help_that_teaches(command, capsys):
    assert execute(app, [command, "--help"]) == 0
    shown = capsys.readouterr().out
    assert len(shown.splitlines()) > 5


def test_models_lists_all_seven_with_their_cost(capsys):
    assert execute(app, ["models", "--json"]) == 0
    rows = json.loads(capsys.readouterr().out)
    assert {row["name"] for row in rows} == set(registry.SPECS)
    assert all(row["macs"] > 0 and row["parameters"] > 0 for row in rows)


def test_passes_lists_the_rewrites_in_order(capsys):
    from facedge.export.passes import CPU_PASSES, PASSES

    assert execute(app, ["passes", "--json"]) == 0
    assert [row["name"] for row in json.loads(capsys.readouterr().out)] == [
        p.name for p in PASSES + CPU_PASSES
    ]

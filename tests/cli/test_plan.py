"""``facedge sensitivity``, ``facedge plan`` and ``facedge build --plan`` on the command line."""

from __future__ import annotations

import json

import plan_samples
import pytest

from facedge.cli.main import app, execute
from facedge.cli.sensitivity import print_table
from facedge.export import plan_file, sensitivity_file


def sentence(capsys) -> str:
    lines = [line for line in capsys.readouterr().err.splitlines() if line.startswith("facedge: ")]
    assert len(lines) == 1
    return lines[0]


@pytest.mark.parametrize(
    ("arguments", "said"),
    [
        (["sensitivity", "--model", "fsr-pupil"], "no model is called 'fsr-pupil'"),
        (["sensitivity", "--dialect", "coreml"], "choose one of portable, openvino, tensorrt"),
        (["sensitivity", "--calib", "nowhere"], "nowhere"),
        (["sensitivity", "--images", "0"], "--images"),
        (["sensitivity", "--method", "guess"], "no calibration method 'guess'"),
        (["sensitivity", "--out", "mine.txt"], "mine.txt is not a sensitivity file"),
        (["plan", "--backend", "tensorrt"], "choose onnxruntime or openvino"),
        (["plan", "--max-psnr-loss", "-1"], "--max-psnr-loss"),
        (["plan", "--min-au-agreement", "101"], "--min-au-agreement"),
        (["plan", "--ranges", "missing.json"], "missing.json"),
        (["plan", "--out", "mine.txt"], "mine.txt is not a plan file"),
        (["build", "--plan", "missing.json"], "cannot read plan file missing.json"),
        (["build", "--plan", "mine.txt"], "mine.txt is not a plan file"),
        (["build", "--plan", "plan.json", "--precision", "fp16"], "build with --precision int8"),
        (["build", "--plan", "plan.json", "--steps", "1"], "for fsr-student with 3 step(s)"),
        (["build", "--plan", "plan.json", "--model", "au-gcn-edge"], "the build for au-gcn-edge"),
    ],
)
def test_bad_input_is_one_sentence_and_exit_2(arguments, said, tmp_path, capsys, monkeypatch):
    monkeypatch.chdir(tmp_path)
    (tmp_path / "mine.txt").write_text("mine")
    plan_file.write(tmp_path / "plan.json", plan_samples.plan())
    before = {p.name: p.read_bytes() for p in tmp_path.iterdir()}
    assert execute(app, arguments) == 2
    assert said in sentence(capsys)
    assert {p.name: p.read_bytes() for p in tmp_path.iterdir()} == before


def test_sensitivity_prints_one_json_object_and_its_file_as_a_table(tmp_path, capsys):
    path = tmp_path / "s.json"
    arguments = [
        "sensitivity", "--model", "fsr-student", "--steps", "1", "--images", "2", "--json",
        "--out", str(path), "--threads", "2",
    ]  # fmt: skip
    assert execute(app, arguments) == 0
    found = json.loads(capsys.readouterr().out)
    assert found == json.loads(path.read_text())
    assert found["subject"]["steps"] == 1
    assert found["all_int8"]["au_agreement"] is not None
    assert {part["kind"] for part in found["parts"]} == {"weights", "activation"}
    print_table(sensitivity_file.read(path))
    table = capsys.readouterr().out
    assert "█" in table
    assert all(row["node"][:12] in table for row in found["rows"])

"""What facedge-verify is given: damaged bundles and wrong command lines are one sentence each."""

from __future__ import annotations

import json
import os
import re
import shutil
import subprocess
from pathlib import Path

import msgspec
import numpy as np
import pytest
from tiny_bundle import au_model, make_bundle, sr_model, write
from verify_program import (
    INPUT,
    PASSED,
    Verify,
    alter_golden,
    faulty_bundle,
    playing,
    with_faults,
    with_wheels,
)

from facedge.errors import FacedgeError
from facedge.runtime.bundle import encode_manifest, load
from facedge.runtime.manifest import GoldenSet
from facedge.runtime.selftest import verify


@pytest.fixture(scope="module")
def plain(native_build: Path, emulator: list[str]) -> Verify:
    return with_wheels(native_build, emulator)


@pytest.fixture
def onnxruntime(plain: Verify) -> Verify:
    if "onnxruntime" not in playing(plain):
        pytest.skip("ONNX Runtime is not here, or the build has no plug-in for it")
    return plain


@pytest.fixture
def faulty(native_build: Path, emulator: list[str]) -> Verify:
    return with_faults(native_build, emulator)


# ---- Damaged bundles -------------------------------------------------------------------------


def python_sentence(path: Path) -> str:
    with pytest.raises(FacedgeError) as caught:
        verify(load(path), "onnxruntime")
    return str(caught.value)


def test_an_altered_file_stops_the_test_before_it_starts(faulty, tmp_path):
    path = make_bundle(tmp_path / "t")
    file = path / "golden/restored.npy"
    file.write_bytes(file.read_bytes()[:-1] + b"\0")
    code, report, sentence = faulty(path)
    assert code == INPUT
    assert sentence == python_sentence(path)
    assert "results" not in report


@pytest.mark.parametrize(
    "change",
    [
        lambda a: a[:2],
        lambda a: a[:, :2],
        lambda a: a.astype(np.float32),
        lambda a: a.astype(np.float64),
        lambda a: a[0, 0, 0, 0],
        lambda a: np.array([{}], dtype=object),
    ],
    ids=["fewer", "smaller", "float32", "float64", "number", "objects"],
)
def test_golden_vectors_that_do_not_fit_the_manifest_are_refused(onnxruntime, tmp_path, change):
    path = alter_golden(make_bundle(tmp_path / "t"), "restored", change)
    code, _, sentence = onnxruntime(path, "--backend", "onnxruntime")
    assert code == INPUT
    # Python first asks for the manifest's type, the native reader for one of its two.
    assert sentence.split(", expected")[0] == python_sentence(path).split(", expected")[0]


@pytest.mark.parametrize("change", [lambda a: a[:0], np.asfortranarray], ids=["none", "fortran"])
def test_golden_vectors_of_no_use_are_refused(onnxruntime, tmp_path, change):
    code, _, sentence = onnxruntime(
        alter_golden(make_bundle(tmp_path / "t"), "images", change), "--backend", "onnxruntime"
    )
    assert code == INPUT
    assert "build the bundle again" in sentence


def test_an_artifact_without_golden_vectors_is_refused(onnxruntime, tmp_path):
    incomplete = GoldenSet(dialect="portable", inputs={}, outputs={}, min_psnr_db=50.0, max_abs=0.0)
    for number, golden in enumerate([(), (incomplete,)]):
        path = make_bundle(tmp_path / str(number), golden=golden)
        code, _, sentence = onnxruntime(path, "--backend", "onnxruntime")
        assert code == INPUT
        assert sentence == python_sentence(path)


def test_a_graph_of_another_size_than_the_manifest_is_refused(onnxruntime, tmp_path):
    path = make_bundle(
        tmp_path / "t", au_model(), extra={"other.onnx": sr_model().SerializeToString()}
    )
    manifest = load(path).manifest
    other = tuple(msgspec.structs.replace(a, path="other.onnx") for a in manifest.artifacts)
    renewed = msgspec.structs.replace(manifest, artifacts=other)
    write(path / "manifest.json", encode_manifest(renewed))
    code, _, sentence = onnxruntime(path, "--backend", "onnxruntime")
    assert code == INPUT
    assert "other.onnx" in sentence


# ---- The command line ------------------------------------------------------------------------


def test_help_teaches_every_option_and_exit_code(plain):
    done = plain.run("--help")
    assert done.returncode == 0
    assert not done.stderr
    for word in ("--backend", "--threads", "--plugin-dir", "--library", "--json", "Exit codes"):
        assert word in done.stdout
    assert max(map(len, done.stdout.splitlines())) <= 100
    assert re.match(r"facedge-verify \d+\.\d+$", plain.run("--version").stdout)


@pytest.mark.parametrize(
    ("arguments", "words"),
    [
        ([], "no bundle was given"),
        (["a", "b"], "b is a second one"),
        (["a", "--bananas"], "--bananas is no option"),
        (["a", "-x"], "-x is no option"),
        (["a", "--threads", "1", "-xy"], "-x is no option"),
        (["--help=me", "a"], "--help takes no value"),
        (["a", "--backend"], "--backend needs a value"),
        (["a", "--threads", "0"], "--threads is 0"),
        (["a", "--threads", "4x"], "--threads is 4x"),
        (["a", "--threads", "99999999999999999999"], "expected a number of 1 to"),
        (["a", "--library", "x.so"], "say which with --backend"),
        (["/nowhere"], "/nowhere is not a folder; expected a bundle"),
        ([""], "has no manifest.json"),
    ],
)
def test_a_wrong_command_line_is_a_sentence(plain, tmp_path, arguments, words):
    (tmp_path / "empty").mkdir()
    program = plain.build / "runtime/tools/facedge-verify"
    done = subprocess.run(
        [*plain.emulator, program, *arguments],
        capture_output=True,
        text=True,
        cwd=tmp_path / "empty",
    )
    assert done.returncode == INPUT
    assert done.stdout == ""
    assert words in done.stderr
    assert done.stderr.count("\n") == 1


def test_a_bundle_with_an_odd_path_is_still_one_json_object(faulty, tmp_path):
    path = tmp_path / 'a "b"\n\\ é'
    shutil.copytree(faulty_bundle(tmp_path / "t", "right"), path)
    assert faulty(path)[1]["bundle"] == str(path)
    raw = os.fsencode(tmp_path) + b"/\xff"
    os.rename(os.fsencode(path), raw)
    program = str(faulty.build / "runtime/tools/facedge-verify")
    command = [*faulty.emulator, program, raw, "--json", "--plugin-dir", str(faulty.plugins)]
    done = subprocess.run(command, capture_output=True)
    assert done.returncode == PASSED
    assert json.loads(done.stdout)["bundle"].endswith("/\xff")

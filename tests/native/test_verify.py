"""facedge-verify passes sound bundles and finds wrong ones, as the Python self-test does."""

from __future__ import annotations

import re
from pathlib import Path

import msgspec
import numpy as np
import pytest
from tiny_bundle import au_model, make_bundle, sr_model
from verify_program import (
    FAILED,
    NOTHING_PLAYED,
    PASSED,
    Verify,
    alter_golden,
    faulty_bundle,
    playing,
    with_faults,
    with_wheels,
)

from facedge.runtime.bundle import load
from facedge.runtime.manifest import Artifact
from facedge.runtime.selftest import verify

PORTABLE = Artifact(backend="onnxruntime", path="onnx/portable.onnx", dialect="portable")
PLAN = Artifact(
    backend="tensorrt-rtx",
    path="engines/x.plan",
    dialect="portable",
    version="1.7.1",
    device="ampere+",
)


@pytest.fixture(scope="module")
def plain(native_build: Path, emulator: list[str]) -> Verify:
    return with_wheels(native_build, emulator)


@pytest.fixture(scope="module")
def native_backends(plain: Verify) -> list[str]:
    """Those that can run; the test is skipped where none can."""
    return playing(plain) or pytest.skip("no back end of the build has its library here")


@pytest.fixture
def onnxruntime(plain: Verify) -> Verify:
    if "onnxruntime" not in playing(plain):
        pytest.skip("ONNX Runtime is not here, or the build has no plug-in for it")
    return plain


@pytest.fixture
def faulty(native_build: Path, emulator: list[str]) -> Verify:
    return with_faults(native_build, emulator)


# ---- What passes -----------------------------------------------------------------------------


@pytest.mark.parametrize(
    "model", [sr_model(), sr_model(stateful=True), au_model()], ids=["sr", "state", "au"]
)
def test_a_sound_bundle_passes_in_the_words_of_python(plain, native_backends, tmp_path, model):
    path = make_bundle(tmp_path / "t", model)
    keys = ("backend", "artifact", "tensor", "batch", "status")
    for backend in native_backends:
        code, report, _ = plain(path, "--backend", backend, "--threads", 1)
        expected = verify(load(path), backend)
        assert code == PASSED
        assert [{k: r[k] for k in keys} for r in report["results"]] == [
            {k: getattr(r, k) for k in keys} for r in expected
        ]
        # The figures may differ in the last digit where another library is driven.
        words = [re.sub(r"[\d.]+(e-\d+)?,", "#,", r["detail"]) for r in report["results"]]
        assert words == [re.sub(r"[\d.]+(e-\d+)?,", "#,", r.detail) for r in expected]
        assert [r["batch"] for r in report["results"]][:: len(model.graph.output)] == [3, 1]
        assert report["files"] == len(load(path).manifest.files) + 1


def test_every_backend_of_the_bundle_is_played_and_timed(plain, native_backends, tmp_path):
    both = tuple(msgspec.structs.replace(PORTABLE, backend=name) for name in native_backends)
    code, report, _ = plain(make_bundle(tmp_path / "t", artifacts=both))
    assert code == PASSED
    assert [t["backend"] for t in report["latencies"]] == native_backends
    for timed in report["latencies"]:
        assert timed["median_ms"] > 0
        assert timed["calls"] >= 20
        assert timed["version"]


def test_the_table_names_what_was_compared(onnxruntime, tmp_path):
    path = make_bundle(tmp_path / "t", artifacts=(PORTABLE, PLAN), extra={"engines/x.plan": b"x"})
    done = onnxruntime.run(path, "--plugin-dir", onnxruntime.plugins)
    assert done.returncode == PASSED
    lines = done.stdout.splitlines()
    assert lines[0] == "5 files match their hashes"
    rows = [re.split(r" {2,}", line) for line in lines]
    assert [
        "onnxruntime",
        "onnx/portable.onnx",
        "restored",
        "3",
        "identical",
        ">= 50 dB",
        "passed",
    ] in rows
    assert any(line.startswith("tensorrt-rtx engines/x.plan: not available: ") for line in lines)
    assert any(re.search(r"onnxruntime .* \d+\.\d{3} ms +\d+ +its choice$", line) for line in lines)


# ---- What fails ------------------------------------------------------------------------------


def test_pictures_that_differ_too_much_fail_with_the_figure(onnxruntime, tmp_path):
    # One level up or down everywhere is 48.13 dB, just under the limit of 50.
    path = alter_golden(
        make_bundle(tmp_path / "t"),
        "restored",
        lambda a: np.where(a < 128, a + 1, a - 1).astype(np.uint8),
    )
    code, report, sentence = onnxruntime(path, "--backend", "onnxruntime")
    assert code == FAILED
    assert {r["status"] for r in report["results"]} == {"failed"}
    assert report["results"][0]["measured"] == pytest.approx(48.13, abs=0.005)
    assert "batch 3, agrees only to 48.1 dB, limit at least 50 dB" in sentence


@pytest.mark.parametrize("wrong", [0.01, np.nan, np.inf])
def test_numbers_that_differ_too_much_or_are_none_fail(onnxruntime, tmp_path, wrong):
    def change(array: np.ndarray) -> np.ndarray:
        array[0, 0] += wrong
        return array

    path = alter_golden(make_bundle(tmp_path / "t", au_model()), "probabilities", change)
    code, report, sentence = onnxruntime(path, "--backend", "onnxruntime")
    assert code == FAILED
    assert "probabilities of onnx/portable.onnx" in sentence
    found = {(r["tensor"], r["status"]) for r in report["results"]}
    assert found == {("probabilities", "failed"), ("landmarks", "passed")}


def test_a_fault_of_one_batch_size_is_found(faulty, tmp_path):
    code, report, _ = faulty(faulty_bundle(tmp_path / "t", "right"))
    assert code == PASSED
    code, report, sentence = faulty(faulty_bundle(tmp_path / "u", "batch"))
    assert code == FAILED
    assert [(r["batch"], r["status"]) for r in report["results"]] == [(3, "failed"), (1, "passed")]
    # Nine levels everywhere: 20 log10(255 / 9) = 29.05 dB.
    assert "batch 3, agrees only to 29.0 dB" in sentence


def test_more_pictures_than_the_largest_batch_are_played_in_parts(faulty, tmp_path):
    two = Artifact(
        backend="faulty",
        path="engines/x.plan",
        dialect="portable",
        version="1",
        device="d",
        max_batch=2,
    )
    code, report, _ = faulty(faulty_bundle(tmp_path / "t", "right", artifacts=(two,)))
    assert code == PASSED
    assert [r["batch"] for r in report["results"]] == [2, 1]


@pytest.mark.parametrize(
    ("fault", "words"),
    [
        ("open", "refuses the artifact"),
        ("lane", "refuses the lane"),
        ("run", "refuses to run"),
        ("wait", "refuses to finish"),
    ],
)
def test_a_backend_that_is_here_and_refuses_is_no_success(faulty, tmp_path, fault, words):
    code, report, sentence = faulty(faulty_bundle(tmp_path / "t", fault))
    assert code == NOTHING_PLAYED
    assert sentence == f"the faulty back end {words}"
    assert [r["status"] for r in report["results"]] == ["error"]


def test_a_backend_that_refuses_does_not_keep_others_from_playing(onnxruntime, tmp_path):
    path = make_bundle(
        tmp_path / "t",
        artifacts=(msgspec.structs.replace(PLAN, backend="onnxruntime"), PORTABLE),
        extra={"engines/x.plan": b"no graph"},
    )
    code, report, _ = onnxruntime(path)
    assert code == NOTHING_PLAYED
    assert [r["status"] for r in report["results"]] == ["error", "passed", "passed"]


# ---- What cannot be judged -------------------------------------------------------------------


def test_a_plan_for_another_device_is_listed_and_not_judged(faulty, tmp_path):
    plans = {"engines/x.plan": b"plan", "engines/y.plan": b"right"}
    artifacts = tuple(
        Artifact(backend="faulty", path=name, dialect="portable", version="1", device="d")
        for name in plans
    )
    path = make_bundle(tmp_path / "t", artifacts=artifacts, extra=plans)
    code, report, _ = faulty(alter_golden(path, "restored", np.zeros_like))
    assert code == PASSED
    assert [r["status"] for r in report["results"]] == ["not available", "passed", "passed"]


def test_nothing_verified_is_no_success(faulty, tmp_path):
    code, report, sentence = faulty(faulty_bundle(tmp_path / "t", "plan"))
    assert code == NOTHING_PLAYED
    assert sentence.startswith("nothing could be verified on this machine: the faulty back end")
    assert [r["status"] for r in report["results"]] == ["not available"]
    code, _, sentence = faulty(make_bundle(tmp_path / "u", artifacts=()))
    assert code == NOTHING_PLAYED
    assert sentence.endswith(": the bundle is empty")


def test_a_missing_library_or_plugin_is_a_sentence(faulty, tmp_path):
    path = faulty_bundle(tmp_path / "t", "right")
    code, _, sentence = faulty(path, "--backend", "faulty", "--library", "missing")
    assert code == NOTHING_PLAYED
    assert "the faulty back end refuses to be here" in sentence
    code, _, sentence = faulty(path, "--plugin-dir", tmp_path)
    assert code == NOTHING_PLAYED
    assert "libfacedge_backend_faulty.so" in sentence


@pytest.mark.parametrize("name", ["abacus", "../../evil", "", "x" * 5000])
def test_a_backend_that_nobody_knows_is_passed_over(faulty, tmp_path, name):
    known = Artifact(backend="faulty", path="engines/x.plan", dialect="portable")
    strange = msgspec.structs.replace(known, backend=name)
    code, report, _ = faulty(faulty_bundle(tmp_path / "t", "right", artifacts=(strange, known)))
    assert code == PASSED
    assert [r["status"] for r in report["results"]] == ["not available", "passed", "passed"]


def test_a_backend_that_the_bundle_does_not_have_is_said(faulty, tmp_path):
    code, _, sentence = faulty(make_bundle(tmp_path / "t"), "--backend", "tensorrt")
    assert code == NOTHING_PLAYED
    assert sentence.endswith("has nothing for backend tensorrt; it has onnxruntime, openvino")

"""What is measured: plans, and what a bundle's manifest says of it."""

from __future__ import annotations

import hashlib

import msgspec
import numpy as np
import pytest
from tiny_bundle import au_model, make_bundle

from facedge.benchmarks.measure import LEAST_QUERIES, Plan, quick
from facedge.benchmarks.subjects import open_subjects, quality
from facedge.errors import BackendError, InputError
from facedge.runtime.bundle import load
from facedge.runtime.manifest import Gate


def test_quality_is_that_of_the_precision_and_dialect(tmp_path):
    manifest = load(
        make_bundle(
            tmp_path / "q",
            precision="int8",
            steps=2,
            quality={"psnr_y fp32 restored_2": 30.0, "psnr_y int8 portable restored_2": 29.5},
        )
    ).manifest
    assert quality(manifest, "portable") == {"psnr_y": 29.5}
    assert quality(manifest, "tensorrt") == {}


def test_quality_of_action_units_is_their_worst_agreement(tmp_path):
    gates = tuple(
        Gate(
            name="au-decision-agreement",
            subject=f"{dialect} probabilities",
            measured=value,
            limit=99.0,
            unit="%",
            sense="at least",
        )
        for dialect, value in (("portable", 99.6), ("portable", 99.4), ("tensorrt", 99.1))
    )
    manifest = load(make_bundle(tmp_path / "q", au_model(), gates=gates)).manifest
    assert quality(manifest, "portable") == {"au_decision_agreement": 99.4}


def test_without_golden_pictures_noise_is_played_and_said(tmp_path):
    path = make_bundle(tmp_path / "b")
    subjects, _ = open_subjects([path], ["onnxruntime"], 1)
    assert subjects[0].notes == ()
    assert subjects[0].batch(7).shape == (7, 4, 4, 3)
    bare = make_bundle(tmp_path / "bare", golden=())
    subjects, _ = open_subjects([bare], ["onnxruntime"], 1)
    assert "fed with noise" in subjects[0].notes[0]


def test_zero_golden_pictures_are_named(tmp_path):
    path = make_bundle(tmp_path / "b")
    manifest = load(path).manifest
    assert manifest.golden[0].inputs["images"] == "golden/images.npy"
    np.save(tmp_path / "none.npy", np.zeros((0, 4, 4, 3), np.uint8))
    data = (tmp_path / "none.npy").read_bytes()
    golden = (msgspec.structs.replace(manifest.golden[0], inputs={"images": "none.npy"}),)
    files = {"none.npy": hashlib.sha256(data).hexdigest()}
    empty = make_bundle(
        tmp_path / "e",
        extra={"none.npy": data},
        golden=golden,
        files=manifest.files | files,
    )
    with pytest.raises(BackendError, match=r"uint8 \[0, 4, 4, 3\], expected .* N at least 1"):
        open_subjects([empty], ["onnxruntime"], 1)


@pytest.mark.parametrize(
    ("changes", "sentence"),
    [
        ({"queries": LEAST_QUERIES - 1}, "at least 1024, or --quick"),
        ({"bundles": ()}, "no bundle was given"),
        ({"batches": (0,)}, "cannot be negative"),
        ({"batches": tuple(range(1, 10))}, "at most 8 fit"),
    ],
)
def test_a_plan_that_makes_no_figure_is_refused(changes, sentence):
    with pytest.raises(InputError, match=sentence):
        Plan(**({"bundles": ("b",)} | changes)).method()


def test_quick_lowers_only_what_was_left_alone():
    method = quick(Plan(("b",), batches=(4,), queries=100)).method()
    assert (method.quick, method.batches, method.queries) == (True, (4,), 100)
    assert method.streams == (1, 2)

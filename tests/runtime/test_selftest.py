"""The self-test passes sound bundles, finds wrong ones, and says what it could not test."""

from __future__ import annotations

import math

import numpy as np
import pytest
from tiny_bundle import au_model, make_bundle, sr_model, write

from facedge.errors import BackendError, BundleError, InputError, QualityGateError
from facedge.metrics import psnr
from facedge.runtime.bundle import encode_manifest, load
from facedge.runtime.manifest import Artifact, GoldenSet
from facedge.runtime.selftest import require_passed, verify

PLAN = Artifact(
    backend="tensorrt-rtx",
    path="engines/x.plan",
    dialect="portable",
    version="1.7.1",
    device="ampere+",
)
PORTABLE = tuple(
    Artifact(backend=b, path="onnx/portable.onnx", dialect="portable")
    for b in ("onnxruntime", "openvino")
)


@pytest.mark.parametrize(
    "model", [sr_model(), sr_model(stateful=True), au_model()], ids=["sr", "state", "au"]
)
def test_a_sound_bundle_passes_on_both_backends_at_two_batch_sizes(tmp_path, model):
    results = verify(load(make_bundle(tmp_path / "t", model)))
    assert {(r.backend, r.batch) for r in results} == {
        (b, n) for b in ("onnxruntime", "openvino") for n in (1, 3)
    }
    assert {r.tensor for r in results} == {o.name for o in model.graph.output}
    assert all(r.status == "passed" for r in results)
    require_passed(results)


def alter_golden(path, name, change):
    """Change a golden array and list its new hash, as a wrong builder would."""
    file = path / f"golden/{name}.npy"
    np.save(file, change(np.load(file)))
    return relist(path, f"golden/{name}.npy")


def relist(path, name):
    """Give a changed file's hash to the manifest."""
    import hashlib

    import msgspec

    bundle = load(path, verify=False)
    digest = hashlib.sha256((path / name).read_bytes()).hexdigest()
    files = bundle.manifest.files | {name: digest}
    write(
        path / "manifest.json",
        encode_manifest(msgspec.structs.replace(bundle.manifest, files=files)),
    )
    return load(path)


def test_pictures_that_differ_too_much_fail_with_the_figure(tmp_path):
    # One level up or down everywhere is 48.13 dB, just under the limit of 50.
    bundle = alter_golden(
        make_bundle(tmp_path / "t"),
        "restored",
        lambda a: np.where(a < 128, a + 1, a - 1).astype(np.uint8),
    )
    results = verify(bundle, "onnxruntime")
    assert {r.status for r in results} == {"failed"}
    assert results[0].measured == pytest.approx(20 * math.log10(255), abs=0.05)
    with pytest.raises(QualityGateError, match=r"only to 48\.1 dB") as caught:
        require_passed(results)
    assert caught.value.exit_code == 3
    assert caught.value.limit == 50


@pytest.mark.parametrize("wrong", [0.01, math.nan])
def test_numbers_that_differ_too_much_or_are_none_fail(tmp_path, wrong):
    def change(array):
        array[0, 0] += wrong
        return array

    bundle = alter_golden(make_bundle(tmp_path / "t", au_model()), "probabilities", change)
    results = {(r.tensor, r.status) for r in verify(bundle, "onnxruntime")}
    assert results == {("probabilities", "failed"), ("landmarks", "passed")}


def test_an_altered_file_stops_the_test_before_it_starts(tmp_path):
    bundle = load(make_bundle(tmp_path / "t"))
    file = bundle.path / "golden/restored.npy"
    file.write_bytes(file.read_bytes()[:-1] + b"\0")
    with pytest.raises(BundleError, match=r"golden/restored\.npy was altered"):
        verify(bundle)


@pytest.mark.parametrize(
    ("change", "words"),
    [
        (lambda a: a[:2], "same number"),
        (lambda a: a[:, :2], "expected uint8"),
        (lambda a: a.astype(np.float32), "float32"),
        (lambda a: np.array([{}], dtype=object), "not a .npy array"),
    ],
)
def test_golden_vectors_that_do_not_fit_the_manifest_are_refused(tmp_path, change, words):
    bundle = alter_golden(make_bundle(tmp_path / "t"), "restored", change)
    with pytest.raises(BundleError, match=words):
        verify(bundle)


@pytest.mark.parametrize("save", [np.savez, lambda f, a: f.write(b"PK\x03\x04 no archive")])
def test_an_archive_in_place_of_a_golden_array_is_refused(tmp_path, save):
    make_bundle(tmp_path / "t")
    file = tmp_path / "t/golden/restored.npy"
    array = np.load(file)
    with file.open("wb") as stream:
        save(stream, array)
    bundle = relist(tmp_path / "t", "golden/restored.npy")
    with pytest.raises(BundleError, match=r"not a \.npy array"):
        verify(bundle)


def test_a_backend_that_cannot_run_here_is_reported_not_judged(tmp_path):
    path = make_bundle(
        tmp_path / "t", artifacts=(*PORTABLE, PLAN), extra={"engines/x.plan": b"plan"}
    )
    results = verify(load(path))
    missing = [r for r in results if r.status == "not available"]
    assert [r.backend for r in missing] == ["tensorrt-rtx"]
    assert missing[0].detail
    require_passed(results)
    with pytest.raises(BackendError):
        verify(load(path), "tensorrt-rtx")


def test_nothing_verified_is_no_success(tmp_path):
    path = make_bundle(tmp_path / "t", artifacts=(PLAN,), extra={"engines/x.plan": b"plan"})
    with pytest.raises(BackendError, match="nothing could be verified"):
        require_passed(verify(load(path)))


def test_an_artifact_without_golden_vectors_is_refused(tmp_path):
    with pytest.raises(BundleError, match="no golden vectors"):
        verify(load(make_bundle(tmp_path / "t", golden=())))
    incomplete = GoldenSet(dialect="portable", inputs={}, outputs={}, min_psnr_db=50.0, max_abs=0.0)
    with pytest.raises(BundleError, match="no golden vector for images"):
        verify(load(make_bundle(tmp_path / "u", golden=(incomplete,))))


def test_a_backend_that_the_bundle_does_not_have_is_said(tmp_path):
    bundle = load(make_bundle(tmp_path / "t"))
    with pytest.raises(BackendError, match="it has onnxruntime, openvino"):
        verify(bundle, "tensorrt")
    with pytest.raises(InputError, match="unknown"):
        verify(bundle, "abacus")


def test_psnr_agrees_with_scikit_image():
    from skimage.metrics import peak_signal_noise_ratio

    a, b = np.random.default_rng(0).integers(0, 256, (2, 8, 8, 3), np.uint8)
    # Both are the same formula in float64.
    assert psnr(a, b) == pytest.approx(peak_signal_noise_ratio(a, b), abs=1e-9)
    assert psnr(a, a) == math.inf


def test_a_backend_of_a_newer_facedge_is_passed_over(tmp_path):
    known = Artifact(backend="onnxruntime", path="onnx/portable.onnx", dialect="portable")
    newer = Artifact(backend="abacus", path="onnx/portable.onnx", dialect="portable")
    results = verify(load(make_bundle(tmp_path / "t", artifacts=(newer, known))))
    assert [r.status for r in results if r.backend == "abacus"] == ["not available"]
    assert {r.status for r in results if r.backend == "onnxruntime"} == {"passed"}


def test_equal_pictures_are_called_identical(tmp_path):
    result = verify(load(make_bundle(tmp_path / "t")), "onnxruntime")[0]
    assert math.isinf(result.measured)
    assert "is identical, limit at least 50 dB" in result.detail

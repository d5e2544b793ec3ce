"""The C++ loader and the Python loader accept and refuse the same bundles, in the same words."""

from __future__ import annotations

import hashlib
import io
import os
import shutil
from pathlib import Path

import msgspec
import numpy as np
import pytest
from bundle_probe import Probe, comparable, loaded_by_both, python_says
from tiny_bundle import IMAGES, STATE_IN, make_bundle

from facedge.runtime.bundle import encode_manifest, load
from facedge.runtime.manifest import Artifact


@pytest.fixture(scope="module")
def probe(native_build: Path, emulator: list[str]) -> Probe:
    return Probe(native_build, emulator)


@pytest.fixture(scope="module")
def pristine(tmp_path_factory: pytest.TempPathFactory) -> Path:
    return make_bundle(tmp_path_factory.mktemp("bundle") / "tiny", extra={"report.html": b"<p>"})


@pytest.fixture
def bundle(pristine: Path, tmp_path: Path) -> Path:
    return shutil.copytree(pristine, tmp_path / "tiny")


def test_one_flipped_bit_in_any_other_file_is_found_and_named_by_both(probe, bundle):
    files = [p for p in bundle.rglob("*") if p.is_file() and p.name != "manifest.json"]
    assert len(files) == 4
    for file in files:
        data = file.read_bytes()
        for position in {0, len(data) // 2, len(data) - 1}:
            broken = bytearray(data)
            broken[position] ^= 1
            file.write_bytes(broken)
            assert loaded_by_both(probe, bundle).startswith(f"{file} was altered or truncated")
            assert loaded_by_both(probe, bundle, hashes=False) == "ok"
        file.write_bytes(data)
    assert loaded_by_both(probe, bundle) == "ok"


def test_truncated_emptied_grown_and_missing_files_are_found_by_both(probe, bundle):
    for file in [p for p in bundle.rglob("*") if p.is_file()]:
        data = file.read_bytes()
        for content in (data[:-1], data[: len(data) // 2], b"", data + b"\0"):
            file.write_bytes(content)
            assert str(file) in loaded_by_both(probe, bundle)
        file.unlink()
        assert loaded_by_both(probe, bundle, hashes=False) != "ok"
        file.mkdir()
        assert loaded_by_both(probe, bundle) != "ok"
        file.rmdir()
        file.write_bytes(data)


@pytest.mark.parametrize(
    "name",
    [
        "engines/new.plan",
        "onnx/other.onnx",
        "x.engine",
        "a/b/c/y.trt",
        "NEW.Plan",
        ".plan",
        "ä.ONNX",
    ],
)
def test_an_unlisted_plan_or_graph_is_refused_by_both(probe, bundle, name):
    (bundle / name).parent.mkdir(parents=True, exist_ok=True)
    (bundle / name).write_bytes(b"code")
    assert f"{name} is not listed" in loaded_by_both(probe, bundle, hashes=False)


def test_what_else_lies_there_is_none_of_their_business(probe, bundle):
    (bundle / "notes.txt").write_text("mine")
    (bundle / "plan").write_text("mine")
    (bundle / "x.onnx.bak").write_text("mine")
    (bundle / "folder.plan").mkdir()
    (bundle / "link.plan").symlink_to("folder.plan")
    assert loaded_by_both(probe, bundle) == "ok"
    (bundle / "dangling.plan").symlink_to("nowhere")
    assert "dangling.plan is not listed" in loaded_by_both(probe, bundle)


def test_links_are_refused_by_both(probe, bundle, tmp_path):
    (bundle / "report.html").rename(tmp_path / "elsewhere")
    (bundle / "report.html").symlink_to(tmp_path / "elsewhere")
    assert "report.html is listed in manifest.json and is missing" in loaded_by_both(probe, bundle)
    (bundle / "report.html").unlink()
    (tmp_path / "elsewhere").rename(bundle / "report.html")
    (bundle / "onnx").rename(bundle / "real")
    (bundle / "onnx").symlink_to("real")
    assert loaded_by_both(probe, bundle) != "ok"


def test_a_bundle_behind_a_link_is_loaded_by_both(probe, bundle, tmp_path):
    (tmp_path / "link").symlink_to(bundle)
    assert loaded_by_both(probe, tmp_path / "link") == "ok"


@pytest.mark.parametrize(
    "name", ["../outside", "/etc/passwd", "a/../../b", "a\\b", "", "it's/../x", "\n/.."]
)
def test_paths_that_leave_the_bundle_are_refused_by_both(probe, tmp_path, name):
    path = make_bundle(tmp_path / "tiny", files={name: "0" * 64})
    assert "not a path inside" in loaded_by_both(probe, path)


@pytest.mark.parametrize(
    "name", [".", "./x", "a/", "a" * 5000, "a\0b", "golden", "golden//images.npy"]
)
def test_odd_paths_are_judged_alike(probe, bundle, name):
    manifest = load(bundle).manifest
    digest = hashlib.sha256((bundle / "golden/images.npy").read_bytes()).hexdigest()
    longer = msgspec.structs.replace(manifest, files=manifest.files | {name: digest})
    (bundle / "manifest.json").write_bytes(encode_manifest(longer))
    (found,) = probe("load", [os.fsencode(bundle)])
    expected = python_says(lambda: load(bundle))
    assert comparable(found) == comparable(expected).replace("\0", "\\x00")


def test_an_artifact_without_a_hash_is_refused_by_both(probe, tmp_path):
    artifact = Artifact(backend="tensorrt", path="engines/x.plan", dialect="tensorrt")
    path = make_bundle(tmp_path / "tiny", artifacts=(artifact,))
    assert "no hash" in loaded_by_both(probe, path)


def test_no_folder_and_no_manifest_are_said_by_both(probe, bundle, tmp_path):
    assert "not a folder" in loaded_by_both(probe, tmp_path / "nothing")
    assert "has no manifest.json" in loaded_by_both(probe, bundle / "onnx")
    assert "not a folder" in loaded_by_both(probe, bundle / "manifest.json")


def test_a_state_without_its_twin_is_refused_by_both(probe, tmp_path):
    path = make_bundle(tmp_path / "t", inputs=(IMAGES, STATE_IN))
    assert "contradicts itself" in loaded_by_both(probe, path)


def test_hashes_are_those_of_hashlib(probe):
    rng = np.random.default_rng(0)
    blobs = [rng.bytes(n) for n in (*range(200), 4095, 4096, 4097, 1_000_003)]
    assert probe("sha256", blobs) == [hashlib.sha256(b).hexdigest() for b in blobs]


def saved(array: np.ndarray, version: tuple[int, int] | None = None) -> bytes:
    stream = io.BytesIO()
    np.lib.format.write_array(stream, array, version, allow_pickle=True)
    return stream.getvalue()


@pytest.mark.parametrize("version", [None, (1, 0), (2, 0), (3, 0)])
@pytest.mark.parametrize("dtype", [np.uint8, np.float32])
def test_arrays_are_read_as_numpy_reads_them(probe, version, dtype):
    rng = np.random.default_rng(1)
    shapes = [(), (1,), (3,), (2, 5), (0, 4), (3, 4, 4, 3), (2, 3, 4, 5, 6)]
    arrays = [(rng.random(shape) * 255).astype(dtype) for shape in shapes]
    found = probe("npy", [saved(a, version) for a in arrays])
    assert found == [
        f"ok {a.dtype} {list(a.shape)} {hashlib.sha256(a.tobytes()).hexdigest()}" for a in arrays
    ]


@pytest.mark.parametrize("dtype", ["f8", "f2", "i1", "i4", "u2", "u8", ">f4", ">i2", "?", "c8"])
def test_other_types_are_named_as_numpy_names_them(probe, dtype):
    array = np.zeros((2, 3), dtype)
    (found,) = probe("npy", [saved(array)])
    assert found.startswith(f"a.npy is {array.dtype} [2, 3], expected uint8 or float32")


def test_what_numpy_cannot_read_is_no_array(probe):
    whole = saved(np.arange(6, dtype=np.uint8))
    broken = [whole[:n] for n in range(len(whole))]
    broken += [saved(np.array([{}], object)), b"text", whole.replace(b"(6,)", b"(7,)")]
    for found, record in zip(probe("npy", broken), broken, strict=True):
        with pytest.raises((ValueError, EOFError)):
            np.load(io.BytesIO(record), allow_pickle=False)
        assert found.startswith("a.npy is not a .npy array of numbers")
    (longer,) = probe("npy", [whole + b"more"])  # NumPy does not look behind the last element
    assert longer.startswith("ok uint8 [6]")
    np.load(io.BytesIO(whole + b"more"), allow_pickle=False)

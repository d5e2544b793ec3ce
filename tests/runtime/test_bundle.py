"""A bundle's integrity: any change to any byte is found, and said in one sentence."""

from __future__ import annotations

import hashlib
import json
import shutil

import msgspec
import pytest
from tiny_bundle import make_bundle, make_manifest, sr_model

from facedge.errors import BundleError, InputError
from facedge.runtime.bundle import encode_manifest, load, parse_manifest
from facedge.runtime.manifest import Artifact, Gate


@pytest.fixture(scope="module")
def pristine(tmp_path_factory):
    return make_bundle(tmp_path_factory.mktemp("bundle") / "tiny", extra={"report.html": b"<p>"})


@pytest.fixture
def bundle(pristine, tmp_path):
    return shutil.copytree(pristine, tmp_path / "tiny")


def refusal(path, **options) -> str:
    with pytest.raises(BundleError) as caught:
        load(path, **options)
    sentence = str(caught.value)
    assert "\n" not in sentence
    assert caught.value.exit_code == 2
    return sentence


def test_a_sound_bundle_loads(bundle):
    assert load(bundle).manifest.name == "tiny"


def test_encoding_is_deterministic_and_readable():
    manifest = make_manifest(sr_model(), files={"b": "1" * 64, "a": "2" * 64})
    other = make_manifest(sr_model(), files={"a": "2" * 64, "b": "1" * 64})
    data = encode_manifest(manifest)
    assert data == encode_manifest(other)
    assert data.count(b"\n") > 40
    assert json.loads(data)["files"] == manifest.files


def test_digest_is_the_hash_with_its_own_digits_zeroed():
    data = encode_manifest(make_manifest(sr_model()))
    digest = json.loads(data)["digest"]
    assert hashlib.sha256(data.replace(digest.encode(), b"0" * 64)).hexdigest() == digest


def test_numbers_that_json_cannot_hold_are_refused():
    gate = Gate(name="g", subject="s", measured=float("inf"), limit=1, unit="dB", sense="at least")
    with pytest.raises(InputError, match="finite"):
        encode_manifest(make_manifest(sr_model(), gates=(gate,)))


def test_one_flipped_bit_in_any_byte_of_the_manifest_is_found(bundle):
    file = bundle / "manifest.json"
    data = file.read_bytes()
    assert parse_manifest(data) == load(bundle).manifest
    for position in range(len(data)):
        for bit in (0x01, 0x20, 0x80):
            broken = bytearray(data)
            broken[position] ^= bit
            with pytest.raises(BundleError, match=r"^manifest\.json"):
                parse_manifest(bytes(broken))
    for position in range(0, len(data), 101):
        broken = bytearray(data)
        broken[position] ^= 1
        file.write_bytes(broken)
        assert str(file) in refusal(bundle, verify=False)


def test_one_flipped_bit_in_any_other_file_is_found_and_named(bundle):
    files = [p for p in bundle.rglob("*") if p.is_file() and p.name != "manifest.json"]
    assert len(files) == 4
    for file in files:
        data = file.read_bytes()
        for position in {0, len(data) // 2, len(data) - 1}:
            broken = bytearray(data)
            broken[position] ^= 1
            file.write_bytes(broken)
            assert str(file) in refusal(bundle)
        file.write_bytes(data)
    load(bundle)


def test_a_truncated_or_missing_file_is_found_and_named(bundle):
    file = bundle / "onnx/portable.onnx"
    file.write_bytes(file.read_bytes()[:-10])
    assert "altered or truncated" in refusal(bundle)
    file.unlink()
    assert "missing" in refusal(bundle, verify=False)


def test_a_link_in_place_of_a_file_is_refused(bundle):
    file = bundle / "report.html"
    file.rename(bundle.parent / "elsewhere")
    file.symlink_to(bundle.parent / "elsewhere")
    assert "report.html" in refusal(bundle)


@pytest.mark.parametrize(
    "name", ["engines/tensorrt-10.3.0-sm_87.plan", "onnx/other.onnx", "x.engine"]
)
def test_an_unlisted_plan_or_graph_is_refused(bundle, name):
    (bundle / name).parent.mkdir(exist_ok=True)
    (bundle / name).write_bytes(b"code")
    sentence = refusal(bundle, verify=False)
    assert name in sentence
    assert "not listed" in sentence


def test_other_unlisted_files_are_none_of_our_business(bundle):
    (bundle / "notes.txt").write_text("mine")
    load(bundle)


def test_another_schema_is_said_before_anything_else(bundle):
    file = bundle / "manifest.json"
    file.write_text(json.dumps({"schema": 7, "digest": "unknown"}))
    assert "schema 7" in refusal(bundle)


@pytest.mark.parametrize("content", [b"", b"{", b"[]", b"null", b"\xff\xfe", b'{"schema": "1"}'])
def test_a_manifest_that_is_none_is_refused(bundle, content):
    (bundle / "manifest.json").write_bytes(content)
    assert "manifest.json" in refusal(bundle)


def test_a_manifest_of_other_fields_is_refused_even_with_a_right_digest(bundle):
    file = bundle / "manifest.json"
    document = json.loads(file.read_text()) | {"surprise": 1, "digest": "0" * 64}
    data = msgspec.json.format(json.dumps(document).encode(), indent=2)
    file.write_bytes(data.replace(b"0" * 64, hashlib.sha256(data).hexdigest().encode(), 1))
    assert "surprise" in refusal(bundle)


@pytest.mark.parametrize("name", ["../outside", "/etc/passwd", "a/../../b", "a\\b", ""])
def test_paths_that_leave_the_bundle_are_refused(tmp_path, name):
    path = make_bundle(tmp_path / "tiny", files={name: "0" * 64})
    assert "not a path inside" in refusal(path)


def test_an_artifact_without_a_hash_is_refused(tmp_path):
    artifact = Artifact(backend="tensorrt", path="engines/x.plan", dialect="tensorrt")
    path = make_bundle(tmp_path / "tiny", artifacts=(artifact,))
    assert "no hash" in refusal(path)


def test_no_folder_and_no_manifest_are_said(tmp_path):
    assert "not a folder" in refusal(tmp_path / "nothing")
    assert "has no manifest.json" in refusal(tmp_path)


def test_reading_checks_the_hash_even_when_loading_did_not(bundle):
    opened = load(bundle, verify=False)
    assert opened.read("report.html") == b"<p>"
    (bundle / "report.html").write_bytes(b"<q>")
    with pytest.raises(BundleError, match="altered"):
        opened.read("report.html")
    with pytest.raises(BundleError, match="not listed"):
        opened.read("notes.txt")


def test_a_folder_that_is_a_link_is_refused(bundle, tmp_path):
    (bundle / "onnx").rename(tmp_path / "elsewhere")
    (bundle / "onnx").symlink_to(tmp_path / "elsewhere")
    assert "onnx/portable.onnx is listed in manifest.json and is missing, a link" in refusal(bundle)


def test_a_name_too_long_for_the_file_system_is_one_sentence(bundle):
    manifest = load(bundle).manifest
    longer = msgspec.structs.replace(manifest, files=manifest.files | {"a" * 5000: "0" * 64})
    (bundle / "manifest.json").write_bytes(encode_manifest(longer))
    assert "is missing" in refusal(bundle)


def test_an_unlisted_plan_is_refused_however_it_is_spelt(bundle):
    (bundle / "NEW.Plan").write_bytes(b"code")
    assert "NEW.Plan is not listed" in refusal(bundle)


@pytest.mark.parametrize(
    "data", [b"[" * 100_000, b'{"schema": 1, "digest": "\xff"}', b"\xff\xfe", b""]
)
def test_bytes_that_are_no_json_are_one_sentence(data):
    with pytest.raises(BundleError, match=r"^manifest\.json"):
        parse_manifest(data)


def test_a_negative_largest_batch_is_refused(bundle):
    manifest = load(bundle).manifest
    artifacts = tuple(msgspec.structs.replace(a, max_batch=-1) for a in manifest.artifacts)
    changed = encode_manifest(msgspec.structs.replace(manifest, artifacts=artifacts))
    with pytest.raises(BundleError, match=r"max_batch of onnx/portable\.onnx is -1"):
        parse_manifest(changed)

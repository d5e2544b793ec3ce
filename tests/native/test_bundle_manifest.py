"""A manifest is read and refused by the C++ loader as by the Python loader."""

from __future__ import annotations

import os
import shutil
from collections.abc import Callable
from pathlib import Path

import msgspec
import pytest
from bundle_probe import Probe, comparable, loaded_by_both, python_says, rewritten, sealed
from tiny_bundle import IMAGES, RESTORED, au_model, make_bundle, sr_model

from facedge.runtime.bundle import load, parse_manifest
from facedge.runtime.manifest import Artifact, Manifest


@pytest.fixture(scope="module")
def probe(native_build: Path, emulator: list[str]) -> Probe:
    return Probe(native_build, emulator)


@pytest.fixture(scope="module")
def pristine(tmp_path_factory: pytest.TempPathFactory) -> Path:
    return make_bundle(tmp_path_factory.mktemp("bundle") / "tiny", extra={"report.html": b"<p>"})


@pytest.fixture
def bundle(pristine: Path, tmp_path: Path) -> Path:
    return shutil.copytree(pristine, tmp_path / "tiny")


def summary(manifest: Manifest) -> str:
    """What bundle_probe prints of a manifest that it accepts."""
    parts = [
        manifest.name,
        manifest.model,
        manifest.task,
        manifest.precision,
        manifest.preferred,
        str(manifest.steps),
        str(manifest.scale),
        "stateful" if manifest.stateful else "stateless",
        *(f"{s.name} {s.dtype} {list(s.shape)}" for s in (*manifest.inputs, *manifest.outputs)),
        *(
            f"{a.backend} {a.path} {a.dialect} {a.version} {a.device} {a.max_batch}"
            for a in manifest.artifacts
        ),
    ]
    for golden in manifest.golden:
        tensors = (*sorted(golden.inputs.items()), *sorted(golden.outputs.items()))
        paths = "".join(f" {tensor}={path}" for tensor, path in tensors)
        parts.append(f"{golden.dialect} {golden.min_psnr_db:.17g} {golden.max_abs:.17g}{paths}")
    parts += [f"{path} {digest}" for path, digest in sorted(manifest.files.items())]
    return "ok " + "|".join(parts)


@pytest.mark.parametrize(
    "model", [sr_model(), sr_model(stateful=True), au_model()], ids=["sr", "state", "au"]
)
def test_both_read_the_same_values(probe, tmp_path, model):
    plan = Artifact(
        backend="tensorrt",
        path="engines/ä 1.plan",
        dialect="tensorrt",
        version="10.3.0+",
        device="sm_87",
        max_batch=16,
    )
    path = make_bundle(
        tmp_path / "t", model, {"engines/ä 1.plan": b"plan"}, artifacts=(plan,), name='é "\\'
    )
    (found,) = probe("manifest", [(path / "manifest.json").read_bytes()])
    assert found == summary(load(path).manifest)
    assert loaded_by_both(probe, path) == "ok"


def test_one_flipped_bit_in_any_byte_of_the_manifest_is_found_by_both(probe, bundle):
    data = (bundle / "manifest.json").read_bytes()
    broken = []
    for position in range(len(data)):
        for bit in (0x01, 0x20, 0x80):
            changed = bytearray(data)
            changed[position] ^= bit
            broken.append(bytes(changed))
    for record, found in zip(broken, probe("manifest", broken), strict=True):
        expected = python_says(lambda record=record: parse_manifest(record))
        assert expected != "ok"
        assert comparable(found) == comparable(expected)


def test_a_manifest_cut_anywhere_is_refused_by_both(probe, bundle):
    data = (bundle / "manifest.json").read_bytes()
    cut = [data[:n] for n in range(0, len(data) - 1, 7)]
    for record, found in zip(cut, probe("manifest", cut), strict=True):
        expected = python_says(lambda record=record: parse_manifest(record))
        assert expected != "ok"
        assert comparable(found) == comparable(expected)


def put(*keys_and_value: object) -> Callable[[dict], object]:
    *keys, last, value = keys_and_value

    def change(document: dict) -> None:
        place = document
        for key in keys:
            place = place[key]
        place[last] = value

    return change


def drop(*keys: object) -> Callable[[dict], object]:
    def change(document: dict) -> None:
        place = document
        for key in keys[:-1]:
            place = place[key]
        del place[keys[-1]]

    return change


GATE = {
    "name": "g",
    "subject": "s",
    "measured": 1,
    "limit": 2.5,
    "unit": "",
    "sense": "at most",
}
PASS = dict.fromkeys(
    (
        "nodes_before",
        "nodes_after",
        "parameters_before",
        "parameters_after",
        "macs_before",
        "macs_after",
    ),
    10**25,
)
CALIBRATION = {"source": "s", "images": 2, "images_sha256": "0", "method": "minmax"}

EDITS = [
    put("name", "other"),
    put("artifacts", 0, "max_batch", -1),
    put("schema", 2),
    put("schema", "1"),
    put("schema", 1.0),
    put("schema", True),
    put("schema", None),
    drop("schema"),
    drop("name"),
    drop("machine"),
    put("machine", 3),
    put("surprise", 1),
    put("inputs", 0, "surprise", {"deep": [1, 2]}),
    put("task", "banana"),
    put("task", "it's"),
    put("task", 3),
    put("task", None),
    put("precision", "fp8"),
    put("steps", 1.0),
    put("steps", True),
    put("steps", "1"),
    put("steps", -0),
    put("scale", 3),
    put("scale", 0),
    put("scale", -2),
    put("stateful", 0),
    put("stateful", True),
    put("inputs", []),
    put("inputs", {}),
    put("inputs", None),
    put("inputs", 0, 3),
    put("inputs", 0, {}),
    put("inputs", 0, "name", "pictures"),
    put("inputs", 0, "name", ""),
    put("inputs", 0, "dtype", "banana"),
    put("inputs", 0, "dtype", "float32"),
    put("inputs", 0, "shape", []),
    put("inputs", 0, "shape", [-1]),
    put("inputs", 0, "shape", [2, 4, 4, 3]),
    put("inputs", 0, "shape", [-1, 4, 4, 1]),
    put("inputs", 0, "shape", [-1, 4, 0, 3]),
    put("inputs", 0, "shape", [-1, 4, 4, 3.0]),
    put("inputs", 0, "shape", "4"),
    put("outputs", 0, "shape", [-1, 8, 9, 3]),
    put("outputs", []),
    put("artifacts", []),
    put("artifacts", 0, "dialect", "klingon"),
    put("artifacts", 0, "max_batch", 1.5),
    put("artifacts", 0, "latency_ms", 3),
    put("artifacts", 0, "latency_ms", "3"),
    put("artifacts", 0, "path", "../x.onnx"),
    drop("artifacts", 0, "path"),
    drop("artifacts", 0, "version"),
    put("golden", []),
    put("golden", 0, "inputs", "images", 3),
    put("golden", 0, "inputs", []),
    put("golden", 0, "min_psnr_db", 50),
    put("golden", 0, "min_psnr_db", None),
    put("gates", [GATE]),
    put("gates", [GATE, GATE | {"sense": "about"}]),
    put("gates", [GATE | {"more": 1}]),
    put("rewrites", [PASS | {"name": "p"}]),
    put("rewrites", [PASS]),
    put("quality", "x", "y"),
    put("quality", "x", 3),
    put("weights", None),
    put("weights", {"sha256": 1}),
    put("calibration", CALIBRATION),
    put("calibration", {}),
    put("calibration", 3),
    put("calibration", []),
    put("tools", "onnx", 1),
    put("files", []),
    put("files", "x", 1),
    put("digest", "unsealed"),
    put("digest", 3),
    put("preferred", "nobody"),
]


def test_both_judge_every_changed_field_alike(probe, bundle):
    records = [rewritten(bundle, change) for change in EDITS]
    expected = [python_says(lambda r=record: parse_manifest(r)) for record in records]
    found = probe("manifest", records)
    assert [comparable(f) for f in found] == [comparable(e) for e in expected]
    accepted = sum(e == "ok" for e in expected)
    assert 10 < accepted < len(EDITS) - 40  # both outcomes are tested


RAW_EDITS = [
    (b'"scale": 2', b'"scale": NaN'),
    (b'"scale": 2', b'"scale": Infinity'),
    (b'"scale": 2', b'"scale": 02'),
    (b'"scale": 2', b'"scale": +2'),
    (b'"scale": 2', b'"scale": 2e0'),
    (b'"scale": 2', b'"scale": 2 /* two */'),
    (b'"scale": 2', b'"scale": "\\ud800"'),
    (b'"scale": 2', b'"scale": "\t"'),
    (b'"scale": 2', b'"scale": 2, "x": {"a": [[[[[[[[[[]]]]]]]]]]}'),
    (b'"scale": 2', b'"sc\\u0061le": 2'),
    (b'"name": "tiny"', b'"name": "\\ud83d\\ude00 \\u00e9"'),
    (b'"name": "tiny"', b'"name": "a\\u0000b"'),
    (b'"name": "tiny"', b"'name': 'tiny'"),
    (b'"name": "tiny",', b'"name": "tiny",,'),
    (b'"min_psnr_db": 50.0', b'"min_psnr_db": 5e1'),
    (b'"min_psnr_db": 50.0', b'"min_psnr_db": 99999999999999999999'),
    (b'"min_psnr_db": 50.0', b'"min_psnr_db": -0'),
    (b"\n}\n", b"\n} x"),
    (b"\n}\n", b"\n}\0"),
    (b"\n}\n", b",\n}\n"),
    (b"\n}\n", b""),
    (b"{\n", b"\xef\xbb\xbf{\n"),
    (b"{\n", b" \t\r\n{\n"),
    (b"{\n", b"[{\n"),
    (b'"digest": ', b'"digest" : '),
]


@pytest.mark.parametrize(("old", "new"), RAW_EDITS)
def test_both_read_json_equally_strictly(probe, bundle, old, new):
    data = (bundle / "manifest.json").read_bytes()
    assert old in data
    index = data.rindex(old) if old == b"\n}\n" else data.index(old)
    record = sealed(data[:index] + new + data[index + len(old) :])
    (found,) = probe("manifest", [record])
    assert comparable(found) == comparable(python_says(lambda: parse_manifest(record)))


STRICTER = [
    # One key, two values: which one counts would be the reader's choice.
    (put("name", "tiny"), rb'"name": "tiny"', b'"name": "x", "name": "tiny"', "`name` twice"),
    # Sizes that C++ keeps in 32 bits, or computes with.
    (put("steps", 2**31), b"", b"", "Expected `int` >= -2147483648 and <= 2147483647"),
]


@pytest.mark.parametrize(("change", "old", "new", "words"), STRICTER)
def test_where_the_native_loader_is_stricter(probe, bundle, change, old, new, words):
    record = rewritten(bundle, change)
    record = sealed(record.replace(old, new, 1)) if old else record
    assert python_says(lambda: parse_manifest(record)) == "ok"
    assert words in probe("manifest", [record])[0]


def test_pictures_beyond_memory_are_refused(probe, tmp_path):
    path = make_bundle(
        tmp_path / "t",
        inputs=(msgspec.structs.replace(IMAGES, shape=(-1, 2**20, 2**20, 3)),),
        outputs=(msgspec.structs.replace(RESTORED, shape=(-1, 2**21, 2**21, 3)),),
    )
    (found,) = probe("load", [os.fsencode(path)])
    assert "expected at most 1 GiB for one picture" in found


@pytest.mark.parametrize(
    ("new", "words"),
    [
        (b'"name": "\xff"', "does not follow schema 1: a text is not UTF-8"),
        (b'"name": "\xed\xa0\x80"', "does not follow schema 1: a text is not UTF-8"),
        (b'"name": ' + b"[" * 100_000 + b"]" * 100_000, "nested deeper than 32 levels"),
        (b'"name": ' + b"[" * 100_000, "nested deeper than 32 levels"),
        (b'"name": 1e999', "Number out of range"),
    ],
)
def test_sealed_nonsense_is_one_sentence(probe, bundle, new, words):
    data = (bundle / "manifest.json").read_bytes()
    (found,) = probe("manifest", [sealed(data.replace(b'"name": "tiny"', new, 1))])
    assert found.startswith("manifest.json ")
    assert words in found

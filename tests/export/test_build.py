"""A real build, seen from outside: what is in the bundle, and what other tools make of it."""

from __future__ import annotations

import json
import re
import subprocess
import sys
from dataclasses import replace
from pathlib import Path

import msgspec
import numpy as np
import onnx
import onnxruntime as ort
import pytest

from facedge.errors import BundleError, InputError, QualityGateError
from facedge.export.build import build
from facedge.export.gates import Limits
from facedge.export.options import BuildOptions
from facedge.export.summary import print_summary
from facedge.metrics import psnr
from facedge.progress import Stages
from facedge.runtime import bundle as bundles
from facedge.runtime.backends.registry import CPU
from facedge.runtime.manifest import EVERY_DIALECT
from facedge.runtime.selftest import verify
from facedge.runtime.session import Session

EXPECTED = {
    "manifest.json",
    "report.html",
    "onnx/portable.onnx",
    "onnx/openvino.onnx",
    "onnx/tensorrt.onnx",
    "calibration/ranges.json",
    "golden/images.npy",
    "golden/portable.restored.npy",
    "golden/openvino.restored.npy",
    "golden/tensorrt.restored.npy",
}


def files(path: Path) -> set[str]:
    return {p.relative_to(path).as_posix() for p in path.rglob("*") if p.is_file()}


def golden(path: Path, name: str) -> np.ndarray:
    return np.load(path / "golden" / f"{name}.npy")


def test_the_bundle_holds_what_the_architecture_says(built):
    found = files(built.path)
    plans = {name for name in found if name.startswith("engines/tensorrt-rtx-")}
    assert found - plans == EXPECTED
    assert len(plans) == 1
    assert set(built.manifest.files) == found - {"manifest.json"}


def test_every_gate_is_in_the_manifest_with_its_figure_and_holds(built):
    names = {gate.name for gate in built.manifest.gates}
    assert {"trace-agreement", "rewrite-agreement", "batch-agreement", "backend-agreement"} <= names
    assert any(name.startswith("int8-") for name in names)
    assert all(gate.passed for gate in built.manifest.gates)
    steps = {gate.subject for gate in built.manifest.gates if gate.name.startswith("int8-")}
    assert {f"{d} restored_{k}" for d in EVERY_DIALECT for k in (1, 2, 3)} <= steps
    assert {a.backend: a.path for a in built.manifest.artifacts if a.backend in CPU} == {
        "onnxruntime": "onnx/portable.onnx",
        "openvino": "onnx/openvino.onnx",
    }


def test_flipping_one_byte_of_any_file_is_found_and_named(built):
    rng = np.random.default_rng(0)
    for name in sorted(files(built.path)):
        path = built.path / name
        original = path.read_bytes()
        for position in (0, int(rng.integers(len(original))), len(original) - 1):
            changed = bytearray(original)
            changed[position] ^= 1
            path.write_bytes(changed)
            try:
                with pytest.raises(BundleError, match=re.escape(path.name)):
                    bundles.load(built.path, verify=True)
            finally:
                path.write_bytes(original)
    bundles.load(built.path, verify=True)


def test_every_cpu_backend_reproduces_the_golden_vectors(built):
    results = verify(bundles.load(built.path))
    passed = {r.backend for r in results if r.status == "passed"}
    assert {"onnxruntime", "openvino"} <= passed
    assert not [r for r in results if r.status == "failed"]


def test_onnx_runtime_by_hand_gives_the_golden_pictures(built):
    session = ort.InferenceSession(
        built.path / "onnx/portable.onnx", providers=["CPUExecutionProvider"]
    )
    (found,) = session.run(["restored"], {"images": golden(built.path, "images")})
    np.testing.assert_array_equal(found, golden(built.path, "portable.restored"))


def by_hand_in_openvino(path, images):
    import openvino

    core = openvino.Core()
    model = core.read_model(path)
    # With a symbolic batch INT8 crashes on some processors with AMX (docs/runtime.md).
    model.reshape(images.shape)
    compiled = core.compile_model(model, "CPU", {"INFERENCE_PRECISION_HINT": "f32"})
    return compiled({"images": images})["restored"]


def test_openvino_by_hand_gives_the_golden_pictures(built):
    images = golden(built.path, "images")
    found = by_hand_in_openvino(built.path / "onnx/openvino.onnx", images)
    # Blocking of the batch may move a rounding.
    assert psnr(found, golden(built.path, "openvino.restored")) >= 50.0


def test_each_cpu_backend_plays_the_other_ones_graph(built):
    session = ort.InferenceSession(
        built.path / "onnx/openvino.onnx", providers=["CPUExecutionProvider"]
    )
    images = golden(built.path, "images")
    of = {golden.dialect: golden for golden in built.manifest.golden}
    for dialect, found in (
        ("portable", by_hand_in_openvino(built.path / "onnx/portable.onnx", images)),
        ("openvino", session.run(["restored"], {"images": images})[0]),
    ):
        # INT8 kernels of two vendors round differently; the manifest's own tolerance
        expected = golden(built.path, f"{dialect}.restored")
        assert psnr(found, expected) >= of[dialect].min_psnr_db


def test_openvinos_graph_has_zero_points_only_where_tensors_are_joined(built):
    model = onnx.load(built.path / "onnx/openvino.onnx")
    held = {t.name: onnx.numpy_helper.to_array(t) for t in model.graph.initializer}
    pairs = [n for n in model.graph.node if n.op_type == "QuantizeLinear"]
    assert {str(held[n.input[2]].dtype) for n in pairs} == {"uint8", "int8"}
    makers = {o: n for n in model.graph.node for o in n.output}
    joins = [n for n in model.graph.node if n.op_type == "Concat"]
    joined = {makers[name].input[2] for n in joins for name in n.input if name in makers}
    assert {n.input[2] for n in pairs if held[n.input[2]] != 0} == joined != set()


@pytest.mark.parametrize("dialect", EVERY_DIALECT)
def test_the_checker_accepts_the_graph_and_the_batch_is_dynamic(built, dialect):
    model = onnx.load(built.path / f"onnx/{dialect}.onnx")
    onnx.checker.check_model(model, full_check=True)
    for value in (*model.graph.input, *model.graph.output):
        first, *rest = value.type.tensor_type.shape.dim
        assert first.dim_param == "batch"
        assert all(d.dim_value > 0 for d in rest)


@pytest.mark.parametrize("dialect", EVERY_DIALECT)
def test_polygraphy_inspects_and_runs_the_graph(built, dialect, tmp_path):
    pytest.importorskip("polygraphy")
    path = str(built.path / f"onnx/{dialect}.onnx")
    tool = [str(Path(sys.executable).with_name("polygraphy"))]
    inspected = subprocess.run([*tool, "inspect", "model", path], capture_output=True, text=True)
    assert inspected.returncode == 0, inspected.stderr
    assert "images" in inspected.stdout
    ran = subprocess.run(
        [*tool, "run", path, "--onnxrt", "--input-shapes", "images:[2,16,16,3]"],
        capture_output=True,
        text=True,
    )
    assert ran.returncode == 0, ran.stdout + ran.stderr
    assert "PASSED" in ran.stdout


def test_the_session_plays_any_batch(built):
    session = Session(built.path, "onnxruntime")
    images = golden(built.path, "images")
    expected = golden(built.path, "portable.restored")
    for batch in (1, 3, 2):
        found = session(images[:batch])
        assert psnr(found, expected[:batch]) >= 50.0  # blocking of the batch may move a rounding


def test_a_failing_gate_writes_nothing_and_keeps_the_earlier_bundle(tmp_path):
    target = tmp_path / "fsr-student-fp32-steps1"
    target.mkdir()
    (target / "manifest.json").write_text("an earlier bundle")
    options = BuildOptions(
        precision="fp32",
        out=tmp_path,
        steps=1,
        gate_images=8,
        backends=("onnxruntime",),
        limits=Limits(rewrite_db=500.0),
    )
    with pytest.raises(
        QualityGateError, match=r"rewrite-agreement failed on step_1.*nothing was written"
    ):
        build(options, Stages(quiet=True))
    assert files(tmp_path) == {"fsr-student-fp32-steps1/manifest.json"}


def test_a_place_where_no_bundle_can_appear_is_refused_at_once(tmp_path):
    (tmp_path / "file").write_text("mine")
    with pytest.raises(InputError, match="file is not a folder; --out has to be one"):
        build(BuildOptions(out=tmp_path / "file" / "deeper"), Stages(quiet=True))
    assert files(tmp_path) == {"file"}


def test_the_summary_shows_a_path_as_it_is_and_on_one_line(built, capsys):
    print_summary(replace(built, path=Path("/a [bold]folder[/x] of a name long enough to wrap")))
    shown = capsys.readouterr().out
    assert "facedge run /a [bold]folder[/x] of a name long enough to wrap PICTURES" in shown


def test_a_folder_that_is_no_bundle_is_left_alone(tmp_path):
    target = tmp_path / "fsr-student-fp32"
    target.mkdir()
    (target / "holiday.txt").write_text("mine")
    with pytest.raises(InputError, match="not a facedge bundle"):
        build(BuildOptions(precision="fp32", out=tmp_path), Stages(quiet=True))
    assert (target / "holiday.txt").read_text() == "mine"


def test_a_prefix_of_the_steps_with_state_continues_a_track(tmp_path):
    options = BuildOptions(
        precision="fp16",
        out=tmp_path,
        steps=2,
        state=True,
        gate_images=8,
        backends=("onnxruntime",),
    )
    result = build(options, Stages(quiet=True))
    assert result.path.name == "fsr-student-fp16-steps2-state"
    assert [t.name for t in result.manifest.inputs] == ["images", "state_in"]
    session = Session(result.path, "onnxruntime")
    face = golden(result.path, "images")[:1]
    first, second = session(face).copy(), session(face).copy()
    session.reset()
    np.testing.assert_array_equal(session(face), first)
    assert not np.array_equal(first, second)


def test_the_manifest_is_plain_json_that_says_how_it_was_made(built):
    data = json.loads((built.path / "manifest.json").read_text())
    assert data["weights"]["sha256"]
    assert data["calibration"]["images"] == 16
    assert data["tools"]["onnx"] == onnx.__version__
    assert msgspec.convert(data, type(built.manifest)) == built.manifest


def test_the_report_is_one_file_with_pictures_and_no_links_to_the_network(built):
    text = (built.path / "report.html").read_text()
    assert "data:image/png;base64," in text
    assert 'src="http' not in text
    assert "INT8" in text

"""Backend ``native``: libfacedge behind the Python runtime's own interface."""

from __future__ import annotations

import ctypes
import ctypes.util
import json
import re
import shutil
import subprocess
from pathlib import Path

import numpy as np
import pytest
from native_library import ROOT, inner_backends, loadable_library
from tiny_bundle import au_model, make_bundle, pictures, sr_model

from facedge.cli.main import app, execute
from facedge.errors import BackendError, BundleError, InputError
from facedge.pictures import read_picture, write_picture
from facedge.runtime.backends import registry
from facedge.runtime.bundle import load
from facedge.runtime.manifest import Artifact
from facedge.runtime.native import library, structures, wheels
from facedge.runtime.native.stream import Model, Stream
from facedge.runtime.selftest import require_passed, verify
from facedge.runtime.session import AuResult, Session

MODELS = {"sr": sr_model(), "au": au_model(), "state": sr_model(stateful=True)}


@pytest.fixture
def native(monkeypatch: pytest.MonkeyPatch) -> None:
    """libfacedge of the native build is the one that ``load`` finds."""
    monkeypatch.setenv(library.LIBRARY, str(loadable_library()))


@pytest.fixture(params=["onnxruntime", "openvino"])
def inner(request: pytest.FixtureRequest, native: None) -> str:
    if request.param not in inner_backends():
        pytest.skip(f"the native build has no {request.param} back end")
    return str(request.param)


@pytest.fixture(scope="module")
def bundles(tmp_path_factory: pytest.TempPathFactory) -> dict[str, Path]:
    folder = tmp_path_factory.mktemp("bundles")
    return {name: make_bundle(folder / name, model) for name, model in MODELS.items()}


class TestFinding:
    def test_without_a_library_the_sentence_says_how_to_get_one(
        self, bundles: dict[str, Path], monkeypatch: pytest.MonkeyPatch, tmp_path: Path
    ) -> None:
        monkeypatch.delenv(library.LIBRARY, raising=False)
        monkeypatch.setattr(library, "_CHECKOUT", tmp_path)
        monkeypatch.setattr(library, "SONAME", "libfacedge-of-nobody.so.1")
        library._load.cache_clear()
        for backend in ("native", "native:onnxruntime"):
            with pytest.raises(BackendError, match=r"'make native', or set FACEDGE_LIBRARY"):
                Session(bundles["sr"], backend)

    @pytest.mark.parametrize("file", ["nowhere/libfacedge.so.1", "README.md", "libm.so.6"])
    def test_a_file_that_is_no_libfacedge_is_named(
        self, bundles: dict[str, Path], monkeypatch: pytest.MonkeyPatch, file: str
    ) -> None:
        found = ctypes.util.find_library("m") if file == "libm.so.6" else str(ROOT / file)
        monkeypatch.setenv(library.LIBRARY, str(found))
        with pytest.raises(BackendError, match="is not a libfacedge that loads here"):
            Session(bundles["sr"], "native")

    def test_a_library_of_another_version_is_refused(
        self, monkeypatch: pytest.MonkeyPatch, native: None
    ) -> None:
        monkeypatch.setattr(library, "API_MAJOR", 9)
        with pytest.raises(BackendError, match=r"has API version 1\.\d+ and this facedge calls"):
            library.Library(loadable_library())

    def test_a_wheel_is_offered_unless_the_user_named_a_library(
        self, monkeypatch: pytest.MonkeyPatch
    ) -> None:
        monkeypatch.delenv("FACEDGE_ONNXRUNTIME", raising=False)
        found = wheels.library("onnxruntime")
        assert found is not None
        assert re.search(r"onnxruntime/capi/libonnxruntime\.so\.\d", found)
        monkeypatch.setenv("FACEDGE_ONNXRUNTIME", "/opt/libonnxruntime.so.1")
        assert wheels.library("onnxruntime") is None
        assert wheels.library("tensorrt") is None

    def test_unknown_inner_back_ends_are_refused(self, bundles: dict[str, Path]) -> None:
        with pytest.raises(InputError, match="'native:tensorflow' is unknown"):
            Session(bundles["sr"], "native:tensorflow")

    def test_options_that_libfacedge_has_not_are_refused(
        self, bundles: dict[str, Path], inner: str
    ) -> None:
        with pytest.raises(InputError, match="no relaxed mode"):
            Session(bundles["sr"], f"native:{inner}", relaxed=True)
        with pytest.raises(BackendError, match="plays on 'cpu'"):
            Session(bundles["sr"], f"native:{inner}", device="cuda")
        with pytest.raises(InputError, match="name a back end too"):
            Session(bundles["sr"], "native", device="cpu")


def test_artifacts_are_played_by_whom_they_were_made_for() -> None:
    artifact = Artifact(backend="openvino", path="onnx/portable.onnx", dialect="portable")
    assert registry.player(None, artifact) == "openvino"
    assert registry.player("native", artifact) == "native:openvino"
    assert registry.player("native:openvino", artifact) == "native:openvino"
    assert registry.player("openvino", artifact) == "openvino"
    assert registry.player("native:onnxruntime", artifact) is None
    assert registry.kind("native:openvino") == registry.kind("openvino") == "openvino"


@pytest.mark.parametrize("batch", [1, 2, 3, 5, 8])
def test_pictures_are_equal_to_the_python_runtimes(
    bundles: dict[str, Path], inner: str, batch: int
) -> None:
    images = pictures(batch, seed=batch)
    wanted = Session(bundles["sr"], inner, threads=1, batch=batch)(images)
    session = Session(bundles["sr"], f"native:{inner}", threads=1, batch=batch)
    assert session.backend == f"native:{inner}"
    np.testing.assert_array_equal(session(images), wanted)


@pytest.mark.parametrize("batch", [1, 2, 3, 5, 8])
def test_action_units_are_equal_to_the_python_runtimes(
    bundles: dict[str, Path], inner: str, batch: int
) -> None:
    images = pictures(batch, seed=batch)
    wanted = Session(bundles["au"], inner, threads=1, batch=batch)(images)
    found = Session(bundles["au"], f"native:{inner}", threads=1, batch=batch)(images)
    assert isinstance(wanted, AuResult)
    assert isinstance(found, AuResult)
    # The same library on the same machine: equal but for one that sums in another order each time.
    np.testing.assert_allclose(found.probabilities, wanted.probabilities, rtol=0, atol=1e-6)
    np.testing.assert_allclose(found.landmarks, wanted.landmarks, rtol=1e-6, atol=1e-6)


def test_states_travel_as_in_the_python_runtime(bundles: dict[str, Path], inner: str) -> None:
    plain = Session(bundles["state"], inner, threads=1, batch=2)
    session = Session(bundles["state"], f"native:{inner}", threads=1, batch=2)
    for number, count in enumerate((2, 2, 3, 1, 3)):
        images = pictures(count, seed=number)
        np.testing.assert_array_equal(session(images), plain(images))
        np.testing.assert_array_equal(session.state, plain.state)
    session.reset(1)
    plain.reset(1)
    np.testing.assert_array_equal(session(images), plain(images))
    given = np.ones_like(session.state)
    np.testing.assert_array_equal(session(images, given), plain(images, given))


def test_libfacedge_chooses_when_no_back_end_is_named(
    bundles: dict[str, Path], native: None
) -> None:
    if "onnxruntime" not in inner_backends():
        pytest.skip("the native build has no onnxruntime back end")
    session = Session(bundles["sr"], "native", threads=1)
    assert session.backend == "native:onnxruntime"  # the manifest's preferred one
    images = pictures(3)
    np.testing.assert_array_equal(
        session(images), Session(bundles["sr"], "onnxruntime", threads=1)(images)
    )


def test_a_damaged_bundle_is_the_bundles_fault(tmp_path: Path, native: None) -> None:
    bundle = load(make_bundle(tmp_path / "t"))
    file = bundle.path / "onnx/portable.onnx"
    file.write_bytes(file.read_bytes() + b"\0")
    with pytest.raises(BundleError, match="altered"):
        Session(bundle, "native:onnxruntime")


def test_golden_vectors_are_replayed_through_libfacedge(
    bundles: dict[str, Path], native: None
) -> None:
    results = verify(load(bundles["sr"]), "native")
    require_passed(results)
    passed = {result.backend for result in results if result.status == "passed"}
    assert passed == {f"native:{name}" for name in inner_backends()}
    missing = {result.backend for result in results if result.status == "not available"}
    assert passed | missing == {"native:onnxruntime", "native:openvino"}


def test_the_command_line_takes_native(
    bundles: dict[str, Path],
    inner: str,
    tmp_path: Path,
    capsys: pytest.CaptureFixture[str],
) -> None:
    for i, picture in enumerate(pictures(3)):
        write_picture(tmp_path / f"faces/{i}.png", picture)
    outputs = {}
    for backend in (inner, f"native:{inner}"):
        out = tmp_path / backend.replace(":", "-")
        arguments = ["run", str(bundles["sr"]), str(tmp_path / "faces"), "-o", str(out)]
        assert execute(app, [*arguments, "-b", backend, "--threads", "1", "--json"]) == 0
        printed = json.loads(capsys.readouterr().out)
        assert printed["backend"] == backend
        outputs[backend] = [read_picture(out / f"{i}.png") for i in range(3)]
    np.testing.assert_array_equal(*outputs.values())
    assert execute(app, ["verify", str(bundles["sr"]), "-b", f"native:{inner}"]) == 0


class TestStream:
    def test_a_full_stream_and_an_empty_one_say_so(
        self, bundles: dict[str, Path], inner: str
    ) -> None:
        stream = Stream(sr=model(bundles["sr"], inner), depth=1)
        assert stream.poll() is None
        assert stream.submit_faces(pictures(2), tracks=[5, 9], timestamp_us=40)
        assert not stream.submit_faces(pictures(2))
        result = stream.poll()
        assert result is not None
        assert [face.track for face in result.faces] == [5, 9]
        assert result.timestamp_us == 40
        assert result.faces[0].probabilities is None
        np.testing.assert_array_equal([face.crop for face in result.faces], pictures(2))

    def test_refusals_are_sentences_of_the_library(
        self, bundles: dict[str, Path], inner: str
    ) -> None:
        with pytest.raises(InputError, match="sr, au or both"):
            Stream()
        stream = Stream(sr=model(bundles["sr"], inner), max_faces=2)
        with pytest.raises(InputError, match="max_faces"):
            stream.submit_faces(pictures(3))
        with pytest.raises(InputError, match="state"):
            stream.get_state(0, np.zeros(32, np.float32))
        assert stream.submit_faces(pictures(2))

    def test_a_stream_outlives_the_model_object(self, bundles: dict[str, Path], inner: str) -> None:
        stream = Stream(sr=model(bundles["sr"], inner))
        stream.submit_faces(pictures(1))
        result = stream.poll()
        assert result is not None
        assert result.faces[0].restored is not None


def model(bundle: Path, inner: str) -> Model:
    return Model(bundle, inner, library=wheels.library(inner), threads=1)


STRUCTURES = {
    "facedge_model_settings": structures.ModelSettings,
    "facedge_model_info": structures.ModelInfo,
    "facedge_plane": structures.Plane,
    "facedge_frame": structures.Frame,
    "facedge_roi": structures.Roi,
    "facedge_stream_settings": structures.StreamSettings,
    "facedge_faces": structures.Faces,
    "facedge_face": structures.Face,
    "facedge_result": structures.Result,
}
ENUMS = {
    "FACEDGE_": structures.Code,
    "FACEDGE_TASK_": structures.Task,
    "FACEDGE_FORMAT_": structures.Format,
    "FACEDGE_MATRIX_": structures.Matrix,
    "FACEDGE_RANGE_": structures.Range,
    "FACEDGE_ROI_": structures.RoiKind,
    "FACEDGE_MODE_": structures.Mode,
    "FACEDGE_AU_": structures.AuSource,
    "FACEDGE_BATCH_": structures.Batching,
}


def test_structures_and_codes_are_those_of_the_header(tmp_path: Path) -> None:
    compiler = shutil.which("cc")
    if compiler is None:
        pytest.skip("no C compiler")
    expected: dict[str, int] = {"FACEDGE_API_MAJOR": structures.API_MAJOR}
    for name, structure in STRUCTURES.items():
        expected[f"sizeof({name})"] = ctypes.sizeof(structure)
        for member, *_ in structure._fields_:
            expected[f"offsetof({name}, {member})"] = getattr(structure, member).offset
    for prefix, enum in ENUMS.items():
        expected |= {prefix + member.name: member.value for member in enum}
    lines = "\n".join(f'    printf("%lld\\n", (long long)({text}));' for text in expected)
    source = tmp_path / "sizes.c"
    source.write_text(
        f"#include <facedge/facedge.h>\n#include <stdio.h>\nint main(void) {{\n{lines}\n}}\n"
    )
    program = tmp_path / "sizes"
    include = ROOT / "runtime/include"
    subprocess.run([compiler, f"-I{include}", source, "-o", program], check=True)
    found = subprocess.run([program], check=True, capture_output=True, text=True).stdout.split()
    assert dict(zip(expected, map(int, found), strict=True)) == expected

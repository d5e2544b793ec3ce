"""Session: what goes in comes out right, at every batch size, on both CPU backends."""

from __future__ import annotations

import subprocess
import sys

import numpy as np
import pytest
from tiny_bundle import au_model, make_bundle, pictures, reference, sr_model

from facedge.errors import BackendError, BundleError, InputError
from facedge.extras import importlib as extras_importlib
from facedge.runtime import choose
from facedge.runtime.backends.base import Options
from facedge.runtime.bundle import load
from facedge.runtime.machine import identity
from facedge.runtime.manifest import Artifact
from facedge.runtime.session import AuResult, Session

CPU = ["onnxruntime", "openvino"]
# Two float32 implementations may round a value that lies on .5 to either side.
ONE_LEVEL = 1


@pytest.fixture(scope="module")
def sr(tmp_path_factory):
    return make_bundle(tmp_path_factory.mktemp("sr") / "tiny")


@pytest.fixture(scope="module")
def stateful(tmp_path_factory):
    return make_bundle(tmp_path_factory.mktemp("state") / "tiny", sr_model(stateful=True))


@pytest.fixture(scope="module")
def au(tmp_path_factory):
    return make_bundle(tmp_path_factory.mktemp("au") / "tiny", au_model())


def expected(images):
    return reference(sr_model(), {"images": images})["restored"]


def assert_close(found, wanted):
    assert found.dtype == np.uint8
    assert found.shape == wanted.shape
    assert np.abs(found.astype(int) - wanted).max() <= ONE_LEVEL


@pytest.mark.parametrize("backend", CPU)
def test_pictures_agree_with_the_reference_at_changing_batch_sizes(sr, backend):
    session = Session(sr, backend, threads=1)
    for count in (1, 4, 2, 4, 1, 7):
        images = pictures(count, seed=count)
        wanted = expected(images)
        assert wanted.std() > 20
        assert_close(session(images), wanted)


@pytest.mark.parametrize("backend", CPU)
def test_more_batch_sizes_than_are_kept_still_work(sr, backend):
    session = Session(sr, backend, threads=1)
    for count in (*range(1, 12), 1):
        images = pictures(count, seed=count)
        assert_close(session(images), expected(images))


@pytest.mark.parametrize("backend", CPU)
def test_pictures_that_are_not_contiguous_are_played_right(sr, backend):
    images = pictures(6)[::2, :, ::-1, ::-1]
    assert not images.flags.c_contiguous
    assert_close(Session(sr, backend, threads=1)(images), expected(images))


def test_results_belong_to_the_caller_unless_copy_is_off(sr):
    session = Session(sr, "onnxruntime")
    first = session(pictures(1, seed=1))
    kept = first.copy()
    session(pictures(1, seed=2))
    assert (first == kept).all()
    shared = Session(sr, "onnxruntime", copy=False)
    first = shared(pictures(1, seed=1))
    assert (first == kept).all()
    assert shared(pictures(1, seed=2)) is first
    assert (first != kept).any()


@pytest.mark.parametrize("backend", CPU)
def test_action_units_come_as_probabilities_and_landmarks(au, backend):
    images = pictures(3)
    result = Session(au, backend, threads=1)(images)
    wanted = reference(au_model(), {"images": images})
    assert isinstance(result, AuResult)
    assert result.probabilities.shape == (3, 12)
    assert result.landmarks.shape == (3, 49, 2)
    # Sums of 48 float32 products in another order: a few units in the last place.
    np.testing.assert_allclose(result.probabilities, wanted["probabilities"], atol=1e-5)
    np.testing.assert_allclose(result.landmarks, wanted["landmarks"], atol=1e-4)


class TestState:
    def frames(self, count, slots):
        return [pictures(slots, seed=10 + i) for i in range(count)]

    def replay(self, frames, state):
        results = []
        for images in frames:
            out = reference(sr_model(stateful=True), {"images": images, "state_in": state})
            state = out["state_out"]
            results.append(out["restored"])
        return results, state

    @pytest.mark.parametrize("backend", CPU)
    def test_state_carries_over_from_frame_to_frame(self, stateful, backend):
        frames = self.frames(3, 2)
        wanted, state = self.replay(frames, np.zeros((2, 2, 4, 4), np.float32))
        session = Session(stateful, backend, threads=1, batch=2)
        for images, restored in zip(frames, wanted, strict=True):
            assert_close(session(images), restored)
        np.testing.assert_allclose(session.state, state, atol=1e-5)

    def test_reset_and_given_state_start_anew(self, stateful):
        session = Session(stateful, "onnxruntime", batch=2)
        images = pictures(2)
        first = session(images)
        second = session(images)
        assert (first != second).any()
        session.reset()
        assert (session(images) == first).all()
        assert (session(images, state=np.zeros((2, 2, 4, 4), np.float32)) == first).all()
        session.reset(slot=1)
        mixed = session(images)
        assert (mixed[0] == second[0]).all()
        assert (mixed[1] == first[1]).all()

    def test_slots_keep_their_state_when_the_batch_changes(self, stateful):
        session = Session(stateful, "onnxruntime", batch=3)
        images = pictures(3)
        session(images)
        session(images[:1])
        state = session.state
        found = session(images)
        alone = Session(stateful, "onnxruntime", batch=3)
        alone(images)
        kept = alone.state
        kept[0] = state[0]
        assert (found == alone(images, state=kept)).all()

    def test_a_state_of_another_shape_is_refused(self, stateful, sr):
        session = Session(stateful, "onnxruntime")
        with pytest.raises(InputError, match=r"expected float32 \[1, 2, 4, 4\]"):
            session(pictures(1), state=np.zeros((2, 2, 4, 4), np.float32))
        with pytest.raises(InputError, match="slot is 3"):
            session.reset(3)
        with pytest.raises(InputError, match="--state"):
            Session(sr, "onnxruntime")(pictures(1), state=np.zeros(1, np.float32))


@pytest.mark.parametrize(
    ("images", "words"),
    [
        (pictures(1).astype(np.float32), "not normalised"),
        (pictures(1).astype(np.int8), "int8"),
        (pictures(1)[0], "resize"),
        (pictures(0), "at least 1"),
        (pictures(1).transpose(0, 3, 1, 2), r"expected uint8 \[N, 4, 4, 3\]"),
        (pictures(2).astype(np.float64), "float64"),
        ([[1, 2]], "list"),
        (None, "NoneType"),
    ],
)
def test_wrong_pictures_are_refused_and_leave_the_session_usable(sr, images, words):
    session = Session(sr, "onnxruntime")
    with pytest.raises(InputError, match=words):
        session(images)
    assert_close(session(pictures(1)), expected(pictures(1)))


def test_unknown_and_absent_backends_list_what_there_is(sr):
    with pytest.raises(InputError, match="onnxruntime, openvino, tensorrt, tensorrt-rtx"):
        Session(sr, "tensorflow")
    with pytest.raises(BackendError, match=r"it has onnx/portable.onnx for onnxruntime"):
        Session(sr, "tensorrt")


@pytest.mark.parametrize(
    "options", [{"threads": 0}, {"device": "tpu"}, {"batch": 0}, {"batch": -1}]
)
def test_options_out_of_range_are_refused(sr, options):
    with pytest.raises(InputError, match=r"expected|choose"):
        Session(sr, "onnxruntime", **options)


@pytest.mark.parametrize(("backend", "words"), [("onnxruntime", "has"), ("openvino", "no device")])
def test_cuda_where_there_is_none_is_one_sentence(sr, backend, words):
    with pytest.raises(BackendError, match=words):
        Session(sr, backend, device="cuda")


def hide(monkeypatch, *names):
    """Make imports of these modules fail, as where they are not installed."""
    real = extras_importlib.import_module

    def import_module(name, package=None):
        if name.split(".")[0] in names:
            raise ModuleNotFoundError(f"No module named {name!r}", name=name)
        return real(name, package)

    monkeypatch.setattr("importlib.import_module", import_module)


def test_a_missing_backend_names_the_extra(sr, monkeypatch):
    hide(monkeypatch, "openvino")
    with pytest.raises(BackendError, match=r"pip install 'facedge\[openvino\]'") as caught:
        Session(sr, "openvino")
    assert caught.value.exit_code == 4


class TestAuto:
    def test_it_takes_what_is_installed_and_says_what_is_not(self, sr, monkeypatch):
        choose._fastest.clear()
        hide(monkeypatch, "openvino")
        session = Session(sr)
        assert session.backend == "onnxruntime"
        assert any("openvino" in note for note in session.notes)
        hide(monkeypatch, "openvino", "onnxruntime")
        choose._fastest.clear()
        with pytest.raises(BackendError, match="no backend can play"):
            Session(sr)

    @pytest.mark.parametrize("preferred", CPU)
    def test_the_manifest_decides_on_the_machine_it_was_measured_on(
        self, tmp_path, preferred, monkeypatch
    ):
        path = make_bundle(tmp_path / "t", preferred=preferred, machine=identity())
        monkeypatch.setattr(choose, "_measured_best", lambda *_: pytest.fail("measured"))
        assert Session(path).backend == preferred

    def test_elsewhere_the_faster_is_measured_once(self, tmp_path, monkeypatch):
        choose._fastest.clear()
        path = make_bundle(tmp_path / "t", preferred="openvino", machine="another board")
        measured = []
        real = choose._measured_best
        monkeypatch.setattr(
            choose, "_measured_best", lambda c, b: measured.append(b) or real(c, b, 0.01)
        )
        first = Session(path, threads=1)
        assert first.backend in CPU
        assert Session(path, threads=1).backend == first.backend
        assert measured == [1]
        assert_close(first(pictures(1)), expected(pictures(1)))

    def test_the_lowest_median_wins(self):
        class Fixed:
            def __init__(self, seconds):
                self.seconds, self.inputs = seconds, {"images": pictures(1)}

            def bind(self, batch):
                return self

            def run(self):
                import time

                time.sleep(self.seconds)

        slow, fast = (choose.Opened(n, Fixed(s)) for n, s in (("slow", 0.004), ("fast", 0.0005)))
        assert choose._measured_best([slow, fast], 1, 0.01).backend == "fast"
        assert choose._measured_best([fast, slow], 1, 0.01).backend == "fast"

    def test_a_plan_that_cannot_run_here_is_passed_over(self, tmp_path):
        plan = Artifact(
            backend="tensorrt-rtx",
            path="engines/x.plan",
            dialect="tensorrt",
            version="1.0.0",
            device="sm_75",
        )
        portable = Artifact(backend="onnxruntime", path="onnx/portable.onnx", dialect="portable")
        path = make_bundle(
            tmp_path / "t", extra={"engines/x.plan": b"plan"}, artifacts=(plan, portable)
        )
        session = Session(path)
        assert session.backend == "onnxruntime"
        assert len(session.notes) == 1

    def test_a_file_altered_after_loading_stops_it(self, tmp_path):
        bundle = load(make_bundle(tmp_path / "t"))
        file = bundle.path / "onnx/portable.onnx"
        file.write_bytes(file.read_bytes() + b"\0")
        with pytest.raises(BundleError, match="altered"):
            Session(bundle)


def test_a_task_without_its_output_is_refused(tmp_path):
    path = make_bundle(tmp_path / "t", task="action-units")
    with pytest.raises(BundleError, match="expected probabilities, landmarks"):
        Session(path, "onnxruntime")


def test_a_graph_the_backend_cannot_read_is_one_sentence(tmp_path):
    artifacts = tuple(Artifact(backend=b, path="onnx/broken.onnx", dialect="portable") for b in CPU)
    path = make_bundle(tmp_path / "t", extra={"onnx/broken.onnx": b"junk"}, artifacts=artifacts)
    for backend in CPU:
        with pytest.raises(BackendError, match="refuses the model") as caught:
            Session(path, backend)
        assert "\n" not in str(caught.value).strip()


def test_openvino_computes_in_float32_unless_relaxed(sr):
    session = Session(sr, "openvino", threads=1)
    compiled = session._opened.bind(1)._infer.__self__.get_compiled_model()
    assert compiled.get_property("INFERENCE_PRECISION_HINT").to_string() == "f32"
    assert Options().relaxed is False


def test_importing_the_runtime_imports_no_backend():
    code = (
        "import sys\n"
        "import facedge.runtime.session, facedge.runtime.selftest\n"
        "import facedge.runtime.backends.registry\n"
        "heavy = {'onnxruntime', 'openvino', 'tensorrt', 'tensorrt_rtx_bindings', 'cuda',\n"
        "         'pycuda', 'torch', 'onnx', 'cv2'} & set(sys.modules)\n"
        "assert not heavy, heavy\n"
    )
    subprocess.run([sys.executable, "-c", code], check=True)

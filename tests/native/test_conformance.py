"""libfacedge against the Python runtime: on cropped faces, and on camera frames step by step."""

from __future__ import annotations

import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path

import numpy as np
import pytest
from native_library import (
    ROOT,
    inner_backends,
    is_sanitized,
    loadable_library,
    program_environment,
)
from numpy.typing import NDArray
from tiny_bundle import au_model, make_bundle, sr_model

from facedge.runtime.bundle import load
from facedge.runtime.native import library, wheels
from facedge.runtime.native import structures as c
from facedge.runtime.native.stream import Face, Model, Stream
from facedge.runtime.session import AuResult, Session

MAKE_CASES = ROOT / "tests/native/conformance/make_cases.py"
REAL = ROOT / "bundles/fsr-student-int8"
# A ROI in a frame of 256 x 200 pixels: a face that leans to its left, and an upright box.
LEANING = ((100, 80), (149, 92), (118, 112), (94, 128), (136, 138))
UPRIGHT = (60, 50, 90, 110)


@pytest.fixture(scope="module", params=["onnxruntime", "openvino"])
def backend(request: pytest.FixtureRequest) -> str:
    if request.param not in inner_backends():
        pytest.skip(f"the native build has no {request.param} back end")
    return str(request.param)


@pytest.fixture(scope="module")
def native() -> Iterator[Path]:
    """libfacedge of the native build is the one that ``load`` finds."""
    found = loadable_library()
    with pytest.MonkeyPatch.context() as patch:
        patch.setenv(library.LIBRARY, str(found))
        yield found


def run(program: Path, *arguments: object, **more: str) -> subprocess.CompletedProcess[str]:
    command = [program, *map(str, arguments)]
    return subprocess.run(command, capture_output=True, text=True, env=program_environment() | more)


@pytest.fixture(scope="module")
def cases(backend: str, tmp_path_factory: pytest.TempPathFactory) -> Path:
    out = tmp_path_factory.mktemp("conformance") / "cases"
    more = ["--bundle", REAL] if REAL.is_dir() else []
    found = {}
    if is_sanitized():
        more.append("--no-frames")
    else:
        found[library.LIBRARY] = str(loadable_library())
    python = Path(sys.executable)
    made = run(python, MAKE_CASES, out, "--backend", backend, *more, **found)
    assert made.returncode == 0, made.stderr
    return out


@pytest.fixture(scope="module")
def arguments(backend: str) -> list[object]:
    return ["--backend", backend]


@pytest.fixture(scope="module")
def program(native_build: Path, emulator: list[str]) -> Path:
    if emulator:
        pytest.skip("runtime/cmake/conformance_aarch64.sh plays the cases on the emulated machine")
    return native_build / "tests/native/conformance/conformance"


class TestProgram:
    """The C++ program that plays the same cases on other machines too."""

    def test_every_case_agrees(self, program: Path, cases: Path, arguments: list[object]) -> None:
        done = run(program, cases, *arguments)
        count = len(list(cases.glob("*/case.txt")))
        assert count >= (13 if is_sanitized() else 23)
        assert done.returncode == 0, done.stdout + done.stderr
        assert done.stdout.count("ok  ") == count
        assert f"{count} of {count} cases agree" in done.stdout

    @pytest.mark.parametrize(
        ("case", "array", "change", "tolerance"),
        [
            ("tiny-sr-sr-batch3", "restored", 1, ("--tolerance", 1)),
            ("tiny-au-au-batch2", "probabilities", 1e-5, ("--float-tolerance", 2e-5)),
            ("tiny-state-state-missed2", "state", 1e-4, ("--float-tolerance", 2e-4)),
            ("frame-nv12-sr", "crop", 1, ("--tolerance", 1)),
        ],
    )
    def test_a_difference_is_found_and_can_be_allowed(
        self,
        program: Path,
        cases: Path,
        arguments: list[object],
        tmp_path: Path,
        case: str,
        array: str,
        change: float,
        tolerance: tuple[str, float],
    ) -> None:
        if not (cases / case).exists():
            pytest.skip("a sanitized library makes no cases of camera frames")
        (tmp_path / "bundles").symlink_to(cases / "bundles")
        copy = tmp_path / case
        copy.mkdir()
        for file in (cases / case).iterdir():
            (copy / file.name).write_bytes(file.read_bytes())
        values = np.load(copy / f"{array}.npy")
        last = np.unravel_index(values.size - 1, values.shape)
        values[last] = values[last] - change if values[last] >= change else values[last] + change
        np.save(copy / f"{array}.npy", values)
        done = run(program, tmp_path, *arguments)
        assert done.returncode == 1
        assert f"FAIL {case}: {array} of face" in done.stdout
        assert run(program, tmp_path, *arguments, *tolerance).returncode == 0

    def test_a_case_that_compares_nothing_fails(
        self, program: Path, cases: Path, arguments: list[object], tmp_path: Path
    ) -> None:
        (tmp_path / "bundles").symlink_to(cases / "bundles")
        (tmp_path / "empty").mkdir()
        for name in ("case.txt", "images.npy"):
            data = (cases / "tiny-sr-sr-batch1" / name).read_bytes()
            (tmp_path / "empty" / name).write_bytes(data)
        done = run(program, tmp_path, *arguments)
        assert (done.returncode, "FAIL empty: nothing was compared" in done.stdout) == (1, True)
        assert run(program, tmp_path / "bundles", *arguments).returncode == 1  # no case at all


@pytest.fixture(scope="module")
def bundles(tmp_path_factory: pytest.TempPathFactory) -> dict[str, Path]:
    folder = tmp_path_factory.mktemp("bundles")
    models = {"sr": sr_model(), "au": au_model(), "state": sr_model(stateful=True)}
    return {name: make_bundle(folder / name, model) for name, model in models.items()}


@pytest.fixture(scope="module")
def models(bundles: dict[str, Path], backend: str, native: Path) -> dict[str, Model]:
    file = wheels.library(backend)
    return {name: Model(path, backend, library=file, threads=1) for name, path in bundles.items()}


def rois() -> list[c.Roi]:
    leaning = c.Roi(track=1, kind=c.RoiKind.LANDMARKS)
    for i, point in enumerate(LEANING):
        leaning.points[i][:] = point
    upright = c.Roi(track=2, kind=c.RoiKind.BOX)
    upright.box[:] = UPRIGHT
    return [leaning, upright]


def play(
    stream: Stream, format: c.Format, matrix: c.Matrix, range: c.Range, *planes: NDArray[np.uint8]
) -> tuple[Face, ...]:
    """The two faces of a frame; the first plane has a row per row of the frame."""
    frame = c.Frame(format=format, matrix=matrix, range=range, memory=1)
    bytes_per_pixel = {c.Format.YUYV: 2, c.Format.RGB24: 3, c.Format.BGR24: 3}.get(format, 1)
    frame.width, frame.height = planes[0].shape[1] // bytes_per_pixel, planes[0].shape[0]
    assert stream.submit(frame, rois(), *planes)
    result = stream.poll()
    assert result is not None
    return result.faces


def noise_frame() -> NDArray[np.uint8]:
    """RGB, coarse enough to outlast the reduction to a few pixels."""
    coarse = np.random.default_rng(5).integers(0, 256, (10, 16, 3), np.uint8)
    return coarse.repeat(20, 0).repeat(16, 1).reshape(200, 3 * 256)


RGB = (c.Format.RGB24, c.Matrix.IDENTITY, c.Range.FULL)


class TestFrames:
    def test_restored_faces_are_what_the_python_runtime_makes_of_the_crops(
        self, models: dict[str, Model], bundles: dict[str, Path], backend: str
    ) -> None:
        stream = Stream(sr=models["sr"], max_faces=2)
        faces = play(stream, *RGB, noise_frame())
        crops = np.stack([face.crop for face in faces])
        assert crops.std() > 20
        wanted = Session(bundles["sr"], backend, threads=1)(crops)
        np.testing.assert_array_equal(np.stack([face.restored for face in faces]), wanted)

    def test_states_follow_the_tracks_of_frames(
        self, models: dict[str, Model], bundles: dict[str, Path], backend: str
    ) -> None:
        stream = Stream(sr=models["state"], max_faces=2)
        session = Session(bundles["state"], backend, threads=1, batch=2)
        for number in range(4):
            faces = play(stream, *RGB, np.roll(noise_frame(), 30 * number, 0))
            wanted = session(np.stack([face.crop for face in faces]))
            np.testing.assert_array_equal(np.stack([face.restored for face in faces]), wanted)
            assert [face.fresh for face in faces] == [number == 0] * 2

    def test_action_units_are_what_the_python_runtime_reads_from_the_crops(
        self, models: dict[str, Model], bundles: dict[str, Path], backend: str
    ) -> None:
        faces = play(Stream(au=models["au"], max_faces=2), *RGB, noise_frame())
        wanted = Session(bundles["au"], backend, threads=1)(np.stack([face.crop for face in faces]))
        assert isinstance(wanted, AuResult)
        for i, face in enumerate(faces):
            assert face.probabilities is not None
            assert face.landmarks is not None
            np.testing.assert_allclose(face.probabilities, wanted.probabilities[i], atol=1e-6)
            # The crop is a similarity of the frame: so are its landmarks, to float32's accuracy.
            turn, move = similarity(wanted.landmarks[i], face.landmarks)
            found = wanted.landmarks[i] @ turn.T + move
            np.testing.assert_allclose(found, face.landmarks, atol=2e-3)
            lean = np.arctan2(turn[1, 0], turn[0, 0])
            assert lean == pytest.approx(0, abs=1e-4) if face.track == 2 else 0.1 < lean < 0.3

    def test_action_units_of_restored_faces_come_from_the_restored_faces(
        self, models: dict[str, Model]
    ) -> None:
        """Two frames with one restored picture and other surroundings must read alike."""
        both = {"sr": models["sr"], "au": models["au"]}
        restored = Stream(**both, max_faces=2, au_source=c.AuSource.FROM_RESTORED)
        direct = Stream(**both, max_faces=2)
        frame = noise_frame()
        found = [play(stream, *RGB, frame) for stream in (restored, direct, restored)]
        for first, plain, again in zip(*found, strict=True):
            np.testing.assert_array_equal(first.restored, plain.restored)
            np.testing.assert_array_equal(first.probabilities, again.probabilities)
            assert np.abs(first.probabilities - plain.probabilities).max() > 1e-4

    @pytest.mark.parametrize("axis", [0, 1])
    def test_restored_pixels_lie_in_the_frame_where_the_result_says(
        self, models: dict[str, Model], axis: int
    ) -> None:
        """On a ramp a pixel's level is its coordinate, whatever the (symmetric) filter."""
        ramp = np.indices((200, 256))[1 - axis].astype(np.uint8)
        faces = play(
            Stream(sr=models["sr"], max_faces=2),
            c.Format.GRAY8,
            c.Matrix.IDENTITY,
            c.Range.FULL,
            ramp,
        )
        for face in faces:
            assert face.restored is not None
            rows, columns, _ = face.crop.shape
            scale = face.restored.shape[0] / rows
            y, x = (np.indices((rows, columns)) + 0.5) * scale - 0.5
            place = face.restored_to_frame[axis] @ np.stack([x.ravel(), y.ravel(), np.ones(x.size)])
            assert place.min() > 5
            assert np.ptp(place) > 20
            # Rounding to a level is half a pixel; one more for a filter that is cut off.
            np.testing.assert_allclose(face.crop[..., 0].ravel(), place, atol=1.5)

    @pytest.mark.parametrize(
        ("matrix", "red", "blue"),
        [
            (c.Matrix.BT601, 0.299, 0.114),
            (c.Matrix.BT709, 0.2126, 0.0722),
            (c.Matrix.BT2020, 0.2627, 0.0593),
        ],
    )
    @pytest.mark.parametrize("limited", [True, False])
    def test_plain_colours_come_out_as_the_standards_say(
        self, models: dict[str, Model], matrix: c.Matrix, red: float, blue: float, limited: bool
    ) -> None:
        y, u, v = 120, 140, 110
        luma, span = ((y - 16) / 219, 224) if limited else (y / 255, 255)
        r = luma + 2 * (1 - red) * (v - 128) / span
        b = luma + 2 * (1 - blue) * (u - 128) / span
        g = (luma - red * r - blue * b) / (1 - red - blue)
        wanted = 255 * np.clip([r, g, b], 0, 1)
        range = c.Range.LIMITED if limited else c.Range.FULL
        planes = {
            c.Format.NV12: [plain((y,), 200, 256), plain((u, v), 100, 128)],
            c.Format.NV21: [plain((y,), 200, 256), plain((v, u), 100, 128)],
            c.Format.YUYV: [plain((y, u, y, v), 200, 128)],
        }
        stream = Stream(sr=models["sr"], max_faces=2)
        for format, pixels in planes.items():
            for face in play(stream, format, matrix, range, *pixels):
                # Half a level of rounding, and half a level for a matrix in fixed point.
                np.testing.assert_allclose(
                    face.crop, np.broadcast_to(wanted, face.crop.shape), atol=1
                )


def plain(values: tuple[int, ...], rows: int, repeats: int) -> NDArray[np.uint8]:
    return np.tile(np.uint8(values), (rows, repeats))


def similarity(
    points: NDArray[np.float32], images: NDArray[np.float32]
) -> tuple[NDArray[np.float64], NDArray[np.float64]]:
    """Least-squares rotation with scale, and translation, of points to images."""
    z, w = (a.astype(np.float64) @ [1, 1j] for a in (points, images))
    z0, w0 = z.mean(), w.mean()
    turn = np.vdot(z - z0, w - w0) / np.vdot(z - z0, z - z0)
    move = w0 - turn * z0
    return np.array([[turn.real, -turn.imag], [turn.imag, turn.real]]), np.array(
        [move.real, move.imag]
    )


def test_a_real_bundle_is_restored_alike(native: Path, backend: str) -> None:
    if not REAL.is_dir():
        pytest.skip(f"no {REAL}: run 'make engine'")
    bundle = load(REAL)
    images = np.random.default_rng(1).integers(0, 256, (3, 16, 16, 3), np.uint8)
    wanted = Session(bundle, backend, threads=1, batch=3)(images)
    np.testing.assert_array_equal(
        Session(bundle, f"native:{backend}", threads=1, batch=3)(images), wanted
    )

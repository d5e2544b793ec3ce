"""Every example is built, run on a bundle, and compared with the Python runtime."""

from __future__ import annotations

import json
import os
import re
import shutil
import subprocess
from pathlib import Path

import numpy as np
import pytest
from native_library import ROOT, inner_backends, loadable_library, program_environment
from numpy.typing import NDArray
from tiny_bundle import SIDE, au_model, make_bundle, pictures, sr_model

from facedge.pictures import read_picture
from facedge.runtime.native import library, wheels
from facedge.runtime.native import structures as c
from facedge.runtime.native.stream import Model, Stream
from facedge.runtime.session import Session

EXAMPLES = ROOT / "runtime/examples"
WIDTH, HEIGHT, FRAMES = 64, 48, 6
ROIS = """# frame track kind numbers
* 7 box 10 8 30 34
2 9 landmarks 20 16  34 17  27 24  22 31  33 31   # comes in frame 2
3 9 landmarks 21 16  35 17  28 24  23 31  34 31
"""


@pytest.fixture(scope="module")
def bundles(tmp_path_factory: pytest.TempPathFactory) -> dict[str, Path]:
    folder = tmp_path_factory.mktemp("bundles")
    models = {"sr": sr_model(), "au": au_model(), "state": sr_model(stateful=True)}
    return {name: make_bundle(folder / name, model) for name, model in models.items()}


class Programs:
    """Runs examples with the build's back ends and the wheel's ONNX Runtime."""

    def __init__(self, build: Path, emulator: list[str]) -> None:
        self._folder, self._emulator = build / "runtime/examples", emulator
        self._environment = program_environment()

    def __call__(
        self, name: str, *arguments: object, given: bytes = b"", closes: bool = True
    ) -> subprocess.CompletedProcess[bytes]:
        command = [*self._emulator, str(self._folder / name), *map(str, arguments)]
        environment = dict(self._environment)
        if not closes:  # what is still open goes with the process, and is no leak to report
            environment["ASAN_OPTIONS"] += ":detect_leaks=0"
        done = subprocess.run(
            command, input=given, capture_output=True, env=environment, timeout=300
        )
        # ONNX Runtime's own word on a processor that it does not know, such as an emulated one.
        lines = done.stderr.splitlines(keepends=True)
        done.stderr = b"".join(x for x in lines if not x.startswith(b"onnxruntime cpuid_info"))
        return done


@pytest.fixture(scope="module")
def run(native_build: Path, emulator: list[str]) -> Programs:
    if not (native_build / "runtime/examples/video_loop").exists():
        pytest.skip("configured with FACEDGE_EXAMPLES=OFF")
    if "onnxruntime" not in inner_backends():
        pytest.skip("the native build has no onnxruntime back end")
    if emulator and "FACEDGE_ONNXRUNTIME" not in os.environ:
        pytest.skip("FACEDGE_ONNXRUNTIME names no library for the emulated machine")
    return Programs(native_build, emulator)


def ppm(rgb: NDArray[np.uint8]) -> bytes:
    return b"P6\n%d %d\n255\n" % (rgb.shape[1], rgb.shape[0]) + rgb.tobytes()


@pytest.mark.parametrize("compiler", ["cc", "clang"])
def test_examples_compile_without_a_warning(compiler: str) -> None:
    if shutil.which(compiler) is None:
        pytest.skip(f"no {compiler}")
    sources = sorted(EXAMPLES.rglob("*.c")) + sorted(EXAMPLES.rglob("*.cpp"))
    assert len(sources) >= 9
    warnings = ["-Wall", "-Wextra", "-Wshadow", "-Wpedantic", "-Werror"]
    for source in sources:
        standard = "-std=c11" if source.suffix == ".c" else "-std=c++17"
        subprocess.run(
            [compiler, standard, *warnings, "-fsyntax-only", f"-I{ROOT}/runtime/include", source],
            check=True,
        )


class TestFaceInFaceOut:
    def test_the_picture_is_the_python_runtimes(
        self, run: Programs, bundles: dict[str, Path]
    ) -> None:
        picture = pictures(1)[0]
        done = run("face_in_face_out", bundles["sr"], given=ppm(picture))
        assert done.returncode == 0, done.stderr
        wanted = Session(bundles["sr"], "onnxruntime", threads=1)(picture[None])[0]
        assert done.stdout == ppm(wanted)

    @pytest.mark.parametrize(
        ("bundle", "given", "words"),
        [
            ("sr", ppm(np.zeros((SIDE, SIDE + 1, 3), np.uint8)), b"5x4"),
            ("sr", ppm(np.zeros((SIDE, SIDE, 3), np.uint8))[:-1], b"usage"),
            ("sr", b"P6\n-4 -4\n255\n" + bytes(48), b"-4"),
            ("sr", b"", b"usage"),
            ("au", ppm(np.zeros((SIDE, SIDE, 3), np.uint8)), b"action-units"),
            ("nowhere", ppm(np.zeros((SIDE, SIDE, 3), np.uint8)), b"is not a folder"),
        ],
    )
    def test_what_is_wrong_is_one_sentence(
        self, run: Programs, bundles: dict[str, Path], bundle: str, given: bytes, words: bytes
    ) -> None:
        done = run("face_in_face_out", bundles.get(bundle, bundle), given=given, closes=False)
        assert done.returncode == 1
        assert done.stdout == b""
        assert done.stderr.count(b"\n") == 1
        assert words in done.stderr


@pytest.fixture(scope="module")
def rois(tmp_path_factory: pytest.TempPathFactory) -> Path:
    path = tmp_path_factory.mktemp("rois") / "rois.txt"
    path.write_text(ROIS)
    return path


@pytest.fixture(scope="module")
def frames() -> NDArray[np.uint8]:
    """NV12 frames [n, 3 h / 2, w]."""
    rng = np.random.default_rng(2)
    return rng.integers(0, 256, (FRAMES, HEIGHT * 3 // 2, WIDTH), np.uint8)


class TestVideoLoop:
    """On raw frames: a camera is not needed."""

    def arguments(self, rois: Path, bundle: Path, *more: object) -> list[object]:
        size = ["--width", WIDTH, "--height", HEIGHT, "--matrix", "709", "--range", "limited"]
        return [*size, "--rois", rois, *more, bundle]

    def test_results_come_in_order_and_latencies_at_the_end(
        self, run: Programs, bundles: dict[str, Path], rois: Path, frames: NDArray[np.uint8]
    ) -> None:
        arguments = self.arguments(rois, bundles["state"], "--input", "-")
        done = run("video_loop", *arguments, given=frames.tobytes())
        assert done.returncode == 0, done.stderr
        lines = done.stdout.decode().splitlines()
        expected = [f"frame {i} track 7 8x8{' fresh' if i == 0 else ''}" for i in range(FRAMES)]
        expected.insert(3, "frame 2 track 9 8x8 fresh")
        expected.insert(5, "frame 3 track 9 8x8")
        assert lines[:8] == expected
        assert lines[8] == f"{FRAMES} frames, 8 faces, 0 failed, 0 dropped"
        for line, name in zip(lines[10:], ["wait", "crop", "sr", "total"], strict=True):
            p50, p99, largest = (int(number) for number in line.split()[1:])
            assert line.split()[0] == name
            assert p50 <= p99 <= largest

    @pytest.mark.parametrize("depth", [1, 3])
    def test_saved_faces_are_those_of_the_library(
        self,
        run: Programs,
        bundles: dict[str, Path],
        rois: Path,
        frames: NDArray[np.uint8],
        tmp_path: Path,
        monkeypatch: pytest.MonkeyPatch,
        depth: int,
    ) -> None:
        monkeypatch.setenv(library.LIBRARY, str(loadable_library()))
        (tmp_path / "in.nv12").write_bytes(frames.tobytes())
        file = ["--input", tmp_path / "in.nv12", "--save", tmp_path, "--depth", depth]
        done = run("video_loop", *self.arguments(rois, bundles["state"], *file))
        assert done.returncode == 0, done.stderr
        saved = {path.stem for path in tmp_path.glob("*.ppm")}
        assert saved == {f"{i}-7" for i in range(FRAMES)} | {"2-9", "3-9"}
        stream = Stream(sr=model(bundles["state"]))
        for number, planes in enumerate(frames):
            frame = c.Frame(format=c.Format.NV12, matrix=c.Matrix.BT709, range=c.Range.LIMITED)
            frame.width, frame.height, frame.memory = WIDTH, HEIGHT, 1
            frame.timestamp_us = number * 33_333
            box = c.Roi(track=7, kind=c.RoiKind.BOX)
            box.box[:] = (10, 8, 30, 34)
            assert stream.submit(frame, [box], planes[:HEIGHT], planes[HEIGHT:])
            result = stream.poll()
            assert result is not None
            found = read_picture(tmp_path / f"{number}-7.ppm")
            # The box alone, or with another face filled up to two: batches may round apart.
            assert np.abs(found.astype(int) - result.faces[0].restored).max() <= 1

    def test_yuyv_frames_are_taken_too(
        self, run: Programs, bundles: dict[str, Path], rois: Path, tmp_path: Path
    ) -> None:
        (tmp_path / "in.yuyv").write_bytes(bytes(2 * WIDTH * HEIGHT * 3))
        file = ["--format", "yuyv", "--input", tmp_path / "in.yuyv", "--frames", 2]
        done = run("video_loop", *self.arguments(rois, bundles["sr"], *file))
        assert done.returncode == 0, done.stderr
        assert b"2 frames, 2 faces, 0 failed" in done.stdout

    def test_a_frame_with_a_face_outside_is_left_out(
        self, run: Programs, bundles: dict[str, Path], frames: NDArray[np.uint8], tmp_path: Path
    ) -> None:
        rois = tmp_path / "rois.txt"
        rois.write_text("* 1 box 10 8 30 34\n1 2 box 5000 5000 30 30\n")
        arguments = self.arguments(rois, bundles["sr"], "--input", "-")
        done = run("video_loop", *arguments, given=frames.tobytes())
        assert done.returncode == 0
        assert done.stderr.startswith(b"frame left out: ")
        assert done.stderr.count(b"\n") == 1
        assert b"5 frames, 5 faces, 0 failed, 0 dropped" in done.stdout

    @pytest.mark.parametrize(
        ("more", "words"),
        [
            (["--device", "/dev/video-nowhere"], "cannot be opened"),
            (["--device", "/dev/null"], "is not a single-planar V4L2 capture device"),
            (["--input", "/nowhere"], "cannot be opened"),
            (["--input", "-", "--width", "65"], "ends in the middle of frame"),
            (["--input", "-", "--backend", "tensorflow"], "tensorflow"),
            (["--input", "-", "--rois", "/nowhere"], "/nowhere cannot be read"),
            (["--input", "-", "--rois", __file__], "line 1: expected FRAME TRACK"),
            (["--input", "-", "--matrix", "708"], "708 is unknown"),
            ([], "usage"),
        ],
    )
    def test_what_is_wrong_is_said(
        self,
        run: Programs,
        bundles: dict[str, Path],
        rois: Path,
        frames: NDArray[np.uint8],
        more: list[str],
        words: str,
    ) -> None:
        arguments = self.arguments(rois, bundles["sr"], *more)
        done = run("video_loop", *arguments, given=frames.tobytes())
        assert done.returncode in (1, 2)
        assert words in done.stderr.decode()

    def test_a_camera_is_played_where_there_is_one(
        self, run: Programs, bundles: dict[str, Path], rois: Path
    ) -> None:
        if not Path("/dev/video0").exists():
            pytest.skip("no /dev/video0")
        camera = ["--device", "/dev/video0", "--format", "yuyv", "--frames", 30, "--rois", rois]
        done = run("video_loop", *camera, bundles["sr"])
        assert done.returncode == 0, done.stderr
        assert b" 0 failed" in done.stdout


def model(bundle: Path) -> Model:
    return Model(bundle, "onnxruntime", library=wheels.library("onnxruntime"), threads=1)


@pytest.mark.parametrize("from_restored", [False, True])
def test_two_models_print_a_json_object_per_frame(
    run: Programs,
    bundles: dict[str, Path],
    tmp_path: Path,
    monkeypatch: pytest.MonkeyPatch,
    from_restored: bool,
) -> None:
    rng = np.random.default_rng(3)
    images = rng.integers(0, 256, (3, HEIGHT, WIDTH, 3), np.uint8)
    for i, image in enumerate(images):
        (tmp_path / f"{i}.ppm").write_bytes(ppm(image))
    (tmp_path / "rois.txt").write_text(ROIS)
    flags = ["--from-restored"] if from_restored else []
    files = [tmp_path / "rois.txt", *(tmp_path / f"{i}.ppm" for i in range(3))]
    done = run("two_models", *flags, bundles["sr"], bundles["au"], *files)
    assert done.returncode == 0, done.stderr
    found = [json.loads(line) for line in done.stdout.splitlines()]
    assert [frame["frame"] for frame in found] == [0, 1, 2]
    assert [[face["track"] for face in frame["faces"]] for frame in found] == [[7], [7], [7, 9]]
    first = found[0]["faces"][0]
    assert first["restored"] == [2 * SIDE, 2 * SIDE]
    assert [int(unit) for unit in first["au"]] == [1, 2, 4, 6, 7, 10, 12, 15, 23, 24, 25, 26]

    monkeypatch.setenv(library.LIBRARY, str(loadable_library()))
    source = c.AuSource.FROM_RESTORED if from_restored else c.AuSource.FROM_FRAME
    stream = Stream(sr=model(bundles["sr"]), au=model(bundles["au"]), au_source=source)
    box = c.Roi(track=7, kind=c.RoiKind.BOX)
    box.box[:] = (10, 8, 30, 34)
    frame = c.Frame(format=c.Format.RGB24, matrix=c.Matrix.IDENTITY, range=c.Range.FULL)
    frame.width, frame.height, frame.memory = WIDTH, HEIGHT, 1
    assert stream.submit(frame, [box], images[0].reshape(HEIGHT, -1))
    result = stream.poll()
    assert result is not None
    face = result.faces[0]
    # Half of the last printed digit.
    np.testing.assert_allclose(list(first["au"].values()), face.probabilities, atol=6e-7)
    np.testing.assert_allclose(first["landmarks"], face.landmarks, atol=6e-4)


def test_two_models_in_the_wrong_order_are_one_sentence(
    run: Programs, bundles: dict[str, Path], tmp_path: Path
) -> None:
    (tmp_path / "rois.txt").write_text(ROIS)
    done = run("two_models", bundles["au"], bundles["sr"], tmp_path / "rois.txt", "x.ppm")
    assert done.returncode == 1
    assert b"give it as the other member" in done.stderr


@pytest.mark.parametrize("with_units", [False, True])
def test_the_camera_class_calls_back_for_every_face(
    run: Programs, bundles: dict[str, Path], with_units: bool
) -> None:
    units = [bundles["au"]] if with_units else []
    done = run("camera_demo", bundles["state"], *units)
    assert done.returncode == 0, done.stderr
    *faces, last = done.stdout.decode().splitlines()
    assert re.fullmatch(r"5 frames, median \d+ us", last)
    found = [
        re.fullmatch(r"frame (\d) track (\d) restored 8x8( AU12 0\.\d+)?( fresh)?", line)
        for line in faces
    ]
    assert [(m[1], m[2], bool(m[3]), bool(m[4])) for m in found if m] == [
        (str(i), str(track), with_units, i == 0) for i in range(5) for track in (1, 2)
    ]


def test_the_camera_class_throws_the_librarys_sentence(
    run: Programs, bundles: dict[str, Path], tmp_path: Path
) -> None:
    done = run("camera_demo", tmp_path)
    assert done.returncode == 1
    assert b"manifest.json" in done.stderr
    assert run("camera_demo").returncode == 2

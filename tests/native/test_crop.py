"""Native crops against OpenCV, against the training's own reductions, and against NumPy's Umeyama.

FACEDGE_NATIVE_BUILD names the build; every kind of inner loops that the processor runs is tried.
"""

from __future__ import annotations

import subprocess
from dataclasses import dataclass
from pathlib import Path

import cv2
import numpy as np
import pytest
from numpy.typing import NDArray
from opencv_crop import (
    AREA,
    BGR24,
    BICUBIC,
    BT601,
    BT709,
    BT2020,
    FULL,
    GRAY8,
    IDENTITY,
    LIMITED,
    NV12,
    NV21,
    RGB24,
    YUYV,
    Frame,
    crop,
    encode,
    to_rgb,
)
from skimage import data

from facedge.resize import reduce_bicubic
from facedge.training.au_crop import FACE_TO_CROP, au_crop

Pixels = NDArray[np.uint8]
LOOPS = ("baseline", "avx2", "reference")
FORMATS = {"NV12": NV12, "NV21": NV21, "YUYV": YUYV, "RGB24": RGB24, "BGR24": BGR24, "GRAY8": GRAY8}
LANDMARKS, BOX = 1, 2
FACE, UNITS = 0, 1


@dataclass(frozen=True)
class Probe:
    """The program image_probe, which crops and aligns."""

    command: list[str]

    def ask(self, request: bytes) -> bytes:
        return subprocess.run(self.command, input=request, capture_output=True, check=True).stdout

    def crop(
        self, frame: Frame, to_frame: NDArray[np.floating], filter_: int, size: int, loops: str
    ) -> Pixels:
        strides = [plane.shape[1] for plane in frame.planes] + [0]
        numbers = (frame.format, frame.matrix, frame.range, frame.width, frame.height)
        words = ["crop", *numbers, *strides[:2], filter_, size, size, loops]
        line = " ".join(map(str, words)) + "".join(f" {x:.9g}" for x in to_frame.ravel()) + "\n"
        # A plane ends with its last row's last pixel; what follows is read as the next request.
        planes = b"".join(
            plane.tobytes()[: -_padding(frame, i) or None] for i, plane in enumerate(frame.planes)
        )
        answer = self.ask(line.encode() + planes)
        return np.frombuffer(answer, np.uint8).reshape(size, size, 3)

    def matrix(self, request: str) -> NDArray[np.float64]:
        """A [2, 3] answer."""
        words = self.ask(request.encode() + b"\n").split()
        return np.array(words[-6:], np.float64).reshape(2, 3)


def _padding(frame: Frame, plane: int) -> int:
    width = frame.width
    used = {RGB24: 3 * width, BGR24: 3 * width, YUYV: 2 * width, GRAY8: width}
    used_here = used.get(frame.format, width if plane == 0 else (width + 1) // 2 * 2)
    return frame.planes[plane].shape[1] - used_here


@pytest.fixture(scope="module")
def probe(native_build: Path, emulator: list[str]) -> Probe:
    return Probe([*emulator, str(native_build / "tests/native/image/image_probe")])


@pytest.fixture(scope="module")
def photo() -> Pixels:
    """A colourful photograph, 512 x 512."""
    return np.ascontiguousarray(data.astronaut())


def place(scale: float, degrees: float, x: float, y: float, size: int) -> NDArray[np.float64]:
    """The similarity that scales, turns and puts the crop's middle at (x, y), in floats' values."""
    a = np.float32(scale * np.cos(np.radians(degrees)))
    b = np.float32(scale * np.sin(np.radians(degrees)))
    half = (size - 1) / 2
    rows = [[a, -b, x - a * half + b * half], [b, a, y - b * half - a * half]]
    return np.array(rows, np.float32).astype(np.float64)


PLACES = (
    # filter, crop size, scale, degrees, x, y: reductions as of faces of 20 to 500 pixels
    (BICUBIC, 16, 8.0, 0.0, 256.0, 200.0),
    (BICUBIC, 16, 7.3, 12.0, 220.0, 130.0),
    (BICUBIC, 16, 1.3, -5.0, 240.0, 110.0),
    (BICUBIC, 16, 0.8, 31.0, 250.0, 120.0),
    (BICUBIC, 32, 3.99, 90.0, 256.0, 256.0),
    (BICUBIC, 32, 14.7, -40.0, 300.0, 300.0),
    (BICUBIC, 32, 5.0, 3.0, -20.0, 490.0),
    (AREA, 176, 0.7, 0.0, 230.0, 110.0),
    (AREA, 176, 1.0, 7.0, 230.0, 140.0),
    (AREA, 176, 1.45, -20.0, 200.0, 250.0),
    (AREA, 176, 2.6, 5.0, 256.0, 256.0),
    (AREA, 176, 3.8, 0.0, 100.0, 480.0),
)


def assert_close(found: Pixels, expected: NDArray[np.floating]) -> None:
    """Within 1 of 255 on 99.9 % of the values: cvtColor and both results are rounded, which alone
    makes half-way values fall either way."""
    difference = np.abs(found.astype(int) - np.floor(np.clip(expected, 0, 255) + 0.5).astype(int))
    assert np.mean(difference <= 1) >= 0.999
    assert difference.max() <= 2


@pytest.mark.parametrize("loops", LOOPS)
@pytest.mark.parametrize("name", FORMATS)
def test_crops_of_every_format_agree_with_opencv(
    probe: Probe, photo: Pixels, name: str, loops: str
) -> None:
    yuv = name in ("NV12", "NV21", "YUYV")
    matrix, range_ = (BT601, LIMITED) if yuv else (IDENTITY, FULL)
    frame = encode(photo, FORMATS[name], matrix, range_, padding=11)
    rgb = to_rgb(frame)
    for filter_, size, scale, degrees, x, y in PLACES:
        to_frame = place(scale, degrees, x, y, size)
        found = probe.crop(frame, to_frame, filter_, size, loops)
        assert_close(found, crop(rgb, to_frame, filter_, size, size))


@pytest.mark.parametrize("range_", [LIMITED, FULL])
@pytest.mark.parametrize("matrix", [BT601, BT709, BT2020])
def test_every_matrix_and_range(probe: Probe, photo: Pixels, matrix: int, range_: int) -> None:
    # Odd sides, so that the last chroma row and column cover one pixel.
    frame = encode(photo[:501, :499], NV12, matrix, range_)
    rgb = to_rgb(frame)
    for filter_, size, scale, degrees, x, y in PLACES[::3]:
        to_frame = place(scale, degrees, x, y, size)
        found = probe.crop(frame, to_frame, filter_, size, "fastest")
        assert_close(found, crop(rgb, to_frame, filter_, size, size))


@pytest.mark.parametrize("factor", [2, 3, 5])
def test_whole_reductions_by_area_are_opencv_resize(
    probe: Probe, photo: Pixels, factor: int
) -> None:
    frame = encode(photo, RGB24, IDENTITY, FULL)
    size = 90
    middle = (factor - 1) / 2
    to_frame = np.array([[factor, 0, middle], [0, factor, middle]], np.float64)
    found = probe.crop(frame, to_frame, AREA, size, "fastest")
    region = photo[: size * factor, : size * factor]
    expected = cv2.resize(region, (size, size), interpolation=cv2.INTER_AREA)
    assert_close(found, expected.astype(np.float64))


def test_enlarging_is_opencv_bilinear(probe: Probe, photo: Pixels) -> None:
    frame = encode(photo, RGB24, IDENTITY, FULL)
    to_frame = place(0.6, 17, 230, 120, 176)
    found = probe.crop(frame, to_frame, AREA, 176, "fastest")
    flags = cv2.INTER_LINEAR | cv2.WARP_INVERSE_MAP
    expected = cv2.warpAffine(
        photo, to_frame, (176, 176), flags=flags, borderMode=cv2.BORDER_REPLICATE
    )
    # Older releases of OpenCV round places to 1/32 of a pixel: 2 of 255 on edges of this picture.
    difference = np.abs(found.astype(int) - expected.astype(int))
    assert np.mean(difference <= 2) >= 0.999


def training_crop(picture: Pixels, x: int, y: int, source: int, target: int) -> Pixels:
    """The square of `source` pixels at (x, y) as training reduces it, but with its surroundings:
    training's pictures end at their border, where ours go on."""
    cut = picture[y - source : y + 2 * source, x - source : x + 2 * source]
    assert cut.shape[:2] == (3 * source, 3 * source)
    reduced = reduce_bicubic(np.ascontiguousarray(cut), 3 * target)
    return reduced[target : 2 * target, target : 2 * target]


def native_crop(probe: Probe, picture: Pixels, x: int, y: int, source: int, target: int) -> Pixels:
    scale = source / target
    corner = (scale - 1) / 2
    to_frame = np.array([[scale, 0, x + corner], [0, scale, y + corner]])
    frame = encode(picture, RGB24, IDENTITY, FULL)
    return probe.crop(frame, to_frame, BICUBIC, target, "fastest")


@pytest.mark.parametrize(("source", "target"), [(112, 32), (60, 32), (48, 16), (60, 16), (20, 32)])
def test_bicubic_is_the_training_s_where_no_blocks_are_averaged(
    probe: Probe, photo: Pixels, source: int, target: int
) -> None:
    """Below 4 frame pixels per crop pixel. Training rounds between columns and rows too, which
    makes some values differ by 2."""
    found = native_crop(probe, photo, 180, 130, source, target)
    expected = training_crop(photo, 180, 130, source, target)
    difference = np.abs(found.astype(int) - expected.astype(int))
    assert np.mean(difference <= 1) >= 0.99
    assert difference.max() <= 2


@pytest.mark.parametrize(("source", "target"), [(64, 16), (128, 16), (128, 32), (120, 16)])
def test_bicubic_over_blocks_stays_near_the_training_s(
    probe: Probe, photo: Pixels, source: int, target: int
) -> None:
    """Blocks of half a crop pixel soften a little: by 0.3 to 0.7 of 255 on average here, where a
    reduction by area is off by 0.9 to 1.5."""
    enlarged = cv2.resize(photo, (1024, 1024), interpolation=cv2.INTER_CUBIC)
    found = native_crop(probe, enlarged, 400, 220, source, target).astype(int)
    bicubic = training_crop(enlarged, 400, 220, source, target).astype(int)
    region = enlarged[220 : 220 + source, 400 : 400 + source]
    area = cv2.resize(region, (target, target), interpolation=cv2.INTER_AREA).astype(int)
    error, error_by_area = np.abs(found - bicubic).mean(), np.abs(area - bicubic).mean()
    print(source, target, error, error_by_area)
    assert error < 0.5 * error_by_area


def test_action_units_are_cut_out_of_faces_as_in_training(probe: Probe, photo: Pixels) -> None:
    face = np.ascontiguousarray(cv2.resize(photo[20:220, 120:320], (128, 128)))
    to_face = probe.matrix(f"between {FACE} 128 128 {UNITS} 176 176")
    expected_map = cv2.invertAffineTransform(FACE_TO_CROP)
    np.testing.assert_allclose(to_face, expected_map, rtol=0, atol=1e-5)  # printed floats
    frame = encode(face, RGB24, IDENTITY, FULL)
    found = probe.crop(frame, to_face, AREA, 176, "fastest")
    expected = au_crop(face[None])[0]
    # As for warpAffine above.
    difference = np.abs(found.astype(int) - expected.astype(int))
    assert np.mean(difference <= 2) >= 0.999


MEAN_FACE = np.array([[39.5, 40], [88.5, 40], [64, 68.1], [42.5, 89.7], [85.5, 89.7]])


def umeyama(source: NDArray[np.floating], target: NDArray[np.floating]) -> NDArray[np.float64]:
    """Umeyama's solution by singular values, without reflection: [2, 3]."""
    mean_s, mean_t = source.mean(0), target.mean(0)
    s, t = source - mean_s, target - mean_t
    u, values, vt = np.linalg.svd(t.T @ s / len(s))
    sign = np.array([1.0, np.sign(np.linalg.det(u) * np.linalg.det(vt))])
    rotation = u @ np.diag(sign) @ vt
    scale = (values * sign).sum() / s.var(0).sum()
    return np.column_stack([scale * rotation, mean_t - scale * rotation @ mean_s])


def test_landmarks_are_fitted_as_umeyama_does(probe: Probe) -> None:
    rng = np.random.default_rng(5)
    for _ in range(50):
        angle, size = rng.uniform(-np.pi, np.pi), np.exp(rng.uniform(np.log(0.3), np.log(5)))
        turn = size * np.array([[np.cos(angle), -np.sin(angle)], [np.sin(angle), np.cos(angle)]])
        noisy = MEAN_FACE + rng.normal(0, 3, MEAN_FACE.shape)
        points = ((noisy - 64) @ turn.T + rng.uniform(300, 700, 2)).astype(np.float32)
        values = " ".join(f"{x:.9g}" for x in points.ravel())
        found = probe.matrix(f"align {LANDMARKS} {FACE} 128 128 1920 1080 {values}")
        # Places in floats of a frame of this size are exact to 1e-4.
        np.testing.assert_allclose(found, umeyama(MEAN_FACE, points), rtol=0, atol=2e-4)
        small = probe.matrix(f"align {LANDMARKS} {FACE} 16 16 1920 1080 {values}")
        to_128 = np.array([[8, 0, 3.5], [0, 8, 3.5], [0, 0, 1]])
        np.testing.assert_allclose(small, found @ to_128, rtol=0, atol=1e-3)


def test_a_refused_face_is_a_sentence(probe: Probe) -> None:
    answer = probe.ask(f"align {BOX} {FACE} 128 128 640 480 5 5 0 9 0 0 0 0 0 0\n".encode())
    code, text = answer.decode().split(" ", 1)
    assert int(code) == -8
    assert "the box of face 0 is at (5, 5) and 0 by 9 pixels" in text

"""Where pictures come from: folders, videos, the embedded default, and faces cut out."""

from __future__ import annotations

import os
from pathlib import Path

import cv2
import numpy as np
import pytest
from skimage import data
from skimage.transform import SimilarityTransform

from facedge.calibration.align import LEFT_EYE, RIGHT_EYE, eye_transform, native_side
from facedge.calibration.sources import open_source, pixel_hash
from facedge.errors import InputError
from facedge.files import sha256_file
from facedge.pictures import read_picture, write_picture


@pytest.fixture
def folder(tmp_path: Path) -> Path:
    rng = np.random.default_rng(0)
    for index in range(12):
        picture = rng.integers(0, 256, (20, 24, 3)).astype(np.uint8)
        write_picture(tmp_path / f"faces/{index % 3}/p{index:02d}.png", picture)
    return tmp_path / "faces"


@pytest.fixture
def video(tmp_path: Path) -> Path:
    """Thirty frames; the green of frame i is 8 i."""
    path = tmp_path / "film.avi"
    writer = cv2.VideoWriter(str(path), cv2.VideoWriter.fourcc(*"MJPG"), 25, (64, 48))
    if not writer.isOpened():
        pytest.skip("this OpenCV build writes no video")
    for index in range(30):
        writer.write(np.full((48, 64, 3), (0, 8 * index, 0), np.uint8))
    writer.release()
    return path


def test_a_folder_gives_every_picture_in_order_with_the_files_hash(folder: Path) -> None:
    source = open_source(folder)
    pictures = list(source)
    names = [picture.name for picture in pictures]
    assert len(source) == len(pictures) == 12
    assert names == sorted(names)
    assert names[0] == "0/p00.png"
    for picture in pictures:
        assert picture.sha256 == sha256_file(folder / picture.name)
        np.testing.assert_array_equal(picture.rgb, read_picture(folder / picture.name))
    assert source.description == "folder faces: 12 pictures"
    assert [picture.name for picture in source] == names, "a second iteration starts anew"


def test_a_subset_depends_on_the_seed_and_the_names_alone(folder: Path) -> None:
    def names(seed: int) -> list[str]:
        return [picture.name for picture in open_source(folder, limit=5, seed=seed)]

    assert len(names(0)) == 5
    assert names(0) == names(0) == sorted(names(0))
    assert len({tuple(names(seed)) for seed in range(6)}) > 1
    full = [picture.name for picture in open_source(folder)]
    assert names(0) != full[:5]
    chosen = names(0)
    moved = folder.rename(folder.parent / "elsewhere")
    assert [picture.name for picture in open_source(moved, limit=5)] == chosen


def test_broken_files_are_skipped_with_a_warning_unless_all_are(folder: Path) -> None:
    (folder / "0/p00.png").write_bytes(b"broken")
    warnings: list[str] = []
    source = open_source(folder, warn=warnings.append)
    assert len(list(source)) == 11
    assert warnings == ["skipped 1 unreadable pictures: p00.png"]
    for file in folder.rglob("*.png"):
        file.write_bytes(b"broken")
    with pytest.raises(InputError, match="none of 12 files is a readable picture"):
        list(open_source(folder))


def test_one_picture_is_a_source(folder: Path) -> None:
    (picture,) = open_source(folder / "1/p01.png")
    assert picture.name == "p01.png"


def test_frames_of_a_video_are_evenly_spread(video: Path) -> None:
    source = open_source(video, limit=5)
    pictures = list(source)
    assert [picture.name for picture in pictures] == [f"film-{i:06d}" for i in (3, 9, 15, 21, 27)]
    # JPEG and YUV cost a few grey levels; neighbouring wanted frames are 48 apart.
    for picture, index in zip(pictures, (3, 9, 15, 21, 27), strict=True):
        assert abs(float(picture.rgb[..., 1].mean()) - 8 * index) < 6
        assert picture.rgb[..., 0].mean() < 20, "red and blue are not swapped in"
    assert source.description == "video film.avi: 5 of 30 frames"
    assert len(list(open_source(video))) == 30


def test_bad_sources_are_refused(tmp_path: Path) -> None:
    (tmp_path / "film.mp4").write_bytes(b"no video")
    with pytest.raises(InputError, match=r"film\.mp4 is not a video"):
        open_source(tmp_path / "film.mp4")
    (tmp_path / "notes.txt").write_text("hello")
    with pytest.raises(InputError, match="neither a picture nor a video"):
        open_source(tmp_path / "notes.txt")
    with pytest.raises(InputError, match="no folder or picture"):
        open_source(tmp_path / "nowhere")
    with pytest.raises(InputError, match="expected 1 or more"):
        open_source(None, limit=0)
    write_picture(tmp_path / "p.png", np.zeros((32, 32, 3), np.uint8))
    with pytest.raises(InputError, match="no face detector"):
        open_source(tmp_path, detector=tmp_path / "none.onnx")
    with pytest.raises(InputError, match="is not a face detector OpenCV can use"):
        open_source(tmp_path, detector=tmp_path / "notes.txt")


def test_the_default_set_is_deterministic_and_a_smaller_one_is_its_beginning() -> None:
    default = list(open_source(None))
    assert len(default) == 64
    assert len({picture.sha256 for picture in default}) == 64
    assert [picture.sha256 for picture in open_source(None, limit=9)] == [
        picture.sha256 for picture in default[:9]
    ]
    assert default[0].sha256 != next(iter(open_source(None, seed=1))).sha256
    assert default[0].sha256 == pixel_hash(default[0].rgb)
    sides = [picture.rgb.shape[0] for picture in default]
    assert sides.count(128) == 24, "ground truth for super-resolution"
    assert all(18 <= side <= 28 for side in sides if side != 128)


def test_the_default_set_shows_the_portraits_face_in_the_framing() -> None:
    picture = next(iter(open_source(None)))
    # Eyes and mouth are darker than the cheeks and the forehead beside them.
    grey = picture.rgb.mean(2)
    eyes = [grey[36:45, x - 4 : x + 5].min() for x in (40, 88)]
    cheeks = [grey[58:66, x - 4 : x + 5].mean() for x in (40, 88)]
    assert max(eyes) < 0.6 * min(cheeks)


@pytest.mark.parametrize("side", [32, 80, 128])
def test_the_eyes_come_to_lie_in_the_framing(side: int) -> None:
    right, left = (203.4, 103.6), (247.5, 110.0)
    matrix = np.vstack([eye_transform(right, left, side), [0, 0, 1]])
    target = (np.array([RIGHT_EYE, LEFT_EYE]) + 0.5) * side / 128 - 0.5
    reference = SimilarityTransform.from_estimate(np.array([right, left]), target)
    np.testing.assert_allclose(matrix, reference.params, atol=1e-6)
    assert native_side((0.0, 0.0), (49.0, 0.0)) == 128


@pytest.mark.skipif("FACEDGE_YUNET" not in os.environ, reason="needs a YuNet ONNX file")
def test_a_detected_face_is_cut_out_at_its_own_size(tmp_path: Path) -> None:
    write_picture(tmp_path / "p.png", data.astronaut())
    (face,) = open_source(tmp_path, detector=os.environ["FACEDGE_YUNET"])
    # The portrait's eyes are 44 pixels apart.
    assert face.rgb.shape == (115, 115, 3)

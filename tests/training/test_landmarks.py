"""Landmark files, and landmarks that move and mirror with their pictures."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import pytest
from training_trees import dot_in, face_points, with_dot, write_landmarks

from facedge.errors import InputError
from facedge.training.data import Batches
from facedge.training.landmarks import MIRRORED, landmarks_of, move_points, read_landmarks

RIGHT_EYE, LEFT_EYE, NOSE_TIP, MOUTH = 36, 45, 30, (48, 54)


def some_points(count: int = 3) -> np.ndarray:
    spread = np.random.default_rng(0).normal(0, 3, (count, 68, 2))
    return (face_points() + spread).astype(np.float32)


@pytest.fixture
def table(tmp_path: Path) -> Path:
    path = tmp_path / "landmarks68.csv"
    write_landmarks(path, ["a.png", "train/b.png", "train/c.png"], some_points())
    return path


def test_points_come_back_by_their_picture(table: Path) -> None:
    found = read_landmarks(table)
    assert list(found) == ["a.png", "train/b.png", "train/c.png"]
    for points, wanted in zip(found.values(), some_points(), strict=True):
        assert points.dtype == np.float32
        # The file has three digits after the point.
        np.testing.assert_allclose(points, wanted, atol=6e-4)


def test_pictures_of_a_folder_are_looked_up_in_their_order(table: Path) -> None:
    found = landmarks_of(["c.png", "b.png"], table, "train")
    np.testing.assert_allclose(found, some_points()[[2, 1]], atol=6e-4)
    np.testing.assert_allclose(landmarks_of(["a.png"], table), some_points()[:1], atol=6e-4)


def test_pictures_without_landmarks_are_named(table: Path) -> None:
    with pytest.raises(InputError, match=r"has no landmarks of b\.png; it must name every"):
        landmarks_of(["a.png", "b.png"], table)
    with pytest.raises(InputError, match=r"of train/a\.png and 1 more of 3; it must name every"):
        landmarks_of(["a.png", "b.png", "d.png"], table, "train")


@pytest.mark.parametrize(
    "row",
    ["d.png,1,2,3", "d.png" + ",1" * 135 + ",wide", "d.png" + ",1" * 135 + ",nan", "", ",1" * 137],
)
def test_a_bad_row_is_named_by_its_line(table: Path, row: str) -> None:
    table.write_text(table.read_text() + row + "\n")
    with pytest.raises(InputError, match=r"line 5 of .*landmarks68\.csv holds no 136 numbers"):
        read_landmarks(table)


def test_a_file_of_another_kind_is_named(tmp_path: Path) -> None:
    path = tmp_path / "other.csv"
    with pytest.raises(InputError, match=r"other\.csv is not a readable landmark file"):
        read_landmarks(path)
    path.write_text("file,x1,y1\n")
    with pytest.raises(InputError, match=r"does not begin with the columns file, x0, y0"):
        read_landmarks(path)
    path.write_text("")
    with pytest.raises(InputError, match=r"does not begin with the columns"):
        read_landmarks(path)
    path.write_bytes(b"file,\xff\xfe")
    with pytest.raises(InputError, match=r"is not a readable landmark file"):
        read_landmarks(path)


def test_mirroring_twice_changes_nothing() -> None:
    np.testing.assert_array_equal(MIRRORED[MIRRORED], np.arange(68))


def test_mirroring_exchanges_left_and_right_and_keeps_what_is_in_the_middle() -> None:
    pairs = {0: 16, 17: 26, 21: 22, 31: 35, 36: 45, 39: 42, 41: 46, 48: 54, 59: 55, 60: 64, 67: 65}
    for left, right in pairs.items():
        assert (MIRRORED[left], MIRRORED[right]) == (right, left)
    middle = [8, 27, 28, 29, 30, 33, 51, 57, 62, 66]
    assert np.flatnonzero(np.arange(68) == MIRRORED).tolist() == middle
    # The mean face is nearly symmetric about the middle of its eyes.
    points = face_points()
    axis = points[[RIGHT_EYE, LEFT_EYE], 0].mean()
    mirrored = (2 * axis - points[:, 0])[MIRRORED]
    assert np.abs(mirrored - points[:, 0]).max() < 4
    assert np.abs(points[MIRRORED, 1] - points[:, 1]).max() < 4


def test_a_turned_moved_and_mirrored_point_by_hand() -> None:
    points = np.zeros((2, 68, 2), np.float32)
    points[:, MOUTH[0]] = 10, 20
    points[:, MOUTH[1]] = 30, 40
    # A quarter turn that takes (x, y) to (y + 1, -x + 100); mirrored in 128 columns, to
    # (126 - y, 100 - x).
    plain = [[0.0, 1.0, 1.0], [-1.0, 0.0, 100.0]]
    mirrored = [[0.0, -1.0, 126.0], [-1.0, 0.0, 100.0]]
    found = move_points(points, np.array([plain, mirrored]), np.array([False, True]))
    assert found.dtype == np.float32
    assert found[0, MOUTH].tolist() == [[21, 90], [41, 70]]
    # What was the right corner of the mouth is now the left one.
    assert found[1, MOUTH].tolist() == [[86, 70], [106, 90]]


@pytest.mark.parametrize("warp", [0.0, 1.0])
def test_a_dot_in_a_drawn_batch_lies_where_its_landmark_went(warp: float) -> None:
    places = np.random.default_rng(1).uniform(40, 88, (12, 2))
    batches = Batches(np.stack([with_dot(128, *p) for p in places]), 12, warp=warp)
    points = np.zeros((12, 68, 2), np.float32)
    points[:, NOSE_TIP] = places
    drawn = batches.draw(0)
    told = move_points(points[drawn.chosen], drawn.matrices, drawn.mirrored)[:, NOSE_TIP]
    assert 0 < drawn.mirrored.sum() < 12
    assert sorted(drawn.chosen.tolist()) == list(range(12))
    for image, wanted in zip(drawn.images, told, strict=True):
        # The dot is zoomed by up to 8 % about its own centre, to which its centre of mass stays;
        # 1/32 of a pixel is the interpolation's grid, 1/255 the levels' that the threshold sees.
        np.testing.assert_allclose(dot_in(image.mean(0).numpy()), wanted, atol=0.1)

"""Frames of a data set are aligned by their eyes and read when they are drawn."""

from __future__ import annotations

from pathlib import Path

import cv2
import numpy as np
import pytest

from facedge.errors import InputError
from facedge.training.action_units import Dataset, complete, read_sets
from facedge.training.au_datasets import AuFrames
from facedge.training.expressions import crop, draw_weights
from facedge.training.landmarks import POINTS
from facedge.training.unit_frames import FrameFaces, eyes_to_crop, with_landmarks

EYES = np.array([[80.0, 110.0], [150.0, 90.0]])
"""Centres of the eyes in the test's pictures: 72.8 pixels apart, turned by -15.9 degrees."""


def points() -> np.ndarray:
    """Landmarks whose eyes' centres are ``EYES``; the tip of the nose is point 30."""
    found = np.full((POINTS, 2), 100.0, np.float32)
    found[36:42], found[42:48] = EYES
    found[30] = (120, 140)
    return found


def table(path: Path, names: list[str]) -> Path:
    header = ["file", *(f"{axis}{i}" for i in range(POINTS) for axis in "xy")]
    row = ",".join(f"{value:.2f}" for value in points().ravel())
    path.write_text("\n".join([",".join(header), *(f"{name},{row}" for name in names)]) + "\n")
    return path


def frames(folder: Path, count: int) -> AuFrames:
    """Black frames of two subjects with a white dot on the tip of the nose."""
    paths = []
    for index in range(count):
        picture = np.zeros((240, 320, 3), np.uint8)
        cv2.circle(picture, (120, 140), 3, (255, 255, 255), -1)
        path = folder / f"S{index % 2}" / f"{index}.png"
        path.parent.mkdir(parents=True, exist_ok=True)
        cv2.imwrite(str(path), picture)
        paths.append(path)
    labels = np.zeros((count, 12), np.int8)
    labels[0, 0] = 1
    return AuFrames(tuple(paths), labels, tuple(f"S{i % 2}" for i in range(count)))


def test_the_eyes_come_to_lie_where_the_crop_has_them() -> None:
    matrix = eyes_to_crop(*EYES)
    # Float64 arithmetic.
    np.testing.assert_allclose(matrix[:, :2] @ EYES[0] + matrix[:, 2], (53.5, 50.0), atol=1e-9)
    np.testing.assert_allclose(matrix[:, :2] @ EYES[1] + matrix[:, 2], (122.5, 50.0), atol=1e-9)
    # A similarity: columns of one length at a right angle.
    a, b = matrix[:, 0], matrix[:, 1]
    assert a @ b == pytest.approx(0, abs=1e-9)
    assert a @ a == pytest.approx(b @ b)


def test_a_dot_is_drawn_where_its_landmark_goes(tmp_path: Path) -> None:
    faces = with_landmarks(
        frames(tmp_path, 2), tmp_path, table(tmp_path / "l.csv", ["S0/0.png", "S1/1.png"])
    )
    for rng in (None, np.random.default_rng(0)):
        picture, places = crop(faces, 0, rng)
        level = picture.astype(float).mean(2)
        bright = np.argwhere(level > (level.max() + level.min()) / 2)
        centre = bright.mean(0)[::-1]
        # Point 30 of 68 is point 13 of 49; a round dot's centre is found to half a pixel.
        assert np.abs(centre - places[13]).max() < 0.6


def test_frames_without_landmarks_are_left_out_and_none_at_all_is_an_error(tmp_path: Path) -> None:
    found = frames(tmp_path, 3)
    faces = with_landmarks(found, tmp_path, table(tmp_path / "l.csv", ["S0/0.png"]))
    assert len(faces) == 1
    assert faces.labels[0, 0] == 1
    with pytest.raises(InputError, match=r"landmarks of none of the 3 labelled frames.*S0/0\.png"):
        with_landmarks(found, tmp_path, table(tmp_path / "l.csv", ["other.png"]))


def test_a_split_shares_no_subject_and_loses_no_frame(tmp_path: Path) -> None:
    found = frames(tmp_path, 6)
    faces = FrameFaces(found, np.stack([points() + i for i in range(6)]))
    kept, held = faces.split(folds=2)
    assert not set(kept.frames.subjects) & set(held.frames.subjects)
    together = np.concatenate([kept.points[:, 0, 0], held.points[:, 0, 0]])
    np.testing.assert_array_equal(np.sort(together), 100.0 + np.arange(6))


def test_rare_patterns_are_drawn_more_often(tmp_path: Path) -> None:
    faces = FrameFaces(frames(tmp_path, 5), np.stack([points()] * 5))
    weights = draw_weights(faces)
    # One frame of the first pattern, four of the second: 1 against 4 ** -0.5 each.
    np.testing.assert_allclose(weights, np.array([1, 0.5, 0.5, 0.5, 0.5]) / 3)


def test_a_frame_that_is_no_picture_is_named_when_drawn(tmp_path: Path) -> None:
    found = frames(tmp_path, 1)
    found.paths[0].write_bytes(b"no picture")
    with pytest.raises(InputError, match=r"0\.png is not a readable picture"):
        crop(FrameFaces(found, points()[None]), 0)


def test_the_graph_sees_rows_that_are_labelled_throughout() -> None:
    labels = np.zeros((3, 12), np.int8)
    labels[:, 11] = -1  # a column that the data set lacks
    labels[0, 0], labels[1, 1], labels[2, 2] = 1, -1, 1
    rows = complete(labels).numpy()
    assert rows.shape == (2, 12)
    assert rows.min() == 0
    assert rows[:, [0, 2]].tolist() == [[1, 0], [0, 1]]


def test_a_data_set_without_frames_or_landmarks_is_refused(tmp_path: Path) -> None:
    with pytest.raises(InputError, match="--dataset disfa needs --pictures and --landmarks"):
        read_sets(Dataset.disfa, tmp_path, None, None)

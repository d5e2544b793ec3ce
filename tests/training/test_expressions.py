"""Expressions and faces with labels, and their varied crops."""

from __future__ import annotations

from pathlib import Path

import cv2
import numpy as np
import pytest
import torch
from training_trees import (
    crops,
    dot_in,
    face_points,
    with_dot,
    write_expressions,
    write_landmarks,
)

from facedge.errors import InputError
from facedge.models.action_unit_maps import POINTS_49
from facedge.models.contract import ACTION_UNITS
from facedge.training import au_crop
from facedge.training.expressions import (
    LabelledFaces,
    crop,
    draw_weights,
    read_expressions,
    read_unlabelled,
    to_tensor,
)
from facedge.training.landmarks import MIRRORED, read_landmarks

EMOTIONS = ("anger", "happiness", "neutral", "anger", "anger", "anger")
SPLITS = ("train", "val", "train", "test", "train", "train")


@pytest.fixture
def tree(tmp_path: Path) -> Path:
    write_expressions(tmp_path / "expressions", EMOTIONS, SPLITS)
    return tmp_path / "expressions"


def test_a_split_has_its_pictures_points_and_labels(tree: Path) -> None:
    found = read_expressions(tree, "train")
    assert found.names == ("00.png", "02.png", "04.png", "05.png")
    assert found.emotions == ("anger", "neutral", "anger", "anger")
    assert len(found) == 4
    np.testing.assert_array_equal(found.pixels, crops(6, 0, 200)[[0, 2, 4, 5]])
    points = read_landmarks(tree / "landmarks68.csv")
    np.testing.assert_array_equal(found.points, np.stack([points[name] for name in found.names]))
    four = ACTION_UNITS.index(4)
    assert found.labels[:, four].tolist() == [1, 0, 1, 1]
    assert read_expressions(tree, "val", "test").names == ("01.png", "03.png")
    assert len(read_expressions(tree)) == 6


def test_what_is_missing_or_not_what_it_should_be_is_named(tree: Path) -> None:
    with pytest.raises(InputError, match=r"has no picture of the split tune"):
        read_expressions(tree, "tune")
    cv2.imwrite(str(tree / "02.png"), np.zeros((128, 100, 3), np.uint8))
    with pytest.raises(InputError, match=r"02\.png is 100x128; .*labels\.csv names it, and a pict"):
        read_expressions(tree, "train")
    (tree / "02.png").write_bytes(b"torn")
    with pytest.raises(InputError, match=r"02\.png is unreadable; .* of 200x200 was expected"):
        read_expressions(tree, "train")
    assert len(read_expressions(tree, "val")) == 1  # its pictures are whole
    lines = (tree / "landmarks68.csv").read_text().splitlines()
    others = [line for line in lines if not line.startswith("01.png")]
    (tree / "landmarks68.csv").write_text("\n".join(others))
    with pytest.raises(InputError, match=r"has no landmarks of 01\.png"):
        read_expressions(tree, "val")
    (tree / "landmarks68.csv").unlink()
    with pytest.raises(InputError, match=r"landmarks68\.csv is not a readable landmark file"):
        read_expressions(tree, "val")
    (tree / "labels.csv").write_text("file,emotion\n01.png,anger\n")
    with pytest.raises(InputError, match=r"labels\.csv lacks the columns file, emotion, split"):
        read_expressions(tree)
    (tree / "labels.csv").unlink()
    with pytest.raises(InputError, match=r"labels\.csv is not a readable table of emotions"):
        read_expressions(tree)


def test_faces_of_no_known_emotion_have_labels_of_the_mouth_alone(folder: Path) -> None:
    names = [f"{index:02}.png" for index in range(12)]
    table = folder.parent / "landmarks68.csv"
    write_landmarks(table, [f"faces/{name}" for name in names], np.tile(face_points(), (12, 1, 1)))
    found = read_unlabelled(folder, table)
    assert found.names == tuple(names)
    assert set(found.emotions) == {"unknown"}
    known = (found.labels != -1).any(0)
    assert {unit for unit, told in zip(ACTION_UNITS, known, strict=True) if told} <= {25, 26}
    picture, points = crop(found, 3)
    np.testing.assert_array_equal(picture, au_crop.au_crop(found.pixels[3:4])[0])
    # Float32 coordinates of up to 200 pixels.
    np.testing.assert_allclose(points, au_crop.au_points(found.points[3:4])[0], atol=1e-4)


def test_rare_emotions_are_drawn_more_often_than_their_number(tree: Path) -> None:
    weights = draw_weights(read_expressions(tree))
    assert weights.sum() == pytest.approx(1)
    # Four angry, one happy, one neutral face: 1/2 each of the former, 1 of the latter.
    assert weights.tolist() == pytest.approx([0.125, 0.25, 0.25, 0.125, 0.125, 0.125])


def test_a_crop_as_it_is_is_the_centre_of_the_expression(tree: Path) -> None:
    faces = read_expressions(tree, "train")
    picture, points = crop(faces, 2)
    np.testing.assert_array_equal(picture, au_crop.expression_crop(faces.pixels)[2])
    # Float32 coordinates of up to 200 pixels.
    np.testing.assert_allclose(points, au_crop.expression_points(faces.points)[2], atol=1e-4)
    again, _ = crop(faces, 2)
    np.testing.assert_array_equal(picture, again)


def dotted(x: float, y: float, point: int) -> LabelledFaces:
    """An expression that is one dot, where one landmark is, or its mirror image's."""
    points = np.zeros((1, 68, 2), np.float32)
    points[0, point] = x, y
    alignment = np.array([[1.0, 0, -12], [0, 1.0, -12]])
    labels = np.zeros((1, 12), np.int8)
    return LabelledFaces(("",), with_dot(200, x, y)[None], points, labels, ("neutral",), alignment)


@pytest.mark.parametrize("point", [30, 36])
def test_a_varied_crop_moves_its_landmarks_with_its_picture(point: int) -> None:
    faces = dotted(90, 110, point)
    mirrored = 0
    for seed in range(24):
        picture, points = crop(faces, 0, np.random.default_rng(seed))
        assert picture.shape == (176, 176, 3)
        assert points.shape == (49, 2)
        near = np.linalg.norm(points - dot_in(picture[..., 1]), axis=1)
        found = POINTS_49[int(near.argmin())]
        assert found in (point, MIRRORED[point])
        mirrored += found != point
        # Resampled to as little as 16 pixels and back, a dot is found to a fifth of those 11
        # pixels, for the interpolation's ringing is cut off unevenly.
        assert near.min() < 2.2, seed
    assert mirrored == 0 or 4 < mirrored < 20
    assert (mirrored > 0) == (MIRRORED[point] != point)


def test_some_crops_are_as_blurred_as_distant_faces() -> None:
    faces = dotted(90, 110, 30)
    faces.pixels[:] = np.random.default_rng(0).integers(0, 256, faces.pixels.shape, np.uint8)
    crops = [crop(faces, 0, np.random.default_rng(seed))[0] for seed in range(40)]
    contrast = np.array([picture[8:-8, 8:-8].std() for picture in crops])
    # Of noise, the mean over a cell keeps one part in its side: 11 pixels at the smallest.
    assert contrast.min() < contrast.max() / 6
    # Three of five are as sharp as they were, give or take gain and the turn's interpolation.
    assert 14 < (contrast > contrast.max() / 3).sum() < 34


def test_a_varied_crop_is_a_function_of_its_generator(tree: Path) -> None:
    faces = read_expressions(tree, "train")
    first, again, other = (crop(faces, 0, np.random.default_rng(seed)) for seed in (0, 0, 1))
    np.testing.assert_array_equal(first[0], again[0])
    np.testing.assert_array_equal(first[1], again[1])
    assert (first[0] != other[0]).any()
    change = np.abs(first[1] - crop(faces, 0)[1])
    # Turned by 10 degrees, zoomed by 10 %, moved by 8: at most 0.18 + 0.1 of 110 pixels and 8.
    assert 0 < change.max() < 176


def test_pictures_become_tensors_from_0_to_1() -> None:
    picture = np.zeros((1, 2, 3, 3), np.uint8)
    picture[0, 1, 2] = 255, 51, 0
    found = to_tensor(picture)
    assert found.shape == (1, 3, 2, 3)
    # Division by 255 in float32.
    torch.testing.assert_close(found[0, :, 1, 2], torch.tensor([1.0, 0.2, 0.0]))
    assert not found[0, :, 0].any()

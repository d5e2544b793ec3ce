"""The crop of action-unit networks: where eyes and landmarks go."""

from __future__ import annotations

import numpy as np
import pytest

from facedge.errors import InputError
from facedge.models.action_unit_maps import POINTS_49
from facedge.training.au_crop import (
    FACE_TO_CROP,
    au_crop,
    au_points,
    expression_crop,
    expression_points,
)

NOSE_TIP = 30


def with_dot(side: int, x: int, y: int) -> np.ndarray:
    """A black picture with a round white dot about a pixel."""
    rows, columns = np.mgrid[:side, :side]
    level = 255 * np.exp(-((rows - y) ** 2 + (columns - x) ** 2) / (2 * 2.0**2))
    return np.repeat(np.round(level).astype(np.uint8)[..., None], 3, 2)[None]


def centre(picture: np.ndarray) -> np.ndarray:
    """Centre of mass of a picture's light, x and y."""
    light = picture[..., 0].astype(np.float64)
    rows, columns = np.mgrid[: light.shape[0], : light.shape[1]]
    return np.array([(light * columns).sum(), (light * rows).sum()]) / light.sum()


def landmarks(x: float, y: float, point: int = NOSE_TIP) -> np.ndarray:
    """68 points of which one is known."""
    points = np.full((1, 68, 2), -1, np.float32)
    points[0, point] = x, y
    return points


def test_the_eyes_of_a_face_go_to_those_of_the_crop() -> None:
    eyes = np.array([[39.5, 40, 1], [88.5, 40, 1]]) @ FACE_TO_CROP.T
    # Float64 on numbers of a few hundred; the crop is asked to hold to a hundredth of a pixel.
    np.testing.assert_allclose(eyes, [[53.5, 50], [122.5, 50]], atol=1e-9)
    np.testing.assert_allclose(FACE_TO_CROP[:, :2], np.eye(2) * 69 / 49, atol=1e-12)


@pytest.mark.parametrize(("x", "y"), [(64, 80), (40, 40), (90, 100)])
def test_a_dot_in_a_face_moves_where_its_landmark_does(x: int, y: int) -> None:
    seen = centre(au_crop(with_dot(128, x, y))[0])
    told = au_points(landmarks(x, y))[0, POINTS_49.index(NOSE_TIP)]
    # Positions may be rounded to 1/32 pixel and levels to 1/255: together below 0.05.
    np.testing.assert_allclose(seen, told, atol=0.05)


def test_a_dot_in_an_expression_moves_by_twelve_pixels() -> None:
    seen = centre(expression_crop(with_dot(200, 100, 90))[0])
    told = expression_points(landmarks(100, 90))[0, POINTS_49.index(NOSE_TIP)]
    assert told.tolist() == [88, 78]
    # The dot's faint rim is symmetric, so its centre of mass is its pixel.
    np.testing.assert_allclose(seen, told, atol=1e-6)


def test_the_eyes_of_an_expression_go_to_those_of_the_crop() -> None:
    points = landmarks(65.5, 62, 36)
    points[0, 45] = 134.5, 62
    found = expression_points(points)[0]
    corners = [POINTS_49.index(36), POINTS_49.index(45)]
    assert found[corners].tolist() == [[53.5, 50], [122.5, 50]]


def test_landmarks_come_in_the_order_of_the_49_points() -> None:
    points = np.stack([np.arange(68), np.zeros(68)], 1)[None]
    found = expression_points(points)[0, :, 0] + 12
    assert found.tolist() == [*range(17, 60), *range(61, 64), *range(65, 68)]


def test_every_picture_of_a_batch_is_cropped_and_edges_are_repeated() -> None:
    pair = np.concatenate([with_dot(128, 64, 64), np.full((1, 128, 128, 3), 90, np.uint8)])
    found = au_crop(pair)
    assert found.shape == (2, 176, 176, 3)
    assert found[0].max() > 200
    assert (found[1] == 90).all()
    assert expression_crop(np.zeros((3, 200, 200, 3), np.uint8)).shape == (3, 176, 176, 3)


@pytest.mark.parametrize(
    "pixels", [np.zeros((1, 200, 200, 3), np.uint8), np.zeros((128, 128, 3), np.uint8)]
)
def test_pictures_of_another_shape_are_named(pixels: np.ndarray) -> None:
    with pytest.raises(InputError, match=r"uint8 pictures \[N, 128, 128, 3\] were expected"):
        au_crop(pixels)


def test_landmarks_of_another_shape_are_named() -> None:
    with pytest.raises(InputError, match=r"landmarks \[N, 68, 2\] were expected; found \[49, 2\]"):
        au_points(np.zeros((49, 2)))

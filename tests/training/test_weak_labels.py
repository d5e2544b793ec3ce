"""Labels that emotions imply and shapes correct, on faces drawn by hand."""

from __future__ import annotations

import numpy as np
import pytest

from facedge.errors import InputError
from facedge.models.contract import ACTION_UNITS
from facedge.training.weak_labels import (
    EMOTIONS,
    JAW_DROP,
    LIPS_APART,
    RAISED,
    SMILING,
    weak_labels,
)

EYES = 100.0
"""Distance of the outer eye corners of these faces."""


def face(opening: float = 0.0, corners: float = 0.0, brows: float = 0.2) -> np.ndarray:
    """68 points of which only those that count are told; measures in distances of the eyes.

    Args:
        opening: of the inner lips.
        corners: of the mouth, above its middle.
        brows: height above the eyes.
    """
    points = np.zeros((68, 2))
    points[36], points[45] = (-EYES / 2, 0), (EYES / 2, 0)
    points[[37, 38, 43, 44], 1] = 0
    points[[18, 19, 24, 25], 1] = -brows * EYES
    points[62], points[66] = (0, 80 - opening * EYES / 2), (0, 80 + opening * EYES / 2)
    points[[48, 54]] = (-25, 80 - corners * EYES), (25, 80 - corners * EYES)
    return points


def labels(emotion: str, **shape: float) -> dict[int, int]:
    row = weak_labels([emotion], face(**shape)[None])[0]
    return dict(zip(ACTION_UNITS, row.tolist(), strict=True))


def present(found: dict[int, int]) -> set[int]:
    return {unit for unit, label in found.items() if label == 1}


@pytest.mark.parametrize(
    ("emotion", "units"),
    [
        ("happiness", {6, 12}),
        ("sadness", {1, 4, 15}),
        ("surprise", {1, 2}),
        ("anger", {4, 7, 23, 24}),
        ("disgust", {4, 7, 10, 15}),
        ("fear", {1, 2, 4, 7}),
        ("contempt", {12}),
        ("neutral", set()),
    ],
)
def test_a_closed_mouth_shows_the_rest_of_the_prototype(emotion: str, units: set[int]) -> None:
    found = labels(emotion)
    assert present(found) == units
    assert set(found.values()) == {0, 1} or emotion == "neutral"
    assert -1 not in found.values()


@pytest.mark.parametrize("emotion", ["happiness", "neutral", "sadness", "unknown"])
def test_an_open_mouth_is_lips_apart_and_jaw_drop_whatever_the_emotion(emotion: str) -> None:
    found = labels(emotion, opening=0.3)
    assert (found[25], found[26]) == (1, 1)
    lips = labels(emotion, opening=0.08)
    assert (lips[25], lips[26]) == (1, 0)
    assert [labels(emotion)[unit] for unit in (25, 26)] == [0, 0]


def test_an_opening_between_the_limits_is_no_label() -> None:
    lips, jaw = np.mean(LIPS_APART), np.mean(JAW_DROP)
    assert labels("neutral", opening=float(lips))[25] == -1
    assert labels("neutral", opening=float(lips))[26] == 0
    assert labels("neutral", opening=float(jaw))[25] == 1
    assert labels("neutral", opening=float(jaw))[26] == -1


def test_an_open_mouth_does_not_press_its_lips() -> None:
    angry = labels("anger", opening=0.2)
    assert angry[24] == -1
    assert present(angry) == {4, 7, 23, 25, 26}
    assert labels("sadness", opening=0.2)[24] == 0


def test_raised_corners_of_the_mouth_may_be_a_smile() -> None:
    assert labels("neutral", corners=SMILING + 0.01)[12] == -1
    assert labels("neutral", corners=SMILING - 0.01)[12] == 0
    assert labels("happiness", corners=SMILING + 0.01)[12] == 1


def test_raised_brows_may_be_action_units_one_and_two() -> None:
    found = labels("anger", brows=RAISED + 0.01)
    assert (found[1], found[2], found[4]) == (-1, -1, 1)
    sad = labels("sadness", brows=RAISED + 0.01)
    assert (sad[1], sad[2]) == (1, -1)
    assert labels("anger", brows=RAISED - 0.01)[1] == 0


def test_an_unknown_emotion_tells_the_mouth_alone() -> None:
    found = labels("unknown", opening=0.3, corners=0.2, brows=0.5)
    assert {unit for unit, label in found.items() if label != -1} == {25, 26}


def test_labels_do_not_depend_on_the_size_or_place_of_the_face() -> None:
    emotions = [*EMOTIONS, "unknown"]
    shapes = np.random.default_rng(0).uniform((0, 0, 0.2), (0.3, 0.2, 0.4), (len(emotions), 3))
    faces = np.stack([face(*shape) for shape in shapes])
    found = weak_labels(emotions, faces)
    assert found.dtype == np.int8
    assert found.shape == (len(emotions), 12)
    np.testing.assert_array_equal(weak_labels(emotions, faces * 0.37 + (90, 60)), found)
    np.testing.assert_array_equal(weak_labels(emotions, faces.astype(np.float32)), found)


def test_names_and_counts_that_do_not_fit_are_refused() -> None:
    with pytest.raises(InputError, match=r"called 'joy'; expected one of happiness, sadness"):
        weak_labels(["neutral", "joy"], np.stack([face(), face()]))
    with pytest.raises(InputError, match=r"2 emotions and landmarks of 1 faces were given"):
        weak_labels(["neutral", "anger"], face()[None])

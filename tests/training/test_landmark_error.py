"""Normalised mean error by hand, centres of heatmaps, and looking landmarks up."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import pytest

from facedge.errors import InputError
from facedge.training.landmark_error import error_percent, heatmap_points, landmarks_of_pictures

OFF = np.array([3, 4])
"""Five pixels away."""


def face(count: int) -> np.ndarray:
    """One face of 68 or 49 points whose outer eye corners are 50 pixels apart."""
    points = np.random.default_rng(0).uniform(20, 100, (1, count, 2))
    left, right = {68: (36, 45), 49: (19, 28)}[count]
    points[0, left], points[0, right] = (30, 40), (60, 80)
    return points


@pytest.mark.parametrize("count", [68, 49])
def test_the_error_is_relative_to_the_outer_eye_corners(count: int) -> None:
    truth = face(count)
    # Every point is 5 pixels away, and the eyes are 50 apart: 10 %.
    assert error_percent(truth + OFF, truth) == pytest.approx(10.0, abs=1e-9)
    one = truth.copy()
    one[0, 0] += (0, 10)
    assert error_percent(one, truth) == pytest.approx(100 * 10 / 50 / count, abs=1e-9)
    assert error_percent(truth, truth) == 0


def test_each_picture_has_its_own_eyes_and_the_true_ones_count() -> None:
    truth = np.concatenate([face(49), 2 * face(49)])
    # 5 pixels of 50 and of 100: 10 % and 5 %.
    assert error_percent(truth + OFF, truth) == pytest.approx(7.5, abs=1e-9)
    # A face found twice as large about the origin still has its error in true distances.
    found = 2 * face(49)
    expected = 100 * np.linalg.norm(face(49)[0], axis=1).mean() / 50
    assert error_percent(found, face(49)) == pytest.approx(expected, abs=1e-9)


@pytest.mark.parametrize(
    ("points", "truth", "said"),
    [
        (np.zeros((1, 49, 2)), np.zeros((2, 49, 2)), "landmarks of one shape"),
        (np.zeros((1, 5, 2)), np.zeros((1, 5, 2)), "68 or 49 landmarks were expected; found 5"),
        (np.zeros((1, 49, 2)), np.zeros((1, 49, 2)), "outer eye corners are one point"),
    ],
)
def test_landmarks_that_cannot_be_compared_are_named(
    points: np.ndarray, truth: np.ndarray, said: str
) -> None:
    with pytest.raises(InputError, match=said):
        error_percent(points, truth)


def gaussians(centres: np.ndarray, deviation: float = 1.0) -> np.ndarray:
    """Heatmaps [N, K, 32, 32] of peaks at x, y in cells, [N, K, 2]."""
    cells = np.arange(32)
    dx = (cells - centres[..., 0:1])[..., None, :]
    dy = (cells - centres[..., 1:2])[..., :, None]
    return np.exp(-(dx**2 + dy**2) / (2 * deviation**2)).astype(np.float32)


def test_a_peak_between_cells_is_found_where_it_is() -> None:
    centres = np.random.default_rng(1).uniform(4, 27, (3, 68, 2))
    found = heatmap_points(gaussians(centres), 128)
    assert found.shape == (3, 68, 2)
    # Of a Gaussian of 1 cell 7x7 cells leave out 0.1 % of the weight: 0.004 cells of 4 pixels.
    np.testing.assert_allclose(found, (centres + 0.5) * 4 - 0.5, atol=0.02)


def test_a_peak_at_the_border_and_other_peaks_do_not_disturb() -> None:
    maps = gaussians(np.array([[[0.0, 31.0], [5.0, 6.0]]]))
    maps[0, 1] += 0.9 * gaussians(np.array([[[25.0, 20.0]]]))[0, 0]
    maps[0, 1] -= 0.05  # negative values have no weight
    found = heatmap_points(maps, 128)[0]
    # Half of the first peak lies outside the map: up to a cell is lost on either axis.
    np.testing.assert_allclose(found[0], [1.5, 125.5], atol=4)
    np.testing.assert_allclose(found[1], [21.5, 25.5], atol=0.02)


def test_an_empty_map_gives_a_point_all_the_same() -> None:
    found = heatmap_points(np.full((1, 1, 32, 32), -1, np.float32), 128)
    np.testing.assert_allclose(found, [[[1.5, 1.5]]], atol=1e-5)


def table(path: Path, **points: np.ndarray) -> Path:
    columns = ",".join(f"x{i},y{i}" for i in range(68))
    rows = [f"{name},{','.join(map(str, p.reshape(-1)))}" for name, p in points.items()]
    path.write_text("\n".join([f"file,{columns}", *rows]) + "\n")
    return path


def test_pictures_are_found_by_their_path_from_the_tables_folder(tmp_path: Path) -> None:
    a, b = (np.round(face(68)[0] + shift, 2) for shift in (0, 1))
    path = table(tmp_path / "landmarks68.csv", **{"test/b.jpg": b, "test/a.jpg": a})
    pictures = [tmp_path / "test" / "a.jpg", tmp_path / "other" / ".." / "test" / "b.jpg"]
    (tmp_path / "other").mkdir()
    found = landmarks_of_pictures(path, pictures)
    assert found.dtype == np.float32
    np.testing.assert_allclose(found, [a, b], atol=1e-4)  # float32 of numbers about 100


def test_a_picture_that_is_not_in_the_table_is_named(tmp_path: Path) -> None:
    path = table(tmp_path / "landmarks68.csv", **{"a.jpg": face(68)[0]})
    with pytest.raises(InputError, match=r"landmarks68\.csv has no landmarks of test/a\.jpg"):
        landmarks_of_pictures(path, [tmp_path / "test" / "a.jpg"])

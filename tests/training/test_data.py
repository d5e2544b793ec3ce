"""Reading faces, and batches that are a function of the seed and the iteration."""

from __future__ import annotations

from pathlib import Path

import cv2
import numpy as np
import pytest
import torch
from skimage import io

from facedge.errors import InputError
from facedge.training.data import Batches, read_faces, warped


def test_pictures_are_read_as_rgb_in_the_order_of_names(folder: Path) -> None:
    faces = read_faces(folder)
    assert faces.names == tuple(f"{i:02}.png" for i in range(12))
    expected = np.stack([io.imread(folder / name) for name in faces.names])
    np.testing.assert_array_equal(faces.pixels, expected)


def test_other_files_are_passed_over(folder: Path) -> None:
    (folder / "notes.txt").write_text("hello")
    assert len(read_faces(folder)) == 12


def test_a_missing_folder_is_named(tmp_path: Path) -> None:
    with pytest.raises(InputError, match="nowhere is not a folder"):
        read_faces(tmp_path / "nowhere")


def test_a_folder_without_pictures_is_named(tmp_path: Path) -> None:
    with pytest.raises(InputError, match="holds no picture; expected 128x128"):
        read_faces(tmp_path)


def test_a_file_that_is_no_picture_is_named(folder: Path) -> None:
    (folder / "05.png").write_bytes(b"not a picture")
    with pytest.raises(InputError, match=r"05\.png is not a readable picture"):
        read_faces(folder)


def test_a_picture_of_another_size_is_named(folder: Path) -> None:
    cv2.imwrite(str(folder / "05.png"), np.zeros((64, 96, 3), np.uint8))
    with pytest.raises(InputError, match=r"05\.png is 96x64; expected 128x128"):
        read_faces(folder)


def test_a_batch_depends_on_seed_and_iteration_alone(pixels: np.ndarray) -> None:
    first, second = Batches(pixels, 4, seed=3), Batches(pixels, 4, seed=3)
    for _ in range(5):
        second[_]
    assert torch.equal(first[7], second[7])
    assert not torch.equal(first[7], first[8])
    assert not torch.equal(first[7], Batches(pixels, 4, seed=4)[7])


def test_an_epoch_shows_every_picture_once() -> None:
    flat = np.arange(12, dtype=np.uint8)[:, None, None, None] * 20
    batches = Batches(np.broadcast_to(flat, (12, 8, 8, 3)).copy(), 4, jitter=0.0)
    for epoch in range(2):
        levels = [batches[epoch * 3 + i][:, 0, 0, 0] * 255 for i in range(3)]
        assert sorted(torch.cat(levels).round().int().tolist()) == list(range(0, 240, 20))


def test_augmentation_mirrors_and_shifts_colour_at_uint8_levels(pixels: np.ndarray) -> None:
    plain = torch.from_numpy(pixels).permute(0, 3, 1, 2).float() / 255
    batch = Batches(pixels, 12, jitter=0.0)[0]
    kept = sum(any(torch.equal(b, p) for p in plain) for b in batch)
    mirrored = sum(any(torch.equal(b, p.flip(2)) for p in plain) for b in batch)
    assert kept + mirrored == 12
    assert 0 < mirrored < 12
    jittered = Batches(pixels, 12, jitter=0.12)[0]
    assert torch.equal(jittered, torch.round(jittered * 255) / 255)
    assert jittered.min() >= 0
    assert jittered.max() <= 1
    # Gain up to 12 % about mid-grey, offset 3 %, saturation 12 %: at most about a quarter.
    change = (jittered - batch).abs()
    assert 0.005 < change.mean() < 0.1
    assert change.max() < 0.25


class Drawn:
    """Stands for a random generator: gives what it was told to, in order."""

    def __init__(self, *values: object) -> None:
        self.values = list(values)

    def uniform(self, *_: object) -> object:
        return self.values.pop(0)


def test_a_warp_moves_turns_and_zooms_about_the_centre(pixels: np.ndarray) -> None:
    picture = pixels[0]
    moved = warped(picture, Drawn(0.0, 1.0, np.array([3.0, -2.0])))  # type: ignore[arg-type]
    # Whole pixels need no interpolation.
    np.testing.assert_array_equal(moved[:-2, 3:], picture[2:, :-3])
    still = np.zeros(2)
    turned = warped(picture, Drawn(90.0, 1.0, still))  # type: ignore[arg-type]
    assert np.abs(turned.astype(int) - np.rot90(picture)).max() <= 1
    # Twice the size, the middle half of the picture fills it; compare what both keep, its means.
    large = warped(picture, Drawn(0.0, 2.0, still))  # type: ignore[arg-type]
    blocks = large.reshape(64, 2, 64, 2, 3).mean((1, 3))
    assert np.abs(blocks - picture[32:96, 32:96]).mean() < 3


def test_a_share_of_the_pictures_is_warped(pixels: np.ndarray) -> None:
    before = pixels.copy()
    plain = Batches(pixels, 12, jitter=0.0)[0]
    mixed = Batches(pixels, 12, jitter=0.0, warp=0.5)
    known = [p.flip(2) for p in plain] + list(plain)
    changed = sum(not any(torch.equal(b, k) for k in known) for b in mixed[0])
    assert 2 <= changed <= 10
    assert torch.equal(mixed[0], Batches(pixels, 12, jitter=0.0, warp=0.5)[0])
    np.testing.assert_array_equal(pixels, before)


def test_fewer_pictures_than_a_batch_is_an_error(pixels: np.ndarray) -> None:
    with pytest.raises(InputError, match="holds 12 pictures and a batch takes 16"):
        Batches(pixels, 16)

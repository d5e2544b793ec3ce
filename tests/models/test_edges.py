"""Tensor Canny and difference of Gaussians against OpenCV and SciPy."""

from __future__ import annotations

import os
from pathlib import Path

import cv2
import numpy as np
import pytest
import skimage.data
import torch
from scipy.ndimage import gaussian_filter
from torch import Tensor

from facedge.models.edges import Canny, DifferenceOfGaussians, Luma
from facedge.models.fsr_student import FsrStudent

SIGMA = 1.1


def tensor(picture: np.ndarray) -> Tensor:
    return torch.from_numpy(picture).permute(2, 0, 1)[None].float() / 255


def pictures() -> dict[str, np.ndarray]:
    """Seven colour pictures of 128x128: scaled down, cut out, and as blurred as step 1's output."""
    astronaut = skimage.data.astronaut()
    found = {"face": astronaut[40:168, 160:288]}
    for name in ("astronaut", "chelsea", "coffee", "rocket"):
        whole = getattr(skimage.data, name)()
        found[name] = cv2.resize(whole, (128, 128), interpolation=cv2.INTER_AREA)
    small = cv2.resize(astronaut[20:220, 120:320], (16, 16), interpolation=cv2.INTER_AREA)
    found["blurred"] = cv2.resize(small, (128, 128))
    found["coffee cut-out"] = skimage.data.coffee()[100:228, 100:228]
    return {name: np.ascontiguousarray(picture) for name, picture in found.items()}


def opencv_canny(picture: np.ndarray, canny: Canny) -> np.ndarray:
    grey = cv2.cvtColor(picture, cv2.COLOR_RGB2GRAY)
    smooth = cv2.GaussianBlur(grey, (5, 5), SIGMA)
    return np.asarray(cv2.Canny(smooth, canny.low, canny.high, L2gradient=False)) > 0


def agreement(picture: np.ndarray, canny: Canny) -> tuple[float, float, float]:
    """Fraction of equal pixels, precision, recall of the tensor Canny against OpenCV's."""
    found = canny(tensor(picture))[0, 0].numpy() > 0
    size = (found.shape[1], found.shape[0])
    wanted = opencv_canny(cv2.resize(picture, size, interpolation=cv2.INTER_AREA), canny)
    assert wanted.sum() > 200
    assert found.sum() > 150
    both = float((found & wanted).sum())
    return float((found == wanted).mean()), both / found.sum(), both / wanted.sum()


@pytest.mark.parametrize("name", ["brick", "camera", "coins", "grass", "gravel", "page", "text"])
def test_gradient_suppression_and_hysteresis_are_opencvs_to_the_pixel(name: str) -> None:
    # Grey pixels have an exact luma, so narrow a Gaussian is the identity, and so many rounds
    # follow every edge of 128x128 to its end: what is left has OpenCV's integers throughout.
    grey = np.ascontiguousarray(getattr(skimage.data, name)()[-128:, -128:])
    canny = Canny(sigma=0.05, rounds=400)
    found = canny(tensor(np.repeat(grey[:, :, None], 3, 2)))[0, 0].numpy() > 0
    wanted = np.asarray(cv2.Canny(grey, canny.low, canny.high, L2gradient=False)) > 0
    assert wanted.sum() > 100
    np.testing.assert_array_equal(found, wanted)


@pytest.mark.parametrize("name", list(pictures()))
def test_canny_of_a_colour_picture_agrees_with_opencv(name: str) -> None:
    # What differs: eight rounds end long weak edges (recall), and OpenCV's fixed-point luma and
    # Gaussian round a grey level differently now and then (precision).
    equal, precision, recall = agreement(pictures()[name], Canny())
    assert equal >= 0.99
    assert precision >= 0.975
    assert recall >= 0.80


@pytest.mark.parametrize("name", list(pictures()))
def test_canny_of_the_students_half_size_agrees_with_opencv(name: str) -> None:
    # OpenCV rounds the colours of the small picture, which moves more grey levels than above.
    equal, precision, recall = agreement(pictures()[name], FsrStudent().edges[0])
    assert equal >= 0.97
    assert precision >= 0.92
    assert recall >= 0.84


def test_shrinking_takes_the_mean_of_blocks_and_nothing_else() -> None:
    # Blocks of equal grey pixels have that grey level for a mean, so that integers are exact.
    small = np.ascontiguousarray(skimage.data.camera()[100:228, 200:328])
    large = np.repeat(np.repeat(small, 2, 0), 2, 1)
    canny = Canny(sigma=0.05, rounds=400, shrink=2)
    found = canny(tensor(np.repeat(large[:, :, None], 3, 2)))[0, 0].numpy() > 0
    wanted = np.asarray(cv2.Canny(small, canny.low, canny.high, L2gradient=False)) > 0
    assert wanted.sum() > 100
    np.testing.assert_array_equal(found, wanted)
    mean = Luma(2)(tensor(pictures()["face"]))[0, 0].numpy()
    grey = pictures()["face"].astype(np.float64) @ np.array([0.299, 0.587, 0.114]) / 255
    # float32 sums of twelve products of numbers below one.
    np.testing.assert_allclose(mean, grey.reshape(64, 2, 64, 2).mean((1, 3)), atol=1e-6)


def test_canny_reaches_opencv_with_enough_rounds() -> None:
    rows = [agreement(picture, Canny(rounds=64)) for picture in pictures().values()]
    equal, precision, recall = np.mean(rows, axis=0)
    assert equal >= 0.997
    assert precision >= 0.985
    assert recall >= 0.985


def test_canny_output_is_binary_and_batch_independent() -> None:
    batch = torch.cat([tensor(picture) for picture in pictures().values()])
    canny = Canny()
    together = canny(batch)
    assert set(together.unique().tolist()) == {0.0, 1.0}
    assert torch.equal(together[2:3], canny(batch[2:3]))


def test_canny_clips_a_picture_that_leaves_the_range() -> None:
    picture = tensor(pictures()["face"])
    stretched = (picture - 0.5) * 2 + 0.5
    assert not torch.equal(Canny()(stretched), Canny()(picture))
    assert torch.equal(Canny()(stretched), Canny()(stretched.clamp(0, 1)))


def test_a_flat_picture_has_no_edges() -> None:
    flat = torch.full((1, 3, 32, 32), 0.4)
    assert Canny()(flat).sum() == 0
    # The Gaussians' float32 sums differ from one by less than 1e-6, times the gain 8.
    assert DifferenceOfGaussians()(flat).abs().max() < 1e-5


@pytest.mark.parametrize("name", ["face", "coffee", "blurred"])
def test_difference_of_gaussians_agrees_with_scipy_and_opencv(name: str) -> None:
    picture = pictures()[name]
    found = DifferenceOfGaussians(narrow=0.8, wide=1.6, size=9, gain=8.0)(tensor(picture))
    luma = picture.astype(np.float64) @ np.array([0.299, 0.587, 0.114]) / 255
    scipy = [gaussian_filter(luma, sigma, mode="nearest", radius=4) for sigma in (0.8, 1.6)]
    border = cv2.BORDER_REPLICATE
    opencv = [cv2.GaussianBlur(luma, (9, 9), sigma, borderType=border) for sigma in (0.8, 1.6)]
    assert np.abs(found.numpy()).max() > 0.2
    # float32 sums of 81 products of numbers below one, times the gain 8.
    for narrow, wide in (scipy, opencv):
        np.testing.assert_allclose(found[0, 0].numpy(), 8 * (narrow - wide), atol=1e-5)


@pytest.mark.skipif("FACEDGE_FACES" not in os.environ, reason="FACEDGE_FACES names no folder")
def test_canny_agrees_with_opencv_on_real_faces() -> None:
    folder = Path(os.environ["FACEDGE_FACES"])
    files = sorted(file for file in folder.rglob("*") if file.suffix in (".jpg", ".png"))[:200]
    assert files
    rows = []
    for file in files:
        picture = cv2.cvtColor(cv2.imread(str(file)), cv2.COLOR_BGR2RGB)
        picture = cv2.resize(picture, (128, 128), interpolation=cv2.INTER_AREA)
        rows.append(agreement(picture, Canny()))
    equal, precision, recall = np.mean(rows, axis=0)
    assert equal >= 0.99
    assert precision >= 0.98
    assert recall >= 0.90

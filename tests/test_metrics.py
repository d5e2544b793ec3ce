"""PSNR and SSIM against scikit-image, and the DIC protocol's luma against its definition."""

from __future__ import annotations

import math

import numpy as np
import pytest
from skimage import color, data
from skimage.metrics import peak_signal_noise_ratio, structural_similarity

from facedge.errors import InputError
from facedge.metrics import luma, psnr, psnr_rgb, psnr_y, ssim_rgb, ssim_y

# Both sides compute in float64; sums in another order differ by about 1e-12 relative.
EXACT = 1e-9


def noisy_pair() -> tuple[np.ndarray, np.ndarray]:
    truth = data.astronaut()[40:168, 160:288]
    noise = np.random.default_rng(0).normal(0, 12, truth.shape)
    return truth, np.clip(np.round(truth + noise), 0, 255).astype(np.uint8)


def test_psnr_is_that_of_scikit_image() -> None:
    truth, noisy = noisy_pair()
    expected = peak_signal_noise_ratio(truth, noisy, data_range=255)
    assert psnr(noisy, truth) == pytest.approx(expected, abs=EXACT)
    assert 20 < expected < 35


def test_psnr_of_one_level_everywhere_is_48_13_db() -> None:
    a = np.full((4, 5, 3), 100, np.uint8)
    assert psnr(a, a + np.uint8(1)) == pytest.approx(20 * math.log10(255), abs=EXACT)


def test_psnr_takes_another_peak() -> None:
    a = np.zeros((2, 2))
    assert psnr(a, a + 0.1, peak=1.0) == pytest.approx(20.0, abs=EXACT)


def test_unsigned_difference_does_not_wrap() -> None:
    dark, bright = np.zeros((3, 3), np.uint8), np.full((3, 3), 255, np.uint8)
    assert psnr(dark, bright) == pytest.approx(0.0, abs=EXACT)


def test_equal_pictures_have_infinite_psnr_and_ssim_one() -> None:
    truth, _ = noisy_pair()
    assert psnr(truth, truth) == math.inf
    assert psnr_y(truth, truth) == math.inf
    assert ssim_y(truth, truth) == pytest.approx(1.0, abs=EXACT)


def test_luma_is_the_first_channel_of_ycbcr() -> None:
    truth, _ = noisy_pair()
    np.testing.assert_allclose(luma(truth), color.rgb2ycbcr(truth)[..., 0], atol=1e-9)


def test_figures_follow_the_protocol_on_cropped_luma() -> None:
    truth, noisy = noisy_pair()
    a, b = (color.rgb2ycbcr(p)[8:-8, 8:-8, 0] for p in (noisy, truth))
    assert psnr_y(noisy, truth) == pytest.approx(
        peak_signal_noise_ratio(b, a, data_range=255), abs=EXACT
    )
    expected = structural_similarity(
        a, b, data_range=255, gaussian_weights=True, sigma=1.5, use_sample_covariance=False
    )
    assert ssim_y(noisy, truth) == pytest.approx(expected, abs=EXACT)
    assert 0.2 < expected < 0.95


def test_the_border_does_not_count() -> None:
    truth, noisy = noisy_pair()
    framed = noisy.copy()
    framed[:8] = framed[-8:] = framed[:, :8] = framed[:, -8:] = 0
    assert psnr_y(framed, truth) == psnr_y(noisy, truth)
    assert ssim_y(framed, truth) == ssim_y(noisy, truth)
    assert psnr_y(framed, truth, border=7) < psnr_y(noisy, truth, border=7)
    assert psnr_rgb(framed, truth) == psnr_rgb(noisy, truth)
    assert ssim_rgb(framed, truth) == ssim_rgb(noisy, truth)


def test_figures_in_rgb_are_those_of_scikit_image_on_the_cropped_picture() -> None:
    truth, noisy = noisy_pair()
    a, b = (p[8:-8, 8:-8] for p in (noisy, truth))
    assert psnr_rgb(noisy, truth) == pytest.approx(
        peak_signal_noise_ratio(b, a, data_range=255), abs=EXACT
    )
    expected = structural_similarity(
        a,
        b,
        channel_axis=2,
        data_range=255,
        gaussian_weights=True,
        sigma=1.5,
        use_sample_covariance=False,
    )
    assert ssim_rgb(noisy, truth) == pytest.approx(expected, abs=EXACT)
    assert psnr_rgb(noisy, truth) < psnr_y(noisy, truth)  # luma averages the noise of channels


@pytest.mark.parametrize(
    ("a", "b", "found"),
    [
        (np.zeros((20, 20, 3)), np.zeros((20, 21, 3)), "one shape"),
        (np.zeros((20, 20)), np.zeros((20, 20)), "RGB picture larger than a border of 8"),
        (np.zeros((20, 20, 4)), np.zeros((20, 20, 4)), r"\[\.\.\., 3\]"),
        (np.zeros((16, 40, 3)), np.zeros((16, 40, 3)), "RGB picture larger than a border of 8"),
        (np.zeros((20, 40, 3)), np.zeros((20, 40, 3)), "SSIM needs 11 pixels"),
    ],
)
def test_pictures_that_cannot_be_compared_are_named(
    a: np.ndarray, b: np.ndarray, found: str
) -> None:
    for metric in (ssim_y, ssim_rgb):
        with pytest.raises(InputError, match=found):
            metric(a, b)


def test_nothing_to_compare_is_an_error() -> None:
    with pytest.raises(InputError, match="not empty"):
        psnr(np.zeros((0, 3)), np.zeros((0, 3)))

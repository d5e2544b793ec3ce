"""Picture quality of every step against bicubic, on a folder of faces (protocol of DIC)."""

from __future__ import annotations

import math
from collections.abc import Callable
from dataclasses import asdict, dataclass
from functools import partial

import numpy as np
import torch
from numpy.typing import NDArray
from torch import Tensor, nn

from facedge.errors import InputError
from facedge.metrics import psnr_rgb, psnr_y, ssim_rgb, ssim_y
from facedge.progress import Advance

from .data import Faces
from .degrade import bicubic, down
from .landmark_error import heatmap_points

Degrade = Callable[[Tensor], Tensor]
"""Float RGB [N, 3, H, H] in [0, 1] -> low-resolution float [N, 3, h, h] at uint8 levels."""


@dataclass(frozen=True)
class Quality:
    """Mean quality over a set of pictures, in dB and SSIM; what was not asked for is NaN.

    Attributes:
        psnr_y, ssim_y: on luma, a border of 8 pixels cropped.
        psnr_rgb, ssim_rgb: on R, G and B, the same border cropped.
        consistency_db: PSNR between what the network was given and its picture made small again.
    """

    psnr_y: float
    ssim_y: float
    psnr_rgb: float
    ssim_rgb: float
    consistency_db: float


@dataclass(frozen=True)
class Evaluation:
    """Quality of bicubic enlargement and of each step of the network.

    Attributes:
        pictures: how many were measured.
        bicubic: the low-resolution picture enlarged by bicubic.
        steps: first step to last.
    """

    pictures: int
    bicubic: Quality
    steps: tuple[Quality, ...]

    @property
    def gain(self) -> float:
        """PSNR of the last step over bicubic, in dB."""
        return self.steps[-1].psnr_y - self.bicubic.psnr_y

    def record(self) -> dict[str, object]:
        """Plain data for JSON."""
        return {**asdict(self), "gain_db": self.gain}


@dataclass(frozen=True)
class Restored:
    """What a network and bicubic make of low-resolution faces, all uint8 RGB.

    Attributes:
        small: [N, h, h, 3], the network's input.
        bicubic: [N, H, H, 3], the input enlarged.
        steps: each step's picture [N, H, H, 3], clipped and rounded.
        points: landmarks the network itself found, float32 [N, 68, 2] in pixels of H, or None
            where it predicts none.
    """

    small: NDArray[np.uint8]
    bicubic: NDArray[np.uint8]
    steps: tuple[NDArray[np.uint8], ...]
    points: NDArray[np.float32] | None = None

    @property
    def pictures(self) -> tuple[NDArray[np.uint8], ...]:
        """Bicubic, then every step."""
        return (self.bicubic, *self.steps)


def to_uint8(images: Tensor) -> NDArray[np.uint8]:
    """Float RGB [N, 3, H, W] in [0, 1] -> uint8 [N, H, W, 3], clipped and rounded."""
    levels = torch.round(images.float().clamp(0, 1) * 255).to(torch.uint8)
    return levels.permute(0, 2, 3, 1).contiguous().cpu().numpy()


def to_float(pixels: NDArray[np.uint8]) -> Tensor:
    """Uint8 RGB [N, H, W, 3] -> float [N, 3, H, W] in [0, 1]."""
    return torch.from_numpy(pixels).permute(0, 3, 1, 2).float() / 255


def degraded(pixels: NDArray[np.uint8], degrade: Degrade, batch: int = 32) -> NDArray[np.uint8]:
    """Low-resolution side of pictures: uint8 [N, H, H, 3] -> uint8 [N, h, h, 3]."""
    parts = [
        to_uint8(degrade(to_float(pixels[start : start + batch])))
        for start in range(0, len(pixels), batch)
    ]
    return np.concatenate(parts)


def restore(
    model: nn.Module,
    small: NDArray[np.uint8],
    batch: int = 32,
    advance: Advance | None = None,
) -> Restored:
    """Run a super-resolution network in float32 on low-resolution faces.

    Args:
        model: its result is ``SuperResolved``; of that only ``steps`` is a must.
        small: uint8 RGB [N, h, h, 3], N at least 1.
        batch: pictures per call.
        advance: told of progress, in pictures.
    """
    training = model.training
    model.eval()
    device = next((p.device for p in model.parameters()), torch.device("cpu"))
    enlarged: list[NDArray[np.uint8]] = []
    steps: list[list[NDArray[np.uint8]]] = []
    points: list[NDArray[np.float32]] = []
    try:
        for start in range(0, len(small), batch):
            image = to_float(small[start : start + batch])
            with torch.no_grad():
                result = model(image.to(device))
            steps.append([to_uint8(step) for step in result.steps])
            side = result.steps[-1].shape[-1]
            enlarged.append(to_uint8(bicubic(image, side)))
            heatmaps = getattr(result, "landmarks", None)
            if heatmaps is not None:
                points.append(heatmap_points(heatmaps.float().cpu().numpy(), side))
            if advance:
                advance(min(start + batch, len(small)), len(small))
    finally:
        model.train(training)
    return Restored(
        small,
        np.concatenate(enlarged),
        tuple(np.concatenate(step) for step in zip(*steps, strict=True)),
        np.concatenate(points) if points else None,
    )


def consistency_db(pictures: NDArray[np.uint8], small: NDArray[np.uint8]) -> float:
    """How well pictures explain what they were restored from.

    Each is made small again by antialiased bicubic, whatever made the input small, rounded to
    uint8 and compared with the input in all its RGB values. A picture that gives the input back
    exactly counts as one value off by one level, so that the mean stays finite.

    Args:
        pictures: uint8 RGB [N, H, H, 3].
        small: uint8 RGB [N, h, h, 3].

    Returns:
        Mean PSNR over pictures, in dB.
    """
    again = degraded(pictures, partial(bicubic, size=small.shape[1]))
    squares = (again.astype(np.float64) - small) ** 2
    least = 1 / math.prod(small.shape[1:])
    mse = np.maximum(squares.mean((1, 2, 3)), least)
    return float(np.mean(10 * np.log10(255.0**2 / mse)))


def measure(
    restored: Restored,
    truth: NDArray[np.uint8],
    *,
    ssim: bool = True,
    advance: Advance | None = None,
) -> Evaluation:
    """Compare bicubic and every step with the truth and with the network's input.

    Args:
        restored: of N faces.
        truth: uint8 RGB [N, H, H, 3].
        ssim: also measure SSIM, which takes longer than PSNR.
        advance: told of progress, in pictures compared.

    Raises:
        InputError: the truth's size is not that of the restored pictures.
    """
    if restored.bicubic.shape != truth.shape:
        raise InputError(
            f"restored pictures are {list(restored.bicubic.shape)} and the truth "
            f"{list(truth.shape)}; a degradation by the network's own scale was expected"
        )
    found = []
    total = len(restored.pictures) * len(truth)
    for number, pictures in enumerate(restored.pictures):
        rows = []
        for index, (picture, true) in enumerate(zip(pictures, truth, strict=True)):
            rows.append(
                (
                    psnr_y(picture, true),
                    ssim_y(picture, true) if ssim else math.nan,
                    psnr_rgb(picture, true),
                    ssim_rgb(picture, true) if ssim else math.nan,
                )
            )
            if advance:
                advance(number * len(truth) + index + 1, total)
        y, y_ssim, rgb, rgb_ssim = (float(value) for value in np.asarray(rows).mean(0))
        again = consistency_db(pictures, restored.small)
        found.append(Quality(y, y_ssim, rgb, rgb_ssim, again))
    first, *rest = found
    return Evaluation(len(truth), first, tuple(rest))


def evaluate(
    model: nn.Module,
    faces: Faces,
    scale: int,
    *,
    ssim: bool = True,
    degrade: Degrade | None = None,
) -> Evaluation:
    """Measure bicubic and every step on all faces.

    Args:
        model: a super-resolution network whose result has ``steps``.
        faces: pictures of the network's output size.
        scale: the network's scale.
        ssim: also measure SSIM, which takes longer than PSNR.
        degrade: makes the network's input; antialiased bicubic when None.
    """
    small = degraded(faces.pixels, degrade or partial(down, scale=scale))
    return measure(restore(model, small), faces.pixels, ssim=ssim)

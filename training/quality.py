"""PSNR and SSIM of every step against bicubic, on a folder of faces (protocol of DIC)."""

from __future__ import annotations

import math
from collections.abc import Iterator
from dataclasses import asdict, dataclass

import numpy as np
import torch
from numpy.typing import NDArray
from torch import Tensor, nn

from facedge.metrics import psnr_y, ssim_y

from .data import Faces
from .degrade import bicubic, down


@dataclass(frozen=True)
class Quality:
    """Mean quality over a set of pictures; SSIM is NaN where it was not asked for."""

    psnr_y: float
    ssim_y: float


@dataclass(frozen=True)
class Evaluation:
    """Quality of bicubic enlargement and of each step of the network.

    Attributes:
        pictures: how many were measured.
        bicubic: antialiased bicubic down, bicubic up.
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


def to_uint8(images: Tensor) -> NDArray[np.uint8]:
    """Float RGB [N, 3, H, W] in [0, 1] -> uint8 [N, H, W, 3], clipped and rounded."""
    levels = torch.round(images.float().clamp(0, 1) * 255).to(torch.uint8)
    return levels.permute(0, 2, 3, 1).contiguous().numpy()


def restorations(
    model: nn.Module, faces: Faces, scale: int, batch: int = 32
) -> Iterator[tuple[NDArray[np.uint8], ...]]:
    """Batches of (truth, bicubic, step 1, ..., step T), each uint8 [n, H, W, 3], in float32."""
    training = model.training
    model.eval()
    try:
        for start in range(0, len(faces), batch):
            pixels = faces.pixels[start : start + batch]
            truth = torch.from_numpy(pixels).permute(0, 3, 1, 2).float() / 255
            small = down(truth, scale)
            with torch.no_grad():
                steps = model(small).steps
            yield (
                pixels,
                to_uint8(bicubic(small, truth.shape[-1])),
                *(to_uint8(step) for step in steps),
            )
    finally:
        model.train(training)


def evaluate(model: nn.Module, faces: Faces, scale: int, *, ssim: bool = True) -> Evaluation:
    """Measure bicubic and every step on all faces.

    Args:
        model: a super-resolution network whose result has ``steps``.
        faces: pictures of the network's output size.
        scale: the network's scale.
        ssim: also measure SSIM, which takes longer than PSNR.
    """
    rows: list[list[tuple[float, float]]] = []
    for truth, *others in restorations(model, faces, scale):
        for index, picture in enumerate(truth):
            rows.append(
                [
                    (
                        psnr_y(other[index], picture),
                        ssim_y(other[index], picture) if ssim else math.nan,
                    )
                    for other in others
                ]
            )
    means = np.asarray(rows).mean(0)
    first, *rest = (Quality(float(p), float(s)) for p, s in means)
    return Evaluation(len(rows), first, tuple(rest))

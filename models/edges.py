"""Canny and difference-of-Gaussians edge maps as tensor operations.

Everything here is convolution, comparison and max-pooling on float tensors, so that a
recurrent network can take the edges of its own intermediate output without leaving the
accelerator. Values stay small integers wherever OpenCV's are: grey levels, Sobel responses
and L1 magnitudes are at most 2040, which FP16 holds exactly.
"""

from __future__ import annotations

import math

import torch
from torch import Tensor, nn
from torch.nn import functional as F

LUMA = (0.299, 0.587, 0.114)
_TAN_22_5 = math.tan(math.pi / 8)


def gaussian_kernel(size: int, sigma: float) -> Tensor:
    """Normalised ``size x size`` Gaussian, float32 [size, size]."""
    offset = torch.arange(size, dtype=torch.float64) - (size - 1) / 2
    line = torch.exp(-(offset**2) / (2 * sigma**2))
    line /= line.sum()
    return torch.outer(line, line).float()


class Luma(nn.Module):
    """ITU-R BT.601 luma of RGB in [0, 1]: float [N, 3, H, W] -> float [N, 1, H, W] in [0, 1]."""

    weight: Tensor

    def __init__(self) -> None:
        super().__init__()
        self.register_buffer("weight", torch.tensor(LUMA).reshape(1, 3, 1, 1), persistent=False)

    def forward(self, image: Tensor) -> Tensor:
        return F.conv2d(image, self.weight)


class Canny(nn.Module):
    """Canny edges of an RGB picture (J. Canny, PAMI 1986), after ``cv2.Canny``'s arithmetic.

    Grey levels are rounded, smoothed by a 5x5 Gaussian and rounded again, as 8-bit OpenCV does;
    gradients are 3x3 Sobel, the magnitude is |gx| + |gy|, non-maxima are suppressed along four
    directions, and hysteresis is ``rounds`` steps of masked 3x3 max-pooling (OpenCV's follows
    edges to their end).

    Args:
        low: magnitude above which a pixel may continue an edge.
        high: magnitude above which a pixel starts an edge.
        sigma: standard deviation of the Gaussian, in pixels.
        rounds: how many pixels an edge may grow from its strong seed.
    """

    blur: Tensor
    sobel: Tensor

    def __init__(
        self, low: float = 40.0, high: float = 100.0, sigma: float = 1.1, rounds: int = 8
    ) -> None:
        super().__init__()
        self.low, self.high, self.rounds = low, high, rounds
        self.luma = Luma()
        self.register_buffer("blur", gaussian_kernel(5, sigma)[None, None], persistent=False)
        gx = torch.tensor([[-1.0, 0.0, 1.0], [-2.0, 0.0, 2.0], [-1.0, 0.0, 1.0]])
        self.register_buffer("sobel", torch.stack([gx, gx.T])[:, None], persistent=False)

    def forward(self, image: Tensor) -> Tensor:
        """Float RGB [N, 3, H, W] in [0, 1] -> float {0, 1} [N, 1, H, W]."""
        grey = torch.round(self.luma(image.clamp(0, 1)) * 255.0)
        smooth = torch.round(F.conv2d(F.pad(grey, (2, 2, 2, 2), mode="reflect"), self.blur))
        gradient = F.conv2d(F.pad(smooth, (1, 1, 1, 1), mode="replicate"), self.sobel)
        gx, gy = gradient[:, :1], gradient[:, 1:]
        ridge = self._ridge(gx, gy)
        weak = (ridge > self.low).to(ridge.dtype)
        edge = (ridge > self.high).to(ridge.dtype)
        for _ in range(self.rounds):
            edge = F.max_pool2d(edge, 3, stride=1, padding=1) * weak
        return edge

    @staticmethod
    def _ridge(gx: Tensor, gy: Tensor) -> Tensor:
        """Magnitude where it is a maximum across the edge, else 0; float [N, 1, H, W]."""
        ax, ay = gx.abs(), gy.abs()
        magnitude = ax + ay
        height, width = magnitude.shape[-2:]
        padded = F.pad(magnitude, (1, 1, 1, 1))

        def at(dy: int, dx: int) -> Tensor:
            return padded[:, :, 1 + dy : 1 + dy + height, 1 + dx : 1 + dx + width]

        horizontal = ay < ax * _TAN_22_5
        vertical = ay > ax * (_TAN_22_5 + 2.0)
        straight = horizontal | vertical
        falling = gx * torch.sign(gy) >= 0
        before = torch.where(falling, at(-1, -1), at(-1, 1))
        before = torch.where(vertical, at(-1, 0), before)
        before = torch.where(horizontal, at(0, -1), before)
        after = torch.where(falling, at(1, 1), at(1, -1))
        after = torch.where(vertical, at(1, 0), after)
        after = torch.where(horizontal, at(0, 1), after)
        # OpenCV breaks ties to one side along rows and columns, and to neither on diagonals.
        keep = (magnitude > before) & (magnitude >= after) & (straight | (magnitude > after))
        return magnitude * keep.to(magnitude.dtype)


class DifferenceOfGaussians(nn.Module):
    """Band-pass edges: narrow minus wide Gaussian of the luma (Marr and Hildreth, 1980).

    Args:
        narrow: standard deviation of the first Gaussian, in pixels.
        wide: standard deviation of the second.
        gain: factor on the difference, so that a face's edges span about [-1, 1].
    """

    weight: Tensor

    def __init__(
        self, narrow: float = 0.8, wide: float = 1.6, size: int = 9, gain: float = 8.0
    ) -> None:
        super().__init__()
        self.luma = Luma()
        kernel = gain * (gaussian_kernel(size, narrow) - gaussian_kernel(size, wide))
        self.register_buffer("weight", kernel[None, None], persistent=False)
        self.margin = size // 2

    def forward(self, image: Tensor) -> Tensor:
        """Float RGB [N, 3, H, W] -> float [N, 1, H, W]."""
        m = self.margin
        return F.conv2d(F.pad(self.luma(image), (m, m, m, m), mode="replicate"), self.weight)

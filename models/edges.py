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
    """ITU-R BT.601 luma of RGB in [0, 1], averaged over blocks of pixels.

    Float [N, 3, H, W] -> float [N, 1, H / shrink, W / shrink] in [0, 1].

    Args:
        shrink: side of a block in pixels; 1 keeps every pixel.
    """

    weight: Tensor

    def __init__(self, shrink: int = 1) -> None:
        super().__init__()
        self.shrink = shrink
        weight = torch.tensor(LUMA).reshape(1, 3, 1, 1).expand(1, 3, shrink, shrink)
        self.register_buffer("weight", weight / shrink**2, persistent=False)

    def forward(self, image: Tensor) -> Tensor:
        return F.conv2d(image, self.weight, stride=self.shrink)


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
        shrink: side of the blocks of pixels whose mean is one pixel to Canny.
    """

    blur: Tensor
    sobel: Tensor

    def __init__(
        self,
        low: float = 40.0,
        high: float = 100.0,
        sigma: float = 1.1,
        rounds: int = 8,
        shrink: int = 1,
    ) -> None:
        super().__init__()
        self.low, self.high, self.rounds = low, high, rounds
        self.luma = Luma(shrink)
        self.register_buffer("blur", gaussian_kernel(5, sigma)[None, None], persistent=False)
        gx = torch.tensor([[-1.0, 0.0, 1.0], [-2.0, 0.0, 2.0], [-1.0, 0.0, 1.0]])
        self.register_buffer("sobel", torch.stack([gx, gx.T])[:, None], persistent=False)

    def forward(self, image: Tensor) -> Tensor:
        """Float RGB [N, 3, H, W] in [0, 1] -> float {0, 1} [N, 1, H / shrink, W / shrink]."""
        grey = torch.round(self.luma(image.clamp(0, 1)) * 255.0)
        smooth = torch.round(F.conv2d(F.pad(grey, (2, 2, 2, 2), mode="reflect"), self.blur))
        gradient = F.conv2d(F.pad(smooth, (1, 1, 1, 1), mode="replicate"), self.sobel)
        # Without a channel dimension: OpenVINO gives a lone channel a layout that is 30 times
        # slower for elementwise operations.
        gx, gy = gradient[:, 0], gradient[:, 1]
        ax, ay = gx.abs(), gy.abs()
        magnitude = ax + ay
        across = self._across(gx * gy >= 0, ax, ay, magnitude).unsqueeze(1)
        magnitude = magnitude.unsqueeze(1)
        weak = (magnitude > across.clamp(min=self.low)).to(magnitude.dtype)
        edge = (magnitude > across.clamp(min=self.high)).to(magnitude.dtype)
        for _ in range(self.rounds):
            edge = F.max_pool2d(edge, 3, stride=1, padding=1) * weak
        return edge

    @staticmethod
    def _across(diagonal: Tensor, ax: Tensor, ay: Tensor, magnitude: Tensor) -> Tensor:
        """The neighbour across the edge that a maximum must exceed; float [N, H, W].

        Args:
            diagonal: bool, whether the gradient's signs agree.
            ax: horizontal gradient's absolute value.
            ay: vertical gradient's absolute value.
            magnitude: their sum.
        """
        height, width = magnitude.shape[-2:]
        padded = F.pad(magnitude, (1, 1, 1, 1))
        # OpenCV breaks ties to one side along rows and columns, and to neither on diagonals.
        # Magnitudes are integers, so half less turns "greater" into "greater or equal".
        tied = padded - 0.5

        def at(source: Tensor, dy: int, dx: int) -> Tensor:
            return source[:, 1 + dy : 1 + dy + height, 1 + dx : 1 + dx + width]

        row = torch.maximum(at(padded, 0, -1), at(tied, 0, 1))
        column = torch.maximum(at(padded, -1, 0), at(tied, 1, 0))
        falling = torch.maximum(at(padded, -1, -1), at(padded, 1, 1))
        rising = torch.maximum(at(padded, -1, 1), at(padded, 1, -1))
        across = torch.where(diagonal, falling, rising)
        across = torch.where(ay > ax * (_TAN_22_5 + 2.0), column, across)
        return torch.where(ay < ax * _TAN_22_5, row, across)


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

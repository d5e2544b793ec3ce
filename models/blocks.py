"""Layers that several models share."""

from __future__ import annotations

import math

import torch
from torch import Tensor, nn
from torch.nn import functional as F


class ResidualBlock(nn.Module):
    """x + conv(relu(conv(x))), 3x3, no normalisation (EDSR, arXiv 1707.02921).

    Float [N, width, h, w] -> the same shape.
    """

    def __init__(self, width: int) -> None:
        super().__init__()
        self.first = nn.Conv2d(width, width, 3, padding=1)
        self.second = nn.Conv2d(width, width, 3, padding=1)

    def forward(self, x: Tensor) -> Tensor:
        out: Tensor = x + self.second(F.relu(self.first(x)))
        return out


class SharedBiasConv(nn.Conv2d):
    """Convolution before depth-to-space with one bias for all pixels of a block.

    With a 1x1 kernel the two are a deconvolution whose windows do not meet (docs/performance.md).
    """

    def __init__(self, width: int, out: int, factor: int, kernel: int) -> None:
        super().__init__(width, out * factor**2, kernel, padding=kernel // 2, bias=False)
        bound = 1 / math.sqrt(width * kernel**2)  # as torch begins every other convolution
        self.bias = nn.Parameter(torch.empty(out).uniform_(-bound, bound))
        self.pixels = factor**2

    def forward(self, x: Tensor) -> Tensor:
        assert self.bias is not None
        bias = self.bias.repeat_interleave(self.pixels)
        out: Tensor = self._conv_forward(x, self.weight, bias)
        return out


class DepthToSpaceConv(nn.Module):
    """Convolution and depth-to-space: float [N, c, h, w] -> [N, out, h*factor, w*factor].

    Args:
        width: channels c.
        out: channels of the result.
        factor: of either side.
        kernel: side of the kernel.
        shared_bias: one bias for each channel of the result instead of each of its pixels.
    """

    def __init__(
        self, width: int, out: int, factor: int, kernel: int = 3, shared_bias: bool = False
    ) -> None:
        super().__init__()
        self.conv: nn.Conv2d = (
            SharedBiasConv(width, out, factor, kernel)
            if shared_bias
            else nn.Conv2d(width, out * factor * factor, kernel, padding=kernel // 2)
        )
        self.factor = factor

    def forward(self, x: Tensor) -> Tensor:
        return F.pixel_shuffle(self.conv(x), self.factor)

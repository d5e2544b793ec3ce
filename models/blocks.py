"""Layers that several models share."""

from __future__ import annotations

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


class DepthToSpaceConv(nn.Module):
    """3x3 convolution and depth-to-space: float [N, c, h, w] -> [N, out, h*factor, w*factor]."""

    def __init__(self, width: int, out: int, factor: int, kernel: int = 3) -> None:
        super().__init__()
        self.conv = nn.Conv2d(width, out * factor * factor, kernel, padding=kernel // 2)
        self.factor = factor

    def forward(self, x: Tensor) -> Tensor:
        return F.pixel_shuffle(self.conv(x), self.factor)

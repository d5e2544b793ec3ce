"""Prior fusion: maps of where things are (edges, facial parts, action units) steer the features.

The attentive fusion of DIC (Ma et al., CVPR 2020, arXiv 2003.13063), for any number of maps, so
that the edge network (S1) and the facial-prior network (S2) share one module.
"""

from __future__ import annotations

import torch
from torch import Tensor, nn
from torch.nn import functional as F

SLOPE = 0.2


class GroupedResidualBlock(nn.Module):
    """x + conv(leaky(conv(x))), 3x3, every group of channels with weights of its own.

    Float [N, channels, h, w] -> the same shape; ``groups`` divides ``channels``.
    """

    def __init__(self, channels: int, groups: int) -> None:
        super().__init__()
        self.first = nn.Conv2d(channels, channels, 3, padding=1, groups=groups)
        self.second = nn.Conv2d(channels, channels, 3, padding=1, groups=groups)

    def forward(self, x: Tensor) -> Tensor:
        out: Tensor = x + self.second(F.leaky_relu(self.first(x), SLOPE))
        return out


class PriorFusion(nn.Module):
    """Features of K experts, weighted at every pixel by K maps, added to the features.

    Args:
        width: channels of the features.
        maps: number K of maps.
        inner: channels of one expert.
        blocks: residual blocks of each expert.
    """

    def __init__(self, width: int, maps: int, inner: int, blocks: int) -> None:
        super().__init__()
        self.maps, self.inner = maps, inner
        self.expand = nn.Conv2d(width, maps * inner, 1)
        self.experts = nn.Sequential(
            *(GroupedResidualBlock(maps * inner, maps) for _ in range(blocks))
        )
        self.merge = nn.Conv2d(inner, width, 1)

    def forward(self, features: Tensor, maps: Tensor) -> Tensor:
        """Fuse.

        Args:
            features: float [N, width, h, w].
            maps: float [N, K, h, w], any scale: a softmax over K makes weights of them.

        Returns:
            Float [N, width, h, w].
        """
        height, width = features.shape[-2:]
        experts = self.experts(F.leaky_relu(self.expand(features), SLOPE))
        experts = experts.reshape(-1, self.maps, self.inner, height, width)
        weights = torch.softmax(maps, 1).unsqueeze(2)
        out: Tensor = features + self.merge((experts * weights).sum(1))
        return out

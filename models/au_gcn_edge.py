"""S3 for deployment: one shared trunk, attention-weighted pooling, a graph over AUs.

Where the paper runs a convolutional branch for every AU, this network pools one set of features
under twelve attention maps, which takes the AU branches' 5 GMACs to one matrix product.
"""

from __future__ import annotations

import torch
from torch import Tensor, nn
from torch.nn import functional as F

from .attention import ConeAttention
from .contract import ACTION_UNITS, ActionUnits, FaceFeatures
from .decision import Decision, UnitLinear
from .graph_convolution import DirectedGraph
from .jaa import ConvBnRelu, LandmarkRegression
from .mean_face import CROP


class RegionBlock(nn.Module):
    """x + patch-wise convolution, every patch of the grid with weights and zero padding of its own.

    Patches are moved to the channels, so that all of them are one grouped convolution.

    Float [N, width, side, side] -> the same shape; ``grid`` divides ``side``.
    """

    def __init__(self, width: int, side: int, grid: int) -> None:
        super().__init__()
        self.width, self.grid, self.patch = width, grid, side // grid
        channels = width * grid * grid
        self.conv = nn.Conv2d(channels, channels, 3, padding=1, groups=grid * grid, bias=False)
        self.norm = nn.BatchNorm2d(channels)

    def forward(self, x: Tensor) -> Tensor:
        g, p, c = self.grid, self.patch, self.width
        patches = (
            x.reshape(-1, c, g, p, g, p).permute(0, 2, 4, 1, 3, 5).reshape(-1, g * g * c, p, p)
        )
        y = F.relu(self.norm(self.conv(patches)))
        return x + y.reshape(-1, g, g, c, p, p).permute(0, 3, 1, 4, 2, 5).reshape(
            -1, c, g * p, g * p
        )


class ResidualBnBlock(nn.Module):
    """relu(x + BN(conv(relu(BN(conv(x)))))), 3x3 (He et al., arXiv 1512.03385)."""

    def __init__(self, width: int) -> None:
        super().__init__()
        self.first = ConvBnRelu(width, width)
        self.second = nn.Conv2d(width, width, 3, padding=1, bias=False)
        self.norm = nn.BatchNorm2d(width)

    def forward(self, x: Tensor) -> Tensor:
        return F.relu(x + self.norm(self.second(self.first(x))))


class AuGcnEdge(nn.Module):
    """Action units and landmarks of aligned faces on a small budget.

    Args:
        width: channels at 88x88, a multiple of 32; doubled at 44 and at 22, tripled from
            there on at 11 (each 3x3 convolution, BN and ReLU).
        node: width of a node of the graph.
        aligned: width of the alignment feature.
    """

    def __init__(self, width: int = 32, node: int = 64, aligned: int = 128) -> None:
        super().__init__()
        units = len(ACTION_UNITS)
        middle, deep, last, side = 2 * width, 4 * width, 6 * width, CROP // 4
        self.stem = nn.Sequential(
            ConvBnRelu(3, width, stride=2),
            ConvBnRelu(width, middle, stride=2),
        )
        self.region = nn.Sequential(
            ResidualBnBlock(middle), RegionBlock(middle, side, 4), ResidualBnBlock(middle)
        )
        self.trunk = nn.Sequential(
            ConvBnRelu(middle, deep, stride=2), ResidualBnBlock(deep), ResidualBnBlock(deep)
        )
        self.top = nn.Sequential(ConvBnRelu(deep, last, stride=2), ResidualBnBlock(last))
        self.squeeze = nn.Sequential(
            nn.Conv2d(last, 32, 1, bias=False), nn.BatchNorm2d(32), nn.ReLU()
        )
        self.align = nn.Linear(32 * (side // 4) ** 2, aligned)
        self.landmarks = LandmarkRegression(aligned)
        self.attention = ConeAttention(side // 2)
        self.decision = Decision(
            nn.Sequential(UnitLinear(deep, node), nn.ReLU()),
            DirectedGraph(node),
            nn.Linear(aligned + last + units * node, units),
        )

    def describe(self, image: Tensor) -> FaceFeatures:
        """Float RGB [N, 3, 176, 176] in [0, 1] -> what the action units are decided from."""
        features = self.trunk(self.region(self.stem(image - 0.5)))
        top = self.top(features)
        align = F.relu(self.align(self.squeeze(top).flatten(1)))
        landmarks = self.landmarks(align)
        # A map has its centre on the face unless the landmarks are lost: then all of it is 0.
        maps = self.attention(landmarks).flatten(2)
        weights = maps / (maps.sum(2, keepdim=True) + 1e-3)
        local = torch.matmul(weights, features.flatten(2).transpose(1, 2))
        return FaceFeatures(align, top.mean((2, 3)), local, landmarks)

    def forward(self, image: Tensor) -> ActionUnits:
        """Float RGB [N, 3, 176, 176] in [0, 1] -> ActionUnits with logits [N, 12]."""
        seen = self.describe(image)
        logits = self.decision(seen)
        return ActionUnits(logits, torch.sigmoid(logits), seen.landmarks)

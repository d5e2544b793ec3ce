"""Where action units act and how likely each one is, read from a super-resolved face.

JAA-Net's attention maps (arXiv 1803.05588) in closed form about landmarks that are the centres
of heatmaps, refined by a small convolution for every AU.
"""

from __future__ import annotations

import torch
from torch import Tensor, nn
from torch.nn import functional as F

from .attention import ConeAttention
from .blocks import ResidualBlock
from .contract import ACTION_UNITS

POINTS_49 = (*range(17, 60), *range(61, 64), *range(65, 68))
"""The 49-point order in terms of the 68-point one."""

SHARPNESS = 16.0


class SoftArgmax(nn.Module):
    """Centres of heatmaps: the mean position under softmax(16 h) (Yi et al., arXiv 1603.09114).

    A peak of height 1 outweighs the whole empty 32x32 map by e^16 / 1024.

    Args:
        grid: side of the heatmaps.
        size: side of the picture in pixels; cell centres lie at (i + 1/2) * size / grid.
    """

    points: Tensor
    positions: Tensor

    def __init__(self, grid: int, size: int) -> None:
        super().__init__()
        self.register_buffer("points", torch.tensor(POINTS_49), persistent=False)
        line = (torch.arange(grid, dtype=torch.float32) + 0.5) * (size / grid)
        y, x = torch.meshgrid(line, line, indexing="ij")
        positions = torch.stack([x.flatten(), y.flatten()], 1)
        self.register_buffer("positions", positions, persistent=False)

    def forward(self, heatmaps: Tensor) -> Tensor:
        """Float [N, 68, grid, grid] -> landmarks float [N, 49, 2], x and y in pixels."""
        flat = heatmaps.index_select(1, self.points).flatten(2)
        return torch.matmul(torch.softmax(flat * SHARPNESS, 2), self.positions)


class Places(nn.Sequential):
    """Heatmaps [N, 68, grid, grid] -> AU attention maps [N, 12, grid, grid] in [0, 1]."""

    def __init__(self, grid: int, size: int) -> None:
        super().__init__(SoftArgmax(grid, size), ConeAttention(grid, size))


class ActionUnitPrior(nn.Module):
    """AU attention maps and probabilities of a face picture with known heatmaps.

    Args:
        width: channels of the AU features on the 32x32 grid.
        blocks: residual blocks of the AU features.
        refinement: channels per AU in the refinement of its map.
    """

    def __init__(self, width: int = 64, blocks: int = 3, refinement: int = 8) -> None:
        super().__init__()
        units, grid, size = len(ACTION_UNITS), 32, 128
        self.stem = nn.Conv2d(3, width // 2, 5, stride=2, padding=2)
        self.down = nn.Conv2d(width // 2, width, 3, stride=2, padding=1)
        self.features = nn.Sequential(*(ResidualBlock(width) for _ in range(blocks)))
        self.places = Places(grid, size)
        channels = units * refinement
        self.refine = nn.Sequential(
            nn.Conv2d(units, channels, 3, padding=1, groups=units),
            nn.ReLU(),
            nn.Conv2d(channels, units, 3, padding=1, groups=units),
            nn.Sigmoid(),
        )
        self.relate = nn.Linear(units * width, 2 * width)
        self.classify = nn.Linear(2 * width, units)

    def forward(self, image: Tensor, heatmaps: Tensor) -> tuple[Tensor, Tensor]:
        """Look at a face.

        Args:
            image: float RGB [N, 3, 128, 128].
            heatmaps: float [N, 68, 32, 32].

        Returns:
            Maps float [N, 12, 32, 32] in (0, 1), each multiplied by its AU's probability, and
            the probabilities float [N, 12].
        """
        features = self.features(F.relu(self.down(F.relu(self.stem(image - 0.5)))))
        maps = self.refine(self.places(heatmaps))
        local = pool_under(maps, features)
        probabilities = torch.sigmoid(self.classify(F.relu(self.relate(local.flatten(1)))))
        return maps * probabilities[:, :, None, None], probabilities


def pool_under(maps: Tensor, features: Tensor) -> Tensor:
    """Mean features under each map: float [N, K, h, w] and [N, C, h, w] -> [N, K, C]."""
    flat = maps.flatten(2)
    weights = flat / (flat.sum(2, keepdim=True) + 1e-3)
    return torch.matmul(weights, features.flatten(2).transpose(1, 2))

"""S2 for deployment: the student's backbone with compact landmark and action-unit heads.

After "Face Super-Resolution with Progressive Embedding of Multi-scale Face Priors"
(arXiv 2210.06002); widths, heads and fusion are ours (docs/models.md).
"""

from __future__ import annotations

import torch
from torch import Tensor, nn
from torch.nn import functional as F

from .action_unit_maps import pool_under
from .blocks import DepthToSpaceConv, ResidualBlock
from .contract import ACTION_UNITS, SuperResolved
from .fsr_student import GRID, OUTPUT, RecurrentCore
from .hourglass import COMPONENTS, LANDMARKS, ComponentMaps


class PictureFeatures(nn.Module):
    """Features of a super-resolved face on a small budget.

    Space-to-depth instead of strided convolutions at 128x128, most layers on the 16x16 grid.

    Float RGB [N, 3, 128, 128] -> [N, width, 32, 32].
    """

    def __init__(self, width: int, deep: int, blocks: int) -> None:
        super().__init__()
        # A 4x4 convolution of stride 4 is space-to-depth followed by a 1x1 convolution.
        self.stem = nn.Conv2d(3, width, 4, stride=4)
        self.before = ResidualBlock(width)
        self.down = nn.Conv2d(width, deep, 3, stride=2, padding=1)
        self.deep = nn.Sequential(*(ResidualBlock(deep) for _ in range(blocks)))
        self.up = DepthToSpaceConv(deep, width, 2, kernel=1)

    def forward(self, image: Tensor) -> Tensor:
        x = self.before(F.relu(self.stem(image - 0.5)))
        return F.relu(x + self.up(self.deep(F.relu(self.down(x)))))


class LandmarkHead(nn.Module):
    """Float RGB [N, 3, 128, 128] -> heatmaps [N, 68, 32, 32]."""

    def __init__(self, width: int, deep: int, blocks: int) -> None:
        super().__init__()
        self.features = PictureFeatures(width, deep, blocks)
        self.heatmaps = nn.Conv2d(width, LANDMARKS, 1)

    def forward(self, image: Tensor) -> Tensor:
        out: Tensor = self.heatmaps(self.features(image))
        return out


class ActionUnitHead(nn.Module):
    """Float RGB [N, 3, 128, 128] -> AU maps [N, 12, 32, 32] and probabilities [N, 12].

    The maps are learned as they are: no coordinates, hence nothing that must stay FP32.
    """

    def __init__(self, width: int, deep: int, blocks: int) -> None:
        super().__init__()
        units = len(ACTION_UNITS)
        self.features = PictureFeatures(width, deep, blocks)
        self.attend = nn.Conv2d(width, units, 1)
        self.relate = nn.Linear(units * width, 2 * width)
        self.classify = nn.Linear(2 * width, units)

    def forward(self, image: Tensor) -> tuple[Tensor, Tensor]:
        features = self.features(image)
        maps = torch.sigmoid(self.attend(features))
        local = pool_under(maps, features).flatten(1)
        probabilities = torch.sigmoid(self.classify(F.relu(self.relate(local))))
        return maps * probabilities[:, :, None, None], probabilities


class FsrPriorsEdge(nn.Module):
    """Recurrent network with face priors for small machines, 16x16 -> 128x128.

    Args:
        steps: recurrent steps T; every step shares one set of weights.
        width: channels on the 32x32 grid, a multiple of 32.
        deep: channels on the 16x16 grid, a multiple of 32.
        deep_blocks: residual blocks on the 16x16 grid.
        head: channels of the two heads on the 32x32 grid, a multiple of 32.
    """

    scale = 8

    def __init__(
        self,
        steps: int = 3,
        width: int = 64,
        deep: int = 128,
        deep_blocks: int = 3,
        head: int = 64,
    ) -> None:
        super().__init__()
        self.steps, self.width, self.prior_channels = steps, width, 32
        self.head = DepthToSpaceConv(3, width, GRID * self.scale // OUTPUT)
        self.landmarks = LandmarkHead(head, 2 * head, 2)
        self.components = ComponentMaps()
        self.embed_landmarks = nn.Conv2d(len(COMPONENTS), self.prior_channels, 1)
        self.action_units = ActionUnitHead(head, 2 * head, 1)
        self.embed_units = nn.Conv2d(len(ACTION_UNITS), self.prior_channels, 1)
        self.fuse = nn.Conv2d(2 * width + self.prior_channels, width, 1)
        self.core = RecurrentCore(width, deep, deep_blocks)
        self.reconstruct = DepthToSpaceConv(width, 3, OUTPUT // GRID)

    def state_shape(self) -> tuple[int, int, int]:
        """Shape of the hidden state without the batch."""
        return (self.width, GRID, GRID)

    def forward(
        self, image: Tensor, state: Tensor | None = None, steps: int | None = None
    ) -> SuperResolved:
        """Restore faces.

        Args:
            image: float RGB [N, 3, 16, 16] in [0, 1].
            state: hidden state [N, width, 32, 32] of an earlier frame; zeros when None.
            steps: how many steps to run, 1..T; all when None.

        Returns:
            Each step's picture, float [N, 3, 128, 128], not clipped, the last hidden state, and
            the priors that these steps used: heatmaps from two steps on, AU probabilities from
            three.
        """
        base = F.interpolate(image, scale_factor=self.scale, mode="bilinear", align_corners=False)
        x = F.relu(self.head(image - 0.5))
        hidden = torch.zeros_like(x) if state is None else state
        prior = x[:, : self.prior_channels] * 0
        pictures: list[Tensor] = []
        heatmaps = probabilities = None
        for step in range(steps or self.steps):
            if step == 1:
                heatmaps = self.landmarks(pictures[-1])
                parts = self.embed_landmarks(self.components(heatmaps))
                prior = F.relu(parts)
            elif step == 2:
                maps, probabilities = self.action_units(pictures[-1])
                prior = F.relu(parts + self.embed_units(maps))
            hidden = self.core(F.relu(self.fuse(torch.cat([x, hidden, prior], 1))))
            pictures.append(base + self.reconstruct(hidden))
        return SuperResolved(tuple(pictures), hidden, heatmaps, probabilities)

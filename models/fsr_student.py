"""S1 student: recurrent face super-resolution designed for deployment.

After "Teacher-Student Network for Real-World Face Super-Resolution with Progressive Embedding
of Edge Information" (arXiv 2405.04778): each step restores the face from the low-resolution
picture, its own hidden state and the edges of what it restored before, Canny first and
difference of Gaussians after. Widths, grid and fusion are ours (docs/models.md).
"""

from __future__ import annotations

import torch
from torch import Tensor, nn
from torch.nn import functional as F

from .blocks import DepthToSpaceConv, ResidualBlock
from .contract import SuperResolved
from .edges import Canny, DifferenceOfGaussians

GRID = 32
OUTPUT = 128


class RecurrentCore(nn.Module):
    """One step's features: residual blocks on the 32x32 grid around deeper ones on 16x16.

    Float [N, width, 32, 32] -> the same shape.
    """

    def __init__(self, width: int, deep: int, deep_blocks: int) -> None:
        super().__init__()
        self.before = ResidualBlock(width)
        self.down = nn.Conv2d(width, deep, 3, stride=2, padding=1)
        self.deep = nn.Sequential(*(ResidualBlock(deep) for _ in range(deep_blocks)))
        self.up = DepthToSpaceConv(deep, width, 2, kernel=1)
        self.after = ResidualBlock(width)

    def forward(self, x: Tensor) -> Tensor:
        x = self.before(x)
        x = x + self.up(self.deep(F.relu(self.down(x))))
        out: Tensor = self.after(x)
        return out


class FsrStudent(nn.Module):
    """Recurrent student network; any prefix of its steps is a network of its own.

    Args:
        scale: 8 (16 -> 128) or 4 (32 -> 128).
        steps: recurrent steps T; every step shares one set of weights.
        width: channels on the 32x32 grid, a multiple of 32.
        deep: channels on the 16x16 grid, a multiple of 32.
        deep_blocks: residual blocks on the 16x16 grid.
    """

    def __init__(
        self, scale: int = 8, steps: int = 3, width: int = 64, deep: int = 128, deep_blocks: int = 3
    ) -> None:
        super().__init__()
        self.scale, self.steps, self.width = scale, steps, width
        prior = 32
        factor = GRID * scale // OUTPUT
        self.head = (
            DepthToSpaceConv(3, width, factor) if factor > 1 else nn.Conv2d(3, width, 3, padding=1)
        )
        # At half the size the same edges show and four rounds reach as far, for an eighth of the
        # work.
        self.edges = nn.ModuleList([Canny(rounds=4, shrink=2), DifferenceOfGaussians()])
        # A kxk convolution of stride k is space-to-depth followed by a 1x1 convolution.
        self.embed = nn.ModuleList([nn.Conv2d(1, prior, k, stride=k) for k in (2, 4)])
        self.fuse = nn.Conv2d(2 * width + prior, width, 1)
        self.core = RecurrentCore(width, deep, deep_blocks)
        self.reconstruct = DepthToSpaceConv(width, 3, OUTPUT // GRID)
        self.prior_channels = prior

    def state_shape(self) -> tuple[int, int, int]:
        """Shape of the hidden state without the batch."""
        return (self.width, GRID, GRID)

    def prior(self, step: int, image: Tensor) -> Tensor:
        """Embedded edges of the previous step's picture: [N, 3, 128, 128] -> [N, 32, 32, 32].

        The second step takes Canny edges, all later ones difference of Gaussians.
        """
        which = min(step, len(self.edges)) - 1
        return F.relu(self.embed[which](self.edges[which](image)))

    def forward(
        self, image: Tensor, state: Tensor | None = None, steps: int | None = None
    ) -> SuperResolved:
        """Restore faces.

        Args:
            image: float RGB [N, 3, h, h] in [0, 1], h = 128 / scale.
            state: hidden state [N, width, 32, 32] of an earlier frame; zeros when None.
            steps: how many steps to run, 1..T; all when None.

        Returns:
            Each step's picture, float [N, 3, 128, 128], not clipped, and the last hidden state.
        """
        base = F.interpolate(image, scale_factor=self.scale, mode="bilinear", align_corners=False)
        x = F.relu(self.head(image - 0.5))
        hidden = torch.zeros_like(x) if state is None else state
        prior = x[:, : self.prior_channels] * 0
        pictures: list[Tensor] = []
        for step in range(steps or self.steps):
            if step:
                prior = self.prior(step, pictures[-1])
            hidden = self.core(F.relu(self.fuse(torch.cat([x, hidden, prior], 1))))
            pictures.append(base + self.reconstruct(hidden))
        return SuperResolved(tuple(pictures), hidden)

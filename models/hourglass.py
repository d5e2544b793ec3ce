"""Facial landmarks as heatmaps: a recurrent hourglass on the super-resolved picture.

Stacked hourglass (Newell et al., arXiv 1603.06937) with one set of weights for every round, as
the alignment network of DIC (arXiv 2003.13063) has for every step.
"""

from __future__ import annotations

import torch
from torch import Tensor, nn
from torch.nn import functional as F

LANDMARKS = 68

# The 68-point order of iBUG 300-W, left and right as seen in the picture.
COMPONENTS = (
    (*range(17, 22), *range(36, 42)),  # left eye and brow
    (*range(22, 27), *range(42, 48)),  # right eye and brow
    tuple(range(27, 36)),  # nose
    tuple(range(48, 68)),  # mouth
    tuple(range(17)),  # outline
)
"""Which landmarks belong to the five facial components."""


class ComponentMaps(nn.Module):
    """Sum of the heatmaps of each facial component: float [N, 68, h, w] -> [N, 5, h, w]."""

    weight: Tensor

    def __init__(self) -> None:
        super().__init__()
        weight = torch.tensor(
            [[float(point in part) for point in range(LANDMARKS)] for part in COMPONENTS]
        )
        self.register_buffer("weight", weight[:, :, None, None], persistent=False)

    def forward(self, heatmaps: Tensor) -> Tensor:
        return F.conv2d(heatmaps, self.weight)


class Bottleneck(nn.Module):
    """x + 1x1(relu(3x3(relu(1x1(relu(x)))))) at half the width inside, no normalisation.

    Float [N, width, h, w] -> the same shape.
    """

    def __init__(self, width: int) -> None:
        super().__init__()
        inner = width // 2
        self.first = nn.Conv2d(width, inner, 1)
        self.middle = nn.Conv2d(inner, inner, 3, padding=1)
        self.second = nn.Conv2d(inner, width, 1)

    def forward(self, x: Tensor) -> Tensor:
        out: Tensor = x + self.second(F.relu(self.middle(F.relu(self.first(F.relu(x))))))
        return out


class Hourglass(nn.Module):
    """Halve ``depth`` times and come back, with a residual block on every way.

    Float [N, width, h, w] -> the same shape; 2**depth divides h and w.
    """

    def __init__(self, width: int, depth: int) -> None:
        super().__init__()
        self.across = Bottleneck(width)
        self.into = Bottleneck(width)
        self.inside = Hourglass(width, depth - 1) if depth > 1 else Bottleneck(width)
        self.out = Bottleneck(width)

    def forward(self, x: Tensor) -> Tensor:
        low = self.out(self.inside(self.into(F.max_pool2d(x, 2))))
        out: Tensor = self.across(x) + F.interpolate(low, scale_factor=2.0, mode="nearest")
        return out


class LandmarkNet(nn.Module):
    """Recurrent hourglass: each round refines from the picture and its own last hidden state.

    Args:
        width: channels at 32x32, even.
        depth: halvings inside the hourglass.
        rounds: how often the one hourglass runs.
    """

    def __init__(self, width: int = 128, depth: int = 3, rounds: int = 2) -> None:
        super().__init__()
        self.rounds = rounds
        self.stem = nn.Conv2d(3, width // 2, 7, stride=2, padding=3)
        self.down = nn.Conv2d(width // 2, width, 3, stride=2, padding=1)
        self.prepare = Bottleneck(width)
        self.hourglass = Hourglass(width, depth)
        self.again = nn.Conv2d(width, width, 1)
        self.heatmaps = nn.Conv2d(width, LANDMARKS, 1)

    def forward(self, image: Tensor) -> Tensor:
        """Float RGB [N, 3, 128, 128] -> heatmaps float [N, 68, 32, 32], about 0..1 when trained."""
        x = self.prepare(self.down(F.relu(self.stem(image - 0.5))))
        hidden = self.hourglass(x)
        for _ in range(1, self.rounds):
            hidden = self.hourglass(x + self.again(F.relu(hidden)))
        out: Tensor = self.heatmaps(F.relu(hidden))
        return out

"""Feature extractors of JAA-Net (Shao et al., ECCV 2018, arXiv 1803.05588; IJCV 2020).

Written from the papers' description; widths are the papers' times ``unit`` / 8.
"""

from __future__ import annotations

import torch
from torch import Tensor, nn
from torch.nn import functional as F

from .mean_face import DEVIATION, LANDMARKS, mean_face


class ConvBnRelu(nn.Sequential):
    """3x3 convolution, batch normalisation, ReLU."""

    def __init__(self, inputs: int, outputs: int, padding: int = 1, stride: int = 1) -> None:
        super().__init__(
            nn.Conv2d(inputs, outputs, 3, stride=stride, padding=padding, bias=False),
            nn.BatchNorm2d(outputs),
            nn.ReLU(),
        )


class PatchConv(nn.Module):
    """BN, ReLU and 3x3 convolution, with weights and zero padding of its own for every patch.

    Float [N, inputs, H, W] -> [N, outputs, H, W]; H and W are multiples of ``grid``.
    """

    def __init__(self, inputs: int, outputs: int, grid: int) -> None:
        super().__init__()
        self.grid = grid
        self.patches = nn.ModuleList(
            nn.Sequential(
                nn.BatchNorm2d(inputs),
                nn.ReLU(),
                nn.Conv2d(inputs, outputs, 3, padding=1),
            )
            for _ in range(grid * grid)
        )

    def forward(self, x: Tensor) -> Tensor:
        height, width = x.shape[2] // self.grid, x.shape[3] // self.grid
        rows = []
        for row in range(self.grid):
            band = x[:, :, row * height : (row + 1) * height]
            cells = [
                self.patches[row * self.grid + column](
                    band[:, :, :, column * width : (column + 1) * width]
                )
                for column in range(self.grid)
            ]
            rows.append(torch.cat(cells, 3))
        return torch.cat(rows, 2)


class RegionLayer(nn.Module):
    """Hierarchical region layer: a plain convolution plus patch-wise ones on 8x8, 4x4 and 2x2.

    Float [N, inputs, H, W] -> [N, width, H, W]; H and W are multiples of 8.
    """

    def __init__(self, inputs: int, width: int) -> None:
        super().__init__()
        self.whole = nn.Conv2d(inputs, width, 3, padding=1)
        self.fine = PatchConv(width, width // 2, 8)
        self.middle = PatchConv(width // 2, width // 4, 4)
        self.coarse = PatchConv(width // 4, width // 4, 2)
        self.norm = nn.BatchNorm2d(width)

    def forward(self, x: Tensor) -> Tensor:
        whole = self.whole(x)
        fine = self.fine(whole)
        middle = self.middle(fine)
        coarse = self.coarse(middle)
        return F.relu(self.norm(whole + torch.cat([fine, middle, coarse], 1)))


class RegionLearning(nn.Sequential):
    """Two region layers, each halved: float [N, 3, 176, 176] -> [N, 8 unit, 44, 44]."""

    def __init__(self, unit: int) -> None:
        super().__init__(
            RegionLayer(3, 4 * unit),
            nn.MaxPool2d(2),
            RegionLayer(4 * unit, 8 * unit),
            nn.MaxPool2d(2),
        )


class HighLevel(nn.Sequential):
    """High-level extractor HL: float [N, 8 unit, 44, 44] -> [N, 20 unit * 25] flat."""

    def __init__(self, unit: int) -> None:
        layers: list[nn.Module] = []
        inputs = 8 * unit
        for width in (12 * unit, 16 * unit, 20 * unit):
            layers += [ConvBnRelu(inputs, width), ConvBnRelu(width, width), nn.MaxPool2d(2)]
            inputs = width
        super().__init__(*layers, nn.Flatten())


class Refinement(nn.Sequential):
    """Learned correction of one AU's map: float [N, 1, 52, 52] -> [N, 1, 44, 44] in (0, 1)."""

    def __init__(self, unit: int) -> None:
        super().__init__(
            ConvBnRelu(1, 8 * unit, padding=0),
            ConvBnRelu(8 * unit, 8 * unit, padding=0),
            ConvBnRelu(8 * unit, 8 * unit, padding=0),
            nn.Conv2d(8 * unit, 1, 3),
            nn.Sigmoid(),
        )


class LandmarkRegression(nn.Module):
    """Features to 49 landmarks: the mean face plus what the linear layers predict.

    Predictions are in standard deviations of a landmark, so that an untrained network already
    puts its attention where a face has its parts.

    Float [N, features] -> [N, 49, 2], x and y in pixels of the 176x176 crop.

    Args:
        widths: the linear layers' inputs, one behind the other, with no activation between.
    """

    mean: Tensor

    def __init__(self, *widths: int) -> None:
        super().__init__()
        outputs = (*widths[1:], 2 * LANDMARKS)
        self.layers = nn.Sequential(
            *(nn.Linear(*pair) for pair in zip(widths, outputs, strict=True))
        )
        self.register_buffer("mean", mean_face().reshape(1, LANDMARKS, 2), persistent=False)

    def forward(self, features: Tensor) -> Tensor:
        deviation = self.layers(features).reshape(-1, LANDMARKS, 2)
        landmarks: Tensor = self.mean + deviation * DEVIATION
        return landmarks

"""Attention maps about the places where action units act, computed from face landmarks.

After JAA-Net (Shao et al., ECCV 2018, arXiv 1803.05588): each AU has two symmetric centres on
the face, and its map falls off with the L1 distance from the nearer one.
"""

from __future__ import annotations

from typing import NamedTuple

import torch
from torch import Tensor, nn

from .contract import ACTION_UNITS
from .mean_face import CROP

GRID = 52
"""Side of JAA-Net's predefined attention map; four valid 3x3 convolutions make it 44."""

REACH = 7.28
"""0.14 of the grid: the L1 length, in cells, over which a map falls by ``FALL``."""

FALL = 0.56
HALF_WINDOW = 4.0
INNER_EYE_CORNERS = (22, 25)


class Centres(NamedTuple):
    """Where an AU acts: two landmarks (49-point order) and a shift down in rulers.

    The ruler is the horizontal distance of the inner eye corners.
    """

    left: int
    right: int
    shift: float


_CENTRES = {
    1: Centres(4, 5, -1 / 2),
    2: Centres(1, 8, -1 / 3),
    4: Centres(2, 7, 1 / 3),
    6: Centres(24, 29, 1.0),
    7: Centres(21, 26, 0.0),
    10: Centres(43, 45, 0.0),
    12: Centres(31, 37, 0.0),
    15: Centres(31, 37, 0.0),
    23: Centres(34, 40, 0.0),
    24: Centres(34, 40, 0.0),
    25: Centres(34, 40, 0.0),
    26: Centres(39, 41, 1 / 2),
}
CENTRES = tuple(_CENTRES[unit] for unit in ACTION_UNITS)


class PredefinedAttention(nn.Module):
    """JAA-Net's map of one AU: inside a 9x9 window 1 - 0.56 (|dy| + |dx|) / 7.28, else 0.

    Centres are rounded to cells of the 52x52 grid and the larger of the two maps is taken.
    """

    rows: Tensor
    columns: Tensor

    def __init__(self, centres: Centres, size: int = CROP) -> None:
        super().__init__()
        self.centres, self.scale = centres, GRID / size
        cells = torch.arange(GRID, dtype=torch.float32)
        self.register_buffer("rows", cells.reshape(1, 1, GRID, 1), persistent=False)
        self.register_buffer("columns", cells.reshape(1, 1, 1, GRID), persistent=False)

    def forward(self, landmarks: Tensor, ruler: Tensor) -> Tensor:
        """Landmarks float [N, 49, 2, 1] and ruler [N, 1, 1, 1] in pixels -> [N, 1, 52, 52]."""
        shift = ruler * self.centres.shift
        return torch.maximum(
            self._cone(landmarks, self.centres.left, shift),
            self._cone(landmarks, self.centres.right, shift),
        )

    def _cone(self, landmarks: Tensor, point: int, shift: Tensor) -> Tensor:
        column = torch.round(landmarks[:, point : point + 1, 0:1] * self.scale)
        row = torch.round((landmarks[:, point : point + 1, 1:2] + shift) * self.scale)
        dx, dy = (self.columns - column).abs(), (self.rows - row).abs()
        inside = (dx <= HALF_WINDOW) & (dy <= HALF_WINDOW)
        return (1 - (dy + dx) * (FALL / REACH)) * inside.to(dx.dtype)


class PredefinedAttentions(nn.Module):
    """The twelve predefined maps, built one after the other as the paper's code does."""

    def __init__(self, size: int = CROP) -> None:
        super().__init__()
        self.units = nn.ModuleList(PredefinedAttention(centres, size) for centres in CENTRES)

    def forward(self, landmarks: Tensor) -> list[Tensor]:
        """Landmarks float [N, 49, 2] in pixels -> twelve maps [N, 1, 52, 52]."""
        points = landmarks.unsqueeze(-1)
        inner, outer = INNER_EYE_CORNERS
        ruler = (points[:, inner : inner + 1, 0:1] - points[:, outer : outer + 1, 0:1]).abs()
        return [unit(points, ruler) for unit in self.units]


class ConeAttention(nn.Module):
    """All twelve maps in one broadcast, on a grid of any size: max(0, 1 - L1 distance / reach).

    Centres are not rounded and the map falls to zero without a window, so it is continuous in
    the landmarks: half a pixel of landmark error moves no value by more than half / reach, where
    JAA-Net's window would switch whole rows of cells. The reach is JAA-Net's, 0.14 of the side.

    Args:
        grid: side of the map; cell centres lie at (i + 1/2) * size / grid pixels.
        size: side of the picture in pixels.
    """

    points: Tensor
    shifts: Tensor
    rows: Tensor
    columns: Tensor

    def __init__(self, grid: int, size: int = CROP) -> None:
        super().__init__()
        units = len(CENTRES)
        self.grid, self.reach = grid, REACH / GRID * size
        points = torch.tensor([c.left for c in CENTRES] + [c.right for c in CENTRES])
        self.register_buffer("points", points, persistent=False)
        shifts = torch.tensor([c.shift for c in CENTRES]).repeat(2)
        self.register_buffer("shifts", shifts.reshape(1, 2 * units), persistent=False)
        cells = (torch.arange(grid, dtype=torch.float32) + 0.5) * (size / grid)
        self.register_buffer("rows", cells.reshape(1, 1, grid, 1), persistent=False)
        self.register_buffer("columns", cells.reshape(1, 1, 1, grid), persistent=False)

    def forward(self, landmarks: Tensor) -> Tensor:
        """Landmarks float [N, 49, 2] in pixels -> maps [N, 12, grid, grid] in [0, 1]."""
        x, y = landmarks[:, :, 0], landmarks[:, :, 1]
        inner, outer = INNER_EYE_CORNERS
        ruler = (x[:, inner : inner + 1] - x[:, outer : outer + 1]).abs()
        column = x.index_select(1, self.points)
        row = y.index_select(1, self.points) + ruler * self.shifts
        dx = (self.columns - column[:, :, None, None]).abs()
        dy = (self.rows - row[:, :, None, None]).abs()
        cone = torch.relu(1 - (dx + dy) * (1 / self.reach))
        units = len(CENTRES)
        return torch.maximum(cone[:, :units], cone[:, units:])

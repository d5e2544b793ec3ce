"""The feedback backbone of SRFBN (arXiv 1903.09814) and DIC (arXiv 2003.13063), in paper form.

Up- and down-projections by strided (transposed) convolutions between a 32x32 and a 128x128
grid, growing concatenations compressed by 1x1 convolutions, PReLU with one slope per layer.
The export rewrites turn this form into one that accelerators like.
"""

from __future__ import annotations

import torch
from torch import Tensor, nn
from torch.nn import functional as F

GRID = 32
OUTPUT = 128
FACTOR = OUTPUT // GRID
SLOPE = 0.2


class Activated(nn.Module):
    """A convolution and a PReLU with one slope."""

    def __init__(self, conv: nn.Conv2d | nn.ConvTranspose2d) -> None:
        super().__init__()
        self.conv = conv
        self.activation = nn.PReLU(init=SLOPE)

    def forward(self, x: Tensor) -> Tensor:
        out: Tensor = self.activation(self.conv(x))
        return out


def point(inputs: int, outputs: int) -> Activated:
    """1x1 convolution and PReLU."""
    return Activated(nn.Conv2d(inputs, outputs, 1))


def up(width: int) -> Activated:
    """Transposed convolution 8x8 of stride 4 and PReLU: side 32 -> 128."""
    return Activated(nn.ConvTranspose2d(width, width, 8, stride=FACTOR, padding=2))


def down(width: int) -> Activated:
    """Convolution 8x8 of stride 4 and PReLU: side 128 -> 32."""
    return Activated(nn.Conv2d(width, width, 8, stride=FACTOR, padding=2))


class ProjectionBlock(nn.Module):
    """G pairs of up- and down-projection with dense connections (SRFBN's feedback block).

    Float [N, width, 32, 32] -> the same shape.
    """

    def __init__(self, width: int, groups: int) -> None:
        super().__init__()
        sizes = [width * count for count in range(2, groups + 1)]
        self.up = nn.ModuleList(up(width) for _ in range(groups))
        self.down = nn.ModuleList(down(width) for _ in range(groups))
        self.low = nn.ModuleList(point(size, width) for size in sizes)
        self.high = nn.ModuleList(point(size, width) for size in sizes)
        self.leave = point(width * groups, width)

    def forward(self, x: Tensor) -> Tensor:
        lows, highs = [x], [self.up[0](x)]
        lows.append(self.down[0](highs[0]))
        pairs = zip(self.up[1:], self.down[1:], self.low, self.high, strict=True)
        for raise_, lower, low, high in pairs:
            highs.append(raise_(low(torch.cat(lows, 1))))
            lows.append(lower(high(torch.cat(highs, 1))))
        out: Tensor = self.leave(torch.cat(lows[1:], 1))
        return out


class Reconstruction(nn.Module):
    """Hidden state to the picture's residual: float [N, width, 32, 32] -> [N, 3, 128, 128]."""

    def __init__(self, width: int) -> None:
        super().__init__()
        self.up = up(width)
        self.picture = nn.Conv2d(width, 3, 3, padding=1)

    def forward(self, hidden: Tensor) -> Tensor:
        out: Tensor = self.picture(self.up(hidden))
        return out


class FeedbackNet(nn.Module):
    """Base of the paper-like networks: 16x16 -> 128x128 in T recurrent steps.

    The first step has a projection block of its own that takes the picture's features alone;
    steps 2..T share one that takes the features and the hidden state. A state of an earlier
    frame enters the first step through the shared weights by which later steps read the hidden
    state, added before the activation: no state and a state of zeros are the same, and the
    weights are trained by single pictures.

    Args:
        steps: recurrent steps T.
        width: channels nf of every feature map.
        groups: pairs of projections G.
    """

    scale = 8

    def __init__(self, steps: int, width: int, groups: int) -> None:
        super().__init__()
        self.steps, self.width = steps, width
        self.head = Activated(nn.Conv2d(3, 4 * width, 3, padding=1))
        self.enter_first = point(width, width)
        self.first = ProjectionBlock(width, groups)
        self.enter_later = point(2 * width, width)
        self.later = ProjectionBlock(width, groups)
        self.reconstruct = Reconstruction(width)

    def state_shape(self) -> tuple[int, int, int]:
        """Shape of the hidden state without the batch."""
        return (self.width, GRID, GRID)

    def base(self, image: Tensor) -> Tensor:
        """What every step adds to: the bilinear picture [N, 3, 128, 128]."""
        return F.interpolate(image, scale_factor=self.scale, mode="bilinear", align_corners=False)

    def features(self, image: Tensor) -> Tensor:
        """Features of the picture: [N, 3, 16, 16] -> [N, width, 32, 32]."""
        return F.pixel_shuffle(self.head(image - 0.5), GRID * self.scale // OUTPUT)

    def begin(self, x: Tensor, state: Tensor | None) -> Tensor:
        """Hidden state after step 1."""
        entered = self.enter_first.conv(x)
        if state is not None:
            entered = entered + F.conv2d(state, self.enter_later.conv.weight[:, self.width :])
        out: Tensor = self.first(self.enter_first.activation(entered))
        return out

    def enter(self, x: Tensor, hidden: Tensor) -> Tensor:
        """Features of the picture and hidden state, joined for a later step."""
        out: Tensor = self.enter_later(torch.cat([x, hidden], 1))
        return out

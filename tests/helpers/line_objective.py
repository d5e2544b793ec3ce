"""The smallest objective: a straight line, whose gradient can be written down."""

from __future__ import annotations

from collections.abc import Sequence

import torch
from torch import nn

from facedge.training.objective import Batch, Term


class Line:
    """Fits y = 2 x + 1.

    Args:
        pictures: points of a batch.
    """

    def __init__(self, pictures: int = 5) -> None:
        torch.manual_seed(0)
        self.model = nn.Linear(1, 1)
        self.pictures = pictures
        self.asked: list[int] = []

    def batch(self, iteration: int) -> Batch:
        self.asked.append(iteration)
        generator = torch.Generator().manual_seed(iteration)
        return (torch.rand(self.pictures, 1, generator=generator),)

    def terms(self, batch: Batch, progress: float) -> Sequence[Term]:
        (x,) = batch
        return (Term("fit", (self.model(x) - 2 * x - 1).square().mean()),)

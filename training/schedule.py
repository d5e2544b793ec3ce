"""Learning rate, number of steps and loss as functions of progress from 0 to 1."""

from __future__ import annotations

import math
from dataclasses import dataclass


@dataclass(frozen=True)
class Schedule:
    """How training proceeds.

    Attributes:
        peak: learning rate after the warm-up.
        floor: final learning rate as a share of the peak.
        warmup: share of the run over which the rate rises linearly.
        grow: share of the run over which steps are added one at a time; a step costs as much as
            the first, and the steps share their weights, so that early iterations are cheap.
        settle: from this share on the loss is ``log-mse``, before it ``l1``.
    """

    peak: float = 1e-3
    floor: float = 0.01
    warmup: float = 0.02
    grow: float = 0.25
    settle: float = 0.6

    def rate(self, progress: float) -> float:
        """Learning rate: linear warm-up, then half a cosine (arXiv 1608.03983)."""
        if progress < self.warmup:
            return self.peak * (0.01 + 0.99 * progress / self.warmup)
        along = (min(progress, 1.0) - self.warmup) / (1 - self.warmup)
        return self.peak * (self.floor + (1 - self.floor) * 0.5 * (1 + math.cos(math.pi * along)))

    def steps(self, progress: float, total: int) -> int:
        """Recurrent steps to run, 1..total."""
        if progress >= self.grow:
            return total
        return 1 + int(progress / self.grow * (total - 1))

    def loss(self, progress: float) -> str:
        """Key of :data:`facedge.training.losses.DISTANCES`."""
        return "l1" if progress < self.settle else "log-mse"

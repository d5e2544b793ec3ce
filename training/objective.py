"""What the loop trains: data by iteration, and losses with the parameters that each may move."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Protocol

from torch import Tensor, nn

Batch = tuple[Tensor, ...]
"""Tensors of one iteration; each is split along its first dimension among workers."""


@dataclass(frozen=True)
class Term:
    """A loss and what it trains.

    Attributes:
        name: what logs call it.
        loss: scalar, a mean over the pictures of the part it was computed on.
        module: whose parameters it moves; None moves all of them.
    """

    name: str
    loss: Tensor
    module: nn.Module | None = None


class Objective(Protocol):
    """One training problem; everything random in it depends on the iteration alone."""

    @property
    def model(self) -> nn.Module:
        """All that is trained, checkpointed and averaged."""

    def batch(self, iteration: int) -> Batch:
        """Data of an iteration, on the CPU; deterministic."""

    def terms(self, batch: Batch, progress: float) -> Sequence[Term]:
        """Losses on a part of a batch, at a share of the budget from 0 to 1."""

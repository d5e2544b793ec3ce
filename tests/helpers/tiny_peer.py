"""A network of one convolution as peers get it, and a registry row for it."""

from __future__ import annotations

from functools import cache

import numpy as np
import torch
from tiny_bundle import SIDE
from torch import Tensor, nn

from facedge.benchmarks.peers.contract import Work
from facedge.benchmarks.peers.plain import PlainNetwork, plain_export
from facedge.models.contract import ModelSpec, SuperResolved


class Doubling(nn.Module):
    """Doubles a picture: a convolution, a ReLU, another, and depth-to-space."""

    def __init__(self) -> None:
        super().__init__()
        self.up = nn.Sequential(
            nn.Conv2d(3, 32, 3, padding=1),
            nn.ReLU(),
            nn.Conv2d(32, 12, 3, padding=1),
            nn.PixelShuffle(2),
        )

    def forward(
        self, image: Tensor, state: Tensor | None = None, steps: int | None = None
    ) -> SuperResolved:
        return SuperResolved((0.5 + 0.3 * self.up(image),), image)


def spec(name: str = "tiny") -> ModelSpec:
    """Its registry row."""
    return ModelSpec(
        name=name,
        system="S1",
        task="super-resolution",
        summary="",
        paper="",
        build=Doubling,
        input_size=SIDE,
        output_size=2 * SIDE,
        steps=1,
        state_shape=None,
    )


@cache
def work(threads: int = 1) -> Work:
    """The network with fixed weights, its plain export, and 12 pictures of noise."""
    with torch.random.fork_rng():
        torch.manual_seed(0)
        network = PlainNetwork(Doubling().requires_grad_(False)).eval()
    noise = np.random.default_rng(0).random((12, 3, SIDE, SIDE), np.float32)
    return Work(network, plain_export(spec(), network), noise, threads)

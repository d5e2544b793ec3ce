"""Super-resolution networks made ready for training: where they start, and what is trained."""

from __future__ import annotations

from pathlib import Path

import torch
from torch import Tensor, nn

from facedge.errors import InputError
from facedge.models import registry, weights

from . import checkpoint as checkpoints

NETWORK = "network."
"""Prefix of the network's own weights in a recipe's checkpoint."""


class DetachedEdges(nn.Module):
    """An edge operator in float32 and without gradient, inside a mixed-precision network.

    Rounding and comparison have no useful gradient, and bfloat16 cannot hold 256 grey levels.
    """

    def __init__(self, edges: nn.Module) -> None:
        super().__init__()
        self.edges = edges

    def forward(self, image: Tensor) -> Tensor:
        with torch.no_grad(), torch.autocast(image.device.type, enabled=False):
            found: Tensor = self.edges(image.detach().float())
        return found


class NoEdges(nn.Module):
    """In place of an edge operator: no edge anywhere (an ablation), in a map of the same size."""

    def __init__(self, edges: nn.Module) -> None:
        super().__init__()
        self.edges = edges

    def forward(self, image: Tensor) -> Tensor:
        with torch.no_grad():
            return torch.zeros_like(self.edges(image))


class Learner(nn.Module):
    """A network and, where a recipe trains one beside it, its degradation (DSNet).

    Attributes:
        network: what is evaluated and shipped.
        degrade: DSNet or None.
    """

    def __init__(self, network: nn.Module, degrade: nn.Module | None = None) -> None:
        super().__init__()
        self.network, self.degrade = network, degrade


def begin_at_base(network: nn.Module) -> None:
    """Make a new network's pictures begin at the bilinear base, in place.

    Convolutions keep torch's default initialisation, whose gain is small enough for a recurrent
    residual network without normalisation; the last one, of the reconstruction, is nearly zero.
    """
    *_, last = (
        m for m in network.get_submodule("reconstruct").modules() if isinstance(m, nn.Conv2d)
    )
    with torch.no_grad():
        last.weight.mul_(0.05)
        if last.bias is not None:
            last.bias.zero_()


def start_weights(path: Path) -> dict[str, Tensor]:
    """Weights to start from: a safetensors file, or the averaged weights of a checkpoint.

    Raises:
        InputError: the file is neither.
    """
    if path.suffix == ".safetensors":
        return weights.read(path)[0]
    saved = checkpoints.read(path).average
    own = {k.removeprefix(NETWORK): v for k, v in saved.items() if k.startswith(NETWORK)}
    return own or saved


def take_weights(network: nn.Module, path: Path, *fresh: str) -> None:
    """Start from other weights; layers whose names begin like ``fresh`` may stay as they are.

    Raises:
        InputError: the file is unreadable or of a network with another trunk.
    """
    saved, own = start_weights(path), network.state_dict()
    fitting = {k: v for k, v in saved.items() if k in own and own[k].shape == v.shape}
    left = sorted(k for k in own if k not in fitting and not k.startswith(fresh or ("\0",)))
    if left:
        raise InputError(f"{path} does not fit this network; {left[0]} is missing or differs")
    network.load_state_dict({**own, **fitting})


def shipped(name: str) -> nn.Module:
    """A network of the registry with its trained weights, frozen.

    Raises:
        InputError: the package ships no trained weights of it.
    """
    loaded = weights.load(registry.get(name))
    if loaded.source != "trained":
        raise InputError(f"no trained weights of {name} are shipped; pass a file of them")
    return loaded.module


def network_of(name: str, path: Path) -> nn.Module:
    """A network of the registry with weights of a file, frozen."""
    return weights.load(registry.get(name), path).module

"""Deterministic weights for models that have none of their own yet.

Kaiming's uniform initialisation (arXiv 1502.01852) keeps the size of activations from layer to
layer; layers that add to something carry a smaller gain, so that a sum of many stays in range
and an untrained super-resolution network gives back its bilinear base and a faint residual.
"""

from __future__ import annotations

import hashlib
import math
import re

import torch
from torch import Tensor, nn

from .contract import ACTION_UNITS

PRELU_SLOPE = 0.2

GAINS = (
    (r"reconstruct\.(conv|picture)", 0.1),
    (r"second", 0.25),
    (r"(core|features)\.up\.conv", 0.25),
    (r"merge", 0.25),
    (r"landmarks\.again", 0.25),
    (r"landmarks\.heatmaps", 0.4),
    (r"landmarks\.layers\.\d+", 0.5),
    (r"classify\.\d+", 0.6),
    (r"classify", 2.8),
)
"""Gain of the layers whose path ends like this, where it is not sqrt(2); the first match counts."""

PRESENCE = 2.0
"""Log-odds of every other AU, and minus those of the rest, before the picture has a say."""


def seed_of(name: str) -> int:
    """Seed that belongs to a model's name."""
    return int.from_bytes(hashlib.sha256(name.encode()).digest()[:6], "big")


def seed(module: nn.Module, seed: int = 0) -> None:
    """Fill every parameter of a module from one seed, in place.

    Independent of torch's global generator and of the number of threads. Batch normalisation
    becomes neutral; biases become zero; persistent buffers that are no statistics stay.

    Args:
        module: a network on the CPU in float32.
        seed: any integer in 0..2**63 - 1.
    """
    generator = torch.Generator().manual_seed(seed)
    with torch.no_grad():
        for path, layer in module.named_modules():
            if isinstance(layer, (nn.Conv2d, nn.ConvTranspose2d, nn.Linear)):
                _fill(layer.weight, _gain(path) / math.sqrt(_fan_in(layer)), generator)
                if layer.bias is not None:
                    layer.bias.zero_()
                if path.split(".")[-1] == "classify" or path.endswith("classify.1"):
                    _spread(layer)
            elif isinstance(layer, nn.BatchNorm2d):
                layer.reset_parameters()
            elif isinstance(layer, nn.PReLU):
                layer.weight.fill_(PRELU_SLOPE)
            else:
                for name, parameter in layer.named_parameters(recurse=False):
                    # Matrices that multiply from the right, one for each AU: [units, in, out].
                    if name == "weight":
                        _fill(parameter, math.sqrt(2 / parameter.shape[-2]), generator)
                    else:
                        parameter.zero_()


def _fill(weight: Tensor, deviation: float, generator: torch.Generator) -> None:
    # Uniform: exact arithmetic on random bits, where a normal draw depends on the vector unit.
    draw = torch.rand(weight.shape, generator=generator)
    weight.copy_((draw * 2 - 1) * (deviation * math.sqrt(3)))


def _spread(layer: nn.Module) -> None:
    """Keep AU decisions off the threshold, where rounding alone would take them."""
    assert isinstance(layer, nn.Linear)
    units = len(ACTION_UNITS)
    odds = torch.tensor([PRESENCE, -PRESENCE] * (units // 2))
    # [units] log-odds, or [units, 2] with those of (absent, present) side by side.
    layer.bias.reshape(units, -1)[:, -1] = odds


def _gain(path: str) -> float:
    for ending, gain in GAINS:
        if re.search(rf"(^|\.){ending}$", path):
            return gain
    return math.sqrt(2)


def _fan_in(layer: nn.Conv2d | nn.ConvTranspose2d | nn.Linear) -> float:
    if isinstance(layer, nn.Linear):
        return layer.in_features
    taps = math.prod(layer.kernel_size) * layer.in_channels / layer.groups
    if isinstance(layer, nn.ConvTranspose2d):
        return taps / math.prod(layer.stride)
    return taps

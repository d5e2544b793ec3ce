"""Deterministic weights for models that have none of their own yet.

Kaiming's normal initialisation (arXiv 1502.01852) keeps the size of activations from layer to
layer; layers that add to something carry a smaller gain, so that a sum of many stays in range
and an untrained super-resolution network gives back its bilinear base and a faint residual.
"""

from __future__ import annotations

import hashlib
import math

import torch
from torch import Tensor, nn

PRELU_SLOPE = 0.2

GAINS = (
    (("reconstruct", "conv"), 0.1),
    (("reconstruct", "picture"), 0.1),
    (("second",), 0.25),
    (("core", "up", "conv"), 0.25),
    (("features", "up", "conv"), 0.25),
    (("merge",), 0.25),
    (("landmarks", "layers"), 0.5),
)
"""Gain of layers by the last module names of their path, where it is not sqrt(2)."""


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
                deviation = _gain(path) / math.sqrt(_fan_in(layer))
                _normal(layer.weight, deviation, generator)
                if layer.bias is not None:
                    layer.bias.zero_()
            elif isinstance(layer, nn.BatchNorm2d):
                layer.reset_parameters()
            elif isinstance(layer, nn.PReLU):
                layer.weight.fill_(PRELU_SLOPE)
            else:
                for name, parameter in layer.named_parameters(recurse=False):
                    # Matrices that multiply from the right, one for each AU: [units, in, out].
                    if name == "weight":
                        _normal(parameter, math.sqrt(2 / parameter.shape[-2]), generator)
                    else:
                        parameter.zero_()


def _normal(weight: Tensor, deviation: float, generator: torch.Generator) -> None:
    # In float64 a draw costs more and rounds to the same float32 on every vector unit.
    draw = torch.randn(weight.shape, dtype=torch.float64, generator=generator)
    weight.copy_(draw * deviation)


def _gain(path: str) -> float:
    names = tuple(name for name in path.split(".") if not name.isdigit())
    for suffix, gain in GAINS:
        if names[-len(suffix) :] == suffix:
            return gain
    return math.sqrt(2)


def _fan_in(layer: nn.Conv2d | nn.ConvTranspose2d | nn.Linear) -> float:
    if isinstance(layer, nn.Linear):
        return layer.in_features
    taps = math.prod(layer.kernel_size) * layer.in_channels / layer.groups
    if isinstance(layer, nn.ConvTranspose2d):
        return taps / math.prod(layer.stride)
    return taps

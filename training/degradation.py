"""The learned degradation: from a high-resolution face to the picture a real camera gives of it.

DeNet and DSNet of "Teacher-Student Network for Real-World Face Super-Resolution with Progressive
Embedding of Edge Information" (arXiv 2405.04778): content stays near the bicubic picture, an
adversary asks for the look of real low-resolution faces. Widths and losses are ours.
"""

from __future__ import annotations

from pathlib import Path

import torch
from torch import Tensor, nn
from torch.nn import functional as F
from torch.nn.utils.parametrizations import spectral_norm

from facedge.errors import InputError
from facedge.models.blocks import ResidualBlock
from facedge.models.weights import read, save

from .degrade import down

NOISE = 4
GAIN = 8.0
SLOPE = 0.2


class DeNet(nn.Module):
    """High-resolution face and noise to a low-resolution one: bicubic plus what was learned.

    Args:
        scale: how many times smaller the result is.
        width: channels at low resolution.
        blocks: residual blocks.
    """

    def __init__(self, scale: int, width: int = 64, blocks: int = 3) -> None:
        super().__init__()
        self.scale = scale
        # A convolution of kernel and stride equal to the scale sees each output pixel's own patch.
        self.patches = nn.Conv2d(3, width, scale, stride=scale)
        self.mix = nn.Conv2d(width + 3 + NOISE, width, 3, padding=1)
        self.blocks = nn.Sequential(*(ResidualBlock(width) for _ in range(blocks)))
        self.last = nn.Conv2d(width, 3, 3, padding=1)
        with torch.no_grad():
            self.last.weight.mul_(0.1)
            self.last.bias.zero_()  # type: ignore[union-attr]

    def forward(self, image: Tensor, noise: Tensor) -> Tensor:
        """Degrade.

        Args:
            image: float RGB [N, 3, h, h] in [0, 1].
            noise: standard normal float [N, 4, h/scale, h/scale].

        Returns:
            float RGB [N, 3, h/scale, h/scale], not clipped and not rounded.
        """
        base = F.interpolate(
            image, scale_factor=1 / self.scale, mode="bicubic", antialias=True
        ).clamp(0, 1)
        x = torch.cat([self.patches(image - 0.5), base - 0.5, noise], 1)
        out: Tensor = base + self.last(self.blocks(F.relu(self.mix(x))))
        return out


class Critic(nn.Module):
    """How real each neighbourhood of a low-resolution face looks: [N, 3, h, h] -> [N, 1, h/2, h/2].

    Spectral normalisation (arXiv 1802.05957) keeps its slope bounded, by ``GAIN``: degradations
    differ by a few grey levels, which a slope of 1 could not tell apart.
    """

    def __init__(self, width: int = 64) -> None:
        super().__init__()
        layers: list[nn.Module] = []
        for inputs, outputs, stride in (
            (3, width, 1),
            (width, 2 * width, 2),
            (2 * width,) * 2 + (1,),
        ):
            layers += [
                spectral_norm(nn.Conv2d(inputs, outputs, 3, stride=stride, padding=1)),
                nn.LeakyReLU(SLOPE),
            ]
        layers.append(spectral_norm(nn.Conv2d(2 * width, 1, 3, padding=1)))
        self.layers = nn.Sequential(*layers)

    def forward(self, image: Tensor) -> Tensor:
        out: Tensor = self.layers((image - 0.5) * GAIN)
        return out


def noise_for(images: int, size: int, generator: torch.Generator) -> Tensor:
    """Standard normal noise for DeNet: float [images, 4, size, size]."""
    return torch.randn(images, NOISE, size, size, generator=generator)


class Degradation:
    """A trained DeNet as a source of low-resolution pictures at uint8 levels.

    Args:
        net: the network; it is put in evaluation mode.
        seed: seed of the noise; the same pictures in the same order give the same result.
    """

    def __init__(self, net: DeNet, seed: int = 0) -> None:
        self.net = net.eval().requires_grad_(False)
        self.generator = torch.Generator().manual_seed(seed)

    def __call__(self, images: Tensor) -> Tensor:
        """Float RGB [N, 3, h, h] in [0, 1] -> float [N, 3, h/scale, h/scale] at uint8 levels."""
        noise = noise_for(len(images), images.shape[-1] // self.net.scale, self.generator)
        with torch.no_grad():
            small = self.net(images, noise)
        return torch.round(small.clamp(0, 1) * 255) / 255


def mixed(
    images: Tensor, degradation: DeNet | None, share: float, generator: torch.Generator, scale: int
) -> Tensor:
    """Low-resolution pictures, a share of them by the learned degradation, the rest bicubic.

    Args:
        images: float RGB [N, 3, h, h] in [0, 1].
        degradation: DeNet, or None for bicubic alone.
        share: expected share of degraded pictures.
        generator: decides which, and draws the noise.
        scale: of the bicubic pictures.
    """
    small = down(images, scale)
    if degradation is None or share <= 0:
        return small
    chosen = torch.rand(len(images), generator=generator) < share
    noise = noise_for(len(images), small.shape[-1], generator)
    if not chosen.any():
        return small
    with torch.no_grad():
        learned = degradation(images[chosen], noise[chosen])
    small[chosen] = torch.round(learned.clamp(0, 1) * 255) / 255
    return small


def save_degradation(net: DeNet, path: Path, metadata: dict[str, str]) -> None:
    """Write a DeNet as safetensors, with its scale."""
    save(net, path, {**metadata, "model": "denet", "scale": str(net.scale)})


def load_degradation(path: Path, scale: int | None = None) -> DeNet:
    """Read a DeNet.

    Args:
        path: file of :func:`save_degradation`.
        scale: the scale it must have.

    Raises:
        InputError: no such file, no DeNet, or one of another scale.
    """
    tensors, metadata = read(path)
    if metadata.get("model") != "denet" or not metadata.get("scale", "").isdecimal():
        raise InputError(
            f"{path} holds weights of {metadata.get('model', 'an unnamed model')}; expected denet, "
            "which python -m facedge.training.denet trains"
        )
    found = int(metadata["scale"])
    if scale is not None and found != scale:
        raise InputError(f"{path} degrades {found} times; expected a degradation of {scale} times")
    net = DeNet(found)
    try:
        net.load_state_dict(tensors)
    except RuntimeError as error:
        raise InputError(f"{path} does not fit denet; it was written by another version") from error
    return net.eval().requires_grad_(False)

"""The learned degradation: shapes, mixtures with bicubic, and its file."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import pytest
import torch
from safetensors.torch import save_file

from facedge.errors import InputError
from facedge.training.degradation import (
    NOISE,
    Critic,
    Degradation,
    DeNet,
    load_degradation,
    mixed,
    noise_for,
    save_degradation,
)
from facedge.training.degrade import down


def small_net(scale: int = 8, seed: int = 0) -> DeNet:
    torch.manual_seed(seed)
    return DeNet(scale, width=8, blocks=1)


@pytest.fixture
def images(pixels: np.ndarray) -> torch.Tensor:
    return torch.from_numpy(pixels).permute(0, 3, 1, 2).float() / 255


def generator(seed: int = 0) -> torch.Generator:
    return torch.Generator().manual_seed(seed)


@pytest.mark.parametrize(("scale", "side"), [(8, 16), (4, 32)])
def test_the_result_is_the_scale_smaller_and_begins_near_bicubic(
    images: torch.Tensor, scale: int, side: int
) -> None:
    noise = noise_for(len(images), side, generator())
    assert noise.shape == (len(images), NOISE, side, side)
    with torch.no_grad():
        found = small_net(scale)(images, noise)
    assert found.shape == (len(images), 3, side, side)
    change = (found - down(images, scale)).abs()
    assert 0 < float(change.mean()) < 0.1
    # Noise is a part of the input: other noise, another picture.
    with torch.no_grad():
        other = small_net(scale)(images, noise_for(len(images), side, generator(1)))
    assert not torch.equal(found, other)


def test_the_critic_judges_every_neighbourhood_and_its_slope_is_bounded() -> None:
    torch.manual_seed(0)
    critic = Critic(width=8)
    image = torch.rand(2, 3, 16, 16, generator=generator())
    for _ in range(20):  # one power iteration each
        found = critic(image)
    assert found.shape == (2, 1, 8, 8)
    critic.eval()
    with torch.no_grad():
        for seed in range(5):
            change = 0.01 * torch.randn(image.shape, generator=generator(seed))
            moved = (critic(image + change) - critic(image)).norm()
            # The gain is 8. The kernels' matrices have norm 1, whose convolutions' norms are at
            # most 3 each, as a pixel is in nine windows (arXiv 1805.10408).
            assert float(moved) < 8 * 3**4 * float(change.norm())


def test_no_share_is_bicubic_and_a_whole_share_is_not(images: torch.Tensor) -> None:
    net, small = small_net(), down(images, 8)
    assert torch.equal(mixed(images, net, 0.0, generator(), 8), small)
    assert torch.equal(mixed(images, None, 1.0, generator(), 8), small)
    found = mixed(images, net, 1.0, generator(), 8)
    assert found.shape == small.shape
    assert all(not torch.equal(a, b) for a, b in zip(found, small, strict=True))
    assert torch.equal(found, torch.round(found * 255) / 255)
    assert found.min() >= 0
    assert found.max() <= 1
    assert not found.requires_grad


def test_a_share_in_between_leaves_the_rest_bicubic_to_the_bit(images: torch.Tensor) -> None:
    many = images.repeat(4, 1, 1, 1)
    net, small = small_net(), down(many, 8)
    found = mixed(many, net, 0.5, generator(), 8)
    changed = [not torch.equal(a, b) for a, b in zip(found, small, strict=True)]
    # 48 draws of one half: 24 +- 3.5, here within four deviations.
    assert 10 <= sum(changed) <= 38


def test_a_mixture_is_a_function_of_its_generator(images: torch.Tensor) -> None:
    net = small_net()
    first, again, other = (mixed(images, net, 0.5, generator(seed), 8) for seed in (0, 0, 1))
    assert torch.equal(first, again)
    assert not torch.equal(first, other)


def test_a_degradation_gives_uint8_levels_and_begins_anew_with_its_seed(
    images: torch.Tensor,
) -> None:
    net = small_net()
    first, again, other = Degradation(net), Degradation(net), Degradation(net, seed=1)
    found = first(images)
    assert torch.equal(found, torch.round(found * 255) / 255)
    assert torch.equal(found, again(images))
    assert not torch.equal(found, other(images))
    assert not torch.equal(found, first(images))  # the next noise
    assert not net.training
    assert not any(p.requires_grad for p in net.parameters())


def test_a_saved_degradation_loads_to_the_same_function(
    images: torch.Tensor, tmp_path: Path
) -> None:
    torch.manual_seed(0)
    net = DeNet(4)
    save_degradation(net, tmp_path / "denet.safetensors", {"licence": "none"})
    loaded = load_degradation(tmp_path / "denet.safetensors", 4)
    noise = noise_for(2, 32, generator())
    with torch.no_grad():
        assert torch.equal(loaded(images[:2], noise), net(images[:2], noise))
    assert loaded.scale == load_degradation(tmp_path / "denet.safetensors").scale == 4
    assert not loaded.training
    assert not any(p.requires_grad for p in loaded.parameters())


def test_files_that_do_not_fit_are_named(tmp_path: Path) -> None:
    path = tmp_path / "denet.safetensors"
    save_degradation(small_net(8), path, {})
    with pytest.raises(InputError, match=r"degrades 8 times; expected a degradation of 4 times"):
        load_degradation(path, 4)
    with pytest.raises(InputError, match=r"does not fit denet; it was written by another version"):
        load_degradation(path, 8)
    save_file({"x": torch.zeros(1)}, path, {"model": "fsr-student"})
    with pytest.raises(InputError, match=r"holds weights of fsr-student; expected denet"):
        load_degradation(path)
    save_file({"x": torch.zeros(1)}, path, {"model": "denet"})
    with pytest.raises(InputError, match=r"expected denet"):
        load_degradation(path)
    path.write_bytes(b"torn")
    with pytest.raises(InputError, match=r"is not a safetensors file"):
        load_degradation(path)
    with pytest.raises(InputError, match=r"none is no file"):
        load_degradation(tmp_path / "none")

"""A grown network is the small one's function, and its new parts can learn."""

from __future__ import annotations

import pytest
import torch
from torch import nn

from facedge.errors import InputError
from facedge.models.fsr_student import FsrStudent
from facedge.training.grow import grow


def student(seed: int, scale: int = 8, **shape: int) -> FsrStudent:
    torch.manual_seed(seed)
    return FsrStudent(scale=scale, **{"width": 32, "deep": 32, "deep_blocks": 1, **shape})


def pictures(scale: int = 8) -> torch.Tensor:
    side = 128 // scale
    return torch.rand(2, 3, side, side, generator=torch.Generator().manual_seed(2))


@pytest.mark.parametrize("scale", [8, 4])
@pytest.mark.parametrize("shape", [{"width": 64}, {"deep": 64}, {"width": 64, "deep_blocks": 3}])
def test_every_picture_is_that_of_the_small_network(scale: int, shape: dict[str, int]) -> None:
    small, large = student(0, scale), student(1, scale, **shape)
    grow(small, large)
    image = pictures(scale)
    with torch.no_grad():
        wanted, found = small(image).steps, large(image).steps
    base = nn.functional.interpolate(image, scale_factor=scale, mode="bilinear")
    for a, b in zip(wanted, found, strict=True):
        assert float((a - base).abs().max()) > 0.05  # the network does something
        # Sums over more channels, of which the new are times zero, in another order: a few
        # float32 roundings of numbers about 1. Edges round grey levels, which so small a
        # difference does not change on these pictures.
        assert float((a - b).abs().max()) < 5e-6


def test_the_state_of_the_small_network_lives_on_in_the_first_channels() -> None:
    small, large = student(0), student(1, width=64)
    grow(small, large)
    image = pictures()
    with torch.no_grad():
        before, after = small(image), large(image)
        again, still = small(image, before.state), large(image, after.state)
    # As above; the state is about as large as the picture.
    torch.testing.assert_close(after.state[:, :32], before.state, rtol=0, atol=5e-6)
    torch.testing.assert_close(still.steps[-1], again.steps[-1], rtol=0, atol=5e-6)


def test_new_channels_and_blocks_have_a_gradient_from_the_first_iteration() -> None:
    small, large = student(0), student(1, width=64, deep=64, deep_blocks=2)
    grow(small, large)
    torch.stack([p.square().mean() for p in large(pictures()).steps]).sum().backward()
    # What the old channels hear of the new ones: zero as yet, about to change.
    heard = {
        "reconstruct.conv.weight": slice(None),
        "core.before.first.weight": slice(32),
        "core.down.weight": slice(32),
        "core.up.conv.weight": slice(128),
        "core.deep.0.second.weight": slice(32),
    }
    for name, old in heard.items():
        parameter = large.get_parameter(name)
        assert parameter.grad is not None
        new = parameter.detach()[old, 32:], parameter.grad[old, 32:]
        assert not new[0].any(), name
        assert (new[1] != 0).float().mean() > 0.5, name
    block = large.get_parameter("core.deep.1.second.weight")
    assert not block.any()
    assert block.grad is not None
    assert (block.grad[:32] != 0).float().mean() > 0.5


@pytest.mark.parametrize(
    ("small", "large", "sentence"),
    [
        (
            {"width": 64},
            {},
            r"head\.conv\.weight shrinks from \[256, 3, 3, 3\] to \[128, 3, 3, 3\]",
        ),
        ({"deep": 64}, {"width": 64}, "shrinks from"),
        ({"deep_blocks": 2}, {}, r"has no core\.deep\.1\.first\.weight; a network can only grow"),
        ({"scale": 4}, {}, "to grow from is for scale 4; expected 8"),
    ],
)
def test_a_network_that_shrinks_or_of_another_scale_is_refused(
    small: dict[str, int], large: dict[str, int], sentence: str
) -> None:
    with pytest.raises(InputError, match=sentence):
        grow(student(0, **small), student(1, **large))

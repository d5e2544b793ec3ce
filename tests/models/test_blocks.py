"""Layers that several models share."""

from __future__ import annotations

import torch
from torch.nn import functional as F

from facedge.models.blocks import DepthToSpaceConv


def filled(**options: object) -> DepthToSpaceConv:
    torch.manual_seed(3)
    layer = DepthToSpaceConv(8, 5, 2, **options)  # type: ignore[arg-type]
    with torch.no_grad():
        for parameter in layer.parameters():
            parameter.normal_()
    return layer


def test_a_point_with_a_shared_bias_is_a_deconvolution_whose_windows_do_not_meet() -> None:
    layer = filled(kernel=1, shared_bias=True)
    x = torch.randn(2, 8, 4, 6)
    # PixelShuffle's order: channel, row in the block, column in the block.
    kernel = layer.conv.weight[:, :, 0, 0].reshape(5, 2, 2, 8).permute(3, 0, 1, 2)
    expected = F.conv_transpose2d(x, kernel, layer.conv.bias, stride=2)
    # Sums of eight products in another order.
    torch.testing.assert_close(layer(x), expected, rtol=1e-5, atol=1e-5)


def test_a_shared_bias_is_one_number_a_channel_and_learns() -> None:
    layer = filled(shared_bias=True)
    assert layer.conv.bias is not None
    assert layer.conv.bias.shape == (5,)
    layer(torch.randn(1, 8, 4, 6)).sum().backward()
    # Each of a channel's 8 x 12 pixels adds its bias once.
    torch.testing.assert_close(layer.conv.bias.grad, torch.full((5,), 96.0))


def test_without_one_every_pixel_of_a_block_has_its_own() -> None:
    layer = filled()
    assert layer.conv.bias is not None
    assert layer.conv.bias.shape == (20,)
    expected = F.pixel_shuffle(
        F.conv2d(x := torch.randn(1, 8, 4, 6), layer.conv.weight, layer.conv.bias, padding=1), 2
    )
    torch.testing.assert_close(layer(x), expected, rtol=0, atol=0)

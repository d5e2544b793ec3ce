"""A 1x1 convolution and DepthToSpace as one deconvolution whose windows do not meet.

Every output pixel is one product of an input pixel's channels, and a deconvolution writes it where
it belongs: OpenVINO's integer kernel for it takes as long as the convolution, and DepthToSpace of
bytes longer than either.
"""

from __future__ import annotations

import numpy as np
import onnx_ir as ir

from .convolution import convolution
from .edit import Array, Insertion, nodes, producer, read_once

_FEWEST_CHANNELS = 16
"""Of the result: with fewer, a picture above all, vectors stay empty."""


def apply(model: ir.Model) -> int:
    """Replace such pairs whose bias is the same for all pixels of a block.

    Returns:
        How many were replaced.
    """
    count = 0
    for node in nodes(model, "DepthToSpace"):
        found = convolution(producer(node.inputs[0], "Conv"))
        if found is None or not read_once(found.node.outputs[0]):
            continue
        block = node.attributes.get_int("blocksize", 1)
        outputs, _, height, width = found.weight.shape
        channels = outputs // block**2
        if (height, width) != (1, 1) or found.strides != (1, 1) or any(found.pads):
            continue
        crd = node.attributes.get_string("mode", "DCR") == "CRD"
        bias = _by_channel(found.bias, channels, block, crd)
        if channels < _FEWEST_CHANNELS or np.any(bias != bias[:, :1]):
            continue
        kernel = _by_channel(found.weight[:, :, 0, 0], channels, block, crd)
        edit = Insertion(model, node)
        stem = found.node.inputs[1].name  # type: ignore[union-attr]
        weight = edit.constant(_kernel(kernel, block), f"{stem}_raised")
        sides = [block, block]
        inputs = [found.node.inputs[0], weight]
        made = edit.op("ConvTranspose", inputs, kernel_shape=sides, strides=sides)
        if found.has_bias:
            # Inside of it, OpenVINO's deconvolution takes longer than what it replaces.
            shift = edit.constant(bias[:, :1, None], f"{stem}_raised_bias")
            made = edit.op("Add", [made, shift])
        edit.replace(node.outputs[0], made)
        count += 1
    return count


def _by_channel(array: Array, channels: int, block: int, crd: bool) -> Array:
    """[channels b b, ...] in DepthToSpace's order -> [channels, b b, ...]."""
    if crd:
        return array.reshape(channels, block**2, *array.shape[1:])
    return array.reshape(block**2, channels, *array.shape[1:]).swapaxes(0, 1)


def _kernel(by_channel: Array, block: int) -> Array:
    """[channels, b b, inputs] -> [inputs, channels, b, b]."""
    channels, _, inputs = by_channel.shape
    return np.ascontiguousarray(by_channel.transpose(2, 0, 1)).reshape(
        inputs, channels, block, block
    )

"""DepthToSpace of many channels as moves of whole pixels, channels last.

In the order that PyTorch's PixelShuffle has (CRD) a kernel moves single values; with the channels
before it sorted by their place in the block (DCR), and channels last, it moves all of a pixel's
channels at once. Integer convolutions of ONNX Runtime are channels last, and its optimiser takes
out the outer transposes.
"""

from __future__ import annotations

import numpy as np
import onnx_ir as ir

from .edit import Array, Insertion, constant, nodes, producer, read_once, sizes

_FEWEST_CHANNELS = 16
ACTIVATIONS = ("Relu", "LeakyRelu")


def apply(model: ir.Model) -> int:
    """Replace DepthToSpace to at least 16 channels, of a fixed size, behind a convolution.

    Returns:
        How many were replaced.
    """
    count = 0
    for node in nodes(model, "DepthToSpace"):
        shape, result = sizes(node.inputs[0]), sizes(node.outputs[0])
        block = node.attributes.get_int("blocksize", 1)
        if shape is None or result is None or None in shape[1:] or None in result[1:]:
            continue
        _, channels, height, width = (size or 0 for size in result)
        if channels < _FEWEST_CHANNELS:
            continue
        if node.attributes.get_string("mode", "DCR") == "CRD" and not sort(model, node, block):
            continue
        edit = Insertion(model, node)
        rows, columns = height // block, width // block
        stem = node.name or "shuffle"
        cut = edit.constant(np.array([0, rows, columns, block, block * channels]), f"{stem}_cut")
        joined = edit.constant(np.array([0, height, width, channels]), f"{stem}_joined")
        value = edit.op("Transpose", [node.inputs[0]], perm=[0, 2, 3, 1])
        value = edit.op("Reshape", [value, cut])
        value = edit.op("Transpose", [value], perm=[0, 1, 3, 2, 4])
        value = edit.op("Reshape", [value, joined])
        edit.replace(node.outputs[0], edit.op("Transpose", [value], perm=[0, 3, 1, 2]))
        count += 1
    return count


def sort(model: ir.Model, node: ir.Node, block: int) -> bool:
    """Bring the convolution's output channels from CRD to DCR order; whether that was possible."""
    value = node.inputs[0]
    while value is not None and read_once(value):
        if (conv := producer(value, "Conv")) is not None:
            break
        before = producer(value, *ACTIVATIONS)
        value = None if before is None else before.inputs[0]
    else:
        return False
    parameters = [constant(given) for given in conv.inputs[1:]]
    if any(array is None for array in parameters) or conv.attributes.get_int("group", 1) != 1:
        return False
    edit = Insertion(model, conv)
    for place, array in enumerate(parameters, 1):
        assert array is not None
        stem = conv.inputs[place].name or "weight"  # type: ignore[union-attr]
        conv.replace_input_with(place, edit.constant(_by_place(array, block), f"{stem}_sorted"))
    return True


def _by_place(array: Array, block: int) -> Array:
    """[channels * block * block, ...] -> [block * block * channels, ...]."""
    split = array.reshape(-1, block * block, *array.shape[1:])
    return np.ascontiguousarray(split.swapaxes(0, 1)).reshape(array.shape)

"""DepthToSpace(x) + y = DepthToSpace(x + SpaceToDepth(y)): additions where vectors are full.

A restored picture has three channels; behind depth-to-space, kernels that fill vectors with
channels leave most lanes empty. Where one y is added at every step of a recurrent network, as the
enlarged input is, its space-to-depth is computed once.
"""

from __future__ import annotations

import numpy as np
import onnx_ir as ir

from .edit import Insertion, nodes, producer, read_once, sizes

_LANES = 16


def apply(model: ir.Model) -> int:
    """Move additions of a computed picture in front of the DepthToSpace of the other.

    Done where the picture has fewer than 16 channels and sizes are fixed.

    Returns:
        How many were moved.
    """
    count = 0
    packed: dict[tuple[ir.Value, int, str], ir.Value] = {}
    for node in nodes(model, "Add"):
        for here, other in (node.inputs, (node.inputs[1], node.inputs[0])):
            move = producer(here, "DepthToSpace")
            if move is None or here is None or other is None or not read_once(here):
                continue
            shape = sizes(here)
            if other.producer() is None or shape is None or sizes(other) != shape:
                continue
            if None in shape[1:] or (shape[1] or 0) >= _LANES:
                continue
            block = move.attributes.get_int("blocksize", 1)
            mode = move.attributes.get_string("mode", "DCR")
            key = (other, block, mode)
            if key not in packed:
                packed[key] = _space_to_depth(model, node, other, shape, block, mode)
            edit = Insertion(model, node)
            total = edit.op("Add", [move.inputs[0], packed[key]])
            spread = edit.op("DepthToSpace", [total], blocksize=block, mode=mode)
            edit.replace(node.outputs[0], spread)
            count += 1
            break
    return count


def _space_to_depth(
    model: ir.Model,
    anchor: ir.Node,
    picture: ir.Value,
    shape: tuple[int | None, ...],
    block: int,
    mode: str,
) -> ir.Value:
    """The inverse of DepthToSpace; ONNX's own SpaceToDepth inverts DCR only."""
    edit = Insertion(model, anchor)
    if mode == "DCR":
        return edit.op("SpaceToDepth", [picture], blocksize=block)
    channels, height, width = (size or 0 for size in shape[1:])
    rows, columns = height // block, width // block
    name = f"{picture.name}_packed"
    split = edit.constant(np.array([0, channels, rows, block, columns, block]), f"{name}_split")
    joined = edit.constant(np.array([0, channels * block**2, rows, columns]), f"{name}_joined")
    value = edit.op("Reshape", [picture, split])
    value = edit.op("Transpose", [value], perm=[0, 1, 3, 5, 2, 4])
    return edit.op("Reshape", [value, joined])

"""A smoothing filter of one channel as two products with fixed band matrices.

A kernel of rank one filters rows and columns one after the other: Y = A X B^T, row r of A holding
the kernel's weights on what output row r sees, padding included. CPU kernels of convolutions fill
vectors with channels, and a picture of edges has one.
"""

from __future__ import annotations

import numpy as np
import onnx_ir as ir

from .edit import Array, Insertion, constant, ints, nodes, producer, read_once, sizes

_LEAST_TAPS = 16
"""Weights of a kernel from which the products are faster: a 3x3 Sobel filter is not."""
_LARGEST_SIDE = 256
_MODES = ("constant", "reflect", "edge")
"""Padding that NumPy calls as ONNX does."""
_RANK_ONE = 1e-6


def apply(model: ir.Model) -> int:
    """Replace convolutions of one channel to one, with the Pad before them, by products.

    Done for kernels of rank one and fixed sizes.

    Returns:
        How many were replaced.
    """
    count = 0
    for node in nodes(model, "Conv"):
        factors = _factors(constant(node.inputs[1]))
        if factors is None or len(node.inputs) > 2 or not _plain(node):
            continue
        source = _source(node)
        shape = sizes(source[0]) if source is not None else None
        if source is None or shape is None or len(shape) != 4 or shape[1] != 1:
            continue
        height, width = shape[2:]
        if height is None or width is None or max(height, width) > _LARGEST_SIDE:
            continue
        value, mode, begin, end = source
        top, left, bottom, right = ints(node, "pads", (0, 0, 0, 0))
        if min(begin + end) < 0 or (mode == "reflect" and max(begin + end) >= min(height, width)):
            continue
        rows = _band(factors[0], height, mode, (begin[0], end[0]), (top, bottom))
        columns = _band(factors[1], width, mode, (begin[1], end[1]), (left, right))
        edit = Insertion(model, node)
        stem = node.inputs[1].name or "kernel"  # type: ignore[union-attr]
        down = edit.op("MatMul", [edit.constant(rows, f"{stem}_rows"), value])
        across = edit.constant(np.ascontiguousarray(columns.T), f"{stem}_columns")
        edit.replace(node.outputs[0], edit.op("MatMul", [down, across]))
        count += 1
    return count


def _plain(node: ir.Node) -> bool:
    return (
        node.attributes.get_string("auto_pad", "NOTSET") == "NOTSET"
        and node.attributes.get_int("group", 1) == 1
        and all(size == 1 for size in ints(node, "strides", (1, 1)))
        and all(size == 1 for size in ints(node, "dilations", (1, 1)))
    )


def _factors(kernel: Array | None) -> tuple[Array, Array] | None:
    """Column and row vector whose product a kernel [1, 1, kh, kw] is, float64; None without any."""
    if kernel is None or kernel.ndim != 4 or kernel.shape[:2] != (1, 1):
        return None
    if kernel.size < _LEAST_TAPS:
        return None
    u, values, v = np.linalg.svd(kernel[0, 0].astype(np.float64))
    if len(values) > 1 and values[1] > _RANK_ONE * values[0]:
        return None
    root = np.sqrt(values[0])
    return u[:, 0] * root, v[0] * root


def _source(
    node: ir.Node,
) -> tuple[ir.Value, str, tuple[int, int], tuple[int, int]] | None:
    """What is filtered, how it is padded before, and by how much above/left and below/right."""
    value = node.inputs[0]
    pad = producer(value, "Pad")
    if value is None or pad is None or not read_once(value):
        return None if value is None else (value, "constant", (0, 0), (0, 0))
    mode = pad.attributes.get_string("mode", "constant")
    amounts = constant(pad.inputs[1])
    level = constant(pad.inputs[2]) if len(pad.inputs) > 2 and pad.inputs[2] is not None else 0
    axes = len(pad.inputs) > 3 and pad.inputs[3] is not None
    if mode not in _MODES or amounts is None or amounts.size != 8 or axes or level is None:
        return None
    if np.any(np.asarray(level) != 0) or np.any(amounts[[0, 1, 4, 5]]) or pad.inputs[0] is None:
        return None
    above, left, below, right = (int(amounts[i]) for i in (2, 3, 6, 7))
    return pad.inputs[0], mode, (above, left), (below, right)


def _band(
    taps: Array, size: int, mode: str, padding: tuple[int, int], zeros: tuple[int, int]
) -> Array:
    """Matrix [outputs, size] of one axis: padding and correlation of an identity matrix."""
    padded = np.pad(np.eye(size), (padding, (0, 0)), mode=mode)  # type: ignore[call-overload]
    padded = np.pad(padded, (zeros, (0, 0)))
    outputs = len(padded) - len(taps) + 1
    band = sum(tap * padded[i : i + outputs] for i, tap in enumerate(taps))
    return np.asarray(band, np.float32)

"""What a Slice takes, read from its constant inputs."""

from __future__ import annotations

import onnx_ir as ir

from .edit import constant, sizes


def kept(node: ir.Node) -> dict[int, range] | None:
    """Indices that a Slice keeps on each axis it cuts, axes counted from 0.

    None where an argument is not fixed, or the size of a cut axis is not known.
    """
    shape = sizes(node.inputs[0])
    arguments = [constant(value) for value in node.inputs[1:] if value is not None]
    if node.op_type != "Slice" or shape is None or len(arguments) < len(node.inputs) - 1:
        return None
    lists = [[int(number) for number in a.ravel()] for a in arguments if a is not None]
    if len(lists) < len(arguments) or len(lists) < 2:
        return None
    starts, ends = lists[:2]
    axes = lists[2] if len(lists) > 2 else list(range(len(starts)))
    steps = lists[3] if len(lists) > 3 else [1] * len(starts)
    found: dict[int, range] = {}
    for start, end, axis, step in zip(starts, ends, axes, steps, strict=True):
        size = shape[axis % len(shape)]
        if size is None:
            return None
        found[axis % len(shape)] = range(*slice(start, end, step).indices(size))
    return found

"""Which values are zero whatever the input: the hidden state and the prior of the first step."""

from __future__ import annotations

import onnx_ir as ir

from .edit import constant, producer

# Each maps zero to zero, looked at through its first input.
_KEEPS_ZERO = (
    "Abs", "AveragePool", "DepthToSpace", "Expand", "Flatten", "Identity", "LeakyRelu", "MaxPool",
    "Neg", "PRelu", "Relu", "Reshape", "Round", "Sign", "Slice", "SpaceToDepth", "Squeeze", "Tile",
    "Transpose", "Unsqueeze",
)  # fmt: skip


def is_zero(value: ir.Value | None) -> bool:
    """Whether every element of a value is zero for every finite input of the graph."""
    if value is None:
        return False
    fixed = constant(value)
    if fixed is not None:
        return fixed.size > 0 and not fixed.any()
    if (node := producer(value, *_KEEPS_ZERO)) is not None:
        return is_zero(node.inputs[0])
    if (node := producer(value, "ConstantOfShape")) is not None:
        filled = node.attributes.get("value")
        return filled is None or not filled.as_tensor().numpy().any()
    if (node := producer(value, "Mul")) is not None:
        return any(is_zero(each) for each in node.inputs)
    if (node := producer(value, "Add", "Sub", "Concat")) is not None:
        return all(is_zero(each) for each in node.inputs)
    if (node := producer(value, "Conv")) is not None:
        bias = node.inputs[2] if len(node.inputs) > 2 else None
        return is_zero(node.inputs[0]) and (bias is None or is_zero(bias))
    return False

"""group-branches: parallel branches of the same operators become one branch of grouped ones.

Twelve refinement nets and twelve AU branches become grouped convolutions, elementwise operators
and poolings of all channels at once.
"""

from __future__ import annotations

from collections.abc import Sequence

import onnx_ir as ir

from .edit import constant, nodes
from .hoist import hoist, is_channel_concat, leads_to, with_shapes
from .merges import (
    BATCH_NORM,
    BINARY,
    BINARY_OPS,
    CONVOLUTION,
    ELEMENTWISE,
    ELEMENTWISE_OPS,
    FLATTEN,
    LINEAR,
    POOLING,
    SLICE_ELSEWHERE,
    STACK,
    UNSQUEEZE_BEHIND,
)

RULES = (
    CONVOLUTION,  # one wide or one grouped convolution
    LINEAR,  # one wide or one batched matrix product
    BATCH_NORM,  # parameters joined
    ELEMENTWISE_OPS,  # Relu, LeakyRelu, Sigmoid, MaxPool …: the same on all channels
    BINARY_OPS,  # features x one map per branch, sums of branches
    FLATTEN,  # [N, c, h, w] -> [N, f] of all channels
    STACK,  # a new axis of branches
    UNSQUEEZE_BEHIND,
    SLICE_ELSEWHERE,
)

_BETWEEN = (
    ELEMENTWISE
    | POOLING
    | BINARY
    | frozenset(["BatchNormalization", "Reshape", "Flatten", "Unsqueeze", "Slice"])
)


def apply(model: ir.Model) -> int:
    """Group parallel branches that lead to convolutions or linear layers.

    Returns:
        How many times siblings were merged into one operator.
    """
    with_shapes(model)
    concats = [
        node
        for node in nodes(model, "Concat")
        if is_channel_concat(node) and leads_to(node.inputs, _BETWEEN, _weighted)
    ]
    return hoist(model, concats, RULES)


def _weighted(branch: Sequence[ir.Node]) -> bool:
    """Whether these are the layers worth grouping for: convolutions and linear layers.

    Merging only activations would save one node and hide from later passes that a convolution
    reads a Concat.
    """
    return branch[0].op_type in ("Conv", "Gemm", "MatMul") and all(
        len(node.inputs) > 1 and constant(node.inputs[1]) is not None for node in branch
    )

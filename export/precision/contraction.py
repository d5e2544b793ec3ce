"""The nodes that multiply by weights: what they cost, and whether INT8 suits them."""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Sequence
from dataclasses import dataclass
from math import prod

import onnx_ir as ir

from facedge.runtime.manifest import Dialect

from .ir_edit import constant, in_scope

CONTRACTIONS = ("Conv", "ConvTranspose", "Gemm", "MatMul")
FEWEST_CHANNELS = 16
"""Input channels per group below which INT8 kernels lose to float ones."""
FEWEST_WEIGHTS = 65536
"""Weights of a matrix product below which reading them as INT8 saves nothing."""


@dataclass(frozen=True)
class Contraction:
    """A Conv, ConvTranspose, Gemm or MatMul.

    Attributes:
        node: the node.
        kernel: spatial kernel; empty for Gemm and MatMul.
        in_channels: input channels of one group.
        out_channels: output channels of all groups.
        groups: number of groups.
        macs: multiply-accumulates at batch 1.
        channel_axis: axis of the weight that runs over output channels.
        constant_weight: whether the weights are an initialiser.
    """

    node: ir.Node
    kernel: tuple[int, ...]
    in_channels: int
    out_channels: int
    groups: int
    macs: int
    channel_axis: int
    constant_weight: bool

    @property
    def name(self) -> str:
        """The node's name."""
        return self.node.name or ""


def contractions(graph: ir.Graph) -> Iterator[Contraction]:
    """Every contraction of a graph, in order."""
    for node in graph:
        if node.op_type in CONTRACTIONS and node.domain == "":
            yield describe(node)


def describe(node: ir.Node) -> Contraction:
    """Geometry and cost of one contraction; unknown dimensions, the batch above all, count as 1."""
    data, weight, output = node.inputs[0], node.inputs[1], node.outputs[0]
    fixed = constant(weight) is not None or _is_dequantised_constant(weight)
    shape = _sizes(weight)
    groups = node.attributes.get_int("group", 1)
    if node.op_type == "Conv":
        pixels = prod(_sizes(output)[2:])
        return Contraction(
            node, tuple(shape[2:]), shape[1], shape[0], groups, pixels * prod(shape), 0, fixed
        )
    if node.op_type == "ConvTranspose":
        pixels = prod(_sizes(data)[2:])
        inputs, outputs = shape[0] // groups, shape[1] * groups
        return Contraction(
            node, tuple(shape[2:]), inputs, outputs, groups, pixels * prod(shape), 1, fixed
        )
    if node.op_type == "Gemm":
        axis = 0 if node.attributes.get_int("transB", 0) else 1
        depth, width = shape[1 - axis], shape[axis]
        rows = 1
    else:
        axis = len(shape) - 1
        depth, width = (shape[-2] if len(shape) > 1 else shape[-1]), shape[-1]
        # Symbolic leading dimensions are the batch; the others are rows or stacked products.
        rows = prod(_sizes(output)[:-1])
    return Contraction(node, (), depth, width, 1, rows * depth * width, axis, fixed)


def unsuited(
    item: Contraction, dialect: Dialect, exclude: Iterable[str], first_layer: bool = False
) -> str | None:
    """Why a contraction should stay in float, or None where INT8 suits it.

    Args:
        item: the contraction.
        dialect: whose kernels are meant.
        exclude: scopes that must stay in float.
        first_layer: no other contraction comes before this one.
    """
    scope = in_scope(item.name, exclude)
    if scope is not None:
        return f"float scope '{scope}'"
    if not item.constant_weight:
        return "both operands are computed"
    if item.node.op_type == "ConvTranspose":
        return "deconvolution: INT8 kernels for it lose to float; rewrite as conv + depth-to-space"
    weights = item.in_channels * item.out_channels
    if not item.kernel and weights < FEWEST_WEIGHTS:
        return f"matrix product of {weights} weights, fewer than {FEWEST_WEIGHTS}"
    few = item.in_channels < FEWEST_CHANNELS
    if few and dialect == "tensorrt" and first_layer and not item.groups > 1:
        few = item.out_channels < 16 * item.in_channels
    if few:
        return f"{item.in_channels} input channels per group, fewer than {FEWEST_CHANNELS}"
    return None


def padded_channels(item: Contraction) -> str | None:
    """The warning that an INT8 tensor core would pad this contraction, or None."""
    per_group = (item.in_channels, item.out_channels // item.groups)
    if all(count % 32 == 0 for count in per_group):
        return None
    return f"channels {per_group[0]} -> {per_group[1]} are padded to multiples of 32"


def _is_dequantised_constant(value: ir.Value | None) -> bool:
    producer = value.producer() if value is not None else None
    if producer is None or producer.op_type not in ("DequantizeLinear", "Cast"):
        return False
    source = producer.inputs[0]
    return constant(source) is not None or _is_dequantised_constant(source)


def _sizes(value: ir.Value | None) -> Sequence[int]:
    if value is None or value.shape is None:
        return ()
    return [size if isinstance(size, int) else 1 for size in value.shape.dims]

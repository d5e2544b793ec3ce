"""Which convolutions run in INT8, and why the others do not."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from dataclasses import dataclass

import onnx
import onnx_ir as ir

from facedge.runtime.manifest import Dialect

from .choice import OUTPUT
from .contraction import Contraction, contractions, padded_channels, unsuited
from .ir_edit import NOTE, open_model
from .region import cuts_at_zero


@dataclass(frozen=True)
class ConvReadiness:
    """One contraction of the float graph and what became of it.

    Attributes:
        node: its name.
        op: Conv, ConvTranspose, Gemm or MatMul.
        kernel: spatial kernel, empty for Gemm and MatMul.
        in_channels: input channels per group.
        out_channels: output channels.
        groups: number of groups.
        macs: multiply-accumulates at batch 1.
        share: part of the graph's multiply-accumulates, 0..1.
        int8: whether it multiplies in INT8.
        reason: why not, empty where it does.
        warning: what makes INT8 slower than it could be, or empty.
    """

    node: str
    op: str
    kernel: tuple[int, ...]
    in_channels: int
    out_channels: int
    groups: int
    macs: int
    share: float
    int8: bool
    reason: str
    warning: str


@dataclass(frozen=True)
class Coverage:
    """How much of a graph multiplies in INT8.

    Attributes:
        contractions: number of Conv, ConvTranspose, Gemm and MatMul nodes.
        int8: how many of them are INT8.
        macs: multiply-accumulates of all, at batch 1.
        int8_macs: multiply-accumulates in INT8.
    """

    contractions: int
    int8: int
    macs: int
    int8_macs: int

    @property
    def share(self) -> float:
        """Part of the multiply-accumulates in INT8, 0..1."""
        return self.int8_macs / self.macs if self.macs else 0.0

    def __str__(self) -> str:
        return (
            f"{self.int8} of {self.contractions} convolutions and matrix products, "
            f"{100 * self.share:.1f} % of the multiply-accumulates, run in INT8"
        )


def readiness(
    float_model: onnx.ModelProto, quantised_model: onnx.ModelProto, dialect: Dialect
) -> tuple[ConvReadiness, ...]:
    """Compare a float graph with its quantised form, node by node.

    Args:
        float_model: the graph that was quantised.
        quantised_model: what ``portable.quantise`` or ``tensorrt.quantise`` made of it.
        dialect: which of the two.

    Returns:
        One row for every contraction of the float graph, in its order.
    """
    before = list(contractions(open_model(float_model).graph))
    after = {node.name: node for node in ir.from_proto(quantised_model).graph}
    total = sum(item.macs for item in before) or 1
    return tuple(_row(item, after.get(item.name), dialect, total) for item in before)


def coverage(rows: Iterable[ConvReadiness]) -> Coverage:
    """Sum of a readiness report."""
    rows = tuple(rows)
    done = [row for row in rows if row.int8]
    return Coverage(
        len(rows), len(done), sum(row.macs for row in rows), sum(row.macs for row in done)
    )


def _row(item: Contraction, node: ir.Node | None, dialect: Dialect, total: int) -> ConvReadiness:
    int8 = node is not None and is_int8(node, dialect)
    reason = "" if int8 else _reason(item, node, dialect)
    warning = ""
    if int8 and dialect == "tensorrt":
        warning = padded_channels(item) or ""
    elif int8 and item.groups > 1:
        warning = f"{item.groups} groups run one after the other on CPUs"
    return ConvReadiness(
        node=item.name,
        op=item.node.op_type,
        kernel=item.kernel,
        in_channels=item.in_channels,
        out_channels=item.out_channels,
        groups=item.groups,
        macs=item.macs,
        share=item.macs / total,
        int8=int8,
        reason=reason,
        warning=warning,
    )


def _reason(item: Contraction, node: ir.Node | None, dialect: Dialect) -> str:
    if node is None:
        return "removed from the quantised graph"
    noted = node.metadata_props.get(NOTE)
    return noted or unsuited(item, dialect, ()) or "its Q/DQ pairs are incomplete"


def is_int8(node: ir.Node, dialect: Dialect) -> bool:
    """Whether the Q/DQ nodes around a contraction make it an integer kernel in this dialect.

    Both dialects round the data and the weights; the portable one also rounds the result, without
    which ONNX Runtime multiplies in float, unless a plan for another back end leaves it so.
    """
    if not all(_dequantised(value) for value in node.inputs[:2]):
        return False
    unrounded = node.metadata_props.get(OUTPUT) == "float"
    return dialect == "tensorrt" or unrounded or _rounded(node.outputs[0])


def _dequantised(value: ir.Value | None) -> bool:
    producer = value.producer() if value is not None else None
    return producer is not None and producer.op_type == "DequantizeLinear"


def _rounded(value: ir.Value) -> bool:
    readers: Sequence[ir.Node] = list(value.consumers())
    if len(readers) == 1 and cuts_at_zero(readers[0]):
        readers = list(readers[0].outputs[0].consumers())
    return bool(readers) and all(reader.op_type == "QuantizeLinear" for reader in readers)

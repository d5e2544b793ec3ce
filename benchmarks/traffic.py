"""What one face costs a graph: operations by arithmetic, and bytes that move at least.

Two counts of bytes. *Compulsory*: weights, pictures in and results out, each once; no
implementation moves less. *Layer by layer*: besides, every tensor between layers is written once
and read by each of its readers. Element-wise operators, quantising and dequantising count as part
of the layer before or after them and move nothing. A cache that holds the tensors between layers
makes the truth lie nearer to the first.
"""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass
from math import prod
from typing import Literal

import onnx
import onnx_ir as ir

from facedge.errors import InputError
from facedge.export.precision.contraction import Contraction, contractions
from facedge.export.precision.ir_edit import open_model
from facedge.export.precision.readiness import is_int8
from facedge.runtime.manifest import Dialect

Arithmetic = Literal["fp32", "fp16", "int8"]

_ARITHMETIC = (
    "Add Sub Mul Div Relu LeakyRelu PRelu Clip Sigmoid Tanh Cast Round Neg Abs Sqrt Max Min"
)
FUSED = frozenset((*_ARITHMETIC.split(" "), "QuantizeLinear", "BatchNormalization"))
"""Operators that every engine computes while the layer before them is still in registers."""


@dataclass(frozen=True)
class Traffic:
    """Cost of one face.

    Attributes:
        operations: arithmetic -> operations, two for each multiply-accumulate.
        weights: bytes of all initialisers as they are stored.
        ends: bytes of the graph's inputs and outputs.
        between: bytes written and read between layers.
    """

    operations: dict[Arithmetic, int]
    weights: int
    ends: int
    between: int

    @property
    def all_operations(self) -> int:
        """Operations of every arithmetic."""
        return sum(self.operations.values())

    @property
    def compulsory(self) -> int:
        """Bytes that no implementation avoids."""
        return self.weights + self.ends

    @property
    def layerwise(self) -> int:
        """Bytes when every layer reads from and writes to memory."""
        return self.weights + self.ends + self.between

    @property
    def intensity(self) -> float:
        """Operations per byte, layer by layer."""
        return self.all_operations / self.layerwise


def traffic(model: onnx.ModelProto, dialect: Dialect) -> Traffic:
    """Count operations and bytes of a graph at batch 1.

    Args:
        model: a shipped graph; only the first dimension may be symbolic.
        dialect: whose Q/DQ rules say what multiplies in INT8.

    Raises:
        InputError: a size depends on something other than the batch, or the graph has loops.
    """
    graph = open_model(model).graph
    operations: dict[Arithmetic, int] = {}
    for item in contractions(graph):
        kind = _arithmetic(item, dialect)
        operations[kind] = operations.get(kind, 0) + 2 * item.macs
    stored = [
        v.const_value.nbytes for v in graph.initializers.values() if v.const_value is not None
    ]
    constant = _constants(graph)
    ends = [v for v in (*graph.inputs, *graph.outputs) if v.name not in graph.initializers]
    return Traffic(
        operations=operations,
        weights=sum(stored),
        ends=sum(map(_bytes, ends)),
        between=sum(_moved(value, constant) for value in _between(graph)),
    )


def _arithmetic(item: Contraction, dialect: Dialect) -> Arithmetic:
    if is_int8(item.node, dialect):
        return "int8"
    data = item.node.inputs[0]
    half = data is not None and data.dtype == ir.DataType.FLOAT16
    return "fp16" if half else "fp32"


def _between(graph: ir.Graph) -> Iterable[ir.Value]:
    return (value for node in graph for value in node.outputs if not value.is_graph_output())


def _constants(graph: ir.Graph) -> set[str | None]:
    """Names of values that depend on initialisers alone, such as dequantised weights."""
    found: set[str | None] = set(graph.initializers)
    for node in graph:
        given = [value.name for value in node.inputs if value is not None]
        if all(name in found for name in given):
            found |= {value.name for value in node.outputs}
    return found


def _moved(value: ir.Value, constant: set[str | None]) -> int:
    """Bytes of writing a value once and reading it for each reader; 0 for what is never stored."""
    producer = value.producer()
    if value.name in constant or producer is None or producer.op_type == "DequantizeLinear":
        return 0
    readers = list(value.consumers())
    if len(readers) == 1 and readers[0].op_type in FUSED:
        return 0
    return _bytes(value) * (1 + sum(_reads(reader, constant) for reader in readers))


def _reads(reader: ir.Node, constant: set[str | None]) -> int:
    """How often a reader fetches what it reads: a DequantizeLinear for each of its own readers."""
    if reader.op_type == "DequantizeLinear":
        return max(1, len(list(reader.outputs[0].consumers())))
    return 1


def _bytes(value: ir.Value) -> int:
    if value.dtype is None or value.shape is None:
        raise InputError(f"the size of {value.name!r} is not known, so its bytes cannot be counted")
    sizes = [size if isinstance(size, int) else None for size in value.shape]
    if None in sizes[1:]:
        raise InputError(
            f"the shape of {value.name!r} is {value.shape}; only the batch, the first dimension, "
            f"may be open"
        )
    count = prod(size if size is not None else 1 for size in sizes)
    return -(-count * value.dtype.bitwidth // 8)

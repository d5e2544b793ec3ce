"""Linear layers as passes see them: one matrix and one bias behind Gemm, or MatMul and Add."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
import onnx_ir as ir

from .edit import Array, Insertion, constant, producer, read_once, sizes


@dataclass(frozen=True)
class Linear:
    """y = x W + b with constant W and b.

    Attributes:
        source: x, float [..., K].
        output: y, float [..., N].
        weight: W, [K, N].
        bias: b, [N], zeros where the graph has none.
        name: stem for the names of constants derived from W.
        has_bias: whether the graph has a bias.
    """

    source: ir.Value
    output: ir.Value
    weight: Array
    bias: Array
    name: str
    has_bias: bool


def linear_at(output: ir.Value | None) -> Linear | None:
    """The linear layer that computes ``output``: Gemm, MatMul, or MatMul and Add of a bias."""
    if (gemm := producer(output, "Gemm")) is not None:
        return _gemm(gemm)
    if (product := producer(output, "MatMul")) is not None:
        return _matmul(product)
    add = producer(output, "Add")
    if add is None or output is None:
        return None
    for matrix, bias in (add.inputs, reversed(add.inputs)):
        product, shift = producer(matrix, "MatMul"), constant(bias)
        if product is None or matrix is None or shift is None or not read_once(matrix):
            continue
        inner = _matmul(product)
        if inner is None or not _is_bias(shift, inner.weight.shape[1]):
            continue
        vector = np.broadcast_to(shift.reshape(-1), inner.bias.shape)
        return Linear(inner.source, output, inner.weight, vector, inner.name, True)
    return None


def insert_linear(
    edit: Insertion, source: ir.Value, weight: Array, bias: Array | None, name: str
) -> ir.Value:
    """Gemm for a matrix input, MatMul and Add for more dimensions."""
    matrix = edit.constant(weight.astype(np.float32), f"{name}_folded")
    shift = None if bias is None else edit.constant(bias.astype(np.float32), f"{name}_folded_bias")
    shape = sizes(source)
    if shape is not None and len(shape) == 2:
        return edit.op("Gemm", [source, matrix] if shift is None else [source, matrix, shift])
    product = edit.op("MatMul", [source, matrix])
    return product if shift is None else edit.op("Add", [product, shift])


def _gemm(node: ir.Node) -> Linear | None:
    weight = constant(node.inputs[1])
    source = node.inputs[0]
    if source is None or weight is None or weight.dtype != np.float32:
        return None
    if node.attributes.get_int("transA", 0):
        return None
    weight = weight.T if node.attributes.get_int("transB", 0) else weight
    weight = weight * np.float32(node.attributes.get_float("alpha", 1.0))
    bias: Array = np.zeros(weight.shape[1], np.float32)
    has_bias = len(node.inputs) > 2 and node.inputs[2] is not None
    if has_bias:
        shift = constant(node.inputs[2])
        if shift is None or not _is_bias(shift, weight.shape[1]):
            return None
        bias = bias + shift.reshape(-1) * np.float32(node.attributes.get_float("beta", 1.0))
    name = node.inputs[1].name or "weight"  # type: ignore[union-attr]
    return Linear(source, node.outputs[0], weight, bias, name, has_bias)


def _matmul(node: ir.Node) -> Linear | None:
    source, matrix = node.inputs
    weight = constant(matrix)
    rank = sizes(source)
    if source is None or matrix is None or weight is None or weight.dtype != np.float32:
        return None
    # A one-dimensional x has no rows: MatMul then drops a dimension of the result.
    if weight.ndim != 2 or rank is None or len(rank) < 2:
        return None
    bias = np.zeros(weight.shape[1], np.float32)
    return Linear(source, node.outputs[0], weight, bias, matrix.name or "weight", False)


def _is_bias(array: Array, width: int) -> bool:
    """Whether an added array is one number per column: [N], [1, N], [1, 1, N], or a scalar."""
    if array.size == 1:
        return array.ndim <= 1
    return array.shape[-1:] == (width,) and array.size == width and array.ndim <= 2

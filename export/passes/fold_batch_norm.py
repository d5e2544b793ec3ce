"""Batch normalisation at inference is an affine map per channel, which the layer before absorbs.

BN(W x + b) = (s W) x + (b - mean) s + beta with s = gamma / sqrt(variance + epsilon).
"""

from __future__ import annotations

import numpy as np
import onnx_ir as ir

from .edit import Array, Insertion, constant, constants, nodes, producer, read_once


def apply(model: ir.Model) -> int:
    """Fold BatchNormalization into a Conv, ConvTranspose or Gemm that nothing else reads.

    Weights that several layers share (the steps of a recurrent network) stay as they are for the
    others; equal folded weights are merged afterwards.

    Returns:
        How many normalisations were folded.
    """
    count = 0
    for norm in nodes(model, "BatchNormalization"):
        layer = producer(norm.inputs[0], "Conv", "ConvTranspose", "Gemm")
        statistics = constants(norm.inputs[1:5])
        if layer is None or statistics is None or not read_once(layer.outputs[0]):
            continue
        if norm.attributes.get_int("training_mode", 0) or len(norm.outputs) > 1:
            continue
        weight = constant(layer.inputs[1])
        old_bias = layer.inputs[2] if len(layer.inputs) > 2 else None
        bias = np.zeros_like(statistics[0]) if old_bias is None else constant(old_bias)
        if weight is None or bias is None or weight.dtype != np.float32:
            continue
        if layer.op_type == "Gemm" and bias.shape != statistics[0].shape:
            continue
        gamma, beta, mean, variance = (each.astype(np.float64) for each in statistics)
        scale = gamma / np.sqrt(variance + norm.attributes.get_float("epsilon", 1e-5))
        if layer.op_type == "Gemm":
            bias = bias * layer.attributes.get_float("beta", 1.0)
        _fold(model, norm, layer, _scaled(layer, weight, scale), (bias - mean) * scale + beta)
        count += 1
    return count


def _scaled(layer: ir.Node, weight: Array, scale: Array) -> Array:
    if layer.op_type == "Conv":
        return weight * scale.reshape(-1, *[1] * (weight.ndim - 1))
    if layer.op_type == "Gemm":
        return weight * (scale[:, None] if layer.attributes.get_int("transB", 0) else scale)
    # ConvTranspose: [inputs, outputs / groups, …], outputs ordered by group.
    groups = layer.attributes.get_int("group", 1)
    grouped = weight.reshape(groups, -1, *weight.shape[1:])
    scale = scale.reshape(groups, 1, weight.shape[1], *[1] * (weight.ndim - 2))
    return (grouped * scale).reshape(weight.shape)


def _fold(model: ir.Model, norm: ir.Node, layer: ir.Node, weight: Array, bias: Array) -> None:
    # The new layer stands where the old one did: its scope decides on precision, not the norm's.
    edit = Insertion(model, layer)
    source, matrix = layer.inputs[0], layer.inputs[1]
    assert matrix is not None
    stem = f"{matrix.name}_normalised"
    attributes = {
        name: attribute.value for name, attribute in layer.attributes.items() if name != "beta"
    }
    inputs = [
        source,
        edit.constant(weight.astype(np.float32), stem),
        edit.constant(bias.astype(np.float32), f"{stem}_bias"),
    ]
    edit.replace(norm.outputs[0], edit.op(layer.op_type, inputs, **attributes))

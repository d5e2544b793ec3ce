"""ONNX graphs as the builder handles them: conversion, shapes, cost, outputs, checks, running."""

from __future__ import annotations

import hashlib
import math
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any

import onnx
import onnx_ir as ir
import onnx_ir.passes.common as ir_passes
import onnxruntime as ort
from numpy.typing import NDArray

from facedge.errors import InputError

BATCH = "batch"
"""Name of the one symbolic dimension of every graph, always the first."""

_SMALL = 1024
"""Initialisers up to this many elements may be shapes or indices, which shape inference reads."""


@dataclass(frozen=True)
class GraphCost:
    """Size of a graph.

    Attributes:
        nodes: operators of the main graph, constants not counted.
        parameters: elements of the floating-point initialisers, each counted once however many
            nodes share it.
        macs: multiply-accumulates of Conv, ConvTranspose, Gemm and MatMul at batch 1.
    """

    nodes: int
    parameters: int
    macs: int


def to_ir(model: onnx.ModelProto) -> ir.Model:
    """Editable form of a model; the model itself is not changed by edits."""
    return ir.from_proto(model)


def to_proto(model: ir.Model) -> onnx.ModelProto:
    """Serialised form of an edited model."""
    proto: onnx.ModelProto = ir.to_proto(model)
    return proto


def infer_shapes(model: ir.Model) -> ir.Model:
    """Fill in the shapes and types of every value of the main graph that ONNX can infer, in place.

    Raises:
        InputError: the graph contradicts itself.
    """
    known = {value.name: value for node in model.graph for value in node.outputs}
    for info in _inferred(model, batch_one=False):
        value, kind = known.get(info.name), info.type.tensor_type
        if value is None or not info.type.HasField("tensor_type"):
            continue
        value.type = ir.serde.deserialize_type_proto_for_type(info.type) or value.type
        # A graph output's own shape is its contract: inference may know less.
        if kind.HasField("shape") and not (value.is_graph_output() and value.shape is not None):
            value.shape = ir.serde.deserialize_type_proto_for_shape(info.type)
    return model


def merge_initialisers(model: ir.Model) -> int:
    """Let nodes share initialisers of equal type, shape and bytes, in place; how many went."""
    graph = model.graph
    kept: dict[tuple[object, ...], ir.Value] = {}
    merged = 0
    # onnx_ir's own pass refuses arrays that are not C-contiguous, such as transposed weights.
    for name, value in list(graph.initializers.items()):
        tensor = value.const_value
        if tensor is None or value.is_graph_input() or value.is_graph_output():
            continue
        digest = hashlib.sha256(tensor.tobytes()).digest()
        first = kept.setdefault((tensor.dtype, tuple(tensor.shape.numpy()), digest), value)
        if first is not value:
            value.replace_all_uses_with(first)
            del graph.initializers[name]
            merged += 1
    return merged


def graph_cost(model: onnx.ModelProto | ir.Model) -> GraphCost:
    """Count nodes, parameters and multiply-accumulates at batch 1.

    Raises:
        InputError: a size that the count needs depends on something other than the batch.
    """
    edited = to_ir(model) if isinstance(model, onnx.ModelProto) else model
    shapes = _shapes_at_batch_one(edited)
    nodes = [node for node in edited.graph if node.op_type != "Constant"]
    tensors = [value.const_value for value in edited.graph.initializers.values()]
    tensors += [
        node.attributes["value"].as_tensor()
        for node in edited.graph
        if node.op_type == "Constant" and "value" in node.attributes
    ]
    parameters = sum(
        math.prod(tensor.shape.numpy())
        for tensor in tensors
        if tensor is not None and tensor.dtype.is_floating_point()
    )
    return GraphCost(len(nodes), parameters, sum(_macs(node, shapes) for node in nodes))


def keep_outputs(model: onnx.ModelProto, names: Sequence[str]) -> onnx.ModelProto:
    """The same graph with only the outputs ``names``, in that order, and nothing they do not need.

    Inputs stay as they are.

    Raises:
        InputError: a name is not an output of the graph.
    """
    edited = to_ir(model)
    outputs = {value.name: value for value in edited.graph.outputs}
    missing = [name for name in names if name not in outputs]
    if missing or not names:
        raise InputError(
            f"the graph has no output {', '.join(missing) or '(none asked for)'}; "
            f"it has {', '.join(str(name) for name in outputs)}"
        )
    edited.graph.outputs.clear()
    edited.graph.outputs.extend(outputs[name] for name in names)
    ir_passes.RemoveUnusedNodesPass()(edited)
    return to_proto(edited)


def check(model: onnx.ModelProto) -> None:
    """Check a model against the ONNX specification, shapes and types included.

    Raises:
        InputError: the model is not valid ONNX, with the checker's reason.
    """
    try:
        onnx.checker.check_model(model, full_check=True)
    except (onnx.checker.ValidationError, onnx.shape_inference.InferenceError) as error:
        reason = str(error).strip().splitlines()[0]
        raise InputError(f"not a valid ONNX graph: {reason}") from error


def run(
    model: onnx.ModelProto, feeds: Mapping[str, NDArray[Any]], *, optimise: bool = False
) -> dict[str, NDArray[Any]]:
    """Run a graph once on ONNX Runtime's CPU.

    Args:
        model: the graph.
        feeds: one array per graph input.
        optimise: let ONNX Runtime rewrite the graph first; off runs it exactly as written.

    Returns:
        Output name -> array.
    """
    options = ort.SessionOptions()
    options.log_severity_level = 3
    if not optimise:
        options.graph_optimization_level = ort.GraphOptimizationLevel.ORT_DISABLE_ALL
    session = ort.InferenceSession(
        model.SerializeToString(), options, providers=["CPUExecutionProvider"]
    )
    names = [output.name for output in session.get_outputs()]
    return dict(zip(names, session.run(names, dict(feeds)), strict=True))


def _shapes_at_batch_one(model: ir.Model) -> dict[str, tuple[int | None, ...]]:
    """Inferred shape of every value with each input's first symbolic dimension set to 1."""
    shapes: dict[str, tuple[int | None, ...]] = {
        name: tuple(int(size) for size in value.const_value.shape.numpy())
        for name, value in model.graph.initializers.items()
        if value.const_value is not None
    }
    for info in _inferred(model, batch_one=True):
        if info.type.tensor_type.HasField("shape"):
            shapes[info.name] = tuple(
                dim.dim_value if dim.HasField("dim_value") else None
                for dim in info.type.tensor_type.shape.dim
            )
    return shapes


def _inferred(model: ir.Model, batch_one: bool) -> list[onnx.ValueInfoProto]:
    """Types of all values, inferred anew from the inputs' and without the large weights."""
    skeleton = onnx.ModelProto(ir_version=model.ir_version)
    for domain, version in model.graph.opset_imports.items():
        skeleton.opset_import.append(onnx.helper.make_opsetid(domain, version))
    for function in model.functions.values():
        skeleton.functions.append(ir.serde.serialize_function(function))
    graph = skeleton.graph
    graph.name = "skeleton"
    graph.node.extend(ir.serde.serialize_node(node) for node in model.graph)
    for value in model.graph.inputs:
        if value.name not in model.graph.initializers:
            graph.input.append(
                _input_at_batch_one(value) if batch_one else ir.serde.serialize_value(value)
            )
    for name, value in model.graph.initializers.items():
        tensor = value.const_value
        if tensor is None:
            continue
        shape = tuple(int(size) for size in tensor.shape.numpy())
        if math.prod(shape) <= _SMALL:
            proto = ir.serde.serialize_tensor(tensor)
            proto.name = name
            graph.initializer.append(proto)
        else:
            graph.input.append(
                onnx.helper.make_tensor_value_info(name, int(tensor.dtype), list(shape))
            )
    for value in model.graph.outputs:
        graph.output.append(onnx.ValueInfoProto(name=value.name))
    try:
        inferred = onnx.shape_inference.infer_shapes(skeleton, check_type=True, data_prop=True)
    except onnx.shape_inference.InferenceError as error:
        reason = str(error).strip().splitlines()[0]
        raise InputError(f"the shapes of the ONNX graph contradict each other: {reason}") from error
    return [*inferred.graph.input, *inferred.graph.output, *inferred.graph.value_info]


def _input_at_batch_one(value: ir.Value) -> onnx.ValueInfoProto:
    info = onnx.ValueInfoProto()
    info.CopyFrom(ir.serde.serialize_value(value))
    dims = info.type.tensor_type.shape.dim
    if dims and not dims[0].HasField("dim_value"):
        dims[0].Clear()
        dims[0].dim_value = 1
    return info


def _macs(node: ir.Node, shapes: Mapping[str, tuple[int | None, ...]]) -> int:
    if node.domain not in ("", "ai.onnx"):
        return 0
    if node.op_type == "Conv":
        kernel = _sizes(node, node.inputs[1], shapes)
        return math.prod(_sizes(node, node.outputs[0], shapes)) * math.prod(kernel[1:])
    if node.op_type == "ConvTranspose":
        kernel = _sizes(node, node.inputs[1], shapes)
        return math.prod(_sizes(node, node.inputs[0], shapes)) * math.prod(kernel[1:])
    if node.op_type == "Gemm":
        left = _sizes(node, node.inputs[0], shapes)
        inner = left[0] if node.attributes.get_int("transA", 0) else left[1]
        return math.prod(_sizes(node, node.outputs[0], shapes)) * inner
    if node.op_type == "MatMul":
        inner = _sizes(node, node.inputs[0], shapes)[-1]
        return math.prod(_sizes(node, node.outputs[0], shapes)) * inner
    return 0


def _sizes(
    node: ir.Node, value: ir.Value | None, shapes: Mapping[str, tuple[int | None, ...]]
) -> tuple[int, ...]:
    name = "" if value is None or value.name is None else value.name
    shape = shapes.get(name, (None,))
    known = tuple(size for size in shape if size is not None)
    if len(known) != len(shape):
        raise InputError(
            f"cannot count the multiply-accumulates of {node.op_type} {node.name!r}: the shape of "
            f"{name!r} is not fixed by the graph; only the batch, the first dimension of the "
            "inputs, may be symbolic"
        )
    return known

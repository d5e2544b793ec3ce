"""What every precision pass does to a graph: open it, read constants, name and insert nodes."""

from __future__ import annotations

from collections.abc import Iterable
from typing import Protocol

import numpy as np
import onnx
import onnx_ir as ir
from numpy.typing import NDArray
from onnx_ir.passes.common import (
    InlinePass,
    LiftConstantsToInitializersPass,
    RemoveUnusedNodesPass,
    ShapeInferencePass,
)

from facedge.errors import InputError

NOTE = "facedge.precision"
"""Key of a node's metadata under which a quantiser writes why the node stayed in float."""


class RangeTable(Protocol):
    """Calibrated ranges, as ``facedge.calibration`` makes them."""

    def of(self, tensor: str, method: str, symmetric: bool = False) -> tuple[float, float]:
        """Lowest and highest value of a tensor; raises InputError or KeyError when unknown."""
        ...


def open_model(model: onnx.ModelProto) -> ir.Model:
    """An editable copy with constants as initialisers, and types and shapes inferred.

    Raises:
        InputError: the graph has control flow, whose bodies these passes do not enter.
    """
    opened = ir.from_proto(model)
    for graph_pass in (InlinePass(), LiftConstantsToInitializersPass(lift_all_constants=True)):
        opened = graph_pass(opened).model
    for node in opened.graph:
        if any(attribute.type == ir.AttributeType.GRAPH for attribute in node.attributes.values()):
            raise InputError(
                f"node '{node.name}' is a {node.op_type}, and a precision can only be given to "
                "graphs without control flow; export the model with its loops unrolled"
            )
    for value in opened.graph.initializers.values():
        if value.const_value is not None:
            value.dtype = value.const_value.dtype
            value.shape = ir.Shape(value.const_value.shape.numpy())
    return ShapeInferencePass()(opened).model


def close_model(model: ir.Model) -> onnx.ModelProto:
    """The finished graph, without dead nodes, sorted, and accepted by ONNX's checker.

    Types are inferred anew, so that no stale annotation survives a change of precision.
    """
    for node in model.graph:
        for output in node.outputs:
            if not output.is_graph_output():
                output.type, output.shape = None, None
    model = RemoveUnusedNodesPass()(model).model
    model.graph.sort()
    proto = onnx.shape_inference.infer_shapes(ir.to_proto(model))
    onnx.checker.check_model(proto, full_check=True)
    return proto


def constant(value: ir.Value | None) -> NDArray[np.generic] | None:
    """The array of an initialiser, or None for anything computed."""
    if value is None or value.const_value is None or value.is_graph_input():
        return None
    array: NDArray[np.generic] = value.const_value.numpy()
    return array


def in_scope(name: str | None, scopes: Iterable[str]) -> str | None:
    """The first scope that a node name lies in: ``core/deep`` holds ``core/deep/0/Conv_3``."""
    for scope in scopes:
        stem = scope.replace(".", "/").rstrip("/")
        if name is not None and (name == stem or name.startswith(stem + "/")):
            return scope
    return None


class Names:
    """Gives names that are not yet taken in a graph."""

    def __init__(self, graph: ir.Graph) -> None:
        self._taken = {value.name for value in graph.initializers.values()}
        self._taken |= {value.name for value in graph.inputs}
        for node in graph:
            self._taken.add(node.name)
            self._taken.update(output.name for output in node.outputs)

    def __call__(self, wanted: str) -> str:
        name, count = wanted, 1
        while name in self._taken:
            count += 1
            name = f"{wanted}_{count}"
        self._taken.add(name)
        return name


def add_constant(graph: ir.Graph, name: str, array: NDArray[np.generic]) -> ir.Value:
    """A new initialiser."""
    tensor = ir.tensor(array, name=name)
    value = ir.Value(
        name=name, shape=ir.Shape(array.shape), type=ir.TensorType(tensor.dtype), const_value=tensor
    )
    graph.register_initializer(value)
    return value


def add_node(
    names: Names,
    op_type: str,
    inputs: list[ir.Value | None],
    stem: str,
    dtype: ir.DataType,
    attributes: dict[str, int] | None = None,
) -> ir.Node:
    """A new node, named after what it belongs to, whose output has the given element type."""
    name = names(f"{stem}/{op_type}")
    node = ir.node(op_type, inputs, attributes=attributes or {}, name=name)
    node.outputs[0].name = names(f"{name}_output")
    node.outputs[0].dtype = dtype
    return node


def insert_after(graph: ir.Graph, value: ir.Value, node: ir.Node) -> None:
    """Place ``node`` right behind the producer of ``value``, or first for a graph input."""
    producer = value.producer()
    if producer is not None:
        graph.insert_after(producer, node)
        return
    first = next(iter(graph))
    graph.insert_before(first, node)


def calibrated(
    ranges: RangeTable, tensor: str | None, method: str, symmetric: bool = False
) -> tuple[float, float] | None:
    """A tensor's range, or None where the table has none.

    Raises:
        InputError: the range is not finite or is upside down.
    """
    if tensor is None:
        return None
    try:
        low, high = ranges.of(tensor, method, symmetric)
    except (InputError, KeyError):
        return None
    if not (np.isfinite(low) and np.isfinite(high) and low <= high):
        raise InputError(
            f"the {method} range of tensor '{tensor}' is [{low}, {high}], which is no range; "
            "calibrate again"
        )
    return float(low), float(high)

"""The cast pass: gives every float node of a graph one precision and casts where two meet."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
import onnx
import onnx_ir as ir

from facedge.errors import InputError

from .guard import COMPARISONS, activation_risk, constant_risk
from .ir_edit import (
    Names,
    RangeTable,
    add_constant,
    add_node,
    calibrated,
    constant,
    in_scope,
    insert_after,
)

FLOAT, HALF = ir.DataType.FLOAT, ir.DataType.FLOAT16
NEUTRAL = (
    "Clip", "Concat", "DepthToSpace", "Expand", "Flatten", "Gather", "Identity", "MaxPool", "Neg",
    "Relu", "Reshape", "Slice", "SpaceToDepth", "Split", "Squeeze", "Transpose", "Unsqueeze",
)  # fmt: skip
"""Operators worth FP32 when everything around them is, because a Cast would cost more."""


@dataclass(frozen=True)
class CastRow:
    """A node that stays in FP32.

    Attributes:
        node: its name.
        op: its operator.
        reason: what would not survive FP16.
    """

    node: str
    op: str
    reason: str

    def __str__(self) -> str:
        return f"{self.node} ({self.op}) stays FP32: {self.reason}"


def cast_graph(
    model: ir.Model, ranges: RangeTable | None, keep: tuple[str, ...]
) -> tuple[CastRow, ...]:
    """Turn an opened float32 graph into FP16 in place; the rows say what stays FP32 and why.

    Args:
        model: types inferred; Q/DQ nodes are allowed and take FP16 scales from opset 19 on.
        ranges: calibrated min-max ranges, or None.
        keep: scopes that stay FP32.

    Raises:
        InputError: a tensor has no known type.
    """
    caster = _Caster(model, keep)
    caster.keep_scopes()
    caster.keep_shape_arithmetic()
    if ranges is not None:
        caster.guard_activations(ranges)
    caster.guard_constants()
    caster.place_rounding()
    caster.join_islands()
    caster.write()
    return tuple(
        CastRow(node.name or "", node.op_type, reason) for node, reason in caster.guarded.items()
    )


class _Caster:
    def __init__(self, model: ir.Model, keep: tuple[str, ...]) -> None:
        self.graph, self.keep = model.graph, keep
        self.opset = model.opset_imports.get("", 1)
        self.names = Names(model.graph)
        self.guarded: dict[ir.Node, str] = {}
        self.full: set[ir.Node] = set()
        self.copies: dict[tuple[ir.Value, ir.DataType], ir.Value] = {}
        self.nodes = list(model.graph)
        self.slots = {node: self._slots(node) for node in self.nodes}
        for node in self.nodes:
            for output in node.outputs:
                if output.name and output.dtype is None:
                    raise InputError(
                        f"the type of tensor '{output.name}' behind {node.op_type} "
                        f"'{node.name}' cannot be inferred; FP16 needs every type"
                    )

    # ---- which nodes stay FP32 -------------------------------------------------------------

    def keep_scopes(self) -> None:
        self.full |= {node for node in self.nodes if in_scope(node.name, self.keep)}

    def keep_shape_arithmetic(self) -> None:
        """Sizes computed in float would lose whole pixels above 2048."""
        sizes: set[ir.Value] = set()
        for node in self.nodes:
            computed = [v for v in node.inputs if v is not None and constant(v) is None]
            derived = bool(computed) and all(value in sizes for value in computed)
            if node.op_type in ("Shape", "Size") or (derived and node.op_type != "ConstantOfShape"):
                sizes.update(node.outputs)
                self.full.add(node)

    def guard_activations(self, ranges: RangeTable) -> None:
        for value in [*self.graph.inputs, *(v for node in self.nodes for v in node.outputs)]:
            if value.dtype != FLOAT:
                continue
            span = calibrated(ranges, value.name, "minmax")
            reason = activation_risk(value.name or "", *span) if span is not None else None
            if reason is not None:
                producer = value.producer()
                for node in [*([producer] if producer else []), *value.consumers()]:
                    self._guard(node, reason)

    def guard_constants(self) -> None:
        for node in self.nodes:
            for index in self.slots[node][0]:
                array = constant(node.inputs[index])
                value = node.inputs[index]
                if array is None or value is None:
                    continue
                exact = node.op_type in COMPARISONS
                if (reason := constant_risk(value.name or "", array, exact)) is not None:
                    self._guard(node, reason)

    def place_rounding(self) -> None:
        """QuantizeLinear takes the precision it is given, DequantizeLinear what is wanted."""
        for node in self.nodes:
            source = node.inputs[0] if node.inputs else None
            if node.op_type == "QuantizeLinear" and source is not None:
                if self._native(source) == FLOAT:
                    self.full.add(node)
            elif node.op_type == "DequantizeLinear":
                readers = list(node.outputs[0].consumers())
                if readers and all(reader in self.full for reader in readers):
                    self.full.add(node)

    def join_islands(self) -> None:
        """Neutral nodes between FP32 neighbours become FP32, which saves two Casts each."""
        for node in self.nodes:
            if node.op_type not in NEUTRAL or node in self.full:
                continue
            inputs = [node.inputs[i] for i in self.slots[node][0]]
            sources = [value for value in inputs if value is not None and constant(value) is None]
            readers = [reader for output in node.outputs for reader in output.consumers()]
            if not sources or not readers:
                continue
            if all(self._native(value) == FLOAT for value in sources) and all(
                reader in self.full for reader in readers
            ):
                self.full.add(node)

    def _guard(self, node: ir.Node, reason: str) -> None:
        if node in self.full or not any(self.slots[node]):
            return
        self.full.add(node)
        self.guarded[node] = reason

    # ---- types of inputs and outputs -------------------------------------------------------

    def _slots(self, node: ir.Node) -> tuple[tuple[int, ...], tuple[int, ...]]:
        """Indices of the float32 inputs and outputs that ONNX also allows as float16."""
        if node.op_type == "Cast":
            return (), ((0,) if node.outputs[0].dtype == FLOAT else ())
        if not onnx.defs.has(node.op_type, self.opset, node.domain):
            return (), ()
        schema = onnx.defs.get_schema(node.op_type, self.opset, node.domain)
        half = {
            rule.type_param_str
            for rule in schema.type_constraints
            if {"tensor(float)", "tensor(float16)"} <= set(rule.allowed_type_strs)
        }
        inputs = tuple(
            i
            for i, value in enumerate(node.inputs)
            if value is not None
            and value.dtype == FLOAT
            and schema.inputs[min(i, len(schema.inputs) - 1)].type_str in half
        )
        outputs = tuple(
            i
            for i, value in enumerate(node.outputs)
            if value.dtype == FLOAT
            and schema.outputs[min(i, len(schema.outputs) - 1)].type_str in half
        )
        return inputs, outputs

    def _native(self, value: ir.Value) -> ir.DataType | None:
        """Type in which a float value comes out of its producer."""
        producer = value.producer()
        if value.dtype != FLOAT or producer is None or producer in self.full:
            return value.dtype
        index = list(producer.outputs).index(value)
        return HALF if index in self.slots[producer][1] else FLOAT

    # ---- rewriting -------------------------------------------------------------------------

    def write(self) -> None:
        native = {
            value: self._native(value)
            for value in [*self.graph.inputs, *(v for n in self.nodes for v in n.outputs)]
            if value.dtype == FLOAT
        }
        for node in self.nodes:
            if node.op_type in ("Cast", "Shape", "Size"):
                continue
            for index, value in enumerate(node.inputs):
                if value is None or value.dtype != FLOAT:
                    continue
                halved = node not in self.full and index in self.slots[node][0]
                wanted = HALF if halved else FLOAT
                if native.get(value, FLOAT) != wanted:
                    node.replace_input_with(index, self._converted(value, wanted))
        for value in list(self.graph.outputs):
            if native.get(value) == HALF:
                self._restore_output(value)
        for node in self.nodes:
            if node not in self.full and self.slots[node][1]:
                self._retype(node)

    def _converted(self, value: ir.Value, wanted: ir.DataType) -> ir.Value:
        key = (value, wanted)
        if key in self.copies:
            return self.copies[key]
        array = constant(value)
        if array is not None:
            kind = np.float16 if wanted == HALF else np.float32
            self.copies[key] = add_constant(
                self.graph, self.names(f"{value.name}_fp16"), array.astype(kind)
            )
            return self.copies[key]
        producer = value.producer()
        source = value
        if producer is not None and producer.op_type == "Cast" and producer.inputs[0] is not None:
            # A second Cast of the same integers, not a chain of two.
            source = producer.inputs[0]
        stem = (producer.name if producer is not None else value.name) or "tensor"
        cast = add_node(self.names, "Cast", [source], stem, wanted, {"to": int(wanted)})
        insert_after(self.graph, value, cast)
        self.copies[key] = cast.outputs[0]
        return cast.outputs[0]

    def _restore_output(self, value: ir.Value) -> None:
        restored = self._converted(value, FLOAT)
        if restored.is_graph_output():
            raise InputError(f"tensor '{value.name}' is an output of the graph twice")
        self.graph.outputs[list(self.graph.outputs).index(value)] = restored
        restored.shape = value.shape
        name = value.name or ""
        value.name = self.names(f"{name}_fp16")
        restored.name = name

    def _retype(self, node: ir.Node) -> None:
        if node.op_type == "Cast":
            node.attributes["to"] = ir.AttrInt64("to", int(HALF))
        elif node.op_type == "ConstantOfShape":
            fill = node.attributes.get("value")
            array = fill.as_tensor().numpy() if fill is not None else np.zeros(1, np.float32)
            node.attributes["value"] = ir.AttrTensor("value", ir.tensor(array.astype(np.float16)))
        for index in self.slots[node][1]:
            node.outputs[index].dtype = HALF

"""INT8 for CPUs: 8-bit activations, s8 per-channel weights, int32 bias, full Q/DQ.

ONNX Runtime turns the result into QLinearConv, QLinearAdd and QLinearConcat; OpenVINO reads it
as low-precision convolutions. What has no negative values is u8 with zero point 0 for both. What
has some is u8 with a zero point for ONNX Runtime, whose kernels for signed activations are twice
as slow on x86, and s8 without one for OpenVINO, where a zero point makes a padded convolution up
to 1.7 times as slow on AMX; but tensors that a Concat joins keep theirs. What only float operators
read is not rounded for OpenVINO; ONNX Runtime multiplies in INT8 only where the result is rounded,
too.
"""

from __future__ import annotations

from collections.abc import Iterable

import numpy as np
import onnx
import onnx_ir as ir

from facedge.calibration.statistics import DEFAULT_METHOD
from facedge.errors import InputError

from .arithmetic import (
    Grid,
    channel_scales,
    cpu_grid,
    quantise_bias,
    quantise_channels,
    unsigned_grid,
)
from .choice import NO_CHOICE, OUTPUT, Choice
from .contraction import describe
from .ir_edit import (
    NOTE,
    Names,
    RangeTable,
    add_constant,
    add_node,
    close_model,
    constant,
    insert_after,
    open_model,
)
from .region import MOVEMENT, Region, cuts_at_zero, plan_region, result_tensor


def quantise(
    model: onnx.ModelProto,
    ranges: RangeTable,
    method: str = DEFAULT_METHOD,
    exclude: Iterable[str] = (),
    weight_bits: int = 8,
    choice: Choice = NO_CHOICE,
    signed: bool = False,
) -> onnx.ModelProto:
    """The INT8 form of a float graph for ONNX Runtime or OpenVINO on CPUs.

    Args:
        model: float graph, weights as initialisers.
        ranges: calibrated range of every activation to quantise.
        method: which range of the table to use, such as ``mse`` or ``percentile``.
        exclude: scopes (node name prefixes) that stay in float.
        weight_bits: 8, or 7 for processors without VNNI or dot-product instructions, whose
            16-bit accumulators saturate.
        choice: what a plan decides, by exact name.
        signed: for OpenVINO: activations with negative values become s8, and results that no
            integer operator reads stay float.

    Returns:
        The graph with QuantizeLinear and DequantizeLinear nodes; inputs and outputs keep their
        names and types. Every contraction left in float carries the reason in its metadata.

    Raises:
        InputError: control flow, an unusable range, ``weight_bits`` not 7 or 8, or a choice that
            leaves unrounded what an INT8 contraction reads.
    """
    if weight_bits not in (7, 8):
        raise InputError(f"weights of {weight_bits} bits were asked for; 7 and 8 are possible")
    opened = open_model(model)
    names = Names(opened.graph)
    moved = relu_before_movement(opened.graph, names)
    table = _Moved(choice.ranges(ranges), moved)
    region = plan_region(opened.graph, table, method, exclude, choice, round_results=not signed)
    for node in opened.graph:
        if (reason := region.refusals.get(node.name or "")) is not None:
            node.metadata_props[NOTE] = reason
    for node in region.contractions:
        if result_tensor(node) not in region.tensors:
            node.metadata_props[OUTPUT] = "float"
    _Writer(opened.graph, names, region, 2 ** (weight_bits - 1) - 1, signed).write()
    return close_model(opened)


def relu_before_movement(graph: ir.Graph, names: Names) -> dict[str, str]:
    """Rewrite Relu(move(x)) as move(Relu(x)), so that the convolution before absorbs the Relu.

    Returns:
        Name of each new tensor -> name of the tensor that holds the same values elsewhere.
    """
    same: dict[str, str] = {}
    for relu in reversed(list(graph)):
        if relu.op_type != "Relu":
            continue
        while (move := _movement_before(relu)) is not None:
            source, moved, result = move.inputs[0], move.outputs[0], relu.outputs[0]
            assert source is not None
            fresh = ir.node("Relu", [source], name=relu.name)
            fresh.outputs[0].name = names(f"{moved.name}_relu")
            fresh.outputs[0].type, fresh.outputs[0].shape = source.type, source.shape
            graph.insert_before(move, fresh)
            move.replace_input_with(0, fresh.outputs[0])
            keep = result.name
            ir.convenience.replace_all_uses_with(result, moved, replace_graph_outputs=True)
            graph.remove(relu, safe=True)
            result.name, moved.name = names(f"{keep}_before"), keep
            same[fresh.outputs[0].name or ""] = same.get(keep or "", keep or "")
            relu = fresh
    return same


def _movement_before(relu: ir.Node) -> ir.Node | None:
    value = relu.inputs[0]
    move = value.producer() if value is not None else None
    if value is None or move is None or move.op_type not in MOVEMENT or len(move.outputs) > 1:
        return None
    return move if len(value.uses()) == 1 and not value.is_graph_output() else None


class _Moved:
    """A table of ranges that also knows the tensors a rewrite has made."""

    def __init__(self, ranges: RangeTable, same: dict[str, str]) -> None:
        self.ranges, self.same = ranges, same

    def of(self, tensor: str, method: str, symmetric: bool = False) -> tuple[float, float]:
        return self.ranges.of(self.same.get(tensor, tensor), method, symmetric)


class _Writer:
    """Writes the Q/DQ nodes of a planned region into its graph."""

    def __init__(
        self, graph: ir.Graph, names: Names, region: Region, top: int, signed: bool
    ) -> None:
        self.graph, self.names, self.region, self.top = graph, names, region, top
        # OpenVINO 2026.4 cuts s8 tensors that are joined off at 0 on processors without AMX.
        symmetric = region.tensors.keys() - region.joined if signed else set()
        self.grids = {
            value: (cpu_grid if value in symmetric else unsigned_grid)(*span)
            for value, span in region.tensors.items()
        }
        self.parameters: dict[Grid, tuple[ir.Value, ir.Value]] = {}
        self.zeros: dict[tuple[str, int], ir.Value] = {}
        self.weights: dict[tuple[ir.Value, bytes], tuple[ir.Value, ir.Value]] = {}

    def write(self) -> None:
        integer = self.region.integer_nodes()
        for node in self.region.contractions:
            self._weights(node)
        for value in [v for node in self.graph for v in node.outputs] + list(self.graph.inputs):
            if value in self.grids:
                self._activation(value, integer)

    def _activation(self, value: ir.Value, integer: set[ir.Node]) -> None:
        producer = value.producer()
        stem = (producer.name if producer is not None else value.name) or "tensor"
        rounded = producer is not None and (producer in integer or _folded(producer, integer))
        uses = [use for use in value.uses() if rounded or use.node in integer]
        shown = value.is_graph_output() and rounded
        grid = self.grids[value]
        scale, zero = self._grid(grid, stem)
        dtype = ir.DataType.INT8 if grid.signed else ir.DataType.UINT8
        quantise_node = add_node(self.names, "QuantizeLinear", [value, scale, zero], stem, dtype)
        insert_after(self.graph, value, quantise_node)
        level = quantise_node.outputs[0]
        copies: dict[ir.Node, ir.Value] = {}
        for use in uses:
            if use.node not in copies:
                copies[use.node] = self._dequantise(level, scale, zero, use.node)
            use.node.replace_input_with(use.idx, copies[use.node])
        if shown:
            self._show(value, level, scale, zero)

    def _show(self, value: ir.Value, level: ir.Value, scale: ir.Value, zero: ir.Value) -> None:
        """Make the graph output read the rounded tensor, under its own name."""
        node = add_node(
            self.names,
            "DequantizeLinear",
            [level, scale, zero],
            value.name or "",
            ir.DataType.FLOAT,
        )
        self.graph.append(node)
        shown = node.outputs[0]
        shown.shape = value.shape
        self.graph.outputs[list(self.graph.outputs).index(value)] = shown
        name = value.name or ""
        value.name = self.names(f"{name}_float")
        shown.name = name

    def _dequantise(
        self, level: ir.Value, scale: ir.Value, zero: ir.Value, reader: ir.Node
    ) -> ir.Value:
        node = add_node(
            self.names,
            "DequantizeLinear",
            [level, scale, zero],
            reader.name or "node",
            ir.DataType.FLOAT,
        )
        self.graph.insert_before(reader, node)
        return node.outputs[0]

    def _weights(self, node: ir.Node) -> None:
        item = describe(node)
        source, weight = node.inputs[1], constant(node.inputs[1])
        data = node.inputs[0]
        assert source is not None
        assert weight is not None
        assert data is not None
        step = self.grids[data].scale
        bias = constant(node.inputs[2]) if len(node.inputs) > 2 else None
        weight32 = weight.astype(np.float32)
        floors = np.zeros(item.out_channels, np.float32)
        if bias is not None:
            # A bias far above its channel's weights would not fit int32 on the weights' scale.
            floors = np.abs(bias).astype(np.float32) / np.float32(step * 2.0**30)
        scales = np.maximum(channel_scales(weight32, item.channel_axis, self.top), floors)
        key = (source, scales.tobytes())
        if key not in self.weights:
            levels = quantise_channels(weight32, scales, item.channel_axis, self.top)
            self.weights[key] = (
                add_constant(self.graph, self.names(f"{source.name}_s8"), levels),
                add_constant(self.graph, self.names(f"{source.name}_scale"), scales),
            )
        node.replace_input_with(1, self._channelwise(*self.weights[key], node, item.channel_axis))
        if bias is not None:
            product = (scales.astype(np.float64) * step).astype(np.float32)
            stem = node.name or "node"
            levels32 = quantise_bias(bias.astype(np.float32), product)
            stored = add_constant(self.graph, self.names(f"{stem}/bias_s32"), levels32)
            scale = add_constant(self.graph, self.names(f"{stem}/bias_scale"), product)
            node.replace_input_with(2, self._channelwise(stored, scale, node, 0))

    def _channelwise(
        self, levels: ir.Value, scale: ir.Value, reader: ir.Node, axis: int
    ) -> ir.Value:
        # ONNX Runtime fuses a Gemm only where the zero points, all 0, are written out.
        tensor, count = levels.const_value, scale.const_value
        assert tensor is not None
        assert count is not None
        key = (str(tensor.numpy().dtype), int(count.numpy().size))
        if key not in self.zeros:
            array = np.zeros(key[1], tensor.numpy().dtype)
            name = self.names(f"zero_points_{key[0]}_{key[1]}")
            self.zeros[key] = add_constant(self.graph, name, array)
        output = self._dequantise(levels, scale, self.zeros[key], reader)
        producer = output.producer()
        assert producer is not None
        producer.attributes["axis"] = ir.AttrInt64("axis", axis)
        return output

    def _grid(self, grid: Grid, stem: str) -> tuple[ir.Value, ir.Value]:
        if grid not in self.parameters:
            self.parameters[grid] = (
                add_constant(
                    self.graph, self.names(f"{stem}/scale"), np.array(grid.scale, np.float32)
                ),
                add_constant(
                    self.graph,
                    self.names(f"{stem}/zero_point"),
                    np.array(grid.zero_point, np.int8 if grid.signed else np.uint8),
                ),
            )
        return self.parameters[grid]


def _folded(producer: ir.Node, integer: set[ir.Node]) -> bool:
    """Whether this is the Relu or Clip that an integer contraction absorbs."""
    if not cuts_at_zero(producer) or producer.inputs[0] is None:
        return False
    return producer.inputs[0].producer() in integer

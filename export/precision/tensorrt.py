"""INT8 for TensorRT: symmetric Q/DQ where its kernels use them, FP16 everywhere else.

Placement after NVIDIA's own quantiser (TensorRT documentation, "Working with Quantized Types";
Model-Optimizer's ONNX placement): pairs on the inputs and the weights of convolutions, none on
their outputs and none on the bias; the residual input of an Add whose other input is a
convolution, so that the Add fuses into it; inputs of one Concat share a scale.
"""

from __future__ import annotations

from collections.abc import Collection, Iterable

import numpy as np
import onnx
import onnx_ir as ir

from facedge.calibration.statistics import DEFAULT_METHOD

from .arithmetic import channel_scales, quantise_channels, signed_grid
from .casting import cast_graph
from .choice import BY_PLAN, NO_CHOICE, Choice
from .contraction import CONTRACTIONS, describe, unsuited
from .ir_edit import (
    NOTE,
    Names,
    RangeTable,
    add_constant,
    add_node,
    calibrated,
    close_model,
    constant,
    in_scope,
    insert_after,
    open_model,
)

OPSET = 19
"""First opset whose QuantizeLinear takes FP16; it changes nothing else these graphs use."""
_PASSES = ("Add", "Clip", "Concat", "LeakyRelu", "Relu")
_SMALLEST_SCALE = 2.0**-20


def quantise(
    model: onnx.ModelProto,
    ranges: RangeTable,
    method: str = DEFAULT_METHOD,
    keep: Iterable[str] = (),
    half: bool = True,
    choice: Choice = NO_CHOICE,
) -> onnx.ModelProto:
    """The INT8 form of a float graph for TensorRT 10.3 and later and for TensorRT for RTX.

    Args:
        model: float graph, weights as initialisers.
        ranges: calibrated range of every activation to quantise; also the FP16 range guard.
        method: which range of the table to use, such as ``mse`` or ``percentile``.
        keep: scopes (node name prefixes) that stay in FP32.
        half: FP16 for what is not INT8; False leaves it FP32.
        choice: what a plan decides, by exact name; ``unrounded`` is the portable dialect's alone.

    Returns:
        A strongly typed graph of opset 19 or later. Every contraction not in INT8 carries the
        reason in its metadata.

    Raises:
        InputError: control flow, an unusable range, or a tensor of unknown type.
    """
    keep = tuple(keep)
    opened = open_model(model)
    opened.opset_imports[""] = max(opened.opset_imports.get("", OPSET), OPSET)
    names = Names(opened.graph)
    table = choice.ranges(ranges)
    chosen = _choose(opened.graph, table, method, keep, choice.floats)
    readers = _activation_readers(opened.graph, chosen, table, method, keep)
    scales = _scales(opened.graph, readers, table, method)
    for value, slots in readers.items():
        _insert_pair(opened.graph, names, value, scales[value], slots)
    for node in chosen:
        _quantise_weights(opened.graph, names, node)
    if half:
        cast_graph(opened, ranges, (*keep, *sorted(choice.full)))
    return close_model(opened)


Slot = tuple[ir.Node, int]


def _choose(
    graph: ir.Graph,
    ranges: RangeTable,
    method: str,
    keep: tuple[str, ...],
    floats: Collection[str],
) -> list[ir.Node]:
    chosen: list[ir.Node] = []
    behind: set[ir.Value] = set()
    for node in graph:
        deep = any(value in behind for value in node.inputs)
        if node.op_type in CONTRACTIONS or deep:
            behind.update(node.outputs)
        if node.op_type not in CONTRACTIONS:
            continue
        item, data = describe(node), node.inputs[0]
        reason = unsuited(item, "tensorrt", keep, first_layer=not deep)
        if reason is None and (data is None or constant(data) is not None):
            reason = "its input is a constant"
        if (
            reason is None
            and data is not None
            and calibrated(ranges, data.name, method, True) is None
        ):
            reason = f"no calibrated range for tensor '{data.name}'"
        if reason is None and item.name in floats:
            reason = BY_PLAN
        if reason is None:
            chosen.append(node)
        else:
            node.metadata_props[NOTE] = reason
    return chosen


def _activation_readers(
    graph: ir.Graph,
    chosen: list[ir.Node],
    ranges: RangeTable,
    method: str,
    keep: tuple[str, ...],
) -> dict[ir.Value, list[Slot]]:
    """Every tensor to round and the inputs that read it rounded, in graph order."""
    integer = set(chosen)
    feeding = _feeding(graph, integer)
    readers: dict[ir.Value, list[Slot]] = {}
    for node in graph:
        if node in integer and node.inputs[0] is not None:
            readers.setdefault(node.inputs[0], []).append((node, 0))
        elif node.op_type == "Add" and node.outputs[0] in feeding and not in_scope(node.name, keep):
            index = _residual(node, integer)
            value = node.inputs[index] if index is not None else None
            if index is None or value is None or constant(value) is not None:
                continue
            if calibrated(ranges, value.name, method, True) is not None:
                readers.setdefault(value, []).append((node, index))
    return readers


def _feeding(graph: ir.Graph, integer: set[ir.Node]) -> set[ir.Value]:
    """Tensors that an INT8 contraction reads, at once or behind activations, Adds and Concats.

    The Add of the picture's base is none of them, and must not be rounded to 8 bits.
    """
    feeding: set[ir.Value] = set()
    for node in reversed(list(graph)):
        if node in integer and node.inputs[0] is not None:
            feeding.add(node.inputs[0])
        elif node.op_type in _PASSES and node.outputs[0] in feeding:
            feeding.update(value for value in node.inputs if value is not None)
    return feeding


def _residual(node: ir.Node, integer: set[ir.Node]) -> int | None:
    """Which input of an Add skips the INT8 convolution that the Add fuses into."""
    for index in (1, 0):
        branch = node.inputs[index]
        if branch is not None and branch.producer() in integer and len(branch.uses()) == 1:
            return 1 - index
    return None


def _scales(
    graph: ir.Graph, readers: dict[ir.Value, list[Slot]], ranges: RangeTable, method: str
) -> dict[ir.Value, float]:
    spans: dict[ir.Value, tuple[float, float]] = {}
    for value in readers:
        span = calibrated(ranges, value.name, method, True)
        assert span is not None, "only calibrated tensors were chosen"
        spans[value] = span
    concats = [node for node in graph if node.op_type == "Concat"]
    for _ in concats:  # one round per Concat is enough for any chain of them
        for node in concats:
            group = [v for v in (*node.inputs, *node.outputs) if v is not None and v in spans]
            if node.outputs[0] in spans:
                span = (min(spans[v][0] for v in group), max(spans[v][1] for v in group))
                spans.update(dict.fromkeys(group, span))
    return {value: half_scale(signed_grid(*span).scale) for value, span in spans.items()}


def half_scale(scale: float) -> float:
    """The smallest number of FP16 that is not below ``scale``.

    TensorRT wants the scale in the type of what is rounded. With a scale FP16 holds exactly,
    the graph means the same in FP16 and FP32.
    """
    rounded = np.float16(max(scale, _SMALLEST_SCALE))
    if float(rounded) < scale:
        rounded = np.nextafter(rounded, np.float16(np.inf), dtype=np.float16)
    return float(rounded)


def _insert_pair(
    graph: ir.Graph, names: Names, value: ir.Value, scale: float, slots: list[Slot]
) -> None:
    producer = value.producer()
    stem = (producer.name if producer is not None else value.name) or "tensor"
    step = add_constant(graph, names(f"{stem}/scale"), np.array(scale, np.float32))
    zero = add_constant(graph, names(f"{stem}/zero_point"), np.array(0, np.int8))
    down = add_node(names, "QuantizeLinear", [value, step, zero], stem, ir.DataType.INT8)
    up = add_node(names, "DequantizeLinear", [down.outputs[0], step, zero], stem, ir.DataType.FLOAT)
    insert_after(graph, value, down)
    graph.insert_after(down, up)
    for node, index in slots:
        node.replace_input_with(index, up.outputs[0])


def _quantise_weights(graph: ir.Graph, names: Names, node: ir.Node) -> None:
    item, source = describe(node), node.inputs[1]
    weight = constant(source)
    assert source is not None
    assert weight is not None
    weight32 = weight.astype(np.float32)
    raw = channel_scales(weight32, item.channel_axis)
    scales = np.array([half_scale(float(scale)) for scale in raw], np.float32)
    stored = f"{source.name}_s8"
    if stored not in graph.initializers:
        levels = quantise_channels(weight32, scales, item.channel_axis)
        add_constant(graph, stored, levels)
        add_constant(graph, f"{source.name}_scale", scales)
    up = add_node(
        names,
        "DequantizeLinear",
        [graph.initializers[stored], graph.initializers[f"{source.name}_scale"]],
        item.name,
        ir.DataType.FLOAT,
        {"axis": item.channel_axis},
    )
    graph.insert_before(node, up)
    node.replace_input_with(1, up.outputs[0])

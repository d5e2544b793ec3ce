"""Parts of a quantised graph: the same Q/DQ pairs, but only some of them left in.

Rounding errors add up: a network is close to linear in a small change, and the errors of different
tensors have nothing to do with each other. So the loss of any assignment is close to the sum of the
losses of its parts: the weights of each INT8 node, and each activation that is rounded.
"""

from __future__ import annotations

from collections.abc import Collection
from dataclasses import dataclass

import onnx

from .contraction import CONTRACTIONS
from .region import MOVEMENT


@dataclass(frozen=True)
class Rounded:
    """An activation that a quantised graph rounds.

    Attributes:
        tensors: its names before and after data movement, which rounds nothing anew; in graph
            order, the first is the group's name.
        readers: INT8 contractions that read it.
    """

    tensors: tuple[str, ...]
    readers: tuple[str, ...]

    @property
    def name(self) -> str:
        """Name of the group."""
        return self.tensors[0]


def rounded_activations(quantised: onnx.ModelProto) -> tuple[Rounded, ...]:
    """Every rounded activation of a graph with Q/DQ nodes, in graph order."""
    graph = quantised.graph
    makers = {output: node for node in graph.node for output in node.output}
    read = {node.input[0] for node in graph.node if node.op_type == "DequantizeLinear"}
    groups: dict[str, list[str]] = {}
    first: dict[str, str] = {}
    for node in graph.node:
        # Bytes that nobody turns back into floats are the picture itself.
        if node.op_type != "QuantizeLinear" or node.output[0] not in read:
            continue
        tensor, maker = node.input[0], makers.get(node.input[0])
        source = None
        if maker is not None and maker.op_type in MOVEMENT:
            source = _rounded_source(maker.input[0], makers)
        first[tensor] = first.get(source or "", tensor)
        groups.setdefault(first[tensor], []).append(tensor)
    integer = set(int8_nodes(quantised))
    readers: dict[str, list[str]] = {name: [] for name in groups}
    for node in graph.node:
        if node.name in integer:
            source = _rounded_source(node.input[0], makers)
            if source is not None:
                readers[first[source]].append(node.name)
    return tuple(Rounded(tuple(t), tuple(readers[name])) for name, t in groups.items())


def int8_nodes(quantised: onnx.ModelProto) -> tuple[str, ...]:
    """Contractions whose weights are rounded, in graph order."""
    constants = {tensor.name for tensor in quantised.graph.initializer}
    weights = {
        node.output[0]
        for node in quantised.graph.node
        if node.op_type == "DequantizeLinear" and node.input[0] in constants
    }
    return tuple(
        node.name
        for node in quantised.graph.node
        if node.op_type in CONTRACTIONS and node.input[1] in weights
    )


def round_only(
    quantised: onnx.ModelProto,
    original: onnx.ModelProto,
    tensors: Collection[str] = (),
    weights: Collection[str] = (),
) -> onnx.ModelProto:
    """The quantised graph with all other Q/DQ pairs taken out.

    Args:
        quantised: what a dialect's quantiser made.
        original: the float graph it was made of, which holds the weights.
        tensors: activations to keep rounded.
        weights: contractions whose weights, and bias where it is rounded, stay rounded.
    """
    part = onnx.ModelProto()
    part.CopyFrom(quantised)
    graph = part.graph
    makers = {output: node for node in graph.node for output in node.output}
    floats = {node.name: node for node in original.graph.node}
    shown = {value.name for value in graph.output}
    restored: set[str] = set()
    instead: dict[str, str] = {}
    for node in graph.node:
        if node.op_type != "DequantizeLinear":
            continue
        rounding = makers.get(node.input[0])
        if rounding is None or rounding.input[0] in tensors:
            continue
        if node.output[0] in shown:
            source = rounding.input[0]
            node.op_type = "Identity"
            del node.input[:]
            node.input.append(source)
        else:
            instead[node.output[0]] = rounding.input[0]
    for node in graph.node:
        for index, name in enumerate(node.input):
            maker = makers.get(name)
            if name in instead:
                node.input[index] = instead[name]
            elif _is_constant(maker, makers) and node.name not in weights:
                node.input[index] = floats[node.name].input[index]
                restored.add(node.input[index])
    held = {tensor.name for tensor in graph.initializer}
    graph.initializer.extend(t for t in original.graph.initializer if t.name in restored - held)
    for node in original.graph.node:
        if node.op_type == "Constant" and node.output[0] in restored - held:
            graph.node.insert(0, node)
    return part


def _rounded_source(name: str, makers: dict[str, onnx.NodeProto]) -> str | None:
    """The activation behind a DequantizeLinear's output."""
    maker = makers.get(name)
    if maker is None or maker.op_type != "DequantizeLinear":
        return None
    rounding = makers.get(maker.input[0])
    return None if rounding is None else rounding.input[0]


def _is_constant(maker: onnx.NodeProto | None, makers: dict[str, onnx.NodeProto]) -> bool:
    return (
        maker is not None and maker.op_type == "DequantizeLinear" and maker.input[0] not in makers
    )

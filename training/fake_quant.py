"""A network's INT8 graph in torch, with gradients: what quantisation-aware fine-tuning runs.

The compiler's own Q/DQ graph is played node by node with the weights of a live network in place of
the stored ones: every rounding happens where the shipped graph rounds, at every recurrent step, and
a ranges file needs no translation to modules. After Jacob et al. (arXiv 1712.05877).
"""

from __future__ import annotations

import re
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field
from itertools import groupby
from typing import Any, NamedTuple

import numpy as np
import onnx
import torch
from numpy.typing import NDArray
from onnx import helper, numpy_helper
from torch import Tensor, nn
from torch.nn import functional as F

from facedge.errors import InputError
from facedge.runtime.manifest import Dialect

_EDGES = "edges/"
"""Modules in it are called, without gradient: rounding and comparing have none worth having."""
_CONV8, _CALL = "INT8 Conv", "call"
_PARTS = re.compile(r"(?:_\d+to\d+)+$")
Array = NDArray[Any]
Attributes = dict[str, Any]


class _Rounded(torch.autograd.Function):
    """``fake_quantise``, forwards and backwards."""

    @staticmethod
    def forward(ctx: Any, x: Tensor, step: Tensor, zero: int, low: float, high: float) -> Tensor:
        levels = (x / step).round_().add_(zero)
        if ctx.needs_input_grad[0]:
            ctx.save_for_backward((levels >= low) & (levels <= high))
        return levels.clamp_(low, high).sub_(zero).mul_(step)

    @staticmethod
    def backward(ctx: Any, *gradients: Tensor) -> tuple[Tensor | None, ...]:
        (inside,) = ctx.saved_tensors
        return gradients[0] * inside, None, None, None, None


def fake_quantise(x: Tensor, scale: Tensor | float, zero: int, low: float, high: float) -> Tensor:
    """Round to a grid as ONNX's QuantizeLinear does, and back as DequantizeLinear.

    Straight-through estimator: the gradient passes as if nothing were rounded, and is zero where
    the value was clipped (Krishnamoorthi, arXiv 1806.08342, section 2.4).

    Args:
        x: float tensor of any shape; the result has the same shape and type.
        scale: width of a level; a tensor broadcasts against ``x`` and gets no gradient.
        zero: the level that stands for 0.
        low, high: lowest and highest level, such as 0 and 255.
    """
    step = torch.as_tensor(scale, dtype=x.dtype, device=x.device).detach()
    found: Tensor = _Rounded.apply(x, step, zero, low, high)  # type: ignore[no-untyped-call]
    return found


def weight_scales(weight: Tensor, dialect: Dialect) -> Tensor:
    """Symmetric scales as the compiler chooses them: float32 [out, in, kh, kw] -> float32 [out].

    Those of ``tensorrt`` are rounded up to numbers that FP16 holds.
    """
    scales = weight.detach().abs().amax((1, 2, 3)) / 127
    if dialect != "tensorrt":
        return scales.clamp(min=2.0**-40)
    scales = scales.clamp(min=2.0**-20)
    half = scales.half()
    above = (half.view(torch.int16) + 1).view(torch.float16)
    return torch.where(half.float() < scales, above, half).float()


def fake_weights(
    weight: Tensor, bias: Tensor | None, step: float, dialect: Dialect
) -> tuple[Tensor, Tensor | None]:
    """Weights and bias as an INT8 convolution of the shipped graph uses them, still float32.

    Args:
        weight: float32 [out, in, kh, kw]; becomes s8 per output channel.
        bias: float32 [out] or None; stays float in ``tensorrt``, else becomes int32.
        step: scale of the convolution's input.
    """
    scales, rounds = weight_scales(weight, dialect), dialect != "tensorrt"
    if bias is not None and rounds:
        scales = torch.maximum(scales, bias.detach().abs() / (step * 2.0**30))
    # float64, so that a weight half way between two levels goes where the compiler sends it.
    wide = fake_quantise(weight.double(), scales.double()[:, None, None, None], 0, -127, 127)
    if bias is not None and rounds:
        product = (scales.double() * step).float().double()
        bias = fake_quantise(bias.double(), product, 0, -(2.0**31), 2.0**31 - 1).float()
    return wide.float(), bias


def _convolve(node: Attributes, x: Tensor, weight: Tensor, bias: Tensor | None = None) -> Tensor:
    top, left, bottom, right = node["pads"]
    if (top, left) != (bottom, right):
        x, top, left = F.pad(x, (left, right, top, bottom)), 0, 0
    return F.conv2d(x, weight, bias, tuple(node["strides"]), (top, left), groups=node["group"])


_OPERATORS: dict[str, Callable[..., Tensor]] = {
    "Add": lambda _, a, b: a + b,
    "Sub": lambda _, a, b: a - b,
    "Relu": lambda _, x: F.relu(x),
    "Concat": lambda attributes, *parts: torch.cat(parts, attributes["axis"]),
    "DepthToSpace": lambda attributes, x: F.pixel_shuffle(x, attributes["blocksize"]),
    "Resize": lambda _, x, scales: F.interpolate(
        x, scale_factor=scales[2:].tolist(), mode="bilinear", align_corners=False
    ),
    "Conv": _convolve,
    "QuantizeLinear": lambda grid, x: fake_quantise(x, **grid),
}
"""The ONNX operators of the S1 networks outside their edge extraction."""


class _Source(NamedTuple):
    """The parameter that an initialiser is: all of it, or ranges of its input channels."""

    parameter: str
    channels: tuple[tuple[int, int], ...]

    def take(self, parameters: Mapping[str, Tensor]) -> Tensor:
        whole = parameters[self.parameter]
        parts = [whole[:, begin:end] for begin, end in self.channels]
        return torch.cat(parts, 1) if parts else whole


@dataclass(frozen=True)
class _Step:
    """A node or the call of a module; ``done`` are the tensors that nothing reads after it."""

    node: str
    op: str
    inputs: tuple[str, ...]
    output: str
    attributes: Attributes
    done: list[str] = field(default_factory=list)


class QuantisedGraph:
    """Plays the INT8 form of an S1 network with the weights of a live one.

    It holds nothing of a network or a run: threads may share it, and it plays any network of these
    shapes, such as one in training and its moving average.

    Args:
        floats: rewritten float graph, ``image`` -> ``step_1`` … ``step_T``.
        quantised: what ``portable.quantise``, or ``tensorrt.quantise`` with ``half=False``, made
            of it; ``floats`` itself to play without rounding.
        network: the network that ``floats`` was traced from.
        dialect: which of the two.

    Attributes:
        int8_nodes: names of the convolutions that multiply in INT8, in graph order.

    Raises:
        InputError: an operator that is not played here, or the graph lacks a weight of the network.
    """

    def __init__(
        self,
        floats: onnx.ModelProto,
        quantised: onnx.ModelProto,
        network: nn.Module,
        dialect: Dialect = "portable",
    ) -> None:
        self.dialect = dialect
        self._outputs = tuple(output.name for output in floats.graph.output)
        stored = [*quantised.graph.initializer, *floats.graph.initializer]
        arrays = {tensor.name: numpy_helper.to_array(tensor) for tensor in stored}
        self._steps = _needed(_steps(floats, quantised, arrays), self._outputs)
        self.int8_nodes = tuple(step.node for step in self._steps if step.op == _CONV8)
        parameters = {name: p.detach().cpu() for name, p in network.named_parameters()}
        self._sources: dict[str, _Source] = {}
        self._constants: dict[str, Tensor] = {}
        for step in self._steps:
            for place, name in enumerate(step.inputs):
                if place and step.op in ("Conv", _CONV8):
                    self._sources[name] = _source(name, arrays.get(name), parameters)
                elif name in arrays:
                    self._constants[name] = torch.tensor(arrays[name])
        if lost := sorted(parameters.keys() - {s.parameter for s in self._sources.values()}):
            raise InputError(
                f"the rewritten graph does not show the network's {lost[0]}; fake quantisation "
                "needs every weight in it as it is, and no two layers with equal ones"
            )

    def __call__(self, network: nn.Module, image: Tensor) -> tuple[Tensor, ...]:
        """Every step's picture, as the INT8 graph makes it with a network's present weights.

        Args:
            network: gives the weights and gets the gradient.
            image: float32 RGB [N, 3, h, h] in [0, 1]; each picture is float32 RGB [N, 3, H, H],
                not clipped.
        """
        parameters = dict(network.named_parameters())
        values = {"image": image, **self._constants}
        with torch.autocast(image.device.type, enabled=False):
            for step in self._steps:
                inputs = [
                    self._sources[name].take(parameters) if name in self._sources else values[name]
                    for name in step.inputs
                ]
                values[step.output] = self._compute(step, network, inputs)
                for name in step.done:
                    values.pop(name, None)
        return tuple(values[name] for name in self._outputs)

    def _compute(self, step: _Step, network: nn.Module, inputs: Sequence[Tensor]) -> Tensor:
        if step.op == _CALL:
            found: Tensor = network.get_submodule(step.node)(inputs[0].detach())
            return found
        if step.op == _CONV8:
            x, weight = inputs[:2]
            bias = inputs[2] if len(inputs) > 2 else None
            rounded = fake_weights(weight, bias, step.attributes["scale"], self.dialect)
            return _convolve(step.attributes, x, *rounded)
        return _OPERATORS[step.op](step.attributes, *inputs)


def _steps(
    floats: onnx.ModelProto, quantised: onnx.ModelProto, arrays: Mapping[str, Array]
) -> list[_Step]:
    """The quantised graph with weights under their float names and rounded tensors as floats."""
    before = {node.name: node for node in floats.graph.node}
    scales: dict[str, float] = {}
    rounded: dict[str, str] = {}
    steps: list[_Step] = []
    for scope, group in groupby(quantised.graph.node, _call):
        if scope:
            steps.append(_module(scope, list(group), arrays))
            continue
        for node in group:
            inputs = [rounded.get(name, name) for name in node.input if name]
            attributes = {a.name: helper.get_attribute_value(a) for a in node.attribute}
            op = node.op_type
            if op == "DequantizeLinear":
                rounded[node.output[0]] = inputs[0]
                continue
            if op == "QuantizeLinear":
                attributes = _grid(arrays[inputs[1]], arrays[inputs[2]])
                scales[node.output[0]], inputs = attributes["scale"], inputs[:1]
            elif op == "Conv" and node.input[1] in rounded:
                op, attributes["scale"] = _CONV8, scales[inputs[0]]
                inputs[1:] = before[node.name].input[1:]
            elif op not in _OPERATORS:
                raise InputError(f"fake quantisation cannot play {op} ({node.name}) of this graph")
            steps.append(_Step(node.name, op, tuple(inputs), node.output[0], attributes))
    return steps


def _grid(scale: Array, zero: Array) -> Attributes:
    levels = np.iinfo(zero.dtype)
    return {"scale": float(scale), "zero": int(zero), "low": levels.min, "high": levels.max}


def _call(node: onnx.NodeProto) -> str:
    """Path of the edge module that a node belongs to, such as ``edges.0``; empty for others."""
    return ".".join(node.name.split("/")[:2]) if node.name.startswith(_EDGES) else ""


def _module(path: str, nodes: Sequence[onnx.NodeProto], arrays: Mapping[str, Array]) -> _Step:
    """One call of an edge module: consecutive nodes that read one tensor and end in one."""
    made = [name for node in nodes for name in node.output]
    read = {name for node in nodes for name in node.input if name and name not in arrays}
    if len(outer := read - set(made)) != 1:
        raise InputError(f"{path} reads {len(outer)} tensors of this graph; expected one picture")
    return _Step(path, _CALL, tuple(outer), made[-1], {})


def _needed(steps: Sequence[_Step], outputs: Sequence[str]) -> list[_Step]:
    """The steps that the outputs depend on, each with the tensors that are read there last."""
    wanted, kept = set(outputs), []
    for step in reversed(steps):
        if step.output in wanted:
            step.done.extend({name for name in step.inputs if name not in wanted})
            wanted.update(step.inputs)
            kept.append(step)
    return kept[::-1]


def _source(name: str, array: Array | None, parameters: Mapping[str, Tensor]) -> _Source:
    """The parameter behind a weight; one pass splits convolutions: ``fuse.weight_0to64``."""
    parts = _PARTS.search(name)
    spans = re.findall(r"(\d+)to(\d+)", parts.group()) if parts else []
    source = _Source(_PARTS.sub("", name), tuple((int(a), int(b)) for a, b in spans))
    stored = source.take(parameters).numpy() if source.parameter in parameters else None
    if array is None or stored is None or not np.array_equal(stored, array):
        raise InputError(f"{name} of the rewritten graph is no weight of this network")
    return source

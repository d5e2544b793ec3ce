"""Which tensors of a graph become INT8 in the portable dialect.

CPU back ends fuse DequantizeLinear -> op -> QuantizeLinear into an integer kernel, so a tensor
is worth quantising where a convolution reads or writes it, or where it lies between two of them.
Data movement follows for free in either direction, with the scale of what it moves.
"""

from __future__ import annotations

from collections.abc import Collection, Iterable, Sequence
from dataclasses import dataclass, field

import onnx_ir as ir

from facedge.errors import InputError

from .choice import BY_PLAN, NO_CHOICE, Choice
from .contraction import Contraction, contractions, unsuited
from .ir_edit import RangeTable, calibrated, constant, in_scope

MOVEMENT = (
    "DepthToSpace", "SpaceToDepth", "Reshape", "Transpose", "Flatten", "Squeeze", "Unsqueeze",
    "Slice", "MaxPool",
)  # fmt: skip
"""Operators that only move or select values: input and output share one scale."""
ARITHMETIC = ("Add", "Concat", "LeakyRelu", "Relu", "AveragePool", "GlobalAveragePool")
"""Operators with integer kernels on CPUs that are worth it between two INT8 convolutions."""
_SMALL_SHARE, _SMALL_WEIGHTS = 0.01, 2**19
"""Of all multiply-accumulates, and weights of a layer, up to which INT8 saves next to nothing."""
_SMALL_END = "small, and its result would be rounded for nobody who computes in INT8"


@dataclass
class Region:
    """The integer part of a graph.

    Attributes:
        contractions: nodes that multiply in INT8.
        followers: movement and arithmetic nodes that work on integers.
        tensors: quantised tensors with their range; those that must share a scale share it.
        joined: those of them that share it with what a Concat joins.
        refusals: why each other contraction stays in float, by node name.
    """

    contractions: list[ir.Node] = field(default_factory=list)
    followers: list[ir.Node] = field(default_factory=list)
    tensors: dict[ir.Value, tuple[float, float]] = field(default_factory=dict)
    joined: set[ir.Value] = field(default_factory=set)
    refusals: dict[str, str] = field(default_factory=dict)

    def integer_nodes(self) -> set[ir.Node]:
        """Every node that works on integers."""
        return {*self.contractions, *self.followers}


def plan_region(
    graph: ir.Graph,
    ranges: RangeTable,
    method: str,
    exclude: Iterable[str] = (),
    choice: Choice = NO_CHOICE,
    round_results: bool = True,
) -> Region:
    """Choose the integer part of a graph whose types and shapes are inferred.

    Args:
        graph: float graph; Relu already lies before data movement.
        ranges: calibrated ranges.
        method: which of them.
        exclude: scopes that stay in float.
        choice: what a plan decides, by exact name.
        round_results: whether kernels multiply in INT8 only where the result is rounded, too. They
            then also take an Add and the Relu behind it as one.

    Raises:
        InputError: a tensor is to stay unrounded that an INT8 contraction reads.
    """
    exclude = tuple(exclude)
    region = Region()
    items = list(contractions(graph))
    for item in items:
        reason = unsuited(item, "portable", exclude) or _unknown(item.node, ranges, method)
        if reason is None and item.name in choice.floats:
            reason = BY_PLAN
        if reason is None and item.node.op_type in ("Gemm", "MatMul"):
            reason = _unfit_product(item.node)
        if reason is None:
            region.contractions.append(item.node)
        else:
            region.refusals[item.name] = reason
    flow = _flow(graph, region, ranges, method, exclude, round_results)
    while round_results and (small := _small_ends(items, region, flow)):
        region.contractions = [node for node in region.contractions if node not in small]
        region.refusals |= {node.name or "": _SMALL_END for node in small}
        flow = _flow(graph, region, ranges, method, exclude, round_results)
    wanted = _wanted(graph, region, flow, exclude, round_results)
    _share_scales(region, wanted, ranges, method)
    _leave_unrounded(region, choice.unrounded, round_results)
    return region


def result_tensor(node: ir.Node) -> ir.Value:
    """Where a contraction's result is rounded: behind its Relu where that is all that reads it."""
    output = node.outputs[0]
    uses = list(output.uses())
    if len(uses) == 1 and not output.is_graph_output() and cuts_at_zero(uses[0].node):
        return uses[0].node.outputs[0]
    return output


def cuts_at_zero(node: ir.Node) -> bool:
    """Whether rounding to an unsigned grid from 0 does the work of this Relu or Clip."""
    if node.op_type == "Clip" and len(node.inputs) > 1:
        low = constant(node.inputs[1])
        return low is not None and float(low) == 0.0
    return node.op_type == "Relu"


def data_inputs(node: ir.Node) -> list[ir.Value]:
    """The activations a follower computes on, without shapes, indices and constants."""
    chosen = node.inputs if node.op_type in ("Add", "Concat") else node.inputs[:1]
    return [value for value in chosen if value is not None]


def _unknown(node: ir.Node, ranges: RangeTable, method: str) -> str | None:
    for value in (node.inputs[0], result_tensor(node)):
        if value is None or constant(value) is not None:
            return "its input is a constant"
        if calibrated(ranges, value.name, method) is None:
            return f"no calibrated range for tensor '{value.name}'"
    bias = node.inputs[2] if len(node.inputs) > 2 and node.op_type != "MatMul" else None
    if bias is not None and constant(bias) is None:
        return "its bias is computed"
    return None


def _unfit_product(node: ir.Node) -> str | None:
    if any(node.attributes.get_float(name, 1.0) != 1.0 for name in ("alpha", "beta")):
        return "alpha and beta of the Gemm are not 1"
    if node.attributes.get_int("transA", 0):
        return "the Gemm transposes its input"
    weight = constant(node.inputs[1])
    if weight is not None and weight.ndim != 2:
        return f"weights of {weight.ndim} dimensions"
    bias = constant(node.inputs[2]) if len(node.inputs) > 2 else None
    if bias is not None and bias.ndim != 1:
        return f"bias of {bias.ndim} dimensions"
    return None


@dataclass(frozen=True)
class _Flow:
    """What integers could flow through.

    Attributes:
        able: tensors that an integer operator could write.
        useful: tensors that INT8 contractions read, directly or through followers.
        followers: movement and arithmetic between INT8 contractions.
    """

    able: set[ir.Value]
    useful: set[ir.Value]
    followers: set[ir.Node]


def _written(node: ir.Node, round_results: bool) -> ir.Value:
    """What a follower's integer form writes; that of an Add absorbs the Relu behind it."""
    return result_tensor(node) if round_results and node.op_type == "Add" else node.outputs[0]


def _flow(
    graph: ir.Graph,
    region: Region,
    ranges: RangeTable,
    method: str,
    exclude: tuple[str, ...],
    round_results: bool,
) -> _Flow:
    nodes = list(graph)
    multiplies = set(region.contractions)
    able = {result_tensor(node) for node in multiplies}
    folded = {value.producer() for value in able if (p := value.producer()) and p not in multiplies}
    arithmetic: set[ir.Node] = set()
    for node in nodes:
        if node.op_type not in MOVEMENT + ARITHMETIC or node in folded:
            continue
        if in_scope(node.name, exclude) or node.outputs[0].dtype != ir.DataType.FLOAT:
            continue
        inputs = data_inputs(node)
        if not any(value in able for value in inputs):
            continue
        output = _written(node, round_results)
        if node.op_type in ARITHMETIC:
            ends = [*inputs, output]
            if any(value not in able and not _ready(value, ranges, method) for value in ends):
                continue
            arithmetic.add(node)
        able.add(output)
        if output is not node.outputs[0]:
            folded.add(output.producer())

    useful = {value for node in multiplies for value in node.inputs[:1] if value is not None}
    followers: set[ir.Node] = set()
    for node in reversed(nodes):
        output = _written(node, round_results)
        if node in arithmetic and output in useful:
            followers.add(node)
            useful.update(data_inputs(node))
        elif node.op_type in MOVEMENT and output in useful and _movable(node, exclude):
            followers.add(node)
            useful.add(data_inputs(node)[0])
    return _Flow(able, useful, followers)


def _small_ends(items: Sequence[Contraction], region: Region, flow: _Flow) -> set[ir.Node]:
    """Small INT8 contractions whose result would be rounded although only floats read it."""
    total = sum(item.macs for item in items)
    chosen = set(region.contractions)
    return {
        item.node
        for item in items
        if item.node in chosen
        and result_tensor(item.node) not in flow.useful
        and item.macs <= _SMALL_SHARE * total
        and item.in_channels * item.out_channels <= _SMALL_WEIGHTS
    }


def _wanted(
    graph: ir.Graph, region: Region, flow: _Flow, exclude: tuple[str, ...], round_results: bool
) -> set[ir.Value]:
    """Tensors to quantise; fills ``region.followers``."""
    nodes, followers = list(graph), set(flow.followers)
    results = {result_tensor(node) for node in region.contractions}
    # OpenVINO 2026.4 moves the scale of an unrounded result behind its readers. If it has several
    # and one leads to another integer convolution, the others can lose it (au-gcn).
    wanted = flow.useful | {v for v in results if round_results or len(v.uses()) > 1}
    for node in nodes:
        if node in followers or (
            node.op_type in MOVEMENT and node.inputs[0] in wanted and node.inputs[0] in flow.able
            and _movable(node, exclude)
        ):  # fmt: skip
            followers.add(node)
            wanted.add(_written(node, round_results))
    region.followers = [node for node in nodes if node in followers]
    return wanted


def _ready(value: ir.Value, ranges: RangeTable, method: str) -> bool:
    return constant(value) is None and calibrated(ranges, value.name, method) is not None


def _movable(node: ir.Node, exclude: tuple[str, ...]) -> bool:
    """Whether a data movement may be done on integers: nothing else, and no padding with minima."""
    if in_scope(node.name, exclude) or len(node.outputs) > 1:
        return False
    source = node.inputs[0]
    return source is not None and constant(source) is None and source.producer() is not None


def _share_scales(region: Region, wanted: set[ir.Value], ranges: RangeTable, method: str) -> None:
    group = {value: value for value in wanted}

    def root(value: ir.Value) -> ir.Value:
        while group[value] is not value:
            value = group[value]
        return value

    for node in region.followers:
        if node.op_type in MOVEMENT or node.op_type == "Concat":
            for value in data_inputs(node):
                group[root(value)] = root(node.outputs[0])
    spans: dict[ir.Value, tuple[float, float]] = {}
    for value in wanted:
        span = calibrated(ranges, value.name, method)
        if span is not None:
            low, high = spans.get(root(value), span)
            spans[root(value)] = (min(low, span[0]), max(high, span[1]))
    region.tensors = {value: spans[root(value)] for value in wanted}
    roots = {root(node.outputs[0]) for node in region.followers if node.op_type == "Concat"}
    region.joined = {value for value in wanted if root(value) in roots}


def _leave_unrounded(region: Region, names: Collection[str], round_results: bool) -> None:
    read = {node.inputs[0]: node for node in region.contractions}
    for value in [value for value in region.tensors if value.name in names]:
        if value in read:
            raise InputError(
                f"the plan leaves tensor '{value.name}' unrounded, which the INT8 node "
                f"'{read[value].name}' reads; make that node float, or round the tensor"
            )
        del region.tensors[value]
    region.followers = [
        node for node in region.followers if _written(node, round_results) in region.tensors
    ]

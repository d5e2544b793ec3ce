"""How siblings of each operator type become one operator over concatenated channels."""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np
import onnx_ir as ir

from .branch_insertion import typed
from .edit import Array, constant, sizes
from .hoist import CHANNELS, Rule, Siblings, channels, same, stacked
from .slices import kept

# fmt: off
ELEMENTWISE = frozenset([
    "Abs", "Cast", "Ceil", "Clip", "Exp", "Floor", "HardSigmoid", "HardSwish", "Identity",
    "LeakyRelu", "Neg", "Not", "Relu", "Round", "Sigmoid", "Softplus", "Sqrt", "Tanh",
])
POOLING = frozenset(["AveragePool", "GlobalAveragePool", "GlobalMaxPool", "MaxPool"])
BINARY = frozenset([
    "Add", "And", "Div", "Equal", "Greater", "GreaterOrEqual", "Less", "LessOrEqual", "Max",
    "Min", "Mul", "Or", "Pow", "Sub", "Xor",
])
# fmt: on


def elementwise(siblings: Siblings) -> ir.Value | None:
    """f(x_1) … f(x_n) with the same parameters: f of the concatenation. Pooling likewise."""
    rest = range(1, max(len(node.inputs) for node in siblings.nodes))
    if not siblings.same_attributes() or not all(same(siblings.operands(k)) for k in rest):
        return None
    first = siblings.nodes[0]
    data = _data(siblings)
    attributes = {name: a.value for name, a in first.attributes.items()}
    return siblings.edit.op(first.op_type, [siblings.concat(data), *first.inputs[1:]], **attributes)


def slice_elsewhere(siblings: Siblings) -> ir.Value | None:
    """The same Slice of every branch along axes other than the channels."""
    cut = kept(siblings.nodes[0])
    if cut is None or CHANNELS in cut:
        return None
    return elementwise(siblings)


def unsqueeze_behind(siblings: Siblings) -> ir.Value | None:
    """The same Unsqueeze of every branch, all new axes behind the channels."""
    axes = constant(siblings.nodes[0].inputs[1])
    rank = len(sizes(siblings.joined) or ())
    if axes is None or any(int(a) % rank <= CHANNELS for a in axes):
        return None
    return elementwise(siblings)


def stack(siblings: Siblings) -> ir.Value | None:
    """Branches stacked on a new axis 1: one Reshape of the concatenation on the old axis 1."""
    shape, rank = sizes(siblings.nodes[0].inputs[0]), len(sizes(siblings.joined) or ())
    axes = [constant(axes) for axes in siblings.operands(1)]
    if shape is None or len(shape) < 2 or any(size is None for size in shape[1:]):
        return None
    if any(a is None or [int(k) % rank for k in a.ravel()] != [CHANNELS] for a in axes):
        return None
    data = _data(siblings)
    if any((sizes(value) or ())[1:] != shape[1:] for value in data):
        return None
    return siblings.edit.reshape(siblings.concat(data), [len(data), *shape[1:]])


def flatten(siblings: Siblings) -> ir.Value | None:
    """Every branch flattened behind the batch: the concatenation flattened."""
    data = _data(siblings)
    total = 0
    for value, node in zip(data, siblings.nodes, strict=True):
        before, after = sizes(value), sizes(node.outputs[0])
        if before is None or after is None or len(before) < 3 or len(after) != 2:
            return None
        known = [size for size in before[1:] if size is not None]
        if before[0] != after[0] or len(known) < len(before) - 1 or np.prod(known) != after[1]:
            return None
        if before[2:] != (sizes(data[0]) or ())[2:]:
            return None
        total += int(np.prod(known))
    return siblings.edit.reshape(siblings.concat(data), [total])


def batch_norm(siblings: Siblings) -> ir.Value | None:
    """Batch normalisations with equal epsilon: one over all channels."""
    first = siblings.nodes[0]
    parameters = [stacked(siblings.operands(k)) for k in range(1, 5)]
    if not siblings.same_attributes() or any(p is None for p in parameters):
        return None
    names = ("scale", "bias", "mean", "variance")
    values = [
        siblings.edit.constant(p, _named(first.inputs[k + 1], names[k]))
        for k, p in enumerate(parameters)
        if p is not None
    ]
    attributes = {name: a.value for name, a in first.attributes.items()}
    joined = siblings.concat(_data(siblings))
    return siblings.edit.op("BatchNormalization", [joined, *values], **attributes)


def convolution(siblings: Siblings) -> ir.Value | None:
    """Convolutions: one wide one where all read the same value, else one grouped one."""
    if not siblings.same_attributes("group"):
        return None
    weights = [constant(value) for value in siblings.operands(1)]
    kernels = [w for w in weights if w is not None]
    groups = [node.attributes.get_int("group", 1) for node in siblings.nodes]
    bias = _biases(siblings, [len(w) for w in kernels])
    if len(kernels) < len(weights) or bias is None:
        return None
    if len({w.shape[1:] for w in kernels}) != 1:
        return None
    data, attributes = _data(siblings), dict(siblings.nodes[0].attributes)
    wide = same(data) and set(groups) == {1}
    if not wide and len({len(w) // g for w, g in zip(kernels, groups, strict=True)}) != 1:
        return None
    plain = {name: a.value for name, a in attributes.items() if name != "group"}
    first = siblings.nodes[0]
    parameters = [
        siblings.edit.constant(np.concatenate(kernels), _named(first.inputs[1], "weight"))
    ]
    if bias.size:
        parameters.append(siblings.edit.constant(bias, _named(_third(siblings), "bias")))
    joined = data[0] if wide else siblings.concat(data)
    return siblings.edit.op(
        "Conv", [joined, *parameters], **plain, group=1 if wide else sum(groups)
    )


def linear(siblings: Siblings) -> ir.Value | None:
    """Linear layers [N, K] -> [N, M]: one wide one on the same value, else a batched MatMul."""
    layers = [_matrix(node) for node in siblings.nodes]
    matrices = [m for m in layers if m is not None]
    bias = _biases(siblings, [m.shape[1] for m in matrices])
    if len(matrices) < len(layers) or bias is None or len({len(m) for m in matrices}) != 1:
        return None
    data, edit, first = _data(siblings), siblings.edit, siblings.nodes[0]
    name = _named(first.inputs[1], "weight")
    if same(data):
        wide = edit.constant(np.concatenate(matrices, 1), name)
        product = edit.op("MatMul", [data[0], wide])
        if not bias.size:
            return product
        return edit.op("Add", [product, edit.constant(bias, _named(_third(siblings), "bias"))])
    if len({m.shape for m in matrices}) != 1:
        return None
    count, (inner, outer) = len(matrices), matrices[0].shape
    rows = siblings.edit.reshape(siblings.concat(data), [count, 1, inner])
    product = edit.op("MatMul", [rows, edit.constant(np.stack(matrices), name)])
    batch = None if rows.shape is None else rows.shape[0]
    typed(product, rows, [batch, count, 1, outer])
    if bias.size:
        offsets = edit.constant(bias.reshape(count, 1, outer), _named(_third(siblings), "bias"))
        product = typed(edit.op("Add", [product, offsets]), rows, [batch, count, 1, outer])
    return siblings.edit.reshape(product, [count * outer])


def binary(siblings: Siblings) -> ir.Value | None:
    """x_i op y_i: one operator on the concatenations, constants joined, shared values kept."""
    if not siblings.same_attributes() or any(len(node.inputs) != 2 for node in siblings.nodes):
        return None
    widths = [channels(node.outputs[0]) for node in siblings.nodes]
    rank = len(sizes(siblings.joined) or ())
    plans = [_operand(siblings.operands(k), widths, rank) for k in (0, 1)]
    if None in plans:
        return None
    attributes = {name: a.value for name, a in siblings.nodes[0].attributes.items()}
    op_type = siblings.nodes[0].op_type
    if "widen" not in plans and "shared" not in plans:
        inputs = [_flat_operand(siblings, k, str(plans[k]), widths, rank) for k in (0, 1)]
        return siblings.edit.op(op_type, inputs, **attributes)
    width, rest = widths[0], (sizes(siblings.joined) or ())[2:]
    if len(set(widths)) != 1 or width is None or None in rest or "constant" in plans:
        return None
    inputs = [_deep_operand(siblings, k, str(plans[k]), width) for k in (0, 1)]
    product = siblings.edit.op(op_type, inputs, **attributes)
    batch = siblings.joined.shape[0] if siblings.joined.shape is not None else None
    typed(product, siblings.joined, [batch, len(siblings.nodes), width, *rest])
    return siblings.edit.reshape(product, [len(siblings.nodes) * width, *rest])


def _operand(
    values: Sequence[ir.Value | None], widths: Sequence[int | None], rank: int
) -> str | None:
    """How one operand of the branches takes part: see ``_flat_operand``, ``_deep_operand``."""
    shapes = [sizes(value) for value in values]
    if any(shape is None for shape in shapes) or None in widths:
        return None
    across = [1 if s is None or len(s) < rank - 1 else s[1 - rank] for s in shapes]
    if same(values):
        return "keep" if across[0] == 1 else "shared"
    if all(constant(value) is not None for value in values):
        return "constant"
    if any(s is None or len(s) != rank for s in shapes):
        return None
    if len({s[2:] for s in shapes if s is not None}) != 1:
        return None
    if list(across) == list(widths):
        return "concat"
    return "widen" if set(across) == {1} else None


def _flat_operand(
    siblings: Siblings, position: int, plan: str, widths: Sequence[int | None], rank: int
) -> ir.Value:
    """An operand of the merged operator: kept, joined as a constant, or concatenated."""
    values = [value for value in siblings.operands(position) if value is not None]
    if plan == "keep":
        return values[0]
    if plan == "concat":
        return siblings.concat(values)
    parts = []
    arrays = [a for a in (constant(value) for value in values) if a is not None]
    behind = np.broadcast_shapes(*(a.shape[max(0, a.ndim - rank + 2) :] for a in arrays))
    for array, width in zip(arrays, widths, strict=True):
        assert width is not None
        full = array.reshape((1,) * (rank - array.ndim) + array.shape)
        trailing = (1,) * (rank - 2 - len(behind)) + behind
        parts.append(np.broadcast_to(full, (full.shape[0], width, *trailing)))
    joined = np.concatenate(parts, CHANNELS)
    return siblings.edit.constant(joined, _named(values[0], "values"))


def _deep_operand(siblings: Siblings, position: int, plan: str, width: int) -> ir.Value:
    """An operand on [N, branches, channels, …]: what all share, or what a branch's channels do."""
    values = [value for value in siblings.operands(position) if value is not None]
    edit = siblings.edit
    if plan == "keep":
        shape = sizes(values[0]) or ()
        deep = len(sizes(siblings.joined) or ()) == len(shape)
        return edit.unsqueeze(values[0], 1) if deep else values[0]
    if plan == "shared":
        return edit.unsqueeze(values[0], 1)
    joined = siblings.concat(values)
    if plan == "widen":
        return edit.unsqueeze(joined, 2)
    rest = (sizes(values[0]) or ())[2:]
    return siblings.edit.reshape(joined, [len(values), width, *rest])


def _matrix(node: ir.Node) -> Array | None:
    """The layer's [K, M] matrix, or None where the node is not y = x W (+ b) on [N, K]."""
    weight, shape = constant(node.inputs[1]), sizes(node.inputs[0])
    if weight is None or weight.ndim != 2 or shape is None or len(shape) != 2:
        return None
    if node.op_type == "MatMul":
        return weight
    number = node.attributes
    if number.get_float("alpha", 1.0) != 1 or number.get_float("beta", 1.0) != 1:
        return None
    if number.get_int("transA", 0):
        return None
    return weight.T if number.get_int("transB", 0) else weight


def _biases(siblings: Siblings, widths: Sequence[int]) -> Array | None:
    """All biases joined, zeros where a sibling has none; empty where none has; None: not fixed."""
    values = siblings.operands(2)
    arrays = [constant(value) for value in values]
    if all(value is None for value in values):
        return np.zeros(0, np.float32)
    if any(a is None and v is not None for a, v in zip(arrays, values, strict=True)):
        return None
    if len(widths) < len(values):
        return None
    dtype = next(a.dtype for a in arrays if a is not None)
    filled = [
        np.zeros(width, dtype) if a is None else np.broadcast_to(a.reshape(-1), (width,))
        for a, width in zip(arrays, widths, strict=True)
    ]
    return np.concatenate(filled)


def _third(siblings: Siblings) -> ir.Value | None:
    return next((value for value in siblings.operands(2) if value is not None), None)


def _data(siblings: Siblings) -> list[ir.Value]:
    values = [value for value in siblings.operands(0) if value is not None]
    assert len(values) == len(siblings.nodes)
    return values


def _named(value: ir.Value | None, fallback: str) -> str:
    return f"{value.name}_grouped" if value is not None and value.name else fallback


SLICE_ELSEWHERE = Rule(frozenset(["Slice"]), slice_elsewhere)
ELEMENTWISE_OPS = Rule(ELEMENTWISE | POOLING, elementwise)
BATCH_NORM = Rule(frozenset(["BatchNormalization"]), batch_norm)
CONVOLUTION = Rule(frozenset(["Conv"]), convolution)
LINEAR = Rule(frozenset(["Gemm", "MatMul"]), linear)
BINARY_OPS = Rule(BINARY, binary)
FLATTEN = Rule(frozenset(["Reshape", "Flatten"]), flatten)
STACK = Rule(frozenset(["Unsqueeze"]), stack)
UNSQUEEZE_BEHIND = Rule(frozenset(["Unsqueeze"]), unsqueeze_behind)

"""conv(concat(a, b)) = conv_a(a) + conv_b(b): split where a part is zero or computed elsewhere.

Splitting every concatenation would trade one large convolution for several small ones and
additions, which CPU kernels and INT8 pay for. So a part leaves the concatenation only if
- it is zero for every input (hidden state and prior of a first step): its weights are dropped; or
- another convolution applies the same weights to the same value (the features that all steps of a
  recurrent network read): it becomes one convolution for all of them, and one addition each.
What is left stays one concatenation and one convolution.
"""

from __future__ import annotations

from collections import Counter
from dataclasses import dataclass

import numpy as np
import onnx_ir as ir

from .edit import Array, Attribute, Insertion, constant, nodes, producer, read_once, sizes
from .zeros import is_zero

_WORTH = 32
"""Multiply-accumulates per output element that a shared part must save to pay for its addition."""


@dataclass(frozen=True)
class _Part:
    value: ir.Value
    begin: int
    end: int


@dataclass(frozen=True)
class _Candidate:
    conv: ir.Node
    weight: Array
    parts: tuple[_Part, ...]

    def key(self, part: _Part) -> tuple[object, ...]:
        """Equal for parts that compute the same: value, weights, bias and attributes."""
        attributes = tuple(sorted((n, str(a.value)) for n, a in self.conv.attributes.items()))
        return (part.value, *self.conv.inputs[1:], part.begin, part.end, attributes)


def apply(model: ir.Model) -> int:
    """Split ungrouped convolutions of any kernel whose channels are concatenated.

    Returns:
        How many convolutions were split.
    """
    candidates = [c for node in nodes(model, "Conv") if (c := _candidate(node)) is not None]
    uses = Counter(c.key(part) for c in candidates for part in c.parts)
    count = 0
    for candidate in candidates:
        alive = [part for part in candidate.parts if not is_zero(part.value)]
        kernel = int(np.prod(candidate.weight.shape[2:]))
        shared = [
            part
            for part in alive
            if uses[candidate.key(part)] > 1 and (part.end - part.begin) * kernel >= _WORTH
        ]
        if not alive or (len(alive) == len(candidate.parts) and not shared):
            continue
        rest = [part for part in alive if part not in shared]
        _split(model, candidate, shared, rest)
        count += 1
    return count


def _candidate(conv: ir.Node) -> _Candidate | None:
    concat = producer(conv.inputs[0], "Concat")
    weight = constant(conv.inputs[1])
    if concat is None or weight is None or conv.attributes.get_int("group", 1) != 1:
        return None
    shape = sizes(concat.outputs[0])
    if shape is None or concat.attributes["axis"].as_int() % len(shape) != 1:
        return None
    if not read_once(concat.outputs[0]):
        return None
    parts, begin = [], 0
    for value in concat.inputs:
        channels = (sizes(value) or (None, None))[1]
        if value is None or channels is None:
            return None
        parts.append(_Part(value, begin, begin + channels))
        begin += channels
    return _Candidate(conv, weight, tuple(parts)) if begin == weight.shape[1] else None


def _split(model: ir.Model, candidate: _Candidate, shared: list[_Part], rest: list[_Part]) -> None:
    conv = candidate.conv
    edit = Insertion(model, conv)
    matrix = conv.inputs[1]
    assert matrix is not None
    attributes: dict[str, Attribute] = {n: a.value for n, a in conv.attributes.items()}
    bias = conv.inputs[2:3]
    total: ir.Value | None = None
    for group in [*([part] for part in shared), rest]:
        if not group:
            continue
        values = [part.value for part in group]
        channels = np.concatenate([np.arange(part.begin, part.end) for part in group])
        source = values[0] if len(values) == 1 else edit.op("Concat", values, axis=1)
        name = f"{matrix.name}_{'_'.join(f'{part.begin}to{part.end}' for part in group)}"
        piece = edit.constant(candidate.weight[:, channels], name)
        # The bias goes with the first piece, which all steps share when anything is shared.
        value = edit.op("Conv", [source, piece, *bias], **attributes)
        bias = []
        total = value if total is None else edit.op("Add", [total, value])
    assert total is not None
    edit.replace(conv.outputs[0], total)

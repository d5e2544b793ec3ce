"""Clipping, scaling, rounding and narrowing of a picture to bytes as one QuantizeLinear.

Its definition, saturate(round(x / scale)) with halves to even, is what the four do one behind the
other, and back ends compute it within the convolution before it.
"""

from __future__ import annotations

import numpy as np
import onnx_ir as ir

from .edit import Insertion, constant, nodes, producer, read_once

_TOP = 255.0


def apply(model: ir.Model) -> int:
    """Replace Cast(Round(Mul(Clip(x, 0, top), 255 / top))) to uint8.

    Returns:
        How many were replaced.
    """
    count = 0
    for cast in nodes(model, "Cast"):
        if cast.attributes.get_int("to", 0) != ir.DataType.UINT8:
            continue
        chain = [cast]
        for kind in ("Round", "Mul", "Clip"):
            value = chain[-1].inputs[0]
            before = producer(value, kind)
            if before is None or value is None or not read_once(value):
                break
            chain.append(before)
        if len(chain) < 4:
            continue
        _, _, product, clip = chain
        factor, (low, high) = _number(product.inputs[1]), _bounds(clip)
        if factor is None or low != 0.0 or high is None or high * factor != _TOP or high < 0:
            continue
        if clip.inputs[0] is None or clip.inputs[0].dtype != ir.DataType.FLOAT:
            continue
        edit = Insertion(model, cast)
        scale = edit.constant(np.array(1 / factor, np.float32), f"{cast.name}_scale")
        zero = edit.constant(np.array(0, np.uint8), f"{cast.name}_zero")
        level = edit.op("QuantizeLinear", [clip.inputs[0], scale, zero])
        edit.replace(cast.outputs[0], level)
        count += 1
    return count


def _bounds(clip: ir.Node) -> tuple[float | None, float | None]:
    given = [*clip.inputs[1:], None, None]
    return _number(given[0]), _number(given[1])


def _number(value: ir.Value | None) -> float | None:
    array = constant(value)
    return float(array.item()) if array is not None and array.size == 1 else None

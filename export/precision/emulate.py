"""FP16 as an accelerator computes it, on a CPU that cannot: FP32 arithmetic, rounded tensors."""

from __future__ import annotations

from collections.abc import Iterator

import numpy as np
import onnx
from onnx import TensorProto, helper, numpy_helper

from .casting import NEUTRAL

_ROUNDED = "{}/as_fp16"
_WIDE = "{}/before_rounding"


def emulate_fp16(model: onnx.ModelProto) -> onnx.ModelProto:
    """The same graph with every FP16 tensor held in FP32 and rounded to FP16 where it is made.

    ONNX Runtime's CPU has no FP16 kernels: it widens every FP16 node and drops the roundings
    between them, so that overflow and underflow go unseen. Here they are explicit Cast pairs,
    which survive as long as the session's optimisations are off. Sums inside one node stay FP32,
    as in tensor cores. Q/DQ nodes keep their integers; their scales become FP32 of equal value.

    Args:
        model: a graph with FP16 tensors inside and none as input or output.

    Returns:
        A graph without FP16 tensors but those inside the Cast pairs, for verification only.
    """
    emulated = onnx.ModelProto()
    emulated.CopyFrom(model)
    halves = _half_tensors(model)
    for tensor in emulated.graph.initializer:
        if tensor.data_type == TensorProto.FLOAT16:
            wide = numpy_helper.to_array(tensor).astype(np.float32)
            tensor.CopyFrom(numpy_helper.from_array(wide, tensor.name))
    nodes = [new for node in model.graph.node for new in _widened(node, halves)]
    del emulated.graph.node[:]
    emulated.graph.node.extend(nodes)
    del emulated.graph.value_info[:]
    return emulated


def _half_tensors(model: onnx.ModelProto) -> frozenset[str]:
    inferred = onnx.shape_inference.infer_shapes(model)
    return frozenset(
        value.name
        for value in inferred.graph.value_info
        if value.type.tensor_type.elem_type == TensorProto.FLOAT16
    )


def _widened(node: onnx.NodeProto, halves: frozenset[str]) -> Iterator[onnx.NodeProto]:
    made = [name for name in node.output if name in halves]
    if not made or node.op_type in NEUTRAL:
        yield node
        return
    wide = onnx.NodeProto()
    wide.CopyFrom(node)
    if node.op_type == "Cast":
        del wide.attribute[:]
        wide.attribute.append(helper.make_attribute("to", TensorProto.FLOAT))
    for i, name in enumerate(node.output):
        if name in halves:
            wide.output[i] = _WIDE.format(name)
    yield wide
    for name in made:
        rounded = _ROUNDED.format(name)
        yield helper.make_node("Cast", [_WIDE.format(name)], [rounded], to=TensorProto.FLOAT16)
        yield helper.make_node("Cast", [rounded], [name], to=TensorProto.FLOAT)

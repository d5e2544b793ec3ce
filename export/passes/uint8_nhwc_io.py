"""Pictures go in and come out as cameras and files hold them: uint8, height x width x RGB.

A quarter of the bytes cross the bus, and no runtime has a normalisation to get wrong. Cast is the
first node after the input and the last before each output: TensorRT refuses to transpose uint8.
"""

from __future__ import annotations

import re

import numpy as np
import onnx_ir as ir

from .edit import Insertion, sizes

_STEP = re.compile(r"step_(\d+)")


def apply(model: ir.Model) -> int:
    """Put pre- and post-processing into the graph.

    The input ``image`` float32 [batch, 3, h, w] in [0, 1] becomes ``images`` uint8
    [batch, h, w, 3] divided by 255. Every output ``step_K`` float32 [batch, 3, H, W] becomes
    ``restored_K`` uint8 [batch, H, W, 3]: clipped to [0, 1], times 255, rounded half to even.

    Returns:
        How many inputs and outputs were changed; 0 where the graph has no such names.
    """
    return _input(model) + sum(_output(model, value) for value in list(model.graph.outputs))


def _input(model: ir.Model) -> int:
    graph = model.graph
    found = [value for value in graph.inputs if value.name == "image" and _is_picture(value)]
    if not found or not len(graph):
        return 0
    old = found[0]
    assert old.shape is not None
    batch, _, height, width = old.shape
    images = ir.Value(
        name="images",
        type=ir.TensorType(ir.DataType.UINT8),
        shape=ir.Shape([batch, height, width, 3]),
    )
    edit = Insertion(model, graph[0], "input")
    value = edit.op("Cast", [images], to=ir.DataType.FLOAT)
    value = edit.op("Transpose", [value], perm=[0, 3, 1, 2])
    value = edit.op("Div", [value, edit.constant(np.array(255, np.float32), "input_peak")])
    value.type, value.shape = old.type, old.shape
    old.replace_all_uses_with(value, replace_graph_outputs=True)
    graph.inputs[graph.inputs.index(old)] = images
    value.name = "image"
    return 1


def _output(model: ir.Model, old: ir.Value) -> int:
    graph = model.graph
    step = _STEP.fullmatch(old.name or "")
    if step is None or not _is_picture(old):
        return 0
    assert old.shape is not None
    batch, _, height, width = old.shape
    edit = Insertion(model, None, "output")
    zero, one = (edit.constant(np.array(x, np.float32), f"output_{x}") for x in (0, 1))
    peak = edit.constant(np.array(255, np.float32), "output_peak")
    value = edit.op("Clip", [old, zero, one])
    value = edit.op("Round", [edit.op("Mul", [value, peak])])
    value = edit.op("Transpose", [value], perm=[0, 2, 3, 1])
    value = edit.op("Cast", [value], to=ir.DataType.UINT8)
    value.name = f"restored_{step[1]}"
    value.type = ir.TensorType(ir.DataType.UINT8)
    value.shape = ir.Shape([batch, height, width, 3])
    graph.outputs[graph.outputs.index(old)] = value
    return 1


def _is_picture(value: ir.Value) -> bool:
    shape = sizes(value)
    return (
        value.dtype == ir.DataType.FLOAT
        and shape is not None
        and len(shape) == 4
        and (shape[1] == 3)
    )

"""Hand-written graphs, real pictures and one small traced network for the tests of passes."""

from __future__ import annotations

from collections import Counter
from functools import cache
from typing import Any

import numpy as np
import onnx
import onnx_ir as ir
import torch
from numpy.typing import NDArray
from onnx.reference import ReferenceEvaluator
from skimage import data

from facedge.export.graph import check, infer_shapes, run, to_ir, to_proto
from facedge.export.passes import CPU_PASSES, PASSES
from facedge.export.trace import trace
from facedge.models.contract import ModelSpec
from facedge.models.fsr_student import FsrStudent

Feeds = dict[str, NDArray[Any]]
_random = np.random.default_rng(7)

STUDENT = ModelSpec(
    name="narrow-student", system="S1", task="super-resolution", summary="", paper="",
    build=lambda: FsrStudent(width=32, deep=32, deep_blocks=1), input_size=16, output_size=128,
    steps=3, state_shape=(32, 32, 32),
)  # fmt: skip


def weights(*shape: int) -> NDArray[np.float32]:
    """Normally distributed numbers, others at every call."""
    return _random.standard_normal(shape, dtype=np.float32)


def begin_again() -> None:
    """The same numbers for a test whatever ran before it in its process."""
    global _random
    _random = np.random.default_rng(7)


def graph(text: str, opset: int = 18, **tensors: NDArray[Any]) -> onnx.ModelProto:
    """A checked model from ONNX text and initialisers."""
    model = onnx.parser.parse_model(f'<ir_version: 8, opset_import: ["" : {opset}]>\n{text}')
    model.graph.initializer.extend(onnx.numpy_helper.from_array(a, n) for n, a in tensors.items())
    for number, node in enumerate(model.graph.node):
        node.name = node.name or f"part/{node.op_type}_{number}"
    check(model)
    return model


def apply_pass(name: str, model: onnx.ModelProto) -> tuple[int, onnx.ModelProto]:
    """One pass alone, once: how many places it says it changed, and the valid graph it left."""
    edited = infer_shapes(to_ir(model))
    count = next(each for each in PASSES + CPU_PASSES if each.name == name).apply(edited)
    ir.passes.common.RemoveUnusedNodesPass()(edited)
    after = to_proto(edited)
    check(after)
    return count, after


def operators(model: onnx.ModelProto) -> Counter[str]:
    return Counter(node.op_type for node in model.graph.node)


def random_feeds(model: onnx.ModelProto, batch: int = 2) -> Feeds:
    """Normally distributed float inputs of either sign; symbolic dimensions become ``batch``."""
    return {
        value.name: _mixed(*(d.dim_value or batch for d in value.type.tensor_type.shape.dim))
        for value in model.graph.input
    }


def _mixed(*shape: int) -> NDArray[np.float32]:
    """Not all negative: behind a Relu nothing would be left to compare."""
    while True:
        array = weights(*shape)
        if array.size < 2 or array.min() < 0 < array.max():
            return array


def assert_same_function(
    before: onnx.ModelProto, after: onnx.ModelProto, tolerance: float = 1e-5
) -> None:
    """ONNX's reference evaluator on ``before`` and ONNX Runtime on ``after`` agree, relatively."""
    for batch in (1, 3):
        feeds = random_feeds(before, batch)
        expected = ReferenceEvaluator(before).run(None, feeds)
        found = run(after, feeds)
        for info, array in zip(before.graph.output, expected, strict=True):
            assert array.shape == found[info.name].shape
            scale = max(1.0, float(np.abs(array).max()))
            assert np.abs(array).max() > 0
            np.testing.assert_allclose(found[info.name], array, atol=tolerance * scale, rtol=0)


def astronaut(side: int, count: int = 3) -> NDArray[np.uint8]:
    """Crops about the astronaut's face, uint8 RGB [count, side, side, 3]."""
    picture = data.astronaut()
    step = 96 // side
    return np.stack(
        [picture[20 + 12 * k :, 170 + 12 * k :][: side * step : step, : side * step : step]
         for k in range(count)]
    )  # fmt: skip


def to_float(images: NDArray[np.uint8]) -> NDArray[np.float32]:
    return np.ascontiguousarray(images.transpose(0, 3, 1, 2)).astype(np.float32) / np.float32(255)


@cache
def student() -> FsrStudent:
    """A narrow student whose weights make pictures with edges in them."""
    torch.manual_seed(0)
    module = FsrStudent(width=32, deep=32, deep_blocks=1)
    return module.eval()


@cache
def traced_student() -> onnx.ModelProto:
    """``student`` with all three steps; not to be changed by a test."""
    return trace(STUDENT, student())


@cache
def traced_stateful() -> onnx.ModelProto:
    """``student``, two steps, with the hidden state as input and output."""
    return trace(STUDENT, student(), steps=2, state=True)

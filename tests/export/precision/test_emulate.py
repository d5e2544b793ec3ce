"""FP16 emulation against ONNX's reference evaluator, which computes in real FP16."""

from __future__ import annotations

import numpy as np
import onnx
import pytest
from onnx import parser
from onnx.reference import ReferenceEvaluator

from facedge.export.precision.emulate import emulate_fp16
from facedge.export.runner import OnnxRuntimeRunner


def half(body: str) -> onnx.ModelProto:
    return parser.parse_model(
        '<ir_version: 9, opset_import: ["" : 18]>'
        f"g (float[4] x) => (float[4] y) {{ h = Cast<to=10>(x) {body} y = Cast<to=1>(r) }}"
    )


def run(model: onnx.ModelProto, x: np.ndarray) -> np.ndarray:
    return OnnxRuntimeRunner(model.SerializeToString(), optimise=False)({"x": x})["y"]


@pytest.mark.parametrize(
    "body", ["r = Mul(h, h)", "a = Mul(h, h) r = Sqrt(a)", "a = Relu(h) r = Add(a, a)"]
)
def test_every_node_rounds_as_the_reference_evaluator_does(body):
    model = half(body)
    x = np.array([0.1, 1.7, 312.4, 3e-4], np.float32)
    (expected,) = ReferenceEvaluator(model).run(None, {"x": x})
    np.testing.assert_array_equal(run(emulate_fp16(model), x), expected)


def test_an_overflow_between_nodes_is_seen_which_onnx_runtime_alone_hides():
    model = half("a = Mul(h, h) r = Sqrt(a)")
    x = np.full(4, 1000.0, np.float32)  # the square, 1e6, is beyond FP16's 65504
    assert np.isinf(run(emulate_fp16(model), x)).all()


def test_no_fp16_tensor_is_left_but_inside_the_rounding_pairs():
    emulated = emulate_fp16(half("a = Mul(h, h) r = Sqrt(a)"))
    onnx.checker.check_model(emulated, full_check=True)
    inferred = onnx.shape_inference.infer_shapes(emulated)
    halves = {
        v.name
        for v in inferred.graph.value_info
        if v.type.tensor_type.elem_type == onnx.TensorProto.FLOAT16
    }
    assert halves
    assert all(name.endswith("/as_fp16") for name in halves)

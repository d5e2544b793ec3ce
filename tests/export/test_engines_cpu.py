"""Measuring the CPU engines."""

from __future__ import annotations

import numpy as np
import pytest
from onnx import TensorProto, helper, numpy_helper

from facedge.errors import BackendError, InputError
from facedge.export.engines import latency, onnxruntime, openvino

ENGINES = {"onnxruntime": onnxruntime, "openvino": openvino}


def model(kind=TensorProto.UINT8, width=16, layers=1):
    """Float convolutions on uint8 pictures; cost grows with ``layers``."""
    rng = np.random.default_rng(0)
    nodes = [
        helper.make_node("Cast", ["images"], ["f"], to=TensorProto.FLOAT),
        helper.make_node("Transpose", ["f"], ["x0"], perm=[0, 3, 1, 2]),
    ]
    constants = []
    for i in range(layers):
        weight = rng.normal(0, 0.1, (32 if layers > 1 else 3, 3 if not i else 32, 3, 3))
        constants.append(numpy_helper.from_array(weight.astype(np.float32), f"w{i}"))
        nodes.append(helper.make_node("Conv", [f"x{i}", f"w{i}"], [f"x{i + 1}"], pads=[1, 1, 1, 1]))
    out = 32 if layers > 1 else 3
    graph = helper.make_graph(
        nodes,
        "g",
        [helper.make_tensor_value_info("images", kind, ["batch", width, 16, 3])],
        [helper.make_tensor_value_info(f"x{layers}", TensorProto.FLOAT, ["batch", out, width, 16])],
        constants,
    )
    opset = [helper.make_opsetid("", 18)]
    return helper.make_model(graph, opset_imports=opset, ir_version=9).SerializeToString()


@pytest.mark.parametrize("engine", ENGINES)
def test_more_work_takes_longer(engine):
    small, large = model(), model(layers=12)
    found = latency.measure(
        {"small": (engine, small), "large": (engine, large)}, seconds=0.05, threads=1
    )
    # 12 layers of 32 channels are about 350 times the arithmetic of the small one.
    assert 0 < found["small"] < found["large"] < 1000


@pytest.mark.parametrize("engine", ENGINES)
def test_one_engine_is_measured_alone_at_any_batch(engine):
    found = latency.measure({"alone": (engine, model())}, batch=3, seconds=0.02, threads=1)
    assert 0 < found["alone"] < 1000


@pytest.mark.parametrize("engine", ENGINES)
@pytest.mark.parametrize(
    "broken",
    [b"junk", model(width="w"), model(kind=TensorProto.DOUBLE)],
    ids=["junk", "shape", "type"],
)
def test_a_model_that_cannot_be_measured_is_one_sentence(engine, broken):
    with pytest.raises(BackendError) as caught:
        ENGINES[engine].bound_run(broken)
    assert "\n" not in str(caught.value)


def test_engines_without_a_cpu_are_refused():
    with pytest.raises(InputError, match="tensorrt cannot be measured"):
        latency.measure({"a": ("tensorrt", b"")})

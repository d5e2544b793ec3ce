"""Small float graphs with uint8 pictures in, such as the passes make them."""

from __future__ import annotations

from collections.abc import Callable

import numpy as np
import onnx
import pytest
from onnx import TensorProto, helper, numpy_helper

from facedge.calibration.samples import Sample


def _graph(
    nodes: list[onnx.NodeProto],
    weights: dict[str, np.ndarray],
    outputs: dict[str, int],
    state: tuple[int, ...] | None = None,
) -> onnx.ModelProto:
    inputs = [helper.make_tensor_value_info("images", TensorProto.UINT8, ["batch", 8, 8, 3])]
    if state:
        inputs.append(
            helper.make_tensor_value_info("state_in", TensorProto.FLOAT, ["batch", *state])
        )
    graph = helper.make_graph(
        [
            helper.make_node("Cast", ["images"], ["cast"], to=TensorProto.FLOAT),
            helper.make_node("Transpose", ["cast"], ["nchw"], perm=[0, 3, 1, 2]),
            helper.make_node("Mul", ["nchw", "scale"], ["image"]),
            *nodes,
        ],
        "small",
        inputs,
        [
            helper.make_tensor_value_info(name, TensorProto.FLOAT, ["batch", channels, "h", "w"])
            for name, channels in outputs.items()
        ],
        [
            numpy_helper.from_array(value.astype(np.float32), name)
            for name, value in {"scale": np.array(1 / 255), **weights}.items()
        ],
    )
    opset = [helper.make_opsetid("", 18)]
    model = helper.make_model(graph, opset_imports=opset, ir_version=9)
    onnx.checker.check_model(model, full_check=True)
    return model


@pytest.fixture
def recurrent_model() -> onnx.ModelProto:
    """Three unrolled steps of shared weights: hidden = relu(fuse(concat(head, hidden)))."""
    rng = np.random.default_rng(0)
    weights = {
        "w_head": rng.normal(size=(4, 3, 3, 3)),
        "w_fuse": rng.normal(size=(4, 8, 1, 1)),
        "w_out": rng.normal(size=(3, 4, 1, 1)),
    }
    nodes = [
        helper.make_node("Conv", ["image", "w_head"], ["head_raw"], pads=[1, 1, 1, 1]),
        helper.make_node("Relu", ["head_raw"], ["head"]),
    ]
    hidden = "head"
    for step in (1, 2, 3):
        nodes += [
            helper.make_node("Concat", ["head", hidden], [f"joined_{step}"], axis=1),
            helper.make_node("Conv", [f"joined_{step}", "w_fuse"], [f"fused_{step}"]),
            helper.make_node("Relu", [f"fused_{step}"], [f"hidden_{step}"]),
            helper.make_node("Conv", [f"hidden_{step}", "w_out"], [f"step_{step}"]),
        ]
        hidden = f"hidden_{step}"
    return _graph(nodes, weights, {"step_1": 3, "step_2": 3, "step_3": 3})


@pytest.fixture
def stateful_model() -> onnx.ModelProto:
    """state_out = conv(image) + 2 * state_in, so that a second frame widens the range."""
    weights = {"w": np.ones((3, 3, 1, 1)), "two": np.array(2.0)}
    nodes = [
        helper.make_node("Conv", ["image", "w"], ["now"]),
        helper.make_node("Mul", ["state_in", "two"], ["past"]),
        helper.make_node("Add", ["now", "past"], ["state_out"]),
    ]
    return _graph(nodes, weights, {"state_out": 3}, state=(3, 8, 8))


@pytest.fixture
def make_graph() -> Callable[..., onnx.ModelProto]:
    """A graph of given nodes that read ``image``, float [batch, 3, 8, 8] in [0, 1]."""
    return _graph


@pytest.fixture
def pictures() -> list[Sample]:
    rng = np.random.default_rng(1)
    return [
        Sample(f"p{i:02d}", rng.integers(0, 256, (8, 8, 3)).astype(np.uint8), None, f"{i:064x}")
        for i in range(21)
    ]

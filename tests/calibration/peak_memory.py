"""Prints the peak resident memory, in kB, of collecting ranges over some pictures.

    python peak_memory.py PICTURES [MODEL.onnx]

Without a model: two 32-wide convolutions on 32x32, half a megabyte of activations per picture.
"""

from __future__ import annotations

import resource
import sys
from collections.abc import Iterator

import numpy as np
import onnx
from onnx import TensorProto, helper, numpy_helper

from facedge.calibration.collect import collect
from facedge.calibration.samples import Sample


def two_convolutions() -> onnx.ModelProto:
    rng = np.random.default_rng(0)
    weights = {"w1": rng.normal(size=(32, 3, 1, 1)), "w2": rng.normal(size=(32, 32, 1, 1))}
    graph = helper.make_graph(
        [
            helper.make_node("Cast", ["images"], ["cast"], to=TensorProto.FLOAT),
            helper.make_node("Transpose", ["cast"], ["image"], perm=[0, 3, 1, 2]),
            helper.make_node("Conv", ["image", "w1"], ["a"]),
            helper.make_node("Sigmoid", ["a"], ["b"]),
            helper.make_node("Conv", ["b", "w2"], ["c"]),
            helper.make_node("Tanh", ["c"], ["d"]),
        ],
        "two",
        [helper.make_tensor_value_info("images", TensorProto.UINT8, ["batch", 32, 32, 3])],
        [helper.make_tensor_value_info("d", TensorProto.FLOAT, None)],
        [numpy_helper.from_array(v.astype(np.float32), n) for n, v in weights.items()],
    )
    return helper.make_model(graph, opset_imports=[helper.make_opsetid("", 18)], ir_version=9)


def pictures(count: int, side: int) -> Iterator[Sample]:
    rng = np.random.default_rng(1)
    for index in range(count):
        noise = rng.integers(0, 256, (side, side, 3)).astype(np.uint8)
        yield Sample(f"noise-{index}", noise, None)


if __name__ == "__main__":
    model = onnx.load(sys.argv[2]) if len(sys.argv) > 2 else two_convolutions()
    size = model.graph.input[0].type.tensor_type.shape.dim[1].dim_value
    collect(model, pictures(int(sys.argv[1]), size), threads=2)
    print(resource.getrusage(resource.RUSAGE_SELF).ru_maxrss)

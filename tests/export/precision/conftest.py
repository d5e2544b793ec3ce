"""Small nets and their measured ranges, for the precision tests."""

from __future__ import annotations

import platform
from collections.abc import Callable, Mapping
from pathlib import Path
from typing import Any

import numpy as np
import onnx
import onnxruntime
import pytest
from numpy.typing import NDArray
from onnx import TensorProto, helper, numpy_helper

Array = NDArray[Any]


class Table:
    """Min-max ranges by tensor name, with the interface of a ranges file."""

    def __init__(self, spans: Mapping[str, tuple[float, float]]) -> None:
        self.spans = dict(spans)

    def of(self, tensor: str, method: str, symmetric: bool = False) -> tuple[float, float]:
        low, high = self.spans[tensor]
        top = max(abs(low), abs(high))
        return (-top, top) if symmetric else (low, high)


class Net:
    """Writes a graph node by node; every method returns the name of what it made."""

    def __init__(self, seed: int = 0) -> None:
        self.random = np.random.default_rng(seed)
        self.nodes: list[onnx.NodeProto] = []
        self.constants: list[onnx.TensorProto] = []

    def constant(self, array: Array | float, name: str = "") -> str:
        name = name or f"constant_{len(self.constants)}"
        array = np.asarray(array, np.float32) if isinstance(array, float) else array
        self.constants.append(numpy_helper.from_array(array, name))
        return name

    def add(
        self, op: str, *inputs: str, name: str = "", output: str = "", **attributes: Any
    ) -> str:
        name = name or f"{op}_{len(self.nodes)}"
        output = output or f"{name}_out"
        self.nodes.append(helper.make_node(op, inputs, [output], name, **attributes))
        return output

    def conv(
        self, x: str, cin: int, cout: int, kernel: int = 3, name: str = "", groups: int = 1
    ) -> str:
        spread = 1.0 / np.sqrt(cin // groups * kernel * kernel)
        shape = (cout, cin // groups, kernel, kernel)
        weight = self.constant(self.random.normal(0, spread, shape).astype(np.float32))
        bias = self.constant(self.random.normal(0, 0.1, cout).astype(np.float32))
        pads = [kernel // 2] * 4
        return self.add("Conv", x, weight, bias, name=name, pads=pads, group=groups)

    def model(
        self,
        inputs: Mapping[str, tuple[int, list[Any]]],
        outputs: Mapping[str, tuple[int, list[Any]]],
    ) -> onnx.ModelProto:
        def values(table: Mapping[str, tuple[int, list[Any]]]) -> list[onnx.ValueInfoProto]:
            return [helper.make_tensor_value_info(n, t, s) for n, (t, s) in table.items()]

        graph = helper.make_graph(
            self.nodes, "net", values(inputs), values(outputs), self.constants
        )
        model = helper.make_model(graph, opset_imports=[helper.make_opsetid("", 18)], ir_version=10)
        onnx.checker.check_model(model, full_check=True)
        return model


def super_resolver() -> onnx.ModelProto:
    """uint8 NHWC 16x16 -> 64x64: head, residual block, concat, depth-to-space, bilinear base."""
    net = Net()
    x = net.add("Cast", "images", name="io/Cast_0", to=TensorProto.FLOAT)
    x = net.add("Transpose", x, name="io/Transpose_1", perm=[0, 3, 1, 2])
    x = net.add("Mul", x, net.constant(1 / 255), name="io/Mul_2")
    scales = net.constant(np.array([1, 1, 4, 4], np.float32))
    base = net.add("Resize", x, "", scales, name="base/Resize_3", mode="linear")
    head = net.add("Relu", net.conv(x, 3, 32, name="head/Conv_4"), name="head/Relu_5")
    a = net.add("Relu", net.conv(head, 32, 32, name="block/Conv_6"), name="block/Relu_7")
    a = net.add("Add", head, net.conv(a, 32, 32, name="block/Conv_8"), name="block/Add_9")
    both = net.add("Concat", head, a, name="join/Concat_10", axis=1)
    a = net.conv(both, 64, 32, 1, name="join/Conv_11")
    a = net.conv(a, 32, 48, name="reconstruct/Conv_12")
    a = net.add("DepthToSpace", a, name="reconstruct/Shuffle_13", blocksize=4, mode="CRD")
    a = net.add("Mul", a, net.constant(0.1), name="reconstruct/Mul_14")
    y = net.add("Add", base, a, name="sum/Add_15")
    y = net.add("Clip", y, net.constant(0.0), net.constant(1.0), name="io/Clip_16")
    y = net.add(
        "Round", net.add("Mul", y, net.constant(255.0), name="io/Mul_17"), name="io/Round_18"
    )
    y = net.add("Transpose", y, name="io/Transpose_19", perm=[0, 2, 3, 1])
    net.add("Cast", y, name="io/Cast_20", output="restored", to=TensorProto.UINT8)
    return net.model(
        {"images": (TensorProto.UINT8, ["batch", 16, 16, 3])},
        {"restored": (TensorProto.UINT8, ["batch", 64, 64, 3])},
    )


def sums_are_exact() -> bool:
    """Whether this processor adds products of u8 and s8 without saturation.

    x86 without VNNI adds pairs of them in 16 bits, where two large ones are cut off: ONNX Runtime's
    fused kernels then differ from the specification, which its unfused graph computes in floats.
    """
    if platform.machine() != "x86_64":
        return True
    return "_vnni" in Path("/proc/cpuinfo").read_text()


def run(model: onnx.ModelProto, feeds: Mapping[str, Array], optimise: bool = False) -> list[Array]:
    """Outputs of ONNX Runtime, as written unless asked to optimise."""
    options = onnxruntime.SessionOptions()
    optimise = optimise and sums_are_exact()
    options.log_severity_level = 3
    options.intra_op_num_threads = 1
    if not optimise:
        options.graph_optimization_level = onnxruntime.GraphOptimizationLevel.ORT_DISABLE_ALL
    session = onnxruntime.InferenceSession(model.SerializeToString(), options)
    return list(session.run(None, dict(feeds)))


def measure(model: onnx.ModelProto, feeds: Mapping[str, Array]) -> Table:
    """Min-max of every float tensor."""
    shown = onnx.shape_inference.infer_shapes(model)
    held = {o.name for o in shown.graph.output} | {c.name for c in shown.graph.initializer}
    for value in shown.graph.value_info:
        if value.type.tensor_type.elem_type == TensorProto.FLOAT and value.name not in held:
            shown.graph.output.append(value)
    names = [output.name for output in shown.graph.output]
    arrays = {**feeds, **dict(zip(names, run(shown, feeds), strict=True))}
    kept = {n: a for n, a in arrays.items() if a.dtype == np.float32 and a.size}
    return Table({n: (float(a.min()), float(a.max())) for n, a in kept.items()})


def psnr(a: Array, b: Array) -> float:
    """Of 8-bit pictures, in dB."""
    error = np.mean((a.astype(np.float64) - b.astype(np.float64)) ** 2)
    return float(10 * np.log10(255**2 / max(error, 1e-12)))


def faces(count: int, size: int) -> Array:
    """Grey faces of scikit-image's wheel, tinted, uint8 [count, size, size, 3]."""
    import cv2
    from skimage.data import lfw_subset

    grey = [cv2.resize(face, (size, size)) for face in lfw_subset()[:count]]
    tint = np.random.default_rng(0).uniform(0.7, 1.0, (count, 1, 1, 3))
    picture = np.stack(grey)[..., None] * tint * 255
    return np.clip(np.rint(picture), 0, 255).astype(np.uint8)


class Tools:
    """What tests of this folder share."""

    Net, Table = Net, Table
    run, measure, psnr, faces = map(staticmethod, (run, measure, psnr, faces))


@pytest.fixture(scope="session")
def tools() -> type[Tools]:
    return Tools


@pytest.fixture(scope="session")
def small() -> onnx.ModelProto:
    return super_resolver()


@pytest.fixture(scope="session")
def small_ranges(small: onnx.ModelProto) -> Table:
    return measure(small, {"images": faces(8, 16)})


@pytest.fixture(scope="session")
def student() -> onnx.ModelProto:
    """fsr-student with two steps and seeded weights, traced and rewritten."""
    import torch

    from facedge.export.passes import rewrite
    from facedge.export.trace import trace
    from facedge.models import registry

    torch.manual_seed(0)
    spec = registry.get("fsr-student")
    return rewrite(trace(spec, spec.build().eval(), steps=2)).model


@pytest.fixture(scope="session")
def student_ranges(student: onnx.ModelProto) -> Table:
    return measure(student, {"images": faces(8, 16)})


@pytest.fixture(scope="session")
def typed() -> Callable[[onnx.ModelProto], dict[str, int]]:
    """Element type of every tensor, by ONNX's own inference."""

    def types(model: onnx.ModelProto) -> dict[str, int]:
        graph = onnx.shape_inference.infer_shapes(model, strict_mode=True).graph
        values = [*graph.value_info, *graph.input, *graph.output]
        table = {value.name: value.type.tensor_type.elem_type for value in values}
        return table | {tensor.name: tensor.data_type for tensor in graph.initializer}

    return types

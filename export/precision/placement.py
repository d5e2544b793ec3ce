"""What the back ends make of a quantised graph: their own account of their kernels."""

from __future__ import annotations

import json
import re
import tempfile
from collections.abc import Iterable
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import onnx
import onnxruntime

from facedge.extras import require

_ORT_INTEGER = ("QLinearConv", "QGemm", "QLinearMatMul")
_ORT_FLOAT = (
    "Conv", "FusedConv", "NhwcFusedConv", "ConvTranspose", "Gemm", "FusedGemm", "MatMul",
    "FusedMatMul", "ConvInteger", "MatMulInteger", "MatMulIntegerToFloat",
)  # fmt: skip
_OPENVINO = ("Convolution", "Deconvolution", "FullyConnected", "MatMul")


@dataclass(frozen=True)
class Placement:
    """How many convolutions and matrix products a back end runs in which type.

    Attributes:
        int8: kernels that multiply 8-bit integers and give 8-bit results.
        other: all other kernels.
        conversions: kernels that only change type or layout between the others.
    """

    int8: int
    other: int
    conversions: int


def onnxruntime_placement(model: onnx.ModelProto) -> Placement:
    """Kernels of ONNX Runtime's optimised graph on a CPU."""
    with tempfile.TemporaryDirectory() as folder:
        path = Path(folder) / "optimised.onnx"
        options = onnxruntime.SessionOptions()
        options.log_severity_level = 3
        options.optimized_model_filepath = str(path)
        onnxruntime.InferenceSession(
            model.SerializeToString(), options, providers=["CPUExecutionProvider"]
        )
        kinds = [node.op_type for node in onnx.load(path).graph.node]
    moves = ("QuantizeLinear", "DequantizeLinear", "Transpose", "ReorderInput", "ReorderOutput")
    return Placement(
        sum(kind in _ORT_INTEGER for kind in kinds),
        sum(kind in _ORT_FLOAT for kind in kinds),
        sum(kind in moves for kind in kinds),
    )


def openvino_placement(model: onnx.ModelProto) -> Placement:
    """Kernels of OpenVINO's compiled graph on a CPU.

    Raises:
        BackendError: OpenVINO is not installed.
    """
    openvino = require("openvino", "openvino", "ask OpenVINO for its kernels")
    core = openvino.Core()
    read = core.read_model(model.SerializeToString())
    compiled = core.compile_model(read, "CPU", {"INFERENCE_PRECISION_HINT": "f32"})
    int8 = other = conversions = 0
    for operation in compiled.get_runtime_model().get_ordered_ops():
        information = operation.get_rt_info()
        kind = _text(information["layerType"])
        if kind in _OPENVINO:
            integer = _text(information["runtimePrecision"]) in ("u8", "i8")
            int8, other = int8 + integer, other + (not integer)
        elif kind in ("Reorder", "FakeQuantize", "Convert", "Transpose"):
            conversions += 1
    return Placement(int8, other, conversions)


def tensorrt_int8_nodes(layers: str | Iterable[str]) -> frozenset[str]:
    """ONNX nodes whose weights a TensorRT engine holds and multiplies as INT8.

    Args:
        layers: the engine inspector's JSON text (detailed profiling verbosity), or lines of a
            builder's verbose log, where TensorRT for RTX prints its layers without a GPU.

    Returns:
        Names of those nodes and of everything fused with them.
    """
    lines = _inspected(layers) if isinstance(layers, str) else layers
    found: set[str] = set()
    for line in (line for text in lines for line in text.splitlines()):
        if "LayerType:" not in line and '"LayerType"' not in line:
            continue
        # Constants are weights in TensorRT for RTX, Weights in TensorRT.
        held = re.search(r'Constants"?: \[(.*?)\], "?Outputs"?:', line)
        weights = re.search(r'"Weights": \{[^}]*"Type": "Int8"', line)
        if weights or (held and re.search(r'Datatype"?: "?Int8', held.group(1))):
            found.update(re.findall(r"\[ONNX Layer: ([^\]]+)\]", line))
    return frozenset(found)


def _inspected(text: str) -> list[str]:
    try:
        document: Any = json.loads(text)
    except json.JSONDecodeError:
        return text.splitlines()
    return [json.dumps(layer) for layer in document.get("Layers", [])]


def _text(value: Any) -> str:
    return value if isinstance(value, str) else str(value.astype(str))

"""What the back ends make of a quantised graph: their own account of their kernels."""

from __future__ import annotations

import tempfile
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


def _text(value: Any) -> str:
    return value if isinstance(value, str) else str(value.astype(str))

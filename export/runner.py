"""Runs an ONNX graph on ONNX Runtime or OpenVINO for verification, batch by batch."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any, Protocol

import numpy as np
import onnx
import onnxruntime as ort
from numpy.typing import NDArray

from facedge.extras import require

Array = NDArray[Any]


class Runner(Protocol):
    """Anything that maps named input arrays to named output arrays."""

    def __call__(self, feeds: Mapping[str, Array]) -> dict[str, Array]: ...


class OnnxRuntimeRunner:
    """ONNX Runtime on the CPU.

    Args:
        model: serialised ONNX.
        threads: intra-op threads; 0 leaves the choice to ONNX Runtime.
        optimise: apply graph optimisations; off gives the graph exactly as written.
    """

    def __init__(self, model: bytes, threads: int = 0, optimise: bool = True) -> None:
        options = ort.SessionOptions()
        options.intra_op_num_threads = threads
        options.log_severity_level = 3
        if not optimise:
            options.graph_optimization_level = ort.GraphOptimizationLevel.ORT_DISABLE_ALL
        self._session = ort.InferenceSession(model, options, providers=["CPUExecutionProvider"])
        self._outputs = [o.name for o in self._session.get_outputs()]

    def __call__(self, feeds: Mapping[str, Array]) -> dict[str, Array]:
        return dict(zip(self._outputs, self._session.run(self._outputs, dict(feeds)), strict=True))


class OpenVinoRunner:
    """OpenVINO on the CPU in FP32 arithmetic where the graph is not INT8."""

    def __init__(self, model: bytes, threads: int = 0) -> None:
        openvino = require("openvino", "openvino", "verify the OpenVINO backend")
        core = openvino.Core()
        config = {"PERFORMANCE_HINT": "LATENCY", "INFERENCE_PRECISION_HINT": "f32"}
        if threads:
            config["INFERENCE_NUM_THREADS"] = str(threads)
        self._compiled = core.compile_model(core.read_model(model), "CPU", config)
        self._outputs = {output.name for output in onnx.load_model_from_string(model).graph.output}

    def __call__(self, feeds: Mapping[str, Array]) -> dict[str, Array]:
        results = self._compiled(dict(feeds))
        # A tensor behind an Identity has the names before and after it.
        return {
            name: np.array(results[port])
            for port in self._compiled.outputs
            for name in port.get_names() & self._outputs
        }


def run_all(runner: Runner, feeds: Mapping[str, Array], batch: int) -> dict[str, Array]:
    """Run arrays [N, ...] in batches of at most ``batch`` and join the outputs."""
    count = len(next(iter(feeds.values())))
    parts = [
        runner({name: array[i : i + batch] for name, array in feeds.items()})
        for i in range(0, count, batch)
    ]
    return {name: np.concatenate([part[name] for part in parts]) for name in parts[0]}

"""Runs an ONNX graph on ONNX Runtime or OpenVINO for verification, batch by batch."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any, Protocol

import numpy as np
import onnx
import onnxruntime as ort
from numpy.typing import NDArray

from facedge.extras import require
from facedge.runtime.backends.openvino import compile_model

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
    """OpenVINO on the CPU, compiled for the shapes it is given, as the runtime plays it.

    A symbolic batch is another form, and INT8 graphs of small pictures crash in it on some
    processors with AMX (openvinotoolkit/openvino issue 37577).

    Args:
        model: serialised ONNX.
        threads: of one inference; 0 leaves the choice to OpenVINO.
    """

    def __init__(self, model: bytes, threads: int = 0) -> None:
        self._core = require("openvino", "openvino", "verify the OpenVINO backend").Core()
        self._model, self._threads = model, threads or None
        self._compiled: dict[tuple[tuple[int, ...], ...], Any] = {}
        self._outputs = {output.name for output in onnx.load_model_from_string(model).graph.output}

    def __call__(self, feeds: Mapping[str, Array]) -> dict[str, Array]:
        shapes = {name: tuple(array.shape) for name, array in feeds.items()}
        key = tuple(shapes.values())
        if key not in self._compiled:
            self._compiled[key] = compile_model(self._core, self._model, shapes, self._threads)
        compiled = self._compiled[key]
        results = compiled(dict(feeds))
        # A tensor behind an Identity has the names before and after it.
        return {
            name: np.array(results[port])
            for port in compiled.outputs
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

"""The plain export in OpenVINO on the CPU: in FP32, and in the precision it would itself choose."""

from __future__ import annotations

from functools import partial
from types import ModuleType
from typing import Any

import numpy as np

from facedge.extras import require

from .contract import Floats, Peer, Run, Work


def module() -> ModuleType:
    """The package ``openvino``."""
    return require("openvino", "openvino", "play the plain export in OpenVINO")


def playing(core: Any, model: bytes | Any, work: Work, own_precision: bool) -> Run:
    """Compiled for one batch size at a time, as facedge's own backend does.

    Args:
        core: ``openvino.Core``.
        model: ONNX bytes or an ``openvino.Model``.
        work: shapes and threads.
        own_precision: leave the arithmetic to OpenVINO, which takes bfloat16 where the processor
            multiplies it in hardware; else FP32 stays FP32.
    """
    settings: dict[str, Any] = {
        "PERFORMANCE_HINT": "LATENCY",
        "NUM_STREAMS": 1,
        "INFERENCE_NUM_THREADS": work.threads,
    }
    if not own_precision:
        settings["INFERENCE_PRECISION_HINT"] = "f32"
    requests: dict[int, Any] = {}

    def run(images: Floats) -> tuple[Floats, ...]:
        request = requests.get(len(images))
        if request is None:
            graph = core.read_model(model) if isinstance(model, bytes) else model.clone()
            graph.reshape(list(images.shape))
            compiled = core.compile_model(graph, "CPU", settings)
            request = requests[len(images)] = compiled.create_infer_request()
        found = request.infer(images, share_inputs=True, share_outputs=True)
        return tuple(np.asarray(found[port]) for port in request.model_outputs)

    run(work.face())
    return run


def _open(work: Work, own_precision: bool) -> Run:
    return playing(module().Core(), work.exported, work, own_precision)


FP32 = Peer("plain export, openvino", "openvino", "fp32", partial(_open, own_precision=False))
OWN = Peer(
    "plain export, openvino's own precision",
    "openvino",
    "own",
    partial(_open, own_precision=True),
)

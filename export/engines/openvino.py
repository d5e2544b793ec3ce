"""OpenVINO as an engine: nothing to build ahead, only to measure."""

from __future__ import annotations

from typing import Any

from facedge.errors import BackendError
from facedge.extras import require
from facedge.runtime.backends.openvino import OpenVinoBinding, compile_model

from .measure import Run, bound_arrays


def bound_run(model: bytes, batch: int = 1, threads: int | None = None) -> Run:
    """One inference on bound tensors on the CPU, as a function to call.

    Args:
        model: ONNX bytes with uint8 or float32 inputs, batch first.
        batch: pictures per inference.
        threads: CPU threads; None for OpenVINO's own choice.

    Raises:
        BackendError: OpenVINO is missing or refuses the model.
    """
    core = require("openvino", "openvino", "measure the openvino backend").Core()
    try:
        graph = core.read_model(model)
    except Exception as error:
        raise BackendError("openvino refuses the model: it cannot be read as ONNX") from error
    inputs, outputs = (
        [(t.any_name, _shape(t, batch), t.element_type.get_type_name()) for t in tensors]
        for tensors in (graph.inputs, graph.outputs)
    )
    arrays = bound_arrays(inputs, batch), bound_arrays(outputs, batch)
    shapes = {name: array.shape for name, array in arrays[0].items()}
    compiled = compile_model(core, model, shapes, threads)
    return OpenVinoBinding(compiled.create_infer_request(), *arrays).run


def _shape(tensor: Any, batch: int) -> list[object]:
    sizes = list(tensor.partial_shape)[1:]
    return [batch, *(size.get_length() if size.is_static else str(size) for size in sizes)]

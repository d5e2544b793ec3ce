"""ONNX Runtime as an engine: nothing to build, only to measure."""

from __future__ import annotations

from facedge.runtime.backends.onnxruntime import OnnxRuntimeBinding, create_session

from .measure import Run, bound_arrays


def bound_run(model: bytes, batch: int = 1, threads: int | None = None) -> Run:
    """One I/O-bound inference on the CPU, as a function to call.

    Args:
        model: ONNX bytes with uint8 or float32 inputs, batch first.
        batch: pictures per inference.
        threads: CPU threads; None for ONNX Runtime's own choice.

    Raises:
        BackendError: ONNX Runtime is missing or refuses the model.
    """
    session = create_session(model, threads)
    inputs, outputs = (
        [(t.name, t.shape, t.type) for t in tensors]
        for tensors in (session.get_inputs(), session.get_outputs())
    )
    arrays = bound_arrays(inputs, batch), bound_arrays(outputs, batch)
    return OnnxRuntimeBinding(session, *arrays).run

"""The backends by name."""

from __future__ import annotations

from facedge.errors import InputError

from .base import Backend
from .onnxruntime import OnnxRuntime
from .openvino import OpenVino
from .tensorrt import TensorRt

_BACKENDS: dict[str, Backend] = {
    backend.name: backend
    for backend in (OnnxRuntime(), OpenVino(), TensorRt("tensorrt"), TensorRt("tensorrt-rtx"))
}

NAMES = tuple(_BACKENDS)
"""Every backend a bundle may name."""

CPU = ("onnxruntime", "openvino")
"""Those that need no accelerator."""

GPU = ("tensorrt", "tensorrt-rtx")
"""Those that play plans."""


def get(name: str) -> Backend:
    """The backend called ``name``.

    Raises:
        InputError: there is none.
    """
    try:
        return _BACKENDS[name]
    except KeyError:
        raise InputError(f"backend {name!r} is unknown; choose one of {', '.join(NAMES)}") from None

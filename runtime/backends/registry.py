"""The backends by name."""

from __future__ import annotations

from facedge.errors import InputError

from ..manifest import Artifact
from ..native.backend import NATIVE, Native
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
    """The backend called ``name``, such as ``openvino`` or ``native:openvino``.

    Raises:
        InputError: there is none.
    """
    if name == NATIVE:
        return Native()
    inner = kind(name)
    if inner not in _BACKENDS:
        raise InputError(
            f"backend {name!r} is unknown; choose one of {', '.join(NAMES)}, or {NATIVE}, or "
            f"{NATIVE}:<one of these> to play through libfacedge"
        )
    return _BACKENDS[inner] if inner == name else Native(inner)


def kind(name: str) -> str:
    """The backend whose artifacts ``name`` plays: ``openvino`` for ``native:openvino`` too."""
    return name.removeprefix(f"{NATIVE}:")


def player(wanted: str | None, artifact: Artifact) -> str | None:
    """Name of the backend that plays an artifact where ``wanted`` was asked for; None: nobody.

    Args:
        wanted: a backend, ``native`` for the artifact's own inside libfacedge, or None for the
            artifact's own.
        artifact: what is to be played.
    """
    if wanted is None:
        return artifact.backend
    if wanted == NATIVE:
        return f"{NATIVE}:{artifact.backend}"
    return wanted if kind(wanted) == artifact.backend else None

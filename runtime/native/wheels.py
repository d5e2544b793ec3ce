"""The libraries that Python wheels bring: what libfacedge's back ends can drive without more."""

from __future__ import annotations

import importlib.util
import os
from pathlib import Path

_PLACES = {
    "onnxruntime": ("FACEDGE_ONNXRUNTIME", "onnxruntime", "capi/libonnxruntime.so.*"),
    "openvino": ("FACEDGE_OPENVINO", "openvino", "libs/libopenvino_c.so.*"),
}
"""Back end -> the variable libfacedge reads, the package, the file in it."""


def library(backend: str) -> str | None:
    """File of the library in the wheel of ``backend``; None without, or when the user named one."""
    if backend not in _PLACES:
        return None
    variable, package, pattern = _PLACES[backend]
    if os.environ.get(variable):
        return None
    # Found, not imported: the library is all that is needed.
    spec = importlib.util.find_spec(package)
    for folder in (spec and spec.submodule_search_locations) or ():
        for file in sorted(Path(folder).glob(pattern)):
            return str(file)
    return None


def offer() -> None:
    """Tell libfacedge of every wheel by its variables, for when it chooses the back end itself."""
    for backend, (variable, _, _) in _PLACES.items():
        if file := library(backend):
            os.environ[variable] = file

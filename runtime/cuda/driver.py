"""Choose the CUDA library that is installed."""

from __future__ import annotations

import importlib
import threading
from types import ModuleType

from facedge.errors import BackendError

from .base import Cuda
from .cuda_python import CudaPython
from .pycuda import PyCuda

_opened = threading.local()


def open_cuda() -> Cuda:
    """This thread's CUDA, opened once: cuda-python (new and old module names), then PyCUDA.

    Raises:
        BackendError: none is installed, or there is no driver or device.
    """
    if not hasattr(_opened, "cuda"):
        _opened.cuda = _open()
    cuda: Cuda = _opened.cuda
    return cuda


def _open() -> Cuda:
    for name in ("cuda.bindings.runtime", "cuda.cudart"):
        if module := _optional(name):
            return CudaPython(module, _version("cuda.bindings"))
    if module := _optional("pycuda.driver"):
        return PyCuda(module, _version("pycuda"))
    raise BackendError(
        "a CUDA library is needed to play plans and neither cuda-python nor pycuda imports; "
        "install one with: pip install 'facedge[tensorrt]' or pip install 'facedge[pycuda]'"
    )


def _optional(name: str) -> ModuleType | None:
    try:
        return importlib.import_module(name)
    except (ImportError, OSError, RuntimeError):
        return None


def _version(package: str) -> str:
    module = _optional(package)
    return str(getattr(module, "__version__", "")) if module else ""

"""Finding TensorRT or TensorRT for RTX, and the one logger each allows per process.

Everything here is common to TensorRT 10.3 to 11.4 and TensorRT for RTX, whose Python modules
have the same names.
"""

from __future__ import annotations

import importlib
import logging
from collections import deque
from types import ModuleType
from typing import Any

from facedge.errors import BackendError

MODULES = {
    "tensorrt": ("tensorrt",),
    "tensorrt-rtx": ("tensorrt_rtx", "tensorrt_rtx_bindings"),
}
"""Backend -> Python modules that may bring it, in the order they are tried."""

_EXTRA = {"tensorrt": "tensorrt", "tensorrt-rtx": "rtx"}
_loggers: dict[ModuleType, Any] = {}


def module(backend: str) -> ModuleType:
    """The Python module of ``tensorrt`` or ``tensorrt-rtx``.

    Raises:
        BackendError: it is not installed, its libraries are missing, or it is older than 10.3.
    """
    failures = []
    for name in MODULES[backend]:
        try:
            found = importlib.import_module(name)
        except Exception as error:  # the stub wheels raise RuntimeError, missing libraries OSError
            failures.append(f"{name}: {_first_line(error)}")
            continue
        if not hasattr(found, "Runtime") or not hasattr(found, "__version__"):
            failures.append(f"{name}: installed without its libraries")
            continue
        if backend == "tensorrt" and version_numbers(found.__version__) < (10, 3):
            raise BackendError(
                f"tensorrt {found.__version__} is too old; expected 10.3 or later "
                f"(JetPack 6.1 or later)"
            )
        return found
    hint = (
        "on a Jetson it comes with JetPack (make the environment with --system-site-packages)"
        if backend == "tensorrt"
        else "it needs x86-64"
    )
    raise BackendError(
        f"{backend} is not usable here ({'; '.join(failures)}); "
        f"install it with: pip install 'facedge[{_EXTRA[backend]}]'; {hint}"
    )


def version_numbers(version: str) -> tuple[int, ...]:
    """``10.3.0.30`` -> (10, 3, 0): what decides whether a plan loads."""
    numbers = []
    for part in version.split(".")[:3]:
        digits = "".join(c for c in part if c.isdigit())
        numbers.append(int(digits or 0))
    return tuple(numbers)


def logger(trt: ModuleType) -> Any:
    """The process's one ``ILogger`` for a TensorRT module.

    TensorRT keeps the first logger it is given for the life of the process, so there is exactly
    one here. Messages go to Python's ``logging`` under ``facedge.tensorrt`` (silent by default)
    and the last of them are kept: ``logger(trt).last_errors()`` says why a call returned nothing.
    """
    if trt not in _loggers:
        _loggers[trt] = _make_logger(trt)
    return _loggers[trt]


def _make_logger(trt: ModuleType) -> Any:
    out = logging.getLogger("facedge.tensorrt")
    out.addHandler(logging.NullHandler())
    severity = trt.ILogger.Severity
    levels = {
        severity.INTERNAL_ERROR: logging.ERROR,
        severity.ERROR: logging.ERROR,
        severity.WARNING: logging.WARNING,
        severity.INFO: logging.INFO,
        severity.VERBOSE: logging.DEBUG,
    }

    class Logger(trt.ILogger):  # type: ignore[misc, name-defined]
        def __init__(self) -> None:
            trt.ILogger.__init__(self)
            self.errors: deque[str] = deque(maxlen=16)
            self.warnings: deque[str] = deque(maxlen=64)
            self.layers = ""

        def log(self, level: Any, message: str) -> None:
            kind = levels.get(level, logging.ERROR)
            if kind == logging.ERROR:
                self.errors.append(message)
            elif kind == logging.WARNING:
                self.warnings.append(message)
            elif message.startswith(("Layers:", "Engine Layer Information:")):
                self.layers = message
            out.log(kind if kind < logging.ERROR else logging.INFO, "%s", message)

        def clear(self) -> None:
            self.errors.clear()
            self.warnings.clear()
            self.layers = ""

        def last_errors(self) -> str:
            lines = [_first_line(message) for message in self.errors]
            return "; ".join(dict.fromkeys(lines[-2:])) or "TensorRT gave no reason"

    return Logger()


def _first_line(message: object) -> str:
    lines = str(message).strip().splitlines()
    return lines[0] if lines else type(message).__name__

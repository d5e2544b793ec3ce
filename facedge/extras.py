"""Optional packages: imported when first used, and named with their extra when missing."""

from __future__ import annotations

import importlib
from types import ModuleType

from .errors import BackendError

_BUILDING = "torch onnx onnx_ir onnxscript safetensors skimage matplotlib jinja2"
EXTRA_OF = dict.fromkeys(_BUILDING.split(), "export") | {"openvino": "openvino"}
"""Top module -> the extra that brings it; what is not here comes with facedge itself."""


def require(module: str, extra: str, purpose: str) -> ModuleType:
    """Import ``module`` or say which extra brings it.

    Args:
        module: dotted module name, such as ``openvino``.
        extra: name of the extra in pyproject.toml, such as ``openvino``.
        purpose: what it is needed for, completing "needed to ...".

    Raises:
        BackendError: the package is missing or does not load; exit code 4.
    """
    try:
        return importlib.import_module(module)
    except ImportError as error:
        raise BackendError(
            f"{module} is needed to {purpose} and did not import ({error}); "
            f"install it with: pip install 'facedge[{extra}]'"
        ) from error


def missing_package(error: ImportError) -> str | None:
    """The sentence for a package that did not import; None when it is a part of facedge."""
    name = (error.name or "").split(".")[0]
    if name in ("", "facedge"):
        return None
    extra = f"[{EXTRA_OF[name]}]" if name in EXTRA_OF else ""
    return (
        f"{name} is needed and did not import ({error}); "
        f"install it with: pip install 'facedge{extra}'"
    )

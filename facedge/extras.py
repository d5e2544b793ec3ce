"""Optional packages: imported when first used, and named with their extra when missing."""

from __future__ import annotations

import importlib
from types import ModuleType

from .errors import BackendError


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

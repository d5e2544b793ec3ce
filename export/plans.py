"""Plans in a bundle: which compilers make them, and where they are kept."""

from __future__ import annotations

import importlib.util
from pathlib import Path

from facedge.errors import BackendError
from facedge.runtime.manifest import Artifact

from .engines.plan import Plan


def build_plan_available(name: str) -> None:
    """Raise BackendError unless the TensorRT compiler of that name is installed."""
    modules, extra = (
        (("tensorrt",), "tensorrt") if name == "tensorrt"
        else (("tensorrt_rtx", "tensorrt_rtx_bindings"), "rtx")
    )
    if not any(importlib.util.find_spec(module) for module in modules):
        raise BackendError(
            f"backend {name} needs {' or '.join(modules)}, which is not installed; "
            f"install it with: pip install 'facedge[{extra}]'"
        )


def save_plan(folder: Path, plan: Plan) -> Artifact:
    """Write a plan as ``engines/<backend>-<version>-<device>.plan`` and describe it."""
    (folder / "engines").mkdir(exist_ok=True)
    (folder / plan.path).write_bytes(plan.data)
    return Artifact(
        backend=plan.backend, path=plan.path, dialect="tensorrt", version=plan.version,
        device=plan.device, max_batch=plan.max_batch,
    )

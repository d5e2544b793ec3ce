"""Plans in a bundle: where they are kept and how they are described."""

from __future__ import annotations

from pathlib import Path

from facedge.runtime.manifest import Artifact

from .engines.plan import Plan


def save_plan(folder: Path, plan: Plan) -> Artifact:
    """Write a plan as ``engines/<backend>-<version>-<device>.plan`` and describe it."""
    (folder / "engines").mkdir(exist_ok=True)
    (folder / plan.path).write_bytes(plan.data)
    return Artifact(
        backend=plan.backend,
        path=plan.path,
        dialect="tensorrt",
        version=plan.version,
        device=plan.device,
        max_batch=plan.max_batch,
    )

"""Adds a plan for this device to an existing bundle; needs TensorRT and no torch."""

from __future__ import annotations

import shutil
from pathlib import Path

import msgspec

from facedge.errors import InputError
from facedge.files import new_folder, sha256_file
from facedge.progress import Stages
from facedge.runtime import bundle as bundles
from facedge.runtime.backends import nvinfer, registry
from facedge.runtime.manifest import Artifact

from .bundle_writer import write_manifest
from .engines.plan import PlanOptions
from .engines.tensorrt import build_plan
from .plans import save_plan


def add_engine(
    bundle: Path,
    backend: str,
    *,
    max_batch: int,
    timing_cache: Path | None,
    version_compatible: bool,
    hardware_compatible: bool,
    stages: Stages,
) -> Artifact:
    """Build a plan from ``onnx/tensorrt.onnx`` and put it into the bundle, whole or not at all.

    Args:
        bundle: an intact bundle folder.
        backend: ``tensorrt`` or ``tensorrt-rtx``.
        max_batch: largest batch of the optimisation profile.
        timing_cache: file to read and update; None keeps one beside the bundle.

    Raises:
        InputError: not a TensorRT backend, or the bundle has no TensorRT graph.
        BundleError: the bundle is not intact.
        BackendError: the compiler is missing or refuses the graph.
    """
    if backend not in registry.GPU:
        raise InputError(f"backend {backend!r} has no plans; choose from {', '.join(registry.GPU)}")
    nvinfer.module(backend)
    # A bundle given as "." or by a link is rebuilt where it really lies.
    bundle = bundle.resolve()
    loaded = bundles.load(bundle, verify=True)
    cache = timing_cache or bundle.with_name(f"{bundle.name}.{backend}.timing-cache")
    with stages.stage(f"Building the {backend} plan") as stage:
        plan = build_plan(
            loaded.read("onnx/tensorrt.onnx"),
            PlanOptions(
                backend=backend,
                max_batch=max_batch,
                timing_cache=cache,
                version_compatible=version_compatible,
                hardware_compatible=hardware_compatible,
            ),
        )
        stage.note = f"{plan.device}, {len(plan.data) / 1e6:.1f} MB"
    with new_folder(bundle, overwrite=True) as folder:
        shutil.copytree(bundle, folder, dirs_exist_ok=True)
        artifact = save_plan(folder, plan)
        kept = tuple(a for a in loaded.manifest.artifacts if a.path != artifact.path)
        files = {**loaded.manifest.files, artifact.path: sha256_file(folder / artifact.path)}
        manifest = msgspec.structs.replace(
            loaded.manifest, artifacts=(*kept, artifact), files=dict(sorted(files.items()))
        )
        write_manifest(folder, manifest)
    return artifact

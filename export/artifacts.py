"""The playable files of a bundle: ONNX per dialect, plans, and which CPU backend is the faster."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path

import onnx

from facedge.errors import BackendError
from facedge.progress import Stages
from facedge.runtime.backends import nvinfer, registry
from facedge.runtime.manifest import DIALECTS, Artifact, Dialect

from .engines import latency
from .engines.plan import Plan, PlanOptions
from .engines.tensorrt import build_plan
from .options import BuildOptions
from .plans import save_plan

PLAIN = "plain export onnxruntime"


@dataclass(frozen=True)
class Made:
    """Artifacts of a bundle.

    Attributes:
        artifacts: every way to play it.
        preferred: the CPU backend measured fastest here.
        latency_ms: what was measured, contender -> median milliseconds at batch 1.
        plans: plans that were built, for the report.
    """

    artifacts: tuple[Artifact, ...]
    preferred: str
    latency_ms: Mapping[str, float]
    plans: tuple[Plan, ...]


def require_backends(names: tuple[str, ...]) -> None:
    """Stop before any work when a backend that was asked for is missing.

    A plan can be built without a GPU, so for TensorRT only the compiler has to import.

    Raises:
        BackendError: with the extra to install; exit code 4.
    """
    for name in names:
        if name in registry.GPU:
            nvinfer.module(name)
        elif not (found := registry.get(name).available()):
            raise BackendError(found.reason)


def write(
    folder: Path,
    graphs: Mapping[Dialect, onnx.ModelProto],
    plain: onnx.ModelProto,
    options: BuildOptions,
    stages: Stages,
) -> Made:
    """Write ONNX files and plans into a bundle folder and measure the CPU backends.

    Args:
        folder: the bundle being written.
        graphs: dialect -> graph to ship.
        plain: the traced graph before any rewriting, the baseline of the latency figures.
        options: which backends are asked for.
    """
    (folder / "onnx").mkdir()
    blobs = {dialect: graph.SerializeToString() for dialect, graph in graphs.items()}
    for dialect, blob in blobs.items():
        (folder / "onnx" / f"{dialect}.onnx").write_bytes(blob)
    cpu = [name for name in registry.CPU if name in options.backends]
    with stages.stage("Measuring the CPU backends") as stage:
        contenders = {name: (name, blobs[DIALECTS[name]]) for name in cpu}
        contenders[PLAIN] = ("onnxruntime", plain.SerializeToString())
        measured = latency.measure(contenders, threads=options.threads or None)
        stage.note = ", ".join(f"{name} {ms:.2f} ms" for name, ms in measured.items())
    artifacts = [
        Artifact(
            backend=name,
            path=f"onnx/{DIALECTS[name]}.onnx",
            dialect=DIALECTS[name],
            latency_ms=measured.get(name, 0.0),
        )
        for name in registry.CPU
    ]
    plans = []
    for name in registry.GPU:
        if name in options.backends:
            with stages.stage(f"Building the {name} plan") as stage:
                plan = build_plan(
                    blobs["tensorrt"], PlanOptions(backend=name, max_batch=options.max_batch)
                )
                artifacts.append(save_plan(folder, plan))
                stage.note = f"{plan.device}, {len(plan.data) / 1e6:.1f} MB"
                plans.append(plan)
    preferred = min(cpu, key=lambda name: measured[name]) if cpu else registry.CPU[0]
    return Made(tuple(artifacts), preferred, measured, tuple(plans))

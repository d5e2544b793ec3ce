"""Calibration as a stage of the build, and on its own for ``facedge calibrate``."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path

import onnx

from facedge.calibration.collect import collect
from facedge.calibration.embedded import EMBEDDED_COUNT
from facedge.calibration.ranges import Ranges
from facedge.calibration.samples import samples
from facedge.calibration.sources import Source, open_source
from facedge.models import registry, weights
from facedge.models.contract import ModelSpec
from facedge.progress import Stages

from .graph import graph_cost
from .options import BuildOptions
from .passes import rewrite
from .trace import trace

CALIBRATION_BUDGET = 800e9
"""Multiply-accumulates spent on calibration pictures: a minute or two on two cores."""
RANGE_GUARD_IMAGES = 16
"""Pictures that show FP16's range guard which tensors are too large or too small for it."""
MOST_IMAGES = 512
"""Calibration pictures taken of a folder or video at most, unless told otherwise."""


def measure_ranges(
    model: str,
    calibration: Path | None,
    *,
    images: int | None,
    weights_file: Path | None = None,
    steps: int | None = None,
    state: bool = False,
    threads: int = 0,
    stages: Stages,
) -> Ranges:
    """Trace, rewrite and calibrate a model without building it."""
    spec = registry.get(model)
    loaded = weights.load(spec, weights_file)
    with stages.stage("Tracing and rewriting"):
        graph = rewrite(trace(spec, loaded.module, steps=steps, state=state)).model
    return collect_ranges(graph, spec, calibration, images or _most(calibration), threads, stages)


def collect_ranges(
    graph: onnx.ModelProto,
    spec: ModelSpec,
    calibration: Path | None,
    limit: int,
    threads: int,
    stages: Stages,
) -> Ranges:
    """Ranges of a rewritten graph over at most ``limit`` pictures."""
    source = open_source(calibration, limit=limit)
    with stages.stage(f"Calibrating on {len(source)} pictures") as stage:
        ranges = collect(
            graph,
            samples(source, spec),
            progress=_progress(stage.advance, source),
            threads=threads or None,
        )
        stage.note = f"{source.description}, {len(ranges.tensors)} tensors"
    return ranges


def _progress(advance: Callable[[int, int], None], source: Source) -> Callable[[int], None]:
    return lambda done: advance(done, len(source))


def affordable_images(graph: onnx.ModelProto, options: BuildOptions) -> int:
    """How many pictures a build calibrates on: as asked, or by the model's cost."""
    if options.precision == "fp16":
        return RANGE_GUARD_IMAGES
    if options.calibration_images is not None:
        return options.calibration_images
    affordable = max(32, CALIBRATION_BUDGET / max(graph_cost(graph).macs, 1))
    return int(min(_most(options.calibration), affordable))


def _most(calibration: Path | None) -> int:
    return EMBEDDED_COUNT if calibration is None else MOST_IMAGES

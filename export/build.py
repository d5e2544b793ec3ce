"""The build: weights in, a verified bundle out; every stage is one call with plain data."""

from __future__ import annotations

import importlib.util
import resource
import time
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import onnx
from numpy.typing import NDArray
from rich.markup import escape

from facedge.calibration.graph import weights_hash
from facedge.calibration.ranges import Ranges
from facedge.calibration.ranges import read as read_ranges
from facedge.calibration.sources import open_source
from facedge.calibration.statistics import DEFAULT_METHOD
from facedge.errors import InputError
from facedge.files import new_folder
from facedge.models import registry, weights
from facedge.progress import Stages
from facedge.runtime.manifest import Calibration, GoldenSet, Manifest

from . import artifacts, bundle_writer, describe
from .calibrate import affordable_images, collect_ranges
from .dialects import DialectGraph, make_dialects, ship
from .engines.plan import Plan
from .gates import enforce
from .options import BuildOptions
from .precision.readiness import ConvReadiness, readiness
from .prepare import prepare
from .reference import GateSet
from .report import render
from .report_data import report_data
from .verify import Verified, verify_dialects

Array = NDArray[Any]


@dataclass(frozen=True)
class BuildResult:
    """What a build produced.

    Attributes:
        path: the bundle folder.
        manifest: its manifest.
        seconds: stage title -> duration.
        peak_bytes: largest resident size of the building process.
    """

    path: Path
    manifest: Manifest
    seconds: Mapping[str, float]
    peak_bytes: int


def default_backends() -> tuple[str, ...]:
    """ONNX Runtime, and OpenVINO where it is installed."""
    found = importlib.util.find_spec("openvino") is not None
    return ("onnxruntime", "openvino") if found else ("onnxruntime",)


def build(options: BuildOptions, stages: Stages) -> BuildResult:
    """Build, verify and write a bundle; it appears complete or not at all.

    Raises:
        InputError: a picture, weight file or option is not what it must be.
        QualityGateError: a gate failed; nothing was written.
        BackendError: a backend asked for is not installed.
    """
    started = time.perf_counter()
    spec = registry.get(options.model)
    steps = spec.steps if options.steps is None else options.steps
    target = options.out / options.bundle_name()
    bundle_writer.refuse_target(target)
    artifacts.require_backends(options.backends)
    open_source(options.calibration, limit=1)  # refuses at once what holds no pictures
    given = None if options.ranges is None else read_ranges(options.ranges)
    method = options.method or DEFAULT_METHOD

    loaded = weights.load(spec, options.weights)
    stages.say(
        f"[bold]{spec.name}[/bold] ({spec.system}), {options.precision}, {steps} step(s), "
        f"weights: {escape(loaded.source)}"
    )
    prepared = prepare(spec, loaded, options, steps, stages)
    ranges = given
    if ranges is not None:
        ranges.check_weights(weights_hash(prepared.rewritten))
    if options.precision != "fp32" and ranges is None:
        limit = affordable_images(prepared.rewritten, options)
        ranges = collect_ranges(
            prepared.rewritten, spec, options.calibration, limit, options.threads, stages
        )
    with stages.stage(f"Making the {options.precision} graphs") as stage:
        graphs = make_dialects(prepared.rewritten, spec, options.precision, ranges, method)
        notes = [note for graph in graphs for note in graph.notes]
        stage.note = f"{len(notes)} tensors kept in higher precision" if notes else ""
    with stages.stage(f"Verifying on {len(prepared.pictures.names)} pictures") as stage:
        verified = verify_dialects(
            prepared.rewritten,
            graphs,
            options.precision,
            prepared.pictures,
            options.limits,
            openvino="openvino" in options.backends,
            threads=options.threads,
            advance=stage.advance,
        )
        gates = prepared.gates + verified.gates
        enforce(gates)
        stage.note = f"{len(gates)} gates hold"

    shipped = {graph.dialect: ship(graph.model, steps) for graph in graphs}
    try:
        with new_folder(target, overwrite=True) as folder:
            made = artifacts.write(folder, shipped, prepared.traced, options, stages)
            golden = tuple(
                _golden(folder, graph, verified, prepared.pictures, options, steps)
                for graph in graphs
            )
            calibration = None
            if ranges is not None and options.precision == "int8":
                (folder / "calibration").mkdir()
                ranges.write(folder / "calibration" / "ranges.json")
                calibration = _calibration(ranges, method)
            ready = _readiness(prepared.rewritten, graphs, options, steps)
            quality = {**verified.quality, **_plan_coverage(made.plans, ready)}
            manifest = describe.manifest(
                options,
                spec,
                loaded,
                steps,
                shipped["portable"],
                made,
                golden,
                gates,
                quality,
                prepared.rows,
                calibration,
            )
            with stages.stage("Writing the report"):
                data = report_data(
                    manifest, prepared.pictures, graphs, verified, ready, ranges, folder
                )
                (folder / "report.html").write_text(render(data), encoding="utf-8")
            manifest = describe.seal(manifest, bundle_writer.hash_files(folder))
            manifest = bundle_writer.write_manifest(folder, manifest)
    except OSError as error:
        raise InputError(
            f"cannot write {target}: {error.strerror or error}; nothing was written"
        ) from error
    seconds = {**stages.seconds, "total": time.perf_counter() - started}
    peak = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss * 1024
    return BuildResult(target, manifest, seconds, peak)


def _golden(
    folder: Path,
    graph: DialectGraph,
    verified: Verified,
    pictures: GateSet,
    options: BuildOptions,
    steps: int,
) -> GoldenSet:
    count = min(4, len(pictures.names))
    inputs: dict[str, Array] = {name: array[:count] for name, array in pictures.feeds().items()}
    last = f"restored_{steps}"
    outputs = {
        "restored" if name == last else name: array[:count]
        for name, array in verified.outputs[graph.dialect].items()
        if name == last or not name.startswith("restored_")
    }
    return bundle_writer.write_golden(folder, graph.dialect, options.precision, inputs, outputs)


def _readiness(
    floats: onnx.ModelProto, graphs: tuple[DialectGraph, ...], options: BuildOptions, steps: int
) -> dict[str, tuple[ConvReadiness, ...]]:
    if options.precision != "int8":
        return {}
    shipped = ship(floats, steps)
    return {g.dialect: readiness(shipped, ship(g.model, steps), g.dialect) for g in graphs}


def _plan_coverage(
    plans: Sequence[Plan], ready: Mapping[str, tuple[ConvReadiness, ...]]
) -> dict[str, float]:
    """How many contractions that are INT8 in the graph are INT8 in the compiled plan."""
    meant = {row.node for row in ready.get("tensorrt", ()) if row.int8}
    figures: dict[str, float] = {}
    for plan in plans:
        if meant and plan.layers:
            figures[f"int8 contractions meant {plan.backend}"] = float(len(meant))
            figures[f"int8 contractions compiled {plan.backend}"] = float(
                len(meant & plan.int8_nodes)
            )
    return figures


def _calibration(ranges: Ranges, method: str) -> Calibration:
    return Calibration(
        source=ranges.source,
        images=len(ranges.images),
        images_sha256=ranges.images_sha256(),
        method=method,
    )

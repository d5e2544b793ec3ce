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
from facedge.errors import InputError
from facedge.files import new_folder
from facedge.models import registry, weights
from facedge.progress import Stages
from facedge.runtime.manifest import Calibration, GoldenSet, Manifest

from . import artifacts, bundle_writer, describe, plan_file
from .calibrate import affordable_images, collect_ranges
from .dialects import DialectGraph, make_dialects, ship
from .engines.plan import Plan
from .gates import enforce
from .graph import to_ir
from .options import BuildOptions
from .plan_file import PrecisionPlan
from .precision.choice import NO_CHOICE
from .precision.contraction import contractions
from .precision.readiness import ConvReadiness, readiness
from .prepare import prepare
from .reference import GateSet
from .report import render
from .report_data import report_data
from .sensitivity_file import ranges_sha256
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
    plan = None if options.plan is None else plan_file.read(options.plan)
    method = options.method or (spec.ranges if plan is None else plan.method)

    loaded = weights.load(spec, options.weights)
    stages.say(
        f"[bold]{spec.name}[/bold] ({spec.system}), {options.precision}, {steps} step(s), "
        f"weights: {escape(loaded.source)}"
    )
    if plan is not None:
        plan.check_build(spec.name, steps)
    prepared = prepare(spec, loaded, options, steps, stages)
    ranges = given
    if ranges is not None:
        ranges.check_weights(weights_hash(prepared.rewritten))
    if options.precision != "fp32" and ranges is None:
        limit = affordable_images(prepared.rewritten, options)
        ranges = collect_ranges(
            prepared.rewritten, spec, options.calibration, limit, options.threads, stages
        )
    if plan is not None:
        _check_plan(plan, prepared.rewritten, ranges, options, steps, stages)
    with stages.stage(f"Making the {options.precision} graphs") as stage:
        choice = NO_CHOICE if plan is None else plan.choice()
        graphs = make_dialects(prepared.rewritten, spec, options.precision, ranges, method, choice)
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
            if plan is not None:
                plan_file.write(folder / "calibration" / "plan.json", plan)
            ready = _readiness(prepared.rewritten, graphs, options, steps)
            quality = {**verified.quality, **_plan_coverage(made.plans, ready)}
            quality |= {} if plan is None else _plan_quality(plan)
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
                prepared.rows + tuple(row for graph in graphs for row in graph.rows),
                calibration,
            )
            with stages.stage("Writing the report"):
                data = report_data(
                    manifest, prepared.pictures, graphs, verified, ready, ranges, folder, plan
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


def _check_plan(
    plan: PrecisionPlan,
    floats: onnx.ModelProto,
    ranges: Ranges | None,
    options: BuildOptions,
    steps: int,
    stages: Stages,
) -> None:
    """Refuse a plan of another graph; say where its figures were measured with other ranges."""
    names = {item.name for item in contractions(to_ir(floats).graph)}
    plan.check_model(options.model, steps, weights_hash(floats), names)
    if ranges is not None and ranges_sha256(ranges) != plan.ranges_sha256:
        stages.say(
            "the plan was measured with other ranges: its figures are near, not exact; "
            "give both the same --ranges file"
        )
    if plan.unrounded and "onnxruntime" in options.backends:
        stages.say(
            f"the plan was made for {plan.backend} and leaves results unrounded: ONNX Runtime "
            "multiplies those nodes in float and may be slower than with all in INT8"
        )


def _plan_quality(plan: PrecisionPlan) -> dict[str, float]:
    """What the bundle says of its plan, in the figures that are reported and not gated."""
    floats = sum(precision != "int8" for precision in plan.assignment.values())
    return {
        "plan nodes left in float": float(floats),
        "plan activations left unrounded": float(len(plan.unrounded)),
        f"plan times faster than all INT8 {plan.backend}": plan.candidate(
            plan.chosen
        ).latency.times_faster,
    }


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

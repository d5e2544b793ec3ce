"""The build: weights in, a verified bundle out; every stage is one call with plain data."""

from __future__ import annotations

import importlib.util
import resource
import time
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Any

import onnx
from numpy.typing import NDArray
from rich.markup import escape

from facedge.calibration.collect import collect
from facedge.calibration.embedded import EMBEDDED_COUNT
from facedge.calibration.graph import weights_hash
from facedge.calibration.ranges import Ranges
from facedge.calibration.ranges import read as read_ranges
from facedge.calibration.samples import samples
from facedge.calibration.sources import Source, open_source
from facedge.calibration.statistics import DEFAULT_METHOD
from facedge.errors import InputError
from facedge.files import new_folder
from facedge.models import registry, weights
from facedge.models.contract import ModelSpec
from facedge.progress import Stages
from facedge.runtime.manifest import Calibration, Gate, GoldenSet, Manifest, PassRow

from . import artifacts, bundle_writer, describe
from .dialects import DialectGraph, make_dialects, ship
from .engines.plan import Plan
from .gates import enforce
from .graph import GraphCost, graph_cost
from .options import BuildOptions
from .passes import PASSES, rewrite
from .precision.readiness import ConvReadiness, readiness
from .reference import GateSet, foreign_state, gate_set, torch_outputs
from .report import render
from .report_data import report_data
from .trace import trace
from .verify import Verified, rewrite_gates, trace_gates, verify_dialects

Array = NDArray[Any]

IO_PASS = "uint8-nhwc-io"
GATE_BUDGET = 80e9
CALIBRATION_BUDGET = 800e9
"""Multiply-accumulates spent on gate and calibration pictures: minutes on two cores at most."""
RANGE_GUARD_IMAGES = 16
"""Pictures that show FP16's range guard which tensors are too large or too small for it."""
MOST_IMAGES = 512
"""Calibration pictures taken of a folder or video at most, unless told otherwise."""


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


@dataclass(frozen=True)
class Prepared:
    """A traced, rewritten and checked float model.

    Attributes:
        traced: as exported, float in and out.
        rewritten: after all passes, uint8 NHWC in and out.
        rows: size before and after every pass.
        gates: agreement of both with torch.
        pictures: the gate pictures.
    """

    traced: onnx.ModelProto
    rewritten: onnx.ModelProto
    rows: tuple[PassRow, ...]
    gates: tuple[Gate, ...]
    pictures: GateSet


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
        limit = _calibration_images(prepared.rewritten, options)
        ranges = _collect(
            prepared.rewritten,
            spec,
            options.calibration,
            limit,
            options.state,
            options.threads,
            stages,
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


def prepare(
    spec: ModelSpec, loaded: weights.LoadedModel, options: BuildOptions, steps: int, stages: Stages
) -> Prepared:
    """Trace, rewrite, and hold both graphs against torch on real pictures."""
    with stages.stage("Tracing torch to ONNX") as stage:
        traced = trace(spec, loaded.module, steps=options.steps, state=options.state)
        cost = graph_cost(traced)
        stage.note = _size(cost)
    with stages.stage("Choosing pictures for the gates"):
        count = options.gate_images or int(min(64, max(8, GATE_BUDGET / max(cost.macs, 1))))
        pictures = gate_set(samples(open_source(options.calibration, limit=4 * count), spec), count)
        if options.state:
            pictures = replace(
                pictures, state=foreign_state(spec, loaded.module, pictures.images, steps)
            )
    depth = 0 if spec.task == "action-units" else steps
    with stages.stage("Checking the trace against torch"):
        expected = torch_outputs(loaded.module, pictures.images, depth, pictures.state)
        gates = trace_gates(traced, expected, pictures, options.limits, options.threads)
        enforce(gates)
    with stages.stage("Rewriting the graph") as stage:
        floats = rewrite(traced, [p.name for p in PASSES if p.name != IO_PASS])
        gates += rewrite_gates(floats.model, expected, pictures, options.limits, options.threads)
        enforce(gates)
        final = rewrite(floats.model, [IO_PASS])
        after = graph_cost(final.model)
        stage.note = f"before: {_size(cost)}; after: {_size(after)}"
    return Prepared(traced, final.model, floats.rows + final.rows, tuple(gates), pictures)


def _size(cost: GraphCost) -> str:
    return (
        f"{cost.nodes} nodes, {cost.parameters / 1e6:.2f} M parameters, {cost.macs / 1e9:.2f} GMACs"
    )


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
    return _collect(graph, spec, calibration, images or _most(calibration), state, threads, stages)


def _collect(
    graph: onnx.ModelProto,
    spec: ModelSpec,
    calibration: Path | None,
    limit: int,
    state: bool,
    threads: int,
    stages: Stages,
) -> Ranges:
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


def _calibration_images(graph: onnx.ModelProto, options: BuildOptions) -> int:
    if options.precision == "fp16":
        return RANGE_GUARD_IMAGES
    if options.calibration_images is not None:
        return options.calibration_images
    affordable = max(32, CALIBRATION_BUDGET / max(graph_cost(graph).macs, 1))
    return int(min(_most(options.calibration), affordable))


def _most(calibration: Path | None) -> int:
    return EMBEDDED_COUNT if calibration is None else MOST_IMAGES


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

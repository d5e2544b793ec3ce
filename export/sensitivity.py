"""Sensitivity: what each part of an INT8 graph costs in quality, rounded alone.

A part is the weights of one node or one rounded activation. Parts are measured on the quantised
graph with all other Q/DQ pairs taken out, so that grids, shared scales and placement are those of
the graph that ships.
"""

from __future__ import annotations

import hashlib
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import Literal

import msgspec
import onnx

from facedge.calibration.graph import weights_hash
from facedge.calibration.ranges import DEFAULT_PERCENTILE, Ranges
from facedge.calibration.ranges import read as read_ranges
from facedge.calibration.samples import samples
from facedge.calibration.sources import open_source
from facedge.models import registry, weights
from facedge.models.contract import ModelSpec
from facedge.progress import Stages
from facedge.runtime.machine import usable_cpus
from facedge.runtime.manifest import Dialect

from . import sensitivity_file
from .au_reader import au_reader
from .calibrate import affordable_images, collect_ranges
from .dialects import dialect_form, int8_form, ship
from .graph import to_ir
from .judge import Judge, Loss, judge_on, with_observed
from .options import BuildOptions
from .passes import rewrite
from .precision.choice import NO_CHOICE, Choice
from .precision.partial import Rounded, int8_nodes, round_only, rounded_activations
from .precision.readiness import readiness
from .precision.region import cuts_at_zero
from .runner import OnnxRuntimeRunner
from .sensitivity_file import Part, Row, Sensitivity, Subject, merge, ranges_sha256
from .side_by_side import side_by_side
from .trace import trace

IMAGES = 64
"""Pictures measured on, unless told otherwise."""
Key = tuple[Literal["weights", "activation"], str]


@dataclass(frozen=True)
class Question:
    """A model, its ranges and the pictures to ask about.

    Attributes:
        spec: row of the registry.
        model: rewritten float graph that ships: uint8 in and out, the last step alone.
        forms: dialects that can be asked about -> the same in the form that suits each
            (``dialects.dialect_form``).
        ranges: calibrated ranges.
        method: range method.
        steps: recurrent steps.
        calibration: pictures, as for a build.
        images: how many of them to measure on.
    """

    spec: ModelSpec
    model: onnx.ModelProto
    forms: Mapping[Dialect, onnx.ModelProto]
    ranges: Ranges
    method: str
    steps: int
    calibration: Path | None
    images: int

    def floats(self, dialect: Dialect = "portable") -> onnx.ModelProto:
        """The float graph that a dialect's INT8 graph is made of."""
        return self.forms[dialect]

    def quantised(
        self, dialect: Dialect = "portable", choice: Choice = NO_CHOICE
    ) -> onnx.ModelProto:
        """The INT8 graph of a dialect; in TensorRT's what is not INT8 stays FP32."""
        form = self.forms[dialect]
        return int8_form(form, dialect, self.spec, self.ranges, self.method, choice, half=False)


def ask(
    model: str,
    calibration: Path | None,
    *,
    images: int = IMAGES,
    weights_file: Path | None = None,
    ranges_file: Path | None = None,
    method: str | None = None,
    steps: int | None = None,
    dialect: Dialect = "portable",
    threads: int = 0,
    stages: Stages,
) -> Question:
    """Trace, rewrite and, where no ranges are given, calibrate a model, to ask about a dialect.

    Raises:
        InputError: a model, weight file, ranges file, picture folder or method is not what it
            must be.
    """
    options = BuildOptions(model=model, calibration=calibration, method=method, threads=threads)
    spec = registry.get(model)
    open_source(calibration, limit=1)  # refuses at once what holds no pictures
    ranges = None if ranges_file is None else read_ranges(ranges_file)
    loaded = weights.load(spec, weights_file)
    with stages.stage("Tracing and rewriting"):
        whole = rewrite(trace(spec, loaded.module, steps=steps)).model
    if ranges is None:
        limit = affordable_images(whole, options)
        ranges = collect_ranges(whole, spec, calibration, limit, threads, stages)
    ranges.check_weights(weights_hash(whole))
    kept = spec.steps if steps is None else steps
    named = DEFAULT_PERCENTILE if method == "percentile" else method or spec.ranges
    shipped = ship(whole, kept)
    forms = {dialect: dialect_form(shipped, dialect).model}
    return Question(spec, shipped, forms, ranges, named, kept, calibration, images)


@contextmanager
def open_judge(
    question: Question, *, au: bool, threads: int, stages: Stages, pictures: Path | None = None
) -> Iterator[Judge]:
    """A judge of the question's pictures, or of other ones, that knows FP32's results.

    Args:
        au: load the action-unit model, for super-resolution.
        threads: CPU threads; 0 takes all.
        pictures: a folder or video in place of the question's.
    """
    spec, where = question.spec, pictures or question.calibration
    source = open_source(where, limit=4 * question.images)
    with judge_on(spec, samples(source, spec), question.images) as judge:
        with stages.stage(f"Running FP32 on {len(judge)} pictures") as stage:
            reader = au_reader(spec, threads) if au and spec.task == "super-resolution" else None
            graph = with_observed(question.model, judge.observed)
            judge.refer(
                OnnxRuntimeRunner(graph, threads),
                reader,
                lambda done: stage.advance(done, len(judge)),
            )
        yield judge


def measure(
    question: Question,
    judge: Judge,
    *,
    dialect: Dialect = "portable",
    au: bool = False,
    threads: int = 0,
    file: Path | None = None,
    stages: Stages,
) -> Sensitivity:
    """Measure every part; what an earlier, interrupted run left in ``file`` is not measured again.

    Args:
        dialect: whose INT8 graph.
        au: read action units for every part too, for super-resolution; they are always read for
            the whole.
        threads: parts measured at once, a CPU thread each; 0 takes all CPUs.
        file: written after every part.

    Raises:
        InputError: ``file`` is something else than a sensitivity file.
    """
    quantised = question.quantised(dialect)
    activations = rounded_activations(quantised)
    keys: list[Key] = [("weights", name) for name in int8_nodes(quantised)]
    keys += [("activation", group.name) for group in activations]
    groups = {group.name: group for group in activations}
    subject = _subject(question, judge, dialect, au)
    found = _earlier(file, subject) or Sensitivity(
        subject=subject,
        source=open_source(question.calibration, limit=question.images).description,
        rows=_rows(question.floats(dialect), quantised, dialect, activations),
        all_int8=None,
        parts=(),
    )

    def run(model: onnx.ModelProto, read_units: bool) -> Loss:
        # TensorRT's pairs are not made for ONNX Runtime's fusions (docs/precision.md).
        runner = OnnxRuntimeRunner(
            with_observed(model, judge.observed), 1, optimise=dialect != "tensorrt"
        )
        return judge.measure(runner, read_units)

    def part(key: Key) -> Part:
        kind, name = key
        tensors = groups[name].tensors if kind == "activation" else ()
        kept = () if kind == "activation" else (name,)
        model = round_only(quantised, question.floats(dialect), tensors, kept)
        return Part(kind=kind, name=name, tensors=tensors, loss=run(model, au))

    with stages.stage(f"Measuring {len(keys)} parts of the {dialect} graph") as stage:
        if found.all_int8 is None:
            found = _save(file, found, all_int8=run(quantised, True))
        done = {(p.kind, p.name) for p in found.parts}
        rest = [key for key in keys if key not in done]
        for made in side_by_side(part, rest, threads or usable_cpus()):
            found = _save(file, found, parts=merge((*found.parts, made), keys))
            stage.advance(len(found.parts), len(keys))
        if done:
            stage.note = f"{len(done)} of them found in {file}"
    return found


def _save(file: Path | None, found: Sensitivity, **changes: object) -> Sensitivity:
    found = msgspec.structs.replace(found, **changes)
    if file is not None:
        sensitivity_file.write(file, found)
    return found


def _earlier(file: Path | None, subject: Subject) -> Sensitivity | None:
    """What an earlier run left of the same subject; of another one, nothing."""
    if file is None or not file.exists():
        return None
    earlier = sensitivity_file.read(file)
    return earlier if earlier.subject == subject else None


def _subject(question: Question, judge: Judge, dialect: Dialect, au: bool) -> Subject:
    lines = "".join(f"{digest}  {name}\n" for name, digest in judge.names)
    return Subject(
        model=question.spec.name,
        steps=question.steps,
        dialect=dialect,
        method=question.method,
        weights_sha256=question.ranges.weights_sha256,
        ranges_sha256=ranges_sha256(question.ranges),
        pictures=len(judge),
        pictures_sha256=hashlib.sha256(lines.encode()).hexdigest(),
        au=au and question.spec.task == "super-resolution",
    )


def _rows(
    model: onnx.ModelProto,
    quantised: onnx.ModelProto,
    dialect: Dialect,
    activations: tuple[Rounded, ...],
) -> tuple[Row, ...]:
    group_of = {tensor: group.name for group in activations for tensor in group.tensors}
    reads = {node: group.name for group in activations for node in group.readers}
    results = _results(quantised)
    return tuple(
        Row(
            node=row.node,
            op=row.op,
            share=row.share,
            reads=reads[row.node],
            gives=group_of.get(results[row.node], ""),
        )
        for row in readiness(model, quantised, dialect)
        if row.int8
    )


def _results(model: onnx.ModelProto) -> dict[str, str]:
    """Node -> the tensor its result is rounded as: behind its Relu where it has one."""
    results = {}
    for node in to_ir(model).graph:
        output = node.outputs[0]
        readers = list(output.consumers())
        if len(readers) == 1 and cuts_at_zero(readers[0]):
            output = readers[0].outputs[0]
        results[node.name or ""] = output.name or ""
    return results

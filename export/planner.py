"""The planner: the fastest precision of every node whose loss stays within a budget.

Sensitivity predicts what a change saves, and a measurement of each change by itself what it costs
in time; the front of their sums (``pareto``) gives a handful of candidates. Fusion makes both sums
wrong by a little, so each candidate is built, judged on pictures and timed in turns with all-INT8;
what counts is measured.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace

import msgspec
import onnx

from facedge.benchmarks.interleave import Timing, interleave, speed_up
from facedge.calibration.statistics import METHODS
from facedge.errors import InputError
from facedge.progress import Stages
from facedge.runtime.machine import identity, usable_cpus

from .engines.latency import bound_run
from .judge import Judge, Loss, with_observed
from .pareto import best_within, fastest_saving, front
from .plan_file import Budget, Candidate, Check, Latency, Move, NodePrecision, PrecisionPlan
from .precision.choice import Choice
from .precision.partial import Rounded, int8_nodes, round_only, rounded_activations
from .runner import OnnxRuntimeRunner, OpenVinoRunner, Runner
from .sensitivity import Question
from .sensitivity_file import Part, Sensitivity, predict, ranges_sha256
from .side_by_side import side_by_side

ALL_INT8, ALL_FLOAT = "all INT8", "all float"
BETTER_RANGES, UNROUNDED = "all INT8, better ranges", "all INT8, results unrounded"
TIE = 0.01
"""Candidates this close to the fastest count as equally fast; the one that loses least wins."""
WORTH = 0.02
"""Share of the whole loss from which on an activation's other range methods are tried."""
BETTER = 0.05
"""Share by which another range method must lose less: below it is chance of these pictures."""
TRIED_ON = 16
"""Pictures on which range methods are compared."""
AT_ONCE = 16
"""Graphs timed in one run of a series: all are in memory together."""
_HEADROOM = (-0.05, -0.02, 0.0, 0.02, 0.05, 0.1)
"""Predicted latencies of candidates, relative to all-INT8."""


@dataclass(frozen=True)
class Target:
    """What a plan is for.

    Attributes:
        backend: ``onnxruntime`` or ``openvino``.
        budget: what quality it may cost.
        threads: CPU threads of one inference; 0 leaves the choice to the back end.
        move_calls: inferences by which each change is timed.
        calls: inferences by which each candidate is timed.
    """

    backend: str
    budget: Budget
    threads: int = 0
    move_calls: int = 160
    calls: int = 640

    def __post_init__(self) -> None:
        if self.backend not in ("onnxruntime", "openvino"):
            raise InputError(
                f"a plan needs the latency of its back end, and {self.backend} cannot be timed on "
                "this machine's CPU; choose onnxruntime or openvino (the tensorrt dialect of a "
                "build follows the plan too)"
            )

    def runner(self, model: bytes) -> Runner:
        """The back end, for pictures."""
        if self.backend == "openvino":
            return OpenVinoRunner(model, self.threads)
        return OnnxRuntimeRunner(model, self.threads)

    def time(self, graphs: Mapping[str, bytes], calls: int, stages: Stages) -> dict[str, Timing]:
        """Latencies of graphs in turns."""
        threads = self.threads or None
        with stages.stage(f"Timing {len(graphs)} graphs on {self.backend}") as stage:
            runs = {n: bound_run(self.backend, model, 1, threads) for n, model in graphs.items()}
            return interleave(runs, calls=calls, warm_up=8, advance=stage.advance)


@dataclass(frozen=True)
class _Variant:
    """One assignment as a graph."""

    choice: Choice
    model: bytes
    predicted: float


def make_plan(
    question: Question,
    judge: Judge,
    found: Sensitivity,
    target: Target,
    stages: Stages,
    check: tuple[str, Judge] | None = None,
) -> PrecisionPlan:
    """Find the fastest assignment within the budget.

    Args:
        question: model, ranges and pictures.
        judge: of those pictures, with FP32's results.
        found: complete sensitivity of the back end's dialect.
        target: back end and budget.
        check: description and judge of other pictures to report on.

    Raises:
        InputError: the budget is for a figure that these pictures do not give, or nothing within
            it was found.
    """
    _refuse_budget(target.budget, judge, found)
    chosen_methods, parts = better_methods(question, judge, found, stages)
    known = msgspec.structs.replace(found, parts=parts)
    better = _variant(question, known, Choice(methods=chosen_methods))
    base = _released(question, known, better, target, stages)
    moves, start = _moves(question, known, base, target, stages)
    # A change that saves next to nothing and is not seen to be faster would only add noise.
    worth = [m for m in moves if m.milliseconds < 0 or m.saves >= WORTH * base.predicted]
    points = front([m.milliseconds for m in worth], [m.saves for m in worth])
    wanted = [best_within(points, share * start) for share in _HEADROOM]
    wanted.insert(0, points[0])
    if target.budget.max_psnr_loss is not None:
        wanted += [
            fastest_saving(points, base.predicted - target.budget.max_psnr_loss * margin)
            for margin in (1.0, 0.8)
        ]
    picked = dict.fromkeys(point.taken for point in wanted if point is not None and point.taken)
    variants = {ALL_INT8: _variant(question, found, Choice())}
    if chosen_methods:
        variants[BETTER_RANGES] = better
    if base is not better:
        variants[UNROUNDED] = base
    every = frozenset(row.node for row in found.rows)
    sets = [frozenset(worth[i].name for i in taken) for taken in picked]
    for number, floats in enumerate((some for some in sets if some != every), 1):
        variants[f"candidate {number}"] = _variant(
            question, known, replace(base.choice, floats=floats)
        )
    variants[ALL_FLOAT] = _variant(question, known, Choice(floats=every))
    candidates = _measured(variants, judge, target, stages)
    winner = choose(candidates, target.budget)
    best = variants[winner.name]
    checked = None
    if check is not None:
        source, other = check
        with stages.stage(f"Checking on {len(other)} other pictures"):
            plain, planned = (
                _loss(variants[name], other, target) for name in (ALL_INT8, winner.name)
            )
        checked = Check(source=source, pictures=len(other), all_int8=plain, plan=planned)
    assignment: dict[str, NodePrecision] = {
        row.node: "fp16" if row.node in best.choice.floats else "int8" for row in found.rows
    }
    return PrecisionPlan(
        model=question.spec.name,
        steps=question.steps,
        weights_sha256=question.ranges.weights_sha256,
        ranges_sha256=ranges_sha256(question.ranges),
        method=question.method,
        backend=target.backend,
        machine=identity(),
        threads=target.threads,
        source=found.source,
        pictures=len(judge),
        budget=target.budget,
        assignment=assignment,
        methods=dict(best.choice.methods),
        unrounded=tuple(sorted(best.choice.unrounded)),
        predicted=best.predicted,
        chosen=winner.name,
        candidates=tuple(candidates),
        moves=tuple(moves),
        check=checked,
        rows=found.rows,
        parts=parts if best.choice.methods else found.parts,
    )


def choose(candidates: Sequence[Candidate], budget: Budget) -> Candidate:
    """The fastest candidate within the budget; among equally fast ones the one that loses least.

    Raises:
        InputError: none is within the budget.
    """
    able = [candidate for candidate in candidates if budget.holds(candidate.loss)]
    if not able:
        raise InputError(
            "no assignment holds the budget, not even with every node in float; "
            "allow a larger --max-psnr-loss or a smaller --min-au-agreement"
        )
    fastest = max(candidate.latency.times_faster for candidate in able)
    close = [c for c in able if c.latency.times_faster >= fastest * (1 - TIE)]
    return min(close, key=lambda candidate: candidate.loss.predictable)


def better_methods(
    question: Question, judge: Judge, found: Sensitivity, stages: Stages
) -> tuple[dict[str, str], tuple[Part, ...]]:
    """Range methods that lose less than the default one, for the activations that matter.

    Returns:
        Tensor -> method, and the parts with the losses that follow.
    """
    dialect = found.subject.dialect
    activations = [part for part in found.parts if part.kind == "activation"]
    whole = sum(part.loss.predictable for part in found.parts)
    tried = {p.name: p for p in activations if p.loss.predictable >= WORTH * whole}

    def alone(name: str, method: str, pictures: int | None) -> Loss:
        part = tried[name]
        choice = Choice(methods=_for_all(part, method, question))
        quantised = question.quantised(dialect, choice)
        model = with_observed(
            round_only(quantised, question.floats(dialect), part.tensors), judge.observed
        )
        return judge.measure(OnnxRuntimeRunner(model, 1), pictures=pictures)

    def trial(pair: tuple[str, str]) -> tuple[tuple[str, str], float]:
        return pair, alone(*pair, TRIED_ON).predictable

    pairs = [(name, method) for name in tried for method in METHODS]
    losses: dict[tuple[str, str], float] = {}
    methods: dict[str, str] = {}
    better: dict[str, Part] = {}
    with stages.stage(f"Trying other ranges of {len(tried)} activations") as stage:
        for pair, loss in side_by_side(trial, pairs, usable_cpus()):
            losses[pair] = loss
            stage.advance(len(losses), len(pairs))
        for name, part in tried.items():
            best = min(METHODS, key=lambda method: losses[name, method])
            if losses[name, best] < (1 - BETTER) * losses[name, question.method]:
                methods |= _for_all(part, best, question)
                better[name] = msgspec.structs.replace(part, loss=alone(name, best, None))
        stage.note = f"{len(better)} lose less with another"
    parts = tuple(better.get(p.name, p) if p.kind == "activation" else p for p in found.parts)
    return methods, parts


def _for_all(part: Part, method: str, question: Question) -> dict[str, str]:
    """One method for all names of an activation that the ranges know."""
    return {tensor: method for tensor in part.tensors if tensor in question.ranges.tensors}


def _variant(question: Question, known: Sensitivity, choice: Choice) -> _Variant:
    model = question.quantised(known.subject.dialect, choice)
    rounded = [t for group in rounded_activations(model) for t in group.tensors]
    predicted = predict(known.parts, set(int8_nodes(model)), rounded)
    return _Variant(choice, model.SerializeToString(), predicted)


def _released(
    question: Question, known: Sensitivity, base: _Variant, target: Target, stages: Stages
) -> _Variant:
    """All-INT8 without the pairs OpenVINO does not need, where that is no slower.

    All of them at once: one by one they change less than a measurement can tell.
    """
    if target.backend != "openvino":
        return base
    tensors = frozenset(t for group in _unread(question, base.choice) for t in group.tensors)
    if not tensors:
        return base
    released = _variant(question, known, replace(base.choice, unrounded=tensors))
    graphs = {ALL_INT8: base.model, UNROUNDED: released.model}
    timings = target.time(graphs, target.calls, stages)
    ratio, _, _ = speed_up(timings[ALL_INT8], timings[UNROUNDED])
    return released if ratio >= 1 - TIE and released.predicted < base.predicted else base


def _moves(
    question: Question, known: Sensitivity, base: _Variant, target: Target, stages: Stages
) -> tuple[list[Move], float]:
    """Every node as float by itself, what it saves and what it costs; and the base's latency."""
    names = [row.node for row in known.rows]
    variants = [
        _variant(question, known, replace(base.choice, floats=frozenset({name}))) for name in names
    ]
    moves: list[Move] = []
    medians = []
    for first in range(0, len(names), AT_ONCE):
        some = range(first, min(first + AT_ONCE, len(names)))
        graphs = {ALL_INT8: base.model, **{names[i]: variants[i].model for i in some}}
        timings = target.time(graphs, target.move_calls, stages)
        medians.append(timings[ALL_INT8].percentile(50))
        for i in some:
            moves.append(
                Move(
                    name=names[i],
                    saves=base.predicted - variants[i].predicted,
                    milliseconds=_cost(timings[ALL_INT8], timings[names[i]]),
                )
            )
    return moves, min(medians)


def _unread(question: Question, choice: Choice) -> list[Rounded]:
    """Activations that no INT8 contraction reads: OpenVINO need not round them."""
    groups = rounded_activations(question.quantised("openvino", choice))
    return [group for group in groups if not group.readers]


def _cost(base: Timing, changed: Timing) -> float:
    """Milliseconds that a change adds; a gain counts as far as its interval vouches for it."""
    ratio, low, _ = speed_up(base, changed)
    milliseconds = base.percentile(50)
    if ratio > 1:
        return min(0.0, milliseconds * (1 / low - 1)) if low > 0 else 0.0
    return milliseconds * (1 / ratio - 1)


def _measured(
    variants: Mapping[str, _Variant], judge: Judge, target: Target, stages: Stages
) -> list[Candidate]:
    losses: dict[str, Loss] = {}
    with stages.stage(f"Judging {len(variants)} candidates on {target.backend}") as stage:
        for name, variant in variants.items():
            losses[name] = _loss(variant, judge, target)
            stage.advance(len(losses), len(variants))
    timings = target.time({n: v.model for n, v in variants.items()}, target.calls, stages)
    found = []
    for name, variant in variants.items():
        ratio, low, high = speed_up(timings[ALL_INT8], timings[name])
        found.append(
            Candidate(
                name=name,
                floats=len(variant.choice.floats),
                unrounded=len(variant.choice.unrounded),
                loss=losses[name],
                latency=Latency(
                    milliseconds=timings[name].percentile(50),
                    times_faster=ratio,
                    low=low,
                    high=high,
                ),
            )
        )
    return found


def _loss(variant: _Variant, judge: Judge, target: Target) -> Loss:
    model = with_observed(onnx.load_model_from_string(variant.model), judge.observed)
    return judge.measure(target.runner(model), read_units=True)


def _refuse_budget(budget: Budget, judge: Judge, found: Sensitivity) -> None:
    whole = found.all_int8
    if budget.max_psnr_loss is not None and not judge.truths:
        raise InputError(
            "--max-psnr-loss needs a ground truth: super-resolution, and at least 8 pictures of "
            "the size the model restores; give such pictures, or --min-au-agreement alone"
        )
    if budget.min_au_agreement is not None and whole is not None and whole.au_agreement is None:
        raise InputError(
            "--min-au-agreement needs a model that restores faces of 128 pixels or reads action "
            "units; this one does neither"
        )

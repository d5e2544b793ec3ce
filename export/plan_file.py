"""The precision plan: which node runs in which precision, why, and what was measured of it.

A file to read, to change by hand, and to build with: ``facedge build --plan plan.json``.
"""

from __future__ import annotations

from collections.abc import Collection
from pathlib import Path
from typing import Literal

import msgspec

from facedge.calibration.statistics import METHODS
from facedge.errors import InputError
from facedge.files import write_file
from facedge.records import decode_file

from .judge import Loss
from .precision.choice import Choice
from .sensitivity_file import Part, Row

SCHEMA = 1
KIND: Literal["facedge-plan"] = "facedge-plan"
_MAKE = "make one with: facedge plan"

NodePrecision = Literal["int8", "fp16", "fp32"]


class _Record(msgspec.Struct, frozen=True, kw_only=True, forbid_unknown_fields=True):
    pass


class Budget(_Record, frozen=True):
    """What quality a plan may cost.

    Attributes:
        max_psnr_loss: luma PSNR against FP32's in dB; None where it was not limited.
        min_au_agreement: percent of AU decisions equal to FP32's; None likewise.
    """

    max_psnr_loss: float | None = None
    min_au_agreement: float | None = None

    def holds(self, loss: Loss) -> bool:
        """Whether a measured loss is within the budget: the expected and the measured one."""
        for found in (loss.loss_db, loss.truth_loss_db):
            if self.max_psnr_loss is not None and found is not None and found > self.max_psnr_loss:
                return False
        agreed = loss.au_agreement
        return self.min_au_agreement is None or agreed is None or agreed >= self.min_au_agreement


class Latency(_Record, frozen=True):
    """Batch-1 latency of one graph, in turns with the others.

    Attributes:
        milliseconds: median.
        times_faster: than all-INT8, the median of the rounds' ratios.
        low: lower end of its 95 % interval.
        high: upper end.
    """

    milliseconds: float
    times_faster: float
    low: float
    high: float


class Candidate(_Record, frozen=True):
    """One assignment that was built and measured.

    Attributes:
        name: what it is.
        floats: contractions that the rules would make INT8 and that are not.
        unrounded: number of further activations left unrounded.
        loss: measured on the pictures the plan was chosen on.
        latency: measured in one run with all other candidates.
    """

    name: str
    floats: int
    unrounded: int
    loss: Loss
    latency: Latency


class Move(_Record, frozen=True):
    """One node made float, all else as in the fastest form of all-INT8, timed by itself.

    Attributes:
        name: the node.
        saves: predicted loss that it takes away.
        milliseconds: latency added; negative where it is faster, and 0 where the
            95 % interval does not vouch for that.
    """

    name: str
    saves: float
    milliseconds: float


class Check(_Record, frozen=True):
    """All-INT8 and the plan on pictures that were not used to choose.

    Attributes:
        source: where they came from, one phrase.
        pictures: how many.
        all_int8: loss of all-INT8.
        plan: loss of the plan.
    """

    source: str
    pictures: int
    all_int8: Loss
    plan: Loss


class PrecisionPlan(_Record, frozen=True):
    """A precision for every contraction that the dialects would make INT8, and its evidence.

    Attributes:
        model: name in the registry.
        steps: recurrent steps.
        weights_sha256: ``calibration.graph.weights_hash`` of the float graph.
        ranges_sha256: of the ranges file it was measured with.
        method: range method of tensors not in ``methods``.
        backend: whose latency was measured.
        machine: ``runtime.machine.identity()`` of where.
        threads: CPU threads of one inference; 0 is the back end's own choice.
        source: where the pictures came from, one phrase.
        pictures: how many.
        budget: what the plan had to hold.
        assignment: node -> precision. ``fp16`` is FP16 in TensorRT and FP32 on CPUs.
        methods: tensor -> range method where another one than ``method`` loses less.
        unrounded: activations without a Q/DQ pair in the portable dialect.
        predicted: loss as the sum of the parts (``Loss.predictable``).
        chosen: name of the candidate that the assignment is.
        candidates: what was built and measured, all-INT8 first.
        moves: what each change by itself does.
        check: the figures on other pictures; None where none were given.
        rows: INT8 nodes of the dialect in graph order.
        parts: sensitivity of their parts.
    """

    model: str
    steps: int
    weights_sha256: str
    ranges_sha256: str
    method: str
    backend: str
    machine: str
    threads: int
    source: str
    pictures: int
    budget: Budget
    assignment: dict[str, NodePrecision]
    methods: dict[str, str]
    unrounded: tuple[str, ...]
    predicted: float
    chosen: str
    candidates: tuple[Candidate, ...]
    moves: tuple[Move, ...]
    check: Check | None
    rows: tuple[Row, ...]
    parts: tuple[Part, ...]
    kind: Literal["facedge-plan"] = KIND
    schema: int = SCHEMA

    def choice(self) -> Choice:
        """The plan as the quantisers take it."""
        return Choice(
            floats=frozenset(n for n, precision in self.assignment.items() if precision != "int8"),
            full=frozenset(n for n, precision in self.assignment.items() if precision == "fp32"),
            unrounded=frozenset(self.unrounded),
            methods=self.methods,
        )

    def candidate(self, name: str) -> Candidate:
        """A measured candidate by name."""
        return next(c for c in self.candidates if c.name == name)

    def check_build(self, model: str, steps: int) -> None:
        """Refuse a plan of another model, before any work.

        Raises:
            InputError: another model or another number of steps.
        """
        if model != self.model or steps != self.steps:
            raise InputError(
                f"the plan is for {self.model} with {self.steps} step(s), the build for {model} "
                f"with {steps}; {_MAKE} --model {model}"
            )

    def check_model(
        self, model: str, steps: int, weights_sha256: str, nodes: Collection[str]
    ) -> None:
        """Refuse a plan of something else.

        Args:
            model: name of the model to build.
            steps: its recurrent steps.
            weights_sha256: ``weights_hash`` of its float graph.
            nodes: names of its contractions.

        Raises:
            InputError: another model, other weights, or nodes that the graph does not have.
        """
        self.check_build(model, steps)
        if unknown := [name for name in self.assignment if name not in nodes]:
            more = f" and {len(unknown) - 3} more" if len(unknown) > 3 else ""
            raise InputError(
                f"the plan names {', '.join(unknown[:3])}{more}, which this graph does not have; "
                f"{_MAKE}"
            )
        if weights_sha256 != self.weights_sha256:
            raise InputError(
                f"the plan was made with weights {self.weights_sha256[:12]}, this graph has "
                f"{weights_sha256[:12]}; {_MAKE}"
            )


def encode(plan: PrecisionPlan) -> bytes:
    """The file's bytes: indented JSON, equal for equal contents."""
    return msgspec.json.format(msgspec.json.encode(plan), indent=1) + b"\n"


def write(path: Path, plan: PrecisionPlan) -> None:
    """Write the file; it appears complete or not at all."""
    write_file(path, encode(plan))


def read(path: Path) -> PrecisionPlan:
    """Read a plan.

    Raises:
        InputError: no such file, not a plan of this schema, or a range method there is not.
    """
    plan = decode_file(path, PrecisionPlan, "plan", KIND, SCHEMA, _MAKE)
    for tensor, method in plan.methods.items():
        if method not in METHODS:
            raise InputError(
                f"plan {path} gives tensor {tensor} the range method {method!r}; "
                f"choose one of {', '.join(METHODS)}"
            )
    return plan

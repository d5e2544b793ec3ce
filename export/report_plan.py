"""The report's section on a precision plan: what each node costs, and what was chosen."""

from __future__ import annotations

from dataclasses import dataclass

from markupsafe import Markup

from .judge import Loss
from .plan_file import Candidate, PrecisionPlan
from .report_numbers import number
from .report_plots import loss_plot
from .sensitivity_file import alone

_KINDS = {"int8": "s0", "fp16": "s1", "fp32": "s2"}
_NAMES = {"int8": "INT8", "fp16": "FP16, FP32 on CPUs", "fp32": "FP32"}


@dataclass(frozen=True)
class CandidateRow:
    """One candidate as text."""

    name: str
    chosen: bool
    floats: int
    unrounded: int
    loss: str
    units: str
    milliseconds: str
    faster: str


@dataclass(frozen=True)
class PlanSection:
    """The section's plot, table and sentences."""

    unit: str
    sentence: str
    legend: tuple[tuple[str, str], ...]
    plot: Markup
    candidates: tuple[CandidateRow, ...]
    has_units: bool
    check: str


def section(plan: PrecisionPlan) -> PlanSection:
    """Everything the template shows of a plan."""
    bars = sorted(
        (
            (row.node, alone(row, plan.parts), _KINDS[plan.assignment.get(row.node, "int8")])
            for row in plan.rows
        ),
        key=lambda bar: -bar[1],
    )
    used = [name for name in _KINDS if name in plan.assignment.values()]
    floats = sum(precision != "int8" for precision in plan.assignment.values())
    decibels = any(part.loss.loss_db is not None for part in plan.parts)
    return PlanSection(
        unit="millidecibels of luma PSNR" if decibels else "mean squared error added, millionths",
        sentence=(
            f"The plan leaves {floats} of {len(plan.assignment)} nodes in float and "
            f"{len(plan.unrounded)} more activations unrounded; {len(plan.methods)} tensors have a "
            "range method of their own."
        ),
        legend=tuple((_NAMES[name], _KINDS[name]) for name in used),
        plot=loss_plot([(n, v * (1e3 if decibels else 1e6), k) for n, v, k in bars]),
        candidates=tuple(_row(c, plan.chosen) for c in plan.candidates),
        has_units=any(c.loss.au_agreement is not None for c in plan.candidates),
        check=_check(plan),
    )


def _row(candidate: Candidate, chosen: str) -> CandidateRow:
    latency = candidate.latency
    return CandidateRow(
        name=candidate.name,
        chosen=candidate.name == chosen,
        floats=candidate.floats,
        unrounded=candidate.unrounded,
        loss=loss_text(candidate.loss),
        units=units_text(candidate.loss),
        milliseconds=number(latency.milliseconds),
        faster=f"{latency.times_faster:.3f} ({latency.low:.3f} to {latency.high:.3f})",
    )


def loss_text(loss: Loss) -> str:
    """A loss with its unit: decibels where there is a truth, else the squared error."""
    return f"{loss.added:.3g}" if loss.loss_db is None else f"{loss.loss_db:.4f} dB"


def units_text(loss: Loss) -> str:
    """Percent of AU decisions kept, or a dash."""
    return "–" if loss.au_agreement is None else f"{loss.au_agreement:.2f} %"


def _check(plan: PrecisionPlan) -> str:
    check = plan.check
    if check is None:
        return ""
    return (
        f"On {check.pictures} other pictures ({check.source}) all INT8 loses "
        f"{loss_text(check.all_int8)} and the plan {loss_text(check.plan)}."
    )

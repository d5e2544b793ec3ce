"""``facedge plan``: which nodes run in INT8, found by measurement within a budget."""

from __future__ import annotations

import contextlib
import json
from pathlib import Path
from typing import TYPE_CHECKING

import typer
from rich.console import Console
from rich.table import Table

from facedge.errors import InputError
from facedge.extras import require
from facedge.progress import Stages
from facedge.runtime.manifest import DIALECTS

from .options import Images, Method, Model, Ranges, Steps, Weights
from .sensitivity import keeping

if TYPE_CHECKING:
    from facedge.export.plan_file import PrecisionPlan

MAX_PSNR_LOSS, MIN_AU_AGREEMENT = 0.1, 99.0


def plan(
    model: Model = "fsr-student",
    backend: str = typer.Option(
        "onnxruntime", "--backend", "-b", help="Whose latency counts: onnxruntime or openvino."
    ),
    calib: Path | None = typer.Option(
        None,
        "--calib",
        help="Pictures to calibrate and choose on: a folder or a video. "
        "Default: pictures in scikit-image's wheel.",
    ),
    images: Images = 64,
    max_psnr_loss: float | None = typer.Option(
        None,
        "--max-psnr-loss",
        min=0.0,
        help="Luma PSNR that may be lost, in dB. Default: 0.1 for super-resolution with a truth.",
    ),
    min_au_agreement: float | None = typer.Option(
        None,
        "--min-au-agreement",
        min=0.0,
        max=100.0,
        help="Percent of action-unit decisions to keep, on restored faces too. Default: 99.",
    ),
    check: Path | None = typer.Option(
        None, "--check", help="Other pictures, to report how the plan does on them."
    ),
    ranges: Ranges = None,
    method: Method = None,
    weights: Weights = None,
    steps: Steps = None,
    sensitivity: Path | None = typer.Option(
        None,
        "--sensitivity",
        help="Keep the sensitivity in this file; what it holds already is not measured again.",
    ),
    threads: int = typer.Option(
        0, "--threads", min=0, help="CPU threads of one inference; 0 lets the back end choose."
    ),
    out: Path = typer.Option(Path("plan.json"), "--out", "-o", help="Plan file to write."),
    as_json: bool = typer.Option(False, "--json", help="Print the plan as JSON."),
) -> None:
    """Find the fastest INT8 assignment whose quality loss stays within the budget.

    Every candidate is built, judged on pictures and timed in turns with all-INT8. A plan is a
    readable file; change it by hand if you know better.

    Example: [bold]facedge plan --model fsr-student --backend openvino --max-psnr-loss 0.05
    --calib my_faces --out plan.json[/bold], then [bold]facedge build --plan plan.json --calib
    my_faces[/bold]
    """
    for module in ("torch", "onnx", "onnxscript"):
        require(module, "export", "plan precisions")
    from facedge.export import plan_file
    from facedge.export.artifacts import require_backends
    from facedge.export.plan_file import Budget
    from facedge.export.planner import Target, make_plan
    from facedge.export.sensitivity import ask, measure, open_judge

    target = Target(backend, Budget(), threads)
    require_backends((backend,))
    if out.exists():
        plan_file.read(out)  # an earlier plan may be replaced, nothing else
    stages = Stages(quiet=as_json)
    question = ask(
        model,
        calib,
        images=images,
        weights_file=weights,
        ranges_file=ranges,
        method=method,
        steps=steps,
        dialect=DIALECTS[backend],
        threads=threads,
        stages=stages,
    )
    with contextlib.ExitStack() as open_judges:
        judge = open_judges.enter_context(
            open_judge(question, au=True, threads=threads, stages=stages)
        )
        other = None
        if check is not None:
            folder = check.resolve().name
            other = (
                folder,
                open_judges.enter_context(
                    open_judge(question, au=True, threads=threads, stages=stages, pictures=check)
                ),
            )
            if set(other[1].names) & set(judge.names):
                raise InputError(
                    f"--check {check} holds pictures the plan is chosen on; give other ones"
                )
        with keeping(sensitivity):
            found = measure(
                question,
                judge,
                dialect=DIALECTS[backend],
                threads=threads,
                file=sensitivity,
                stages=stages,
            )
        assert found.all_int8 is not None
        if max_psnr_loss is None and judge.truths:
            max_psnr_loss = MAX_PSNR_LOSS
        if min_au_agreement is None and found.all_int8.au_agreement is not None:
            min_au_agreement = MIN_AU_AGREEMENT
        budget = Budget(max_psnr_loss=max_psnr_loss, min_au_agreement=min_au_agreement)
        made = make_plan(
            question, judge, found, Target(target.backend, budget, threads), stages, other
        )
    plan_file.write(out, made)
    if as_json:
        print(json.dumps(json.loads(plan_file.encode(made)), indent=1))
    else:
        print_plan(made, out)


def print_plan(made: PrecisionPlan, out: Path) -> None:
    """What was measured, what was chosen, and what to do with it."""
    from facedge.export.report_plan import loss_text, units_text

    console = Console(highlight=False, soft_wrap=True)
    table = Table(title=f"{made.model} on {made.backend}", title_justify="left")
    table.add_column("", no_wrap=True)
    for heading in ("float", "unrounded", "loss", "AU kept", "ms", "times faster"):
        table.add_column(heading, justify="right", no_wrap=True)
    for c in made.candidates:
        table.add_row(
            f"{c.name} <-" if c.name == made.chosen else c.name,
            str(c.floats),
            str(c.unrounded),
            loss_text(c.loss),
            units_text(c.loss),
            f"{c.latency.milliseconds:.2f}",
            f"{c.latency.times_faster:.3f} ({c.latency.low:.3f}-{c.latency.high:.3f})",
        )
    console.print(table)
    floats = [node for node, precision in made.assignment.items() if precision != "int8"]
    console.print(f"In float: {', '.join(floats) or 'no node'}.")
    if made.check is not None:
        console.print(
            f"On {made.check.pictures} other pictures: all INT8 loses "
            f"{loss_text(made.check.all_int8)}, the plan {loss_text(made.check.plan)}."
        )
    console.print(f"{out}: build with it: facedge build --model {made.model} --plan {out}")

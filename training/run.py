"""A training run on disk: resumes, logs, checks and shows pictures while the loop goes on."""

from __future__ import annotations

import json
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np
from rich.console import Console
from rich.progress import BarColumn, MofNCompleteColumn, Progress, TextColumn, TimeRemainingColumn

from facedge.extras import require

from .loop import Report, Trainer

LAST = "last.pt"

Check = Callable[[], Mapping[str, float]]
"""Measures the averaged network: name -> figure. It may also write pictures into the folder."""


@dataclass(frozen=True)
class Pace:
    """How often a run does what, in iterations.

    Attributes:
        report: between lines of the log.
        save: between checkpoints.
        check: between validations and picture sheets; an epoch where it is 0.
    """

    report: int = 50
    save: int = 200
    check: int = 0


class Log:
    """Lines of JSON in ``log.jsonl``, on the terminal, and in TensorBoard where asked for."""

    def __init__(self, out: Path, tensorboard: bool, quiet: bool = False) -> None:
        self.path, self.quiet = out / "log.jsonl", quiet
        self.console = Console(stderr=True, quiet=quiet, highlight=False, soft_wrap=True)
        self.writer: Any = None
        if tensorboard:
            module = require("torch.utils.tensorboard", "training", "log to TensorBoard")
            self.writer = module.SummaryWriter(str(out))

    def values(self, iteration: int, values: Mapping[str, float]) -> None:
        """Record figures of an iteration."""
        line = {"iteration": iteration, **{k: round(float(v), 6) for k, v in values.items()}}
        with self.path.open("a") as stream:
            stream.write(json.dumps(line) + "\n")
        shown = "  ".join(f"{name} {value:.5g}" for name, value in values.items())
        self.console.print(f"{iteration:7d}  {shown}")
        if self.writer:
            for name, value in values.items():
                self.writer.add_scalar(name, value, iteration)

    def report(self, report: Report) -> None:
        """Record what the loop tells."""
        values = {f"loss/{name}": value for name, value in report.terms.items()}
        if len(values) != 1:
            values = {"loss": report.loss, **values}
        seconds = report.seconds_per_iteration
        self.values(report.iteration, {**values, "rate": report.rate, "seconds": seconds})

    def picture(self, iteration: int, name: str, rgb: np.ndarray) -> None:
        """Show uint8 RGB [H, W, 3] in TensorBoard."""
        if self.writer:
            self.writer.add_image(name, rgb, iteration, dataformats="HWC")


def train(
    trainer: Trainer,
    out: Path,
    check: Check | None = None,
    *,
    pace: Pace | None = None,
    per_epoch: int = 1000,
    tensorboard: bool = False,
) -> None:
    """Run a trainer to the end of its budget, or go on from ``out``'s last checkpoint.

    Args:
        trainer: begun anew; resumed here where ``out`` holds a checkpoint of its name and seed.
        out: folder of ``last.pt`` and ``log.jsonl``; made where it does not exist.
        check: called every ``pace.check`` iterations and at the end.
        pace: how often.
        per_epoch: iterations of one epoch.
        tensorboard: log there too.

    Raises:
        InputError: the checkpoint is of another network or seed.
        TrainingError: a loss is not finite; the last checkpoint is kept.
    """
    pace = pace or Pace()
    last = out / LAST
    if last.exists():
        trainer.resume(last)
    first = trainer.device.first
    if first:
        out.mkdir(parents=True, exist_ok=True)
    log = Log(out, tensorboard and first, quiet=not first)
    checked = pace.check or max(1, per_epoch)
    saved = shown = trainer.iteration
    with _bar(log.console) as bar:
        task = bar.add_task(trainer.name, total=1000, completed=round(trainer.progress * 1000))
        while trainer.progress < 1.0:
            report = trainer.run(report_every=min(pace.report, checked, pace.save))
            bar.update(task, completed=round(report.progress * 1000))
            over = report.progress >= 1.0
            if first:
                log.report(report)
            if over or report.iteration - saved >= pace.save:
                trainer.save(last)
                saved = report.iteration
            if check and first and (over or report.iteration - shown >= checked):
                log.values(report.iteration, check())
                shown = report.iteration
    if log.writer:
        log.writer.close()


def _bar(console: Console) -> Progress:
    columns = (
        TextColumn("{task.description}"),
        BarColumn(),
        MofNCompleteColumn(),
        TimeRemainingColumn(),
    )
    return Progress(*columns, console=console, transient=True, disable=not console.is_terminal)

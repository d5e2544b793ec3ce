"""Recipe of the S1 student on bicubic pairs: ``python -m facedge.training.student --help``."""

from __future__ import annotations

import json
import time
from pathlib import Path
from typing import Annotated, Any

import torch
import typer
from torch import nn

from facedge.errors import InputError
from facedge.extras import require
from facedge.models.fsr_student import FsrStudent

from . import checkpoint as checkpoints
from .command import command
from .data import Batches, read_faces
from .loop import Budget, Report, Trainer
from .quality import evaluate
from .schedule import Schedule
from .sheet import write_sheet

LAST = "last.pt"
MODELS = {8: "fsr-student", 4: "fsr-student-x4"}
"""Scale -> name in the registry."""


def model_name(scale: int) -> str:
    """What checkpoints call the student of a scale."""
    return f"fsr-student scale {scale}"


def new_student(scale: int, seed: int) -> FsrStudent:
    """A seeded student whose pictures begin at the bilinear base.

    Convolutions keep torch's default initialisation, whose gain is small enough for a recurrent
    residual network without normalisation; the reconstruction is nearly zero.
    """
    torch.manual_seed(seed)
    student = FsrStudent(scale=scale)
    with torch.no_grad():
        student.reconstruct.conv.weight.mul_(0.05)
        nn.init.zeros_(student.reconstruct.conv.bias)  # type: ignore[arg-type]
    return student


def take_weights(student: FsrStudent, path: Path) -> None:
    """Start from a checkpoint's averaged weights; the head may be of another scale.

    Raises:
        InputError: the checkpoint is of a network with another trunk.
    """
    saved = checkpoints.read(path).average
    own = student.state_dict()
    fitting = {k: v for k, v in saved.items() if k in own and own[k].shape == v.shape}
    left = sorted(k for k in own if k not in fitting and not k.startswith("head."))
    if left:
        raise InputError(f"{path} does not fit fsr-student; {left[0]} is missing or differs")
    student.load_state_dict({**own, **fitting})


def main(
    data: Annotated[Path, typer.Option(help="Folder of aligned 128x128 faces to train on.")],
    out: Annotated[Path, typer.Option(help="Folder for checkpoints, logs and picture sheets.")],
    val: Annotated[Path | None, typer.Option(help="Folder of faces to validate on.")] = None,
    scale: Annotated[int, typer.Option(help="8 (16 -> 128) or 4 (32 -> 128).")] = 8,
    hours: Annotated[float | None, typer.Option(help="Training time; or --iterations.")] = None,
    iterations: Annotated[int | None, typer.Option(help="Iterations; or --hours.")] = None,
    init: Annotated[Path | None, typer.Option(help="Checkpoint to start from.")] = None,
    batch: Annotated[int, typer.Option(help="Pictures per iteration.")] = 16,
    rate: Annotated[float, typer.Option(help="Peak learning rate.")] = 1e-3,
    warmup: Annotated[float, typer.Option(help="Share of the run before the peak.")] = 0.02,
    grow: Annotated[float, typer.Option(help="Share over which steps are added.")] = 0.25,
    settle: Annotated[float, typer.Option(help="Share after which the loss is log-MSE.")] = 0.6,
    warp: Annotated[float, typer.Option(help="Share of pictures moved, turned, zoomed.")] = 0.7,
    seed: Annotated[int, typer.Option(help="Seed of weights, order, augmentation.")] = 0,
    workers: Annotated[int, typer.Option(help="CPU cores to use.")] = 2,
    save_every: Annotated[int, typer.Option(help="Iterations between checkpoints.")] = 200,
    check_every: Annotated[int, typer.Option(help="Iterations between validations.")] = 1000,
    tensorboard: Annotated[bool, typer.Option(help="Log to TensorBoard as well.")] = False,
) -> None:
    """Train the S1 student on bicubic pairs; run again with the same --out to go on."""
    if scale not in MODELS:
        raise InputError(f"--scale is {scale}; fsr-student has {' and '.join(map(str, MODELS))}")
    if not hours and not iterations:
        raise InputError("no end was given; pass --hours or --iterations")
    torch.set_num_threads(1)
    faces = read_faces(data)
    held_out = read_faces(val) if val else None
    student = new_student(scale, seed)
    last = out / LAST
    if init and not last.exists():
        take_weights(student, init)
    trainer = Trainer(
        student,
        model_name(scale),
        Batches(faces.pixels, batch, seed, warp=warp),
        Budget(iterations, hours),
        Schedule(peak=rate, warmup=warmup, grow=grow, settle=settle),
        seed=seed,
        workers=workers,
    )
    if last.exists():
        trainer.resume(last)
    out.mkdir(parents=True, exist_ok=True)
    log = _Log(out, tensorboard)
    while trainer.progress < 1.0:
        report = trainer.run(report_every=50)
        log.report(report)
        if report.iteration % save_every == 0 or report.progress >= 1.0:
            trainer.save(last)
        if held_out and (report.iteration % check_every == 0 or report.progress >= 1.0):
            found = evaluate(trainer.averaged_model, held_out, scale, ssim=False)
            log.quality(report.iteration, [q.psnr_y for q in found.steps], found.bicubic.psnr_y)
            write_sheet(trainer.averaged_model, held_out, scale, out / "sheet.png")


class _Log:
    def __init__(self, out: Path, tensorboard: bool) -> None:
        self.path, self.began = out / "log.jsonl", time.monotonic()
        self.writer: Any = None
        if tensorboard:
            module = require("torch.utils.tensorboard", "training", "log to TensorBoard")
            self.writer = module.SummaryWriter(str(out))

    def report(self, report: Report) -> None:
        self._line(vars(report))
        if self.writer:
            self.writer.add_scalar("loss", report.loss, report.iteration)
            self.writer.add_scalar("rate", report.rate, report.iteration)

    def quality(self, iteration: int, steps: list[float], bicubic: float) -> None:
        self._line({"iteration": iteration, "psnr_y": steps, "bicubic": bicubic})
        if self.writer:
            for index, value in enumerate(steps, 1):
                self.writer.add_scalar(f"psnr_y/step_{index}", value, iteration)

    def _line(self, values: dict[str, Any]) -> None:
        short = {k: round(v, 6) if isinstance(v, float) else v for k, v in values.items()}
        line = json.dumps(short)
        print(line, flush=True)
        with self.path.open("a") as stream:
            stream.write(line + "\n")


if __name__ == "__main__":
    command(main)

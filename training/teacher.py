"""Recipe of the S1 teacher: ``python -m facedge.training.teacher --help``."""

from __future__ import annotations

from pathlib import Path
from typing import Annotated

import torch
import typer

from facedge.models.fsr_student import FsrStudent
from facedge.models.fsr_teacher import FsrTeacher

from . import options, parallel
from .command import command
from .data import Batches, read_faces
from .degradation import load_degradation
from .fit import fit
from .grow import grow as grow_into
from .networks import begin_at_base, take_weights
from .schedule import Schedule
from .super_resolution import EdgeRecurrence
from .validation import Validation

MODEL, SCALE = "fsr-teacher", 8


def new_teacher(seed: int, student: Path | None) -> FsrTeacher:
    """A seeded teacher that begins as the bilinear base, or as a student it has grown from.

    Args:
        seed: of what is new.
        student: weights of ``fsr-student``.
    """
    torch.manual_seed(seed)
    teacher = FsrTeacher(scale=SCALE)
    if student is None:
        begin_at_base(teacher)
        return teacher
    small = FsrStudent(scale=SCALE)
    take_weights(small, student)
    grow_into(small, teacher)
    return teacher


def main(
    data: options.Data,
    out: options.Out,
    val: options.Val = None,
    hours: options.Hours = None,
    iterations: options.Iterations = None,
    grow_from: Annotated[
        Path | None, typer.Option(help="Weights of fsr-student to grow from.")
    ] = None,
    init: Annotated[Path | None, typer.Option(help="Teacher's weights or checkpoint.")] = None,
    degradation: options.Degradation = None,
    degraded: options.Degraded = 0.5,
    batch: options.Batch = 16,
    rate: options.Rate = 1e-3,
    warmup: options.Warmup = 0.02,
    grow: options.Grow = 0.25,
    settle: options.Settle = 0.6,
    warp: options.Warp = 0.7,
    seed: options.Seed = 0,
    workers: options.Workers = 2,
    device: options.DeviceName = "auto",
    precision: options.Precision = "auto",
    compiled: options.Compile = False,
    save_every: options.SaveEvery = 200,
    check_every: options.CheckEvery = 0,
    tensorboard: options.Tensorboard = False,
) -> None:
    """Train the S1 teacher on bicubic pairs and pairs of the learned degradation.

    Run again with the same --out to go on.
    """
    limit = options.budget(iterations, hours)
    torch.set_num_threads(1)
    where = parallel.choose(device, precision)
    faces = read_faces(data)
    held_out = read_faces(val) if val else None
    teacher = new_teacher(seed, grow_from)
    if init:
        take_weights(teacher, init)
    learned = load_degradation(degradation, SCALE) if degradation else None
    schedule = Schedule(peak=rate, warmup=warmup, grow=grow, settle=settle)
    batches = Batches(faces.pixels, batch, seed, warp=warp)
    objective = EdgeRecurrence(
        teacher,
        batches,
        schedule,
        seed,
        degradation=learned,
        degraded=degraded,
        compiled=compiled,
    )
    fit(
        objective,
        MODEL,
        batches,
        out,
        limit=limit,
        schedule=schedule,
        device=where,
        seed=seed,
        workers=workers,
        pace=options.pace(save_every, check_every),
        tensorboard=tensorboard,
        check=(lambda trainer: Validation(trainer, held_out, SCALE, out, learned))
        if held_out
        else None,
    )


if __name__ == "__main__":
    command(main)

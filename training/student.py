"""Recipe of the S1 student: ``python -m facedge.training.student --help``."""

from __future__ import annotations

import hashlib
from pathlib import Path
from typing import Annotated

import numpy as np
import torch
import typer

from facedge.errors import InputError
from facedge.models import registry
from facedge.models.fsr_student import FsrStudent
from facedge.models.weights import hash_state

from . import options, parallel
from .command import command
from .data import Batches, read_faces
from .degradation import DeNet, load_degradation
from .fit import fit
from .kept import kept
from .networks import begin_at_base, network_of, take_weights
from .real import read_real
from .schedule import Schedule
from .super_resolution import EdgeRecurrence, Real, pseudo_truth
from .validation import Validation

PSEUDO = "pseudo.npz"
MODELS = {8: "fsr-student", 4: "fsr-student-x4"}
"""Scale -> name in the registry."""


def model_name(scale: int) -> str:
    """The student of a scale.

    Raises:
        InputError: there is none.
    """
    if scale not in MODELS:
        raise InputError(f"--scale is {scale}; fsr-student has {' and '.join(map(str, MODELS))}")
    return MODELS[scale]


def new_student(scale: int, seed: int) -> FsrStudent:
    """A seeded student whose pictures begin at the bilinear base."""
    torch.manual_seed(seed)
    student = FsrStudent(scale=scale)
    begin_at_base(student)
    return student


def guidance(
    folder: Path,
    teacher: Path | None,
    scale: int,
    count: int,
    weights: tuple[float, float],
    path: Path,
) -> Real:
    """Real faces and the teacher's pictures of them.

    Args:
        folder: real low-resolution faces.
        teacher: weights of the teacher; None leaves its opinion out.
        scale: of the student; a teacher for 8x sees the faces at its own size.
        count: faces per iteration.
        weights: of the teacher's opinion, and of the cycle.
        path: where the teacher's pictures are kept for the next time.
    """
    small = read_real(folder, 128 // scale).pixels
    pseudo, cycle = weights
    if teacher is None:
        nothing = np.zeros((len(small), 128, 128, 3), np.uint8)
        return Real(small, nothing, count, 0.0, cycle)
    spec = registry.get("fsr-teacher")
    seen = read_real(folder, spec.input_size).pixels
    network = network_of(spec.name, teacher)
    owner = f"{hash_state(network)} {hashlib.sha256(seen.tobytes()).hexdigest()}"
    found = kept(path, owner, lambda: {"pseudo": pseudo_truth(network, seen)})
    return Real(small, np.asarray(found["pseudo"], np.uint8), count, pseudo, cycle)


def main(
    data: options.Data,
    out: options.Out,
    val: options.Val = None,
    scale: Annotated[int, typer.Option(help="8 (16 -> 128) or 4 (32 -> 128).")] = 8,
    hours: options.Hours = None,
    iterations: options.Iterations = None,
    init: Annotated[
        Path | None, typer.Option(help="Weights or checkpoint to start from; the head may differ.")
    ] = None,
    degradation: options.Degradation = None,
    degraded: options.Degraded = 0.5,
    real: Annotated[
        Path | None, typer.Option(help="Folder of real low-resolution faces for the cycle.")
    ] = None,
    teacher: Annotated[
        Path | None, typer.Option(help="Teacher's weights, to judge the real faces (8x).")
    ] = None,
    real_batch: Annotated[int, typer.Option(help="Real faces per iteration.")] = 2,
    pseudo: Annotated[float, typer.Option(help="Weight of the teacher's pictures.")] = 0.25,
    cycle: Annotated[float, typer.Option(help="Weight of the cycle.")] = 0.25,
    edges: Annotated[bool, typer.Option(help="Embed edges; --no-edges is an ablation.")] = True,
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
    """Train the S1 student on pairs, bicubic or degraded, and on real faces.

    Run again with the same --out to go on.
    """
    name = model_name(scale)
    limit = options.budget(iterations, hours)
    if real and not degradation:
        raise InputError("--real needs --degradation: the cycle begins with it")
    torch.set_num_threads(1)
    where = parallel.choose(device, precision)
    faces = read_faces(data)
    held_out = read_faces(val) if val else None
    student = new_student(scale, seed)
    if init:
        take_weights(student, init, "head.")
    learned: DeNet | None = load_degradation(degradation, scale) if degradation else None
    schedule = Schedule(peak=rate, warmup=warmup, grow=grow, settle=settle)
    batches = Batches(faces.pixels, batch, seed, warp=warp)
    objective = EdgeRecurrence(
        student,
        batches,
        schedule,
        seed,
        degradation=learned,
        degraded=degraded,
        real=guidance(real, teacher, scale, real_batch, (pseudo, cycle), out / PSEUDO)
        if real
        else None,
        edges=edges,
        compiled=compiled,
    )
    fit(
        objective,
        name,
        batches,
        out,
        limit=limit,
        schedule=schedule,
        device=where,
        seed=seed,
        workers=workers,
        pace=options.pace(save_every, check_every),
        tensorboard=tensorboard,
        check=(lambda trainer: Validation(trainer, held_out, scale, out, learned))
        if held_out
        else None,
    )


if __name__ == "__main__":
    command(main)

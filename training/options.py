"""Command-line options that all recipes share."""

from __future__ import annotations

from pathlib import Path
from typing import Annotated

import typer

from facedge.errors import InputError

from .loop import Budget
from .run import Pace

Out = Annotated[Path, typer.Option(help="Folder for checkpoints, logs and picture sheets.")]
Data = Annotated[Path, typer.Option(help="Folder of aligned 128x128 faces to train on.")]
Val = Annotated[Path | None, typer.Option(help="Folder of faces to validate on.")]
Degradation = Annotated[
    Path | None, typer.Option(help="Learned degradation (facedge.training.denet).")
]
Degraded = Annotated[float, typer.Option(help="Share of pictures it degrades.")]
Batch = Annotated[int, typer.Option(help="Pictures per iteration.")]
Rate = Annotated[float, typer.Option(help="Peak learning rate.")]
Grow = Annotated[float, typer.Option(help="Share over which steps are added.")]
Settle = Annotated[float, typer.Option(help="Share after which the loss is log-MSE.")]
Warp = Annotated[float, typer.Option(help="Share of pictures moved, turned, zoomed.")]
Hours = Annotated[float | None, typer.Option(help="Training time; or --iterations.")]
Iterations = Annotated[int | None, typer.Option(help="Iterations; or --hours.")]
Warmup = Annotated[float, typer.Option(help="Share of the run before the peak rate.")]
Seed = Annotated[int, typer.Option(help="Seed of weights, order, augmentation, noise.")]
Workers = Annotated[int, typer.Option(help="CPU cores to use.")]
DeviceName = Annotated[str, typer.Option(help="auto, cpu, cuda or cuda:N.")]
Precision = Annotated[str, typer.Option(help="auto, float32 or bfloat16.")]
Compile = Annotated[bool, typer.Option("--compile", help="torch.compile the network.")]
SaveEvery = Annotated[int, typer.Option(help="Iterations between checkpoints.")]
CheckEvery = Annotated[int, typer.Option(help="Iterations between validations; 0: an epoch.")]
Tensorboard = Annotated[bool, typer.Option("--tensorboard", help="Log to TensorBoard as well.")]


def budget(iterations: int | None, hours: float | None) -> Budget:
    """The budget of a command line.

    Raises:
        InputError: neither was given, or one is not positive.
    """
    if not hours and not iterations:
        raise InputError("no end was given; pass --hours or --iterations")
    if (iterations or 1) < 0 or (hours or 1) < 0:
        raise InputError("--hours and --iterations must be positive")
    return Budget(iterations, hours)


def pace(save_every: int, check_every: int) -> Pace:
    """How often a run saves and checks.

    Raises:
        InputError: one is not positive; a check every 0 iterations is one every epoch.
    """
    if save_every < 1 or check_every < 0:
        raise InputError(
            f"--save-every is {save_every} and --check-every {check_every}; expected at least 1 "
            "and 0"
        )
    return Pace(save=save_every, check=check_every)

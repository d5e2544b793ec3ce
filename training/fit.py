"""The end of every super-resolution recipe: a trainer, its validation, and the run."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path

from .data import Batches
from .loop import Budget, Options, Trainer
from .objective import Objective
from .parallel import Device
from .run import Check, Pace, train
from .schedule import Schedule


def stepping(batch: int, workers: int) -> Options:
    """Two parts of a batch for every worker, so that none waits long for another."""
    return Options(part=max(1, -(-batch // (2 * workers))), workers=workers)


def fit(
    objective: Objective,
    name: str,
    batches: Batches,
    out: Path,
    *,
    limit: Budget,
    schedule: Schedule,
    device: Device,
    seed: int,
    workers: int,
    pace: Pace,
    tensorboard: bool,
    check: Callable[[Trainer], Check] | None,
) -> Trainer:
    """Train until the budget is used, or go on from ``out``.

    Args:
        objective: what is trained.
        name: what checkpoints call it.
        batches: of which an epoch is the default time between validations.
        out: folder of checkpoints, logs and pictures.
        limit: how long.
        schedule: learning rate.
        device: where.
        seed: recorded in checkpoints.
        workers: threads that compute parts of a batch.
        pace: how often to save and to check.
        tensorboard: log there too.
        check: makes the validation of a trainer; None for none.
    """
    trainer = Trainer(
        objective,
        name,
        limit,
        schedule,
        stepping(batches.batch, workers),
        device=device,
        seed=seed,
    )
    train(
        trainer,
        out,
        check(trainer) if check else None,
        pace=pace,
        per_epoch=batches.per_epoch,
        tensorboard=tensorboard,
    )
    return trainer

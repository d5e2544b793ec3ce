"""Training loop of the recurrent students: resumable, seeded, stops when the loss is not finite."""

from __future__ import annotations

import math
import time
from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass
from pathlib import Path

import torch
from torch import Tensor, nn
from torch.optim.swa_utils import AveragedModel

from facedge.errors import FacedgeError, InputError
from facedge.models.fsr_student import FsrStudent

from . import checkpoint as checkpoints
from .checkpoint import Checkpoint
from .data import Batches
from .degrade import down
from .losses import DISTANCES, over_steps
from .schedule import Schedule


class TrainingError(FacedgeError):
    """Training cannot go on; the last good checkpoint is kept."""


@dataclass(frozen=True)
class Budget:
    """How long to train: until the iterations or the hours are used up, whichever is set."""

    iterations: int | None = None
    hours: float | None = None

    def progress(self, iteration: int, seconds: float) -> float:
        """Share of the budget used, 1 at its end."""
        shares = [0.0 if self.iterations or self.hours else 1.0]
        if self.iterations:
            shares.append(iteration / self.iterations)
        if self.hours:
            shares.append(seconds / (self.hours * 3600))
        return max(shares)


@dataclass(frozen=True)
class Report:
    """What the loop tells after an interval: means since the last report."""

    iteration: int
    progress: float
    loss: float
    rate: float
    steps: int
    seconds_per_iteration: float


class DetachedEdges(nn.Module):
    """An edge operator in float32 and without gradient, inside a mixed-precision network.

    Rounding and comparison have no useful gradient, and bfloat16 cannot hold 256 grey levels.
    """

    def __init__(self, edges: nn.Module) -> None:
        super().__init__()
        self.edges = edges

    def forward(self, image: Tensor) -> Tensor:
        with torch.no_grad(), torch.autocast(image.device.type, enabled=False):
            found: Tensor = self.edges(image.detach().float())
        return found


def _average(decay: float) -> Callable[..., None]:
    def update(mean: list[Tensor], current: list[Tensor], seen: Tensor | int) -> None:
        # A young average forgets faster, or it would be dominated by the initial weights.
        weight = 1 - min(decay, (1 + int(seen)) / (10 + int(seen)))
        torch._foreach_lerp_(mean, current, weight)

    return update


class Trainer:
    """Trains one :class:`FsrStudent` on pairs made from faces.

    Args:
        model: the network, initialised.
        name: what checkpoints call it.
        batches: high-resolution batches by iteration.
        budget: how long to train.
        schedule: rate, steps and loss over the run.
        step_weights: weight of each step's loss, one per step.
        seed: recorded in checkpoints.
        bfloat16: run convolutions in bfloat16 (fast where the CPU has AMX); weights, edges,
            pictures and losses stay float32.
        decay: of the moving average of the weights.
        clip: largest gradient norm.
        part: pictures a worker takes at a time; gradients of all parts of a batch are averaged.
        workers: threads that compute parts, one core each. They meet once per iteration, where
            threads inside the operators meet hundreds of times: on a busy machine that is
            several times slower.
    """

    def __init__(
        self,
        model: FsrStudent,
        name: str,
        batches: Batches,
        budget: Budget,
        schedule: Schedule | None = None,
        *,
        step_weights: tuple[float, ...] = (0.3, 0.6, 1.0),
        seed: int = 0,
        bfloat16: bool = True,
        decay: float = 0.999,
        clip: float = 0.5,
        part: int = 4,
        workers: int = 1,
    ) -> None:
        self.name, self.batches, self.budget = name, batches, budget
        self.schedule = schedule or Schedule()
        self.step_weights, self.seed = step_weights, seed
        self.bfloat16, self.clip = bfloat16, clip
        self.average = AveragedModel(model, multi_avg_fn=_average(decay))
        # torch's stubs lack this overload of Module.to.
        model.to(memory_format=torch.channels_last)  # type: ignore[call-overload]
        self.model = model
        self.model.edges = nn.ModuleList(DetachedEdges(edges) for edges in model.edges)
        self.optimiser = torch.optim.AdamW(
            self.model.parameters(), lr=0.0, betas=(0.9, 0.99), weight_decay=1e-4, fused=True
        )
        self.part = part
        # OpenMP keeps the number of threads per thread, so that each worker sets its own.
        self._pool = ThreadPoolExecutor(workers, initializer=lambda: torch.set_num_threads(1))
        self.iteration, self.seconds = 0, 0.0

    @property
    def averaged_model(self) -> nn.Module:
        """The moving average as a network of its own: what is evaluated and shipped."""
        return self.average.module

    @property
    def progress(self) -> float:
        """Share of the budget used."""
        return self.budget.progress(self.iteration, self.seconds)

    def save(self, path: Path) -> None:
        """Write a checkpoint, atomically."""
        checkpoints.write(
            Checkpoint(
                self.name,
                self.iteration,
                self.seconds,
                self.model.state_dict(),
                self.averaged_model.state_dict(),
                int(self.average.n_averaged),
                self.optimiser.state_dict(),
                self.seed,
            ),
            path,
        )

    def resume(self, path: Path) -> None:
        """Go on from a checkpoint of the same network."""
        saved = checkpoints.read(path, self.name)
        if saved.seed != self.seed:
            raise InputError(
                f"{path} was begun with --seed {saved.seed}; found --seed {self.seed}: "
                "pass the same seed or choose another --out"
            )
        self.model.load_state_dict(saved.weights)
        self.averaged_model.load_state_dict(saved.average)
        self.average.n_averaged.fill_(saved.averaged)
        self.optimiser.load_state_dict(saved.optimiser)
        for group in self.optimiser.param_groups:
            group["fused"] = True
        self.iteration, self.seconds = saved.iteration, saved.seconds

    def run(self, until: float = 1.0, report_every: int = 50) -> Report:
        """Train until a share of the budget is used, or ``report_every`` iterations are done.

        Raises:
            TrainingError: the loss or its gradient is not finite; the weights are those of the
                last good iteration.
        """
        began, first = self.seconds, self.iteration
        total = torch.zeros(())
        steps, rate = 0, 0.0
        while self.iteration - first < report_every and self.progress < until:
            steps = self.schedule.steps(self.progress, self.model.steps)
            rate = self.schedule.rate(self.progress)
            total += self._iterate(steps, rate, self.schedule.loss(self.progress))
        count = max(1, self.iteration - first)
        return Report(
            self.iteration,
            self.progress,
            float(total) / count,
            rate,
            steps,
            (self.seconds - began) / count,
        )

    def _iterate(self, steps: int, rate: float, distance: str) -> Tensor:
        started = time.monotonic()
        for group in self.optimiser.param_groups:
            group["lr"] = rate
        truth = self.batches[self.iteration]
        parts = torch.split(truth, self.part)
        found = list(self._pool.map(lambda part: self._gradients(part, steps, distance), parts))
        shares = [len(part) / len(truth) for part in parts]
        loss = torch.stack([share * part[0] for share, part in zip(shares, found, strict=True)])
        loss = loss.sum()
        for index, parameter in enumerate(self.model.parameters()):
            parameter.grad = None
            for share, (_, gradients) in zip(shares, found, strict=True):
                gradient = gradients[index]
                if gradient is None:  # edges are not embedded before the second step
                    continue
                if parameter.grad is None:
                    parameter.grad = gradient * share
                else:
                    parameter.grad.add_(gradient, alpha=share)
        norm = nn.utils.clip_grad_norm_(self.model.parameters(), self.clip)
        value, slope = float(loss), float(norm)
        if not math.isfinite(value) or not math.isfinite(slope):
            raise TrainingError(
                f"the loss became {value:g} (gradient norm {slope:g}) at iteration "
                f"{self.iteration}; the last good checkpoint is kept: resume with a smaller --rate"
            )
        self.optimiser.step()
        self.average.update_parameters(self.model)
        self.iteration += 1
        self.seconds += time.monotonic() - started
        return loss

    def _gradients(
        self, truth: Tensor, steps: int, distance: str
    ) -> tuple[Tensor, tuple[Tensor | None, ...]]:
        """Loss of a part of a batch and its gradient, one entry per parameter."""
        small = down(truth, self.model.scale).contiguous(memory_format=torch.channels_last)
        with torch.autocast("cpu", dtype=torch.bfloat16, enabled=self.bfloat16):
            pictures = self.model(small, steps=steps).steps
        loss = over_steps(pictures, truth, self.step_weights, DISTANCES[distance])
        wanted = list(self.model.parameters())
        return loss.detach(), torch.autograd.grad(loss, wanted, allow_unused=True)

"""Training loop of every recipe: resumable, seeded, stops when a loss is not finite."""

from __future__ import annotations

import math
import time
from collections.abc import Callable, Sequence
from concurrent.futures import Future, ThreadPoolExecutor
from dataclasses import dataclass
from pathlib import Path

import torch
from torch import Tensor, nn
from torch.optim.swa_utils import AveragedModel

from facedge.errors import FacedgeError, InputError

from . import checkpoint as checkpoints
from .checkpoint import Checkpoint
from .objective import Batch, Objective
from .parallel import Device
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
    """What the loop tells after an interval: means since the last report.

    Attributes:
        iteration: iterations done.
        progress: share of the budget used.
        loss: sum of the terms.
        terms: each term by its name.
        rate: learning rate of the last iteration.
        seconds_per_iteration: mean time.
    """

    iteration: int
    progress: float
    loss: float
    terms: dict[str, float]
    rate: float
    seconds_per_iteration: float


@dataclass(frozen=True)
class Options:
    """How the loop steps.

    Attributes:
        decay: of the moving average of the weights.
        clip: largest gradient norm.
        weight_decay: AdamW's.
        part: pictures a worker takes at a time; gradients of all parts of a batch are averaged.
        workers: threads that compute parts, one core each. They meet once per iteration, where
            threads inside the operators meet hundreds of times: on a busy machine that is
            several times slower. Networks with batch or spectral normalisation need one worker
            and a part as large as the batch.
    """

    decay: float = 0.999
    clip: float = 0.5
    weight_decay: float = 1e-4
    part: int = 4
    workers: int = 1


def _average(decay: float) -> Callable[..., None]:
    def update(mean: list[Tensor], current: list[Tensor], seen: Tensor | int) -> None:
        # A young average forgets faster, or it would be dominated by the initial weights.
        weight = 1 - min(decay, (1 + int(seen)) / (10 + int(seen)))
        torch._foreach_lerp_(mean, current, weight)

    return update


def split(batch: Batch, part: int) -> list[Batch]:
    """Parts of a batch: as many as the first tensor has of ``part`` pictures."""
    count = max(1, math.ceil(len(batch[0]) / part))
    pieces = [torch.tensor_split(tensor, count) for tensor in batch]
    return list(zip(*pieces, strict=True))


class Trainer:
    """Minimises an objective.

    Args:
        objective: network, data and losses.
        name: what checkpoints call it.
        budget: how long to train.
        schedule: learning rate over the run.
        options: how to step.
        device: where, and with how many processes; every process takes its parts of a batch.
        seed: recorded in checkpoints.
    """

    def __init__(
        self,
        objective: Objective,
        name: str,
        budget: Budget,
        schedule: Schedule | None = None,
        options: Options | None = None,
        *,
        device: Device | None = None,
        seed: int = 0,
    ) -> None:
        self.objective, self.name, self.budget = objective, name, budget
        self.schedule = schedule or Schedule()
        self.options = options or Options()
        self.device = device or Device(torch.device("cpu"), bfloat16=False)
        self.seed = seed
        self.model = objective.model
        # torch's stubs lack this overload of Module.to.
        self.model.to(self.device.device, memory_format=torch.channels_last)  # type: ignore[call-overload]
        self.average = AveragedModel(
            self.model, multi_avg_fn=_average(self.options.decay), use_buffers=False
        )
        self.parameters = [p for p in self.model.parameters() if p.requires_grad]
        self.optimiser = torch.optim.AdamW(
            self.parameters,
            lr=0.0,
            betas=(0.9, 0.99),
            weight_decay=self.options.weight_decay,
            fused=True,
        )
        # OpenMP keeps the number of threads per thread, so that each worker sets its own.
        threads = 1 if self.options.workers > 1 else torch.get_num_threads()
        self._pool = ThreadPoolExecutor(
            self.options.workers, initializer=lambda: torch.set_num_threads(threads)
        )
        self._ahead = ThreadPoolExecutor(1)
        self._next: tuple[int, Future[Batch]] | None = None
        self.iteration, self.seconds = 0, 0.0

    @property
    def averaged_model(self) -> nn.Module:
        """The moving average as a network of its own: what is evaluated and shipped."""
        # Statistics of batch normalisation are averages already.
        for own, current in zip(self.average.module.buffers(), self.model.buffers(), strict=True):
            own.copy_(current)
        return self.average.module

    @property
    def progress(self) -> float:
        """Share of the budget used."""
        return self.budget.progress(self.iteration, self.seconds)

    def save(self, path: Path) -> None:
        """Write a checkpoint, atomically; only the first process does."""
        if not self.device.first:
            return
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
        try:
            self.model.load_state_dict(saved.weights)
            self.average.module.load_state_dict(saved.average)
            self.optimiser.load_state_dict(saved.optimiser)
        except (RuntimeError, ValueError) as error:
            raise InputError(
                f"{path} was begun with other options and does not fit {self.name} as it is now; "
                "pass the same options or choose another --out"
            ) from error
        self.average.n_averaged.fill_(saved.averaged)
        for group in self.optimiser.param_groups:
            group["fused"] = True
        self.iteration, self.seconds = saved.iteration, saved.seconds

    def run(self, until: float = 1.0, report_every: int = 50) -> Report:
        """Train until a share of the budget is used, or ``report_every`` iterations are done.

        Raises:
            TrainingError: a loss or its gradient is not finite; the weights are those of the
                last good iteration.
        """
        began, first = self.seconds, self.iteration
        sums: dict[str, float] = {}
        rate = 0.0
        while self.iteration - first < report_every and self.progress < until:
            rate = self.schedule.rate(self.progress)
            for name, value in self._iterate(rate).items():
                sums[name] = sums.get(name, 0.0) + value
        count = max(1, self.iteration - first)
        means = {name: value / count for name, value in sums.items()}
        return Report(
            self.iteration,
            self.progress,
            sum(means.values()),
            means,
            rate,
            (self.seconds - began) / count,
        )

    def _iterate(self, rate: float) -> dict[str, float]:
        started = time.monotonic()
        for group in self.optimiser.param_groups:
            group["lr"] = rate
        progress = self.progress
        batch = self._batch()
        if self.device.world > 1:
            batch = tuple(tensor[self.device.rank :: self.device.world] for tensor in batch)
        parts = split(batch, self.options.part)
        found = list(self._pool.map(lambda part: self._gradients(part, progress), parts))
        shares = [len(part[0]) / len(batch[0]) for part in parts]
        losses: dict[str, float] = {}
        for share, (values, _) in zip(shares, found, strict=True):
            for name, value in values.items():
                losses[name] = losses.get(name, 0.0) + share * value
        self._collect(shares, [gradients for _, gradients in found])
        norm = float(nn.utils.clip_grad_norm_(self.parameters, self.options.clip))
        loss = sum(losses.values())
        if not math.isfinite(loss) or not math.isfinite(norm):
            raise TrainingError(
                f"the loss became {loss:g} (gradient norm {norm:g}) at iteration "
                f"{self.iteration}; the last good checkpoint is kept: resume with a smaller --rate"
            )
        self.optimiser.step()
        self.average.update_parameters(self.model)
        self.iteration += 1
        self.seconds = self.device.agree(self.seconds + time.monotonic() - started)
        return losses

    def _batch(self) -> Batch:
        """The batch of this iteration; the next one is made while it is trained on."""
        if self._next is None or self._next[0] != self.iteration:
            self._next = self._ask(self.iteration)
        current = self._next[1]
        self._next = self._ask(self.iteration + 1)
        return current.result()

    def _ask(self, iteration: int) -> tuple[int, Future[Batch]]:
        return iteration, self._ahead.submit(self.objective.batch, iteration)

    def _collect(self, shares: Sequence[float], found: Sequence[Sequence[Tensor | None]]) -> None:
        """Mean gradient of all parts, and of all processes, into ``grad``."""
        for index, parameter in enumerate(self.parameters):
            parameter.grad = None
            for share, gradients in zip(shares, found, strict=True):
                gradient = gradients[index]
                if gradient is None:  # such as edges, which are not embedded before step two
                    continue
                if parameter.grad is None:
                    # The fused optimiser reads memory in order: a gradient lies as its parameter.
                    out = torch.empty_like(parameter)
                    parameter.grad = torch.mul(gradient, share, out=out)
                else:
                    parameter.grad.add_(gradient, alpha=share)
        self.device.average(self.parameters)

    def _gradients(
        self, part: Batch, progress: float
    ) -> tuple[dict[str, float], list[Tensor | None]]:
        """Losses of a part of a batch and their gradient, one entry per parameter."""
        where = self.device.device
        part = tuple(tensor.to(where, non_blocking=True) for tensor in part)
        with torch.autocast(where.type, dtype=torch.bfloat16, enabled=self.device.bfloat16):
            terms = self.objective.terms(part, progress)
        total: list[Tensor | None] = [None] * len(self.parameters)
        place = {id(p): index for index, p in enumerate(self.parameters)}
        groups: dict[int, tuple[nn.Module, list[Tensor]]] = {}
        for term in terms:
            module = term.module or self.model
            groups.setdefault(id(module), (module, []))[1].append(term.loss)
        for count, (module, losses) in enumerate(groups.values(), 1):
            wanted = [p for p in module.parameters() if id(p) in place]
            found = torch.autograd.grad(
                torch.stack(losses).sum(),
                wanted,
                allow_unused=True,
                retain_graph=count < len(groups),
            )
            for parameter, gradient in zip(wanted, found, strict=True):
                index, before = place[id(parameter)], total[place[id(parameter)]]
                if gradient is not None:
                    total[index] = gradient if before is None else before + gradient
        return {term.name: float(term.loss.detach()) for term in terms}, total

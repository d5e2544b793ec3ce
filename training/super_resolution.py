"""What the teacher and the student of S1 minimise (arXiv 2405.04778, weights ours)."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass

import numpy as np
import torch
from numpy.typing import NDArray
from torch import Tensor, nn
from torch.nn import functional as F

from facedge.models.contract import SuperResolved
from facedge.models.fsr_student import FsrStudent
from facedge.progress import Advance

from .data import Batches
from .degradation import NOISE, DeNet, mixed
from .losses import DISTANCES, l1, over_steps
from .networks import DetachedEdges, Learner, NoEdges
from .objective import Batch, Term
from .quality import to_float, to_uint8
from .schedule import Schedule

STEP_WEIGHTS = (0.3, 0.6, 1.0)


@dataclass(frozen=True)
class Real:
    """Real low-resolution faces with the teacher's opinion of what they show.

    Attributes:
        small: uint8 RGB [N, h, h, 3].
        pseudo: uint8 RGB [N, 128, 128, 3], the teacher's pictures of them.
        batch: how many join every iteration.
        pseudo_weight: weight of the distance to the teacher's picture.
        cycle_weight: weight of the distance between the input and the result degraded again.
    """

    small: NDArray[np.uint8]
    pseudo: NDArray[np.uint8]
    batch: int = 2
    pseudo_weight: float = 0.25
    cycle_weight: float = 0.25


def pseudo_truth(
    teacher: nn.Module, small: NDArray[np.uint8], advance: Advance | None = None, batch: int = 16
) -> NDArray[np.uint8]:
    """The teacher's last picture of each face, the mean of the face's and its mirror image's.

    The mean of both is closer to the truth than either (self-ensemble of EDSR, arXiv 1707.02921).

    Args:
        teacher: a super-resolution network.
        small: uint8 RGB [N, h, h, 3].
        advance: told of progress, in pictures.
        batch: pictures per call.
    """
    device = next(teacher.parameters()).device
    found = []
    for start in range(0, len(small), batch):
        image = to_float(small[start : start + batch]).to(device)
        with torch.no_grad():
            plain = teacher(image).steps[-1]
            mirrored = teacher(image.flip(3)).steps[-1].flip(3)
        found.append(to_uint8((plain + mirrored) / 2))
        if advance:
            advance(min(start + batch, len(small)), len(small))
    return np.concatenate(found)


class EdgeRecurrence:
    """Pairs of a degradation and bicubic, and real faces, for a network that embeds edges.

    Args:
        network: teacher or student; its edge operators are replaced by ones without gradient.
        faces: high-resolution batches.
        schedule: number of steps and kind of loss over the run.
        seed: of the degradation.
        degradation: DeNet, or None for bicubic alone.
        degraded: share of the pictures that DeNet degrades.
        real: real faces; the cycle's DSNet begins as a copy of ``degradation``.
        edges: False takes them away (an ablation).
        compiled: run the network through torch.compile.
    """

    def __init__(
        self,
        network: FsrStudent,
        faces: Batches,
        schedule: Schedule,
        seed: int = 0,
        *,
        degradation: DeNet | None = None,
        degraded: float = 0.5,
        real: Real | None = None,
        edges: bool = True,
        compiled: bool = False,
    ) -> None:
        self.scale, self.total = network.scale, network.steps
        network.edges = nn.ModuleList(
            DetachedEdges(operator) if edges else NoEdges(operator) for operator in network.edges
        )
        cycle = None
        if real and degradation:
            cycle = DeNet(self.scale)
            cycle.load_state_dict(degradation.state_dict())
        self.model = Learner(network.requires_grad_(True), cycle)
        self.run: Callable[..., SuperResolved] = torch.compile(network) if compiled else network
        self.faces, self.schedule, self.seed = faces, schedule, seed
        self.degradation, self.degraded, self.real = degradation, degraded, real

    def batch(self, iteration: int) -> Batch:
        truth = self.faces[iteration]
        generator = torch.Generator().manual_seed(self.seed * 1_000_003 + iteration)
        small = mixed(truth, self.degradation, self.degraded, generator, self.scale)
        if self.real is None:
            return truth, small
        rows = torch.randint(len(self.real.small), (self.real.batch,), generator=generator)
        mirrored = torch.rand(self.real.batch, generator=generator) < 0.5
        chosen = rows.numpy()
        real, pseudo = (to_float(p[chosen]) for p in (self.real.small, self.real.pseudo))
        flip = mirrored[:, None, None, None]
        return (
            truth,
            small,
            torch.where(flip, real.flip(3), real),
            torch.where(flip, pseudo.flip(3), pseudo),
        )

    def terms(self, batch: Batch, progress: float) -> Sequence[Term]:
        truth, small = batch[:2]
        steps = self.schedule.steps(progress, self.total)
        distance = DISTANCES[self.schedule.loss(progress)]
        if self.real is None or not len(batch[2]):
            pictures = self.run(_last(small), steps=steps).steps
            return (Term("pairs", over_steps(pictures, truth, STEP_WEIGHTS, distance)),)
        real, pseudo = batch[2:]
        pictures = self.run(_last(torch.cat([small, real])), steps=steps).steps
        ours = [picture[: len(truth)] for picture in pictures]
        theirs = [picture[len(truth) :] for picture in pictures]
        network = self.model.network
        # The loop weighs a part by its pairs; here its real faces count.
        share = len(real) * self.faces.batch / (len(truth) * self.real.batch)
        opinion = over_steps(theirs, pseudo, STEP_WEIGHTS, l1)
        return [
            Term("pairs", over_steps(ours, truth, STEP_WEIGHTS, distance), network),
            Term("pseudo", share * self.real.pseudo_weight * opinion, network),
            *self._cycle(theirs[-1].float(), real, share),
        ]

    def _cycle(self, picture: Tensor, real: Tensor, share: float) -> list[Term]:
        degrade = self.model.degrade
        if degrade is None or self.real is None:
            return []
        silent = torch.zeros(len(real), NOISE, *real.shape[-2:], device=real.device)
        again = degrade(picture, silent)
        learned = degrade(picture.detach(), silent)
        return [
            Term(
                "cycle",
                share * self.real.cycle_weight * F.l1_loss(again.float(), real),
                self.model.network,
            ),
            Term("degrade", share * 0.1 * F.l1_loss(learned.float(), real), degrade),
        ]


def _last(image: Tensor) -> Tensor:
    return image.contiguous(memory_format=torch.channels_last)

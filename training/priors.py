"""Recipe of the networks with face priors (S2): ``python -m facedge.training.priors --help``."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from enum import Enum
from pathlib import Path
from typing import Annotated

import numpy as np
import torch
import typer
from numpy.typing import NDArray
from torch import Tensor, nn
from torch.nn import functional as F

from facedge.errors import InputError
from facedge.models import registry
from facedge.models.contract import SuperResolved

from . import options, parallel
from .au_crop import FACE_TO_CROP
from .command import command
from .data import Batches, read_faces
from .degrade import down
from .fit import fit
from .landmarks import landmarks_of, move_points
from .losses import DISTANCES, over_steps
from .networks import Learner, begin_at_base, network_of, shipped, take_weights
from .objective import Batch, Term
from .schedule import Schedule
from .super_resolution import STEP_WEIGHTS
from .validation import Validation

SCALE, GRID, FACE = 8, 32, 128
SIGMA = 1.0
"""Standard deviation of a landmark's peak, in cells of the 32x32 heatmap."""


class Priors(str, Enum):
    """Which priors reach the picture; the others are silenced (ablations)."""

    both = "both"
    landmarks = "landmarks"
    none = "none"


class Silent(nn.Module):
    """An embedding whose result never changes the picture: zero."""

    def __init__(self, embed: nn.Module) -> None:
        super().__init__()
        self.embed = embed

    def forward(self, maps: Tensor) -> Tensor:
        out: Tensor = self.embed(maps) * 0
        return out


def silence(network: nn.Module, priors: Priors) -> None:
    """Take priors away from a network of S2, in place."""
    if priors is Priors.none:
        network.embed_landmarks = Silent(network.get_submodule("embed_landmarks"))
    if priors is not Priors.both:
        network.embed_units = Silent(network.get_submodule("embed_units"))


def heatmaps_of(points: Tensor) -> Tensor:
    """Targets: a Gaussian of height 1 at each landmark.

    Args:
        points: float [N, 68, 2], x and y in pixels of the 128x128 face.

    Returns:
        float [N, 68, 32, 32]; the cell (i, j) has its centre at pixel 4 j + 1.5, 4 i + 1.5.
    """
    cell = FACE / GRID
    centres = torch.arange(GRID, device=points.device) * cell + (cell - 1) / 2
    away = (points.unsqueeze(-1) - centres) / cell  # [N, 68, 2, 32]
    fall = torch.exp(-away.square() / (2 * SIGMA**2))
    return fall[:, :, 1, :, None] * fall[:, :, 0, None, :]


def to_crop(pictures: Tensor) -> Tensor:
    """Aligned faces as action-unit networks take them, with a gradient.

    Args:
        pictures: float [N, 3, 128, 128].

    Returns:
        float [N, 3, 176, 176], bilinear; the same crop as :func:`facedge.training.au_crop.au_crop`.
    """
    side, size = pictures.shape[-1], 176
    inverse = np.linalg.inv(np.vstack([FACE_TO_CROP, [0, 0, 1]]))[:2]
    line = torch.arange(size, dtype=torch.float32, device=pictures.device)
    x = line * float(inverse[0, 0]) + float(inverse[0, 2])
    y = line * float(inverse[1, 1]) + float(inverse[1, 2])
    grid = torch.stack(torch.meshgrid(y, x, indexing="ij"), -1).flip(-1)
    grid = (grid + 0.5) * (2 / side) - 1
    return F.grid_sample(
        pictures, grid.expand(len(pictures), -1, -1, -1), padding_mode="border", align_corners=False
    )


class PriorRecurrence:
    """Pairs with landmarks and action units as further targets.

    Args:
        network: of S2.
        faces: high-resolution batches.
        points: float32 [N, 68, 2], landmarks of all faces in pixels.
        reader: an action-unit network; what it reads from the true faces, as they are in the batch,
            is the target.
        schedule: number of steps and kind of loss over the run.
        heatmap_weight: weight of the heatmaps' error.
        unit_weight: weight of the cross-entropy of the network's own action units.
        read_weight: weight of that of what the reader finds in the last picture; 0: not read.
        compiled: run the network through torch.compile.
    """

    def __init__(
        self,
        network: nn.Module,
        faces: Batches,
        points: NDArray[np.float32],
        reader: nn.Module,
        schedule: Schedule,
        *,
        heatmap_weight: float = 1.0,
        unit_weight: float = 0.01,
        read_weight: float = 0.01,
        compiled: bool = False,
    ) -> None:
        self.model = Learner(network.requires_grad_(True))
        self.run: Callable[..., SuperResolved] = torch.compile(network) if compiled else network
        self.faces, self.points, self.reader = faces, points, reader
        self.schedule = schedule
        self.heatmap_weight, self.unit_weight = heatmap_weight, unit_weight
        self.read_weight = read_weight

    def batch(self, iteration: int) -> Batch:
        drawn = self.faces.draw(iteration)
        points = move_points(self.points[drawn.chosen], drawn.matrices, drawn.mirrored)
        return drawn.images, torch.from_numpy(points)

    def terms(self, batch: Batch, progress: float) -> Sequence[Term]:
        truth, points = batch
        small = down(truth, SCALE).contiguous(memory_format=torch.channels_last)
        found = self.run(small)
        distance = DISTANCES[self.schedule.loss(progress)]
        terms = [Term("pairs", over_steps(found.steps, truth, STEP_WEIGHTS, distance))]
        if found.landmarks is not None:
            error = F.mse_loss(found.landmarks.float(), heatmaps_of(points))
            terms.append(Term("heatmaps", self.heatmap_weight * error))
        with torch.no_grad():
            units = self._read(truth).sigmoid()
        if found.action_units is not None:
            probabilities = found.action_units.float().clamp(1e-6, 1 - 1e-6)
            # Autocast on GPUs refuses this loss, in whatever type its inputs are.
            with torch.autocast(units.device.type, enabled=False):
                unlike = F.binary_cross_entropy(probabilities, units)
            terms.append(Term("units", self.unit_weight * unlike))
        if self.read_weight:
            read = self._read(found.steps[-1].float().clamp(0, 1))
            unlike = F.binary_cross_entropy_with_logits(read, units)
            terms.append(Term("read", self.read_weight * unlike))
        return terms

    def _read(self, faces: Tensor) -> Tensor:
        """Log-odds of action units, float32 [N, 12]."""
        logits: Tensor = self.reader(to_crop(faces)).logits
        return logits.float()


def main(
    data: options.Data,
    out: options.Out,
    val: options.Val = None,
    landmarks: Annotated[
        Path | None, typer.Option(help="CSV of landmarks; beside the folder by default.")
    ] = None,
    model: Annotated[str, typer.Option(help="fsr-priors-edge or fsr-priors.")] = "fsr-priors-edge",
    init: Annotated[
        Path | None, typer.Option(help="Weights to start from, such as fsr-student's.")
    ] = None,
    units: Annotated[
        Path | None, typer.Option(help="Weights of au-gcn-edge; the shipped ones by default.")
    ] = None,
    priors: Annotated[Priors, typer.Option(help="Which priors to embed; others: ablations.")] = (
        Priors.both
    ),
    read: Annotated[
        float, typer.Option(help="Weight of reading the picture's action units; 0: not read.")
    ] = 0.0,
    hours: options.Hours = None,
    iterations: options.Iterations = None,
    batch: options.Batch = 16,
    rate: options.Rate = 1e-3,
    warmup: options.Warmup = 0.02,
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
    """Train a network of S2: landmarks from its first picture, action units from its second.

    Run again with the same --out to go on.
    """
    limit = options.budget(iterations, hours)
    spec = registry.get(model)
    if spec.system != "S2":
        raise InputError(f"--model is {model}; expected fsr-priors-edge or fsr-priors")
    where = parallel.choose(device, precision)
    faces = read_faces(data)
    held_out = read_faces(val) if val else None
    points = landmarks_of(faces.names, landmarks or data.parent / "landmarks68.csv", data.name)
    reader = network_of("au-gcn-edge", units) if units else shipped("au-gcn-edge")
    torch.set_num_threads(1)
    torch.manual_seed(seed)
    network = spec.build()
    begin_at_base(network)
    if init:
        take_weights(network, init, "landmarks.", "action_units.", "embed_")
    silence(network, priors)
    schedule = Schedule(peak=rate, warmup=warmup, grow=0.0, settle=settle)
    batches = Batches(faces.pixels, batch, seed, warp=warp)
    objective = PriorRecurrence(
        network,
        batches,
        points,
        reader.to(where.device),
        schedule,
        read_weight=read,
        compiled=compiled,
    )
    fit(
        objective,
        model if priors is Priors.both else f"{model} with {priors.value} priors",
        batches,
        out,
        limit=limit,
        schedule=schedule,
        device=where,
        seed=seed,
        workers=workers,
        pace=options.pace(save_every, check_every),
        tensorboard=tensorboard,
        check=(lambda trainer: Validation(trainer, held_out, SCALE, out)) if held_out else None,
    )


if __name__ == "__main__":
    command(main)

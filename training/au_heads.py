"""Second stage of S3, the decision: ``python -m facedge.training.au_heads --help``.

The trunk of a trained network describes every face a few times, varied at random; the embedding,
the graph and the classifier are then trained anew on these descriptions, which takes a minute where
the whole network takes hours.
"""

from __future__ import annotations

import hashlib
from collections.abc import Sequence
from pathlib import Path
from typing import Annotated

import numpy as np
import torch
import typer
from numpy.typing import NDArray
from torch import Tensor, nn

from facedge.errors import InputError
from facedge.models import registry
from facedge.models.au_gcn import AuGcn
from facedge.models.au_gcn_edge import AuGcnEdge
from facedge.models.contract import FaceFeatures

from . import checkpoint as checkpoints
from . import options, parallel
from .action_units import (
    MODEL,
    Dataset,
    complete,
    decision_terms,
    fit_heads,
    read_sets,
)
from .au_losses import unit_weights
from .au_twins import Compared
from .command import command
from .expressions import UnitFaces, crop, draw_weights, to_tensor
from .kept import Arrays, kept
from .networks import take_weights
from .objective import Batch, Term
from .schedule import Schedule

FEATURES = "features.npz"
_PARTS = ("align", "whole", "local")
_HEAD = "decision."
"""How the names of the decision's weights begin; all others are the trunk's."""


def describe(
    network: AuGcn | AuGcnEdge, faces: UnitFaces, views: int, seed: int, path: Path, batch: int = 32
) -> tuple[Tensor, ...]:
    """Features of every face as it is, and of ``views - 1`` random variations of it.

    They are kept in a file, and read from it for the same network, faces, views and seed.

    Args:
        network: in evaluation mode.
        faces: N faces.
        views: descriptions of each.
        seed: of the variation.
        path: ``.npz`` to keep them in.
        batch: pictures per call.

    Returns:
        ``align``, ``whole`` and ``local`` of :class:`FaceFeatures`, float32 [views * N, ...]; row
        i describes face i mod N.
    """
    owner = _owner(network, len(faces), views, seed)
    found = kept(path, owner, lambda: _described(network, faces, views, seed, batch))
    return tuple(torch.from_numpy(found[part]) for part in _PARTS)


def _described(
    network: AuGcn | AuGcnEdge, faces: UnitFaces, views: int, seed: int, batch: int
) -> Arrays:
    device = next(network.parameters()).device
    rows: list[list[NDArray[np.float32]]] = []
    for view in range(views):
        rng = np.random.default_rng((seed, 3, view)) if view else None
        for start in range(0, len(faces), batch):
            count = range(start, min(start + batch, len(faces)))
            pictures = to_tensor(np.stack([crop(faces, i, rng)[0] for i in count]))
            with torch.no_grad():
                seen = network.describe(pictures.to(device))
            rows.append([part.float().cpu().numpy() for part in seen[:3]])
    parts = [np.concatenate(part) for part in zip(*rows, strict=True)]
    return dict(zip(_PARTS, parts, strict=True))


def _owner(network: nn.Module, faces: int, views: int, seed: int) -> str:
    digest = hashlib.sha256()
    for name, tensor in sorted(network.state_dict().items()):
        if not name.startswith(_HEAD):
            digest.update(name.encode() + tensor.cpu().contiguous().numpy().tobytes())
    return f"{digest.hexdigest()} {faces} {views} {seed}"


class FixedFeatures:
    """Labels from descriptions; the trunk rests.

    Args:
        model: all decisions, freshly begun, on the trained trunk.
        features: of :func:`describe`.
        faces: what they describe.
        batch: descriptions per iteration.
        seed: of the order and of the dropout.
        dropout: share of the features that are left out.
    """

    def __init__(
        self,
        model: Compared,
        features: Sequence[Tensor],
        faces: UnitFaces,
        batch: int,
        seed: int,
        dropout: float = 0.3,
    ) -> None:
        self.model, self.features = model, tuple(features)
        self.labels = torch.from_numpy(faces.labels)
        self.chance = draw_weights(faces)
        self.views = len(features[0]) // len(faces)
        self.count, self.seed, self.dropout = batch, seed, dropout
        self.weights = unit_weights(self.labels).clamp(0.5, 2.0)
        for name, parameter in model.network.named_parameters():
            parameter.requires_grad_(name.startswith(_HEAD))
        model.network.decision.train()
        model.twins.train()

    def batch(self, iteration: int) -> Batch:
        rng = np.random.default_rng((self.seed, 4, iteration))
        faces = rng.choice(len(self.labels), self.count, p=self.chance)
        rows = torch.from_numpy(
            faces + len(self.labels) * rng.integers(self.views, size=self.count)
        )
        generator = torch.Generator().manual_seed(self.seed * 1_000_003 + iteration)
        kept = [
            (torch.rand(part[rows].shape, generator=generator) >= self.dropout) / (1 - self.dropout)
            for part in self.features
        ]
        seen = [part[rows] * keep for part, keep in zip(self.features, kept, strict=True)]
        return (*seen, self.labels[torch.from_numpy(faces)])

    def terms(self, batch: Batch, progress: float) -> Sequence[Term]:
        align, whole, local, labels = batch
        logits = self.model.decide(FaceFeatures(align, whole, local, align))
        return decision_terms(logits, labels, self.weights.to(align.device))


def begin_again(model: str, trunk: Path, seed: int) -> Compared:
    """All decisions as new on a trained trunk.

    Args:
        model: row of the registry.
        trunk: a checkpoint, whose average is taken, or a safetensors file.
        seed: of the decisions' first weights.

    Raises:
        InputError: the file is missing or of another model.
    """
    torch.manual_seed(seed)
    network = registry.get(model).build()
    if not isinstance(network, (AuGcn, AuGcnEdge)):
        raise InputError(f"--model is {model}; expected au-gcn-edge or au-gcn")
    if trunk.suffix != ".safetensors":
        checkpoints.read(trunk, model)  # says so where it is another model's
    fresh = {k: v.clone() for k, v in network.state_dict().items() if k.startswith(_HEAD)}
    take_weights(network, trunk, _HEAD)
    network.load_state_dict({**network.state_dict(), **fresh})
    return Compared(network).eval()


def main(
    checkpoint: Annotated[
        Path,
        typer.Option(help="Of facedge.training.action_units; or a safetensors file of the model."),
    ],
    data: Annotated[Path, typer.Option(help="As for facedge.training.action_units.")],
    out: options.Out,
    model: Annotated[str, typer.Option(help="au-gcn-edge or au-gcn.")] = MODEL,
    dataset: Annotated[Dataset, typer.Option(help="Whose labels.")] = Dataset.weak,
    pictures: Annotated[
        Path | None, typer.Option(help="Frames of the data set, but for weak labels.")
    ] = None,
    landmarks: Annotated[
        Path | None, typer.Option(help="CSV of 68 landmarks of each frame.")
    ] = None,
    views: Annotated[int, typer.Option(help="Descriptions of each face.")] = 2,
    iterations: options.Iterations = 400,
    batch: Annotated[int, typer.Option(help="Descriptions per iteration.")] = 128,
    rate: options.Rate = 2e-3,
    warmup: options.Warmup = 0.02,
    seed: options.Seed = 0,
    threads: Annotated[int, typer.Option(help="CPU cores to use.")] = 2,
    device: options.DeviceName = "auto",
    save_every: options.SaveEvery = 400,
    check_every: options.CheckEvery = 0,
    tensorboard: options.Tensorboard = False,
) -> None:
    """Train the heads of an action-unit network anew on features of its trained trunk.

    Features are kept in --out and made once for all seeds that are trained there.
    """
    limit = options.budget(iterations, None)
    torch.set_num_threads(threads)
    where = parallel.choose(device, "float32")
    labelled, held_out = read_sets(dataset, data, pictures, landmarks)
    compared = begin_again(model, checkpoint, seed).to(where.device)
    network = compared.network
    features = describe(network, labelled, views, 0, out / FEATURES)
    network.decision.graph.connect(complete(labelled.labels))
    objective = FixedFeatures(compared, features, labelled, batch, seed)
    fit_heads(
        objective,
        model,
        held_out,
        out / f"seed-{seed}",
        limit=limit,
        schedule=Schedule(peak=rate, warmup=warmup),
        batch=batch,
        device=where,
        seed=seed,
        pace=options.pace(save_every, check_every),
        per_epoch=limit.iterations or 1,
        tensorboard=tensorboard,
    )


if __name__ == "__main__":
    command(main)

"""Recipe of the action-unit network (S3): ``python -m facedge.training.action_units --help``."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Annotated

import numpy as np
import torch
import typer
from torch import Tensor, nn

from facedge.errors import InputError
from facedge.models.au_gcn_edge import AuGcnEdge, Description, UnitEmbedding
from facedge.models.contract import ACTION_UNITS
from facedge.models.graph_convolution import UnitGraph, adjacency

from . import options, parallel
from .au_losses import alignment, cross_entropy, dice, unit_weights
from .au_metric import measure
from .command import command
from .expressions import (
    LabelledFaces,
    crop,
    draw_weights,
    read_expressions,
    read_unlabelled,
    to_tensor,
)
from .loop import Options, Trainer
from .objective import Batch, Term
from .run import train
from .schedule import Schedule

MODEL = "au-gcn-edge"


class PlainHead(nn.Module):
    """The decision of :class:`AuGcnEdge` without the graph: every AU is joined to itself alone.

    Its layers are those of the network's own head, so that the graph's edges are all that differs.
    """

    def __init__(self, network: AuGcnEdge) -> None:
        super().__init__()
        units = len(ACTION_UNITS)
        deep, node = network.embed.weight.shape[1:]
        self.embed = UnitEmbedding(units, deep, node)
        self.graph = UnitGraph(node, node, node)
        self.graph.adjacency.copy_(torch.eye(units))
        self.classify = nn.Linear(network.classify.in_features, units)

    def forward(self, seen: Description) -> Tensor:
        nodes = self.graph(self.embed(seen.local))
        out: Tensor = self.classify(torch.cat([seen.align, seen.whole, nodes.flatten(1)], 1))
        return out


class Compared(nn.Module):
    """The network, and beside it a head without the graph on the same features."""

    def __init__(self, network: AuGcnEdge) -> None:
        super().__init__()
        self.network = network
        self.plain = PlainHead(network)

    def forward(self, image: Tensor) -> tuple[Tensor, Tensor, Tensor]:
        """Logits with the graph, without it, and landmarks."""
        net = self.network
        seen = net.describe(image)
        nodes = net.graph(net.embed(seen.local))
        logits = net.classify(torch.cat([seen.align, seen.whole, nodes.flatten(1)], 1))
        return logits, self.plain(seen), seen.landmarks


class WeakActionUnits:
    """Landmarks and weak labels of expressions, and of faces whose emotion nobody knows.

    Args:
        model: both heads on one trunk; the loss of each reaches the trunk.
        labelled: expressions.
        faces: faces with landmarks, a quarter of every batch; or None.
        batch: pictures per iteration.
        seed: of the order and the variation.
        align: weight of the landmark loss beside that of the action units.
    """

    def __init__(
        self,
        model: Compared,
        labelled: LabelledFaces,
        faces: LabelledFaces | None,
        batch: int,
        seed: int,
        align: float = 5.0,
    ) -> None:
        self.model = model
        self.sources = [labelled] if faces is None else [labelled, faces]
        self.counts = [batch] if faces is None else [batch - batch // 4, batch // 4]
        self.chances = [draw_weights(source) for source in self.sources]
        self.seed, self.align = seed, align
        self.weights = unit_weights(torch.from_numpy(labelled.labels)).clamp(0.25, 3.0)

    def batch(self, iteration: int) -> Batch:
        rng = np.random.default_rng((self.seed, 2, iteration))
        pictures, points, labels = [], [], []
        for source, count, chance in zip(self.sources, self.counts, self.chances, strict=True):
            for index in rng.choice(len(source), count, p=chance):
                picture, places = crop(source, int(index), rng)
                pictures.append(picture)
                points.append(places)
                labels.append(source.labels[index])
        return (
            to_tensor(np.stack(pictures)),
            torch.from_numpy(np.stack(points)),
            torch.from_numpy(np.stack(labels)),
        )

    def terms(self, batch: Batch, progress: float) -> Sequence[Term]:
        pictures, points, labels = batch
        with_graph, without, landmarks = self.model(pictures)
        weights = self.weights.to(pictures.device)
        found = [
            cross_entropy(logits.float(), labels, weights)
            + dice(torch.sigmoid(logits.float()), labels, weights)
            for logits in (with_graph, without)
        ]
        return (
            Term("graph", found[0]),
            Term("plain", found[1]),
            Term("alignment", self.align * alignment(landmarks.float(), points)),
        )


def predict(model: Compared, faces: LabelledFaces, batch: int = 32) -> tuple[np.ndarray, ...]:
    """Probabilities with and without the graph [N, 12], landmarks and their truth [N, 49, 2]."""
    where = next(model.parameters()).device
    model.eval()
    rows = []
    for start in range(0, len(faces), batch):
        cut = [crop(faces, index) for index in range(start, min(start + batch, len(faces)))]
        pictures = to_tensor(np.stack([picture for picture, _ in cut])).to(where)
        with torch.no_grad():
            graph, plain, landmarks = (x.float().cpu() for x in model(pictures))
        truth = np.stack([points for _, points in cut])
        rows.append((graph.sigmoid().numpy(), plain.sigmoid().numpy(), landmarks.numpy(), truth))
    return tuple(np.concatenate(column) for column in zip(*rows, strict=True))


def figures(model: Compared, faces: LabelledFaces) -> dict[str, float]:
    """Mean F1 and ABAW2 score with and without the graph, and the landmark error in percent."""
    graph, plain, landmarks, truth = predict(model, faces)
    eyes = np.linalg.norm(truth[:, 19] - truth[:, 28], axis=1)
    error = np.linalg.norm(landmarks - truth, axis=2).mean(1) / eyes
    with_graph, without = measure(graph, faces.labels), measure(plain, faces.labels)
    return {
        "f1/graph": with_graph.mean_f1,
        "f1/plain": without.mean_f1,
        "score/graph": with_graph.score,
        "score/plain": without.score,
        "nme": 100 * float(error.mean()),
    }


def main(
    data: Annotated[Path, typer.Option(help="Folder of expressions with labels and landmarks.")],
    out: options.Out,
    faces: Annotated[
        Path | None, typer.Option(help="Folder of aligned 128x128 faces, for landmarks as well.")
    ] = None,
    landmarks: Annotated[
        Path | None, typer.Option(help="Their landmarks; beside the folder by default.")
    ] = None,
    hours: options.Hours = None,
    iterations: options.Iterations = None,
    batch: Annotated[int, typer.Option(help="Pictures per iteration.")] = 16,
    rate: Annotated[float, typer.Option(help="Peak learning rate.")] = 1e-3,
    warmup: options.Warmup = 0.05,
    seed: options.Seed = 0,
    threads: Annotated[int, typer.Option(help="CPU cores to use.")] = 2,
    device: options.DeviceName = "auto",
    precision: options.Precision = "auto",
    save_every: options.SaveEvery = 100,
    check_every: options.CheckEvery = 0,
    tensorboard: options.Tensorboard = False,
) -> None:
    """Train au-gcn-edge on landmarks and weak labels, and a head without the graph beside it."""
    if batch < 4:
        raise InputError(f"--batch is {batch}; batch normalisation needs at least 4 pictures")
    torch.set_num_threads(threads)
    where = parallel.choose(device, precision)
    torch.manual_seed(seed)
    labelled = read_expressions(data, "train")
    held_out = read_expressions(data, "val")
    more = read_unlabelled(faces, landmarks or faces.parent / "landmarks68.csv") if faces else None
    network = AuGcnEdge()
    whole = torch.from_numpy(labelled.labels[(labelled.labels >= 0).all(1)])
    network.graph.adjacency.copy_(adjacency(whole))
    objective = WeakActionUnits(Compared(network), labelled, more, batch, seed)
    trainer = Trainer(
        objective,
        MODEL,
        options.budget(iterations, hours),
        Schedule(peak=rate, warmup=warmup),
        Options(part=batch, workers=1, weight_decay=1e-2, clip=5.0),
        device=where,
        seed=seed,
    )

    def check() -> Mapping[str, float]:
        return figures(trainer.averaged_model, held_out)  # type: ignore[arg-type]

    train(
        trainer,
        out,
        check,
        pace=options.pace(save_every, check_every),
        per_epoch=len(labelled) // batch,
        tensorboard=tensorboard,
    )


if __name__ == "__main__":
    command(main)

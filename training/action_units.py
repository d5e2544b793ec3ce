"""Recipe of the action-unit network (S3): ``python -m facedge.training.action_units --help``."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from enum import Enum
from pathlib import Path
from typing import Annotated, NamedTuple

import numpy as np
import torch
import typer
from numpy.typing import NDArray
from torch import Tensor

from facedge.errors import InputError
from facedge.models import registry
from facedge.models.au_gcn import AuGcn
from facedge.models.au_gcn_edge import AuGcnEdge
from facedge.progress import Advance

from . import options, parallel
from .au_datasets import read_abaw2, read_bp4d, read_disfa
from .au_losses import alignment, cross_entropy, dice, unit_weights
from .au_metric import measure
from .au_twins import Compared
from .command import command
from .expressions import (
    UnitFaces,
    crop,
    draw_weights,
    read_expressions,
    read_unlabelled,
    to_tensor,
)
from .landmark_error import error_percent
from .loop import Budget, Options, Trainer
from .networks import take_weights
from .objective import Batch, Objective, Term
from .run import Pace, train
from .schedule import Schedule
from .unit_frames import with_landmarks

MODEL = "au-gcn-edge"


class WeakActionUnits:
    """Landmarks and weak labels of expressions, and of faces whose emotion nobody knows.

    Args:
        model: all decisions on one trunk; the loss of each reaches the trunk.
        labelled: expressions.
        faces: faces with landmarks, a quarter of every batch; or None.
        batch: pictures per iteration.
        seed: of the order and the variation.
        align: weight of the landmark loss beside that of the action units.
    """

    def __init__(
        self,
        model: Compared,
        labelled: UnitFaces,
        faces: UnitFaces | None,
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
        logits, landmarks = self.model(pictures)
        weights = self.weights.to(pictures.device)
        return (
            *decision_terms(logits, labels, weights),
            Term("alignment", self.align * alignment(landmarks.float(), points)),
        )


def decision_terms(logits: Mapping[str, Tensor], labels: Tensor, weights: Tensor) -> list[Term]:
    """Cross-entropy and Dice of each decision.

    Args:
        logits: float [N, 12] by name of the decision.
        labels: int [N, 12] in {1, 0, -1}.
        weights: of each AU, float [12].
    """
    return [
        Term(
            name,
            cross_entropy(values.float(), labels, weights)
            + dice(torch.sigmoid(values.float()), labels, weights),
        )
        for name, values in logits.items()
    ]


class Predicted(NamedTuple):
    """What is found in N faces, and where their landmarks are.

    Attributes:
        probabilities: float32 [N, 12] by name of the decision.
        landmarks: float32 [N, 49, 2], x and y in pixels of the crop.
        truth: of the landmarks, likewise.
    """

    probabilities: dict[str, NDArray[np.float32]]
    landmarks: NDArray[np.float32]
    truth: NDArray[np.float32]


def predict(
    model: Compared, faces: UnitFaces, batch: int = 32, advance: Advance | None = None
) -> Predicted:
    """Read faces in crops as they are; ``advance`` is told of progress, in pictures."""
    where = next(model.parameters()).device
    model.eval()
    found, landmarks, truth = [], [], []
    for start in range(0, len(faces), batch):
        cut = [crop(faces, index) for index in range(start, min(start + batch, len(faces)))]
        pictures = to_tensor(np.stack([picture for picture, _ in cut])).to(where)
        with torch.no_grad():
            logits, places = model(pictures)
        found.append({k: v.float().sigmoid().cpu().numpy() for k, v in logits.items()})
        landmarks.append(places.float().cpu().numpy())
        truth.append(np.stack([points for _, points in cut]))
        if advance:
            advance(start + len(cut), len(faces))
    probabilities = {name: np.concatenate([row[name] for row in found]) for name in found[0]}
    return Predicted(probabilities, np.concatenate(landmarks), np.concatenate(truth))


def figures(model: Compared, faces: UnitFaces) -> dict[str, float]:
    """Mean F1 and ABAW2 score of each decision, and the landmark error in percent."""
    found = predict(model, faces)
    scores = {k: measure(v, faces.labels) for k, v in found.probabilities.items()}
    return {
        **{f"f1/{name}": score.mean_f1 for name, score in scores.items()},
        **{f"score/{name}": score.score for name, score in scores.items()},
        "nme": error_percent(found.landmarks, found.truth),
    }


class Dataset(str, Enum):
    """Where labels come from."""

    weak = "weak"
    abaw2 = "abaw2"
    disfa = "disfa"
    bp4d = "bp4d"


def read_sets(
    dataset: Dataset, data: Path, pictures: Path | None, landmarks: Path | None
) -> tuple[UnitFaces, UnitFaces]:
    """Faces to train on, and others to validate on.

    Weak labels have their own splits; of ABAW2 the folder beside ``Train_Set`` validates; of
    DISFA and BP4D a third of the subjects does.

    Raises:
        InputError: what the data set needs is missing or not what it has to be.
    """
    if dataset is Dataset.weak:
        return read_expressions(data, "train"), read_expressions(data, "val")
    if pictures is None or landmarks is None:
        raise InputError(f"--dataset {dataset.value} needs --pictures and --landmarks")
    if dataset is Dataset.abaw2:
        parts = [read_abaw2(data / name, pictures) for name in ("Train_Set", "Validation_Set")]
        train_set, held_out = (with_landmarks(part, pictures, landmarks) for part in parts)
        return train_set, held_out
    read = read_disfa if dataset is Dataset.disfa else read_bp4d
    return with_landmarks(read(data, pictures), pictures, landmarks).split()


def main(
    data: Annotated[
        Path,
        typer.Option(
            help="Folder of expressions with labels.csv and landmarks68.csv; or of the data "
            "set's annotations."
        ),
    ],
    out: options.Out,
    model: Annotated[str, typer.Option(help="au-gcn-edge or au-gcn.")] = MODEL,
    dataset: Annotated[Dataset, typer.Option(help="Whose labels.")] = Dataset.weak,
    pictures: Annotated[
        Path | None, typer.Option(help="Frames of the data set, but for weak labels.")
    ] = None,
    landmarks: Annotated[
        Path | None,
        typer.Option(help="CSV of 68 landmarks of each frame, named as a path from --pictures."),
    ] = None,
    faces: Annotated[
        Path | None,
        typer.Option(
            help="Folder of aligned 128x128 faces that teach landmarks as well; "
            "landmarks68.csv lies beside it."
        ),
    ] = None,
    init: Annotated[
        Path | None, typer.Option(help="Weights or a checkpoint of the model to start from.")
    ] = None,
    hours: options.Hours = None,
    iterations: options.Iterations = None,
    batch: options.Batch = 16,
    rate: options.Rate = 1e-3,
    warmup: options.Warmup = 0.05,
    seed: options.Seed = 0,
    threads: Annotated[int, typer.Option(help="CPU cores to use.")] = 2,
    device: options.DeviceName = "auto",
    precision: options.Precision = "auto",
    save_every: options.SaveEvery = 100,
    check_every: options.CheckEvery = 0,
    tensorboard: options.Tensorboard = False,
) -> None:
    """Train an action-unit network, and decisions without its graph beside it.

    Landmarks and AUs teach them. Weak labels follow from emotions; with the labels of
    Aff-Wild2, DISFA or BP4D it is the real thing. Run again with the same --out to go on.
    """
    if batch < 4:
        raise InputError(f"--batch is {batch}; batch normalisation needs at least 4 pictures")
    limit = options.budget(iterations, hours)
    torch.set_num_threads(threads)
    where = parallel.choose(device, precision)
    torch.manual_seed(seed)
    labelled, held_out = read_sets(dataset, data, pictures, landmarks)
    more = read_unlabelled(faces, faces.parent / "landmarks68.csv") if faces else None
    network = registry.get(model).build()
    if not isinstance(network, (AuGcn, AuGcnEdge)):
        raise InputError(f"--model is {model}; expected au-gcn-edge or au-gcn")
    if init:
        take_weights(network, init)
    network.decision.graph.connect(complete(labelled.labels))
    objective = WeakActionUnits(Compared(network), labelled, more, batch, seed)
    fit_heads(
        objective,
        model,
        held_out,
        out,
        limit=limit,
        schedule=Schedule(peak=rate, warmup=warmup),
        batch=batch,
        device=where,
        seed=seed,
        pace=options.pace(save_every, check_every),
        per_epoch=max(1, len(labelled) // batch),
        tensorboard=tensorboard,
    )


def fit_heads(
    objective: Objective,
    name: str,
    held_out: UnitFaces,
    out: Path,
    *,
    limit: Budget,
    schedule: Schedule,
    batch: int,
    device: parallel.Device,
    seed: int,
    pace: Pace,
    per_epoch: int,
    tensorboard: bool,
) -> None:
    """Train a :class:`Compared` and measure its decisions on held-out faces.

    Whole batches on one worker, as batch normalisation wants them.
    """
    stepping = Options(part=batch, workers=1, weight_decay=1e-2, clip=5.0)
    trainer = Trainer(objective, name, limit, schedule, stepping, device=device, seed=seed)

    def check() -> Mapping[str, float]:
        model = trainer.averaged_model
        assert isinstance(model, Compared)
        return figures(model, held_out)

    train(trainer, out, check, pace=pace, per_epoch=per_epoch, tensorboard=tensorboard)


def complete(labels: NDArray[np.int8]) -> Tensor:
    """Rows whose AUs are all labelled, for the graph's co-occurrence; missing columns count as off.

    An AU that a data set lacks altogether is joined to none.
    """
    coded = (labels >= 0).any(0)
    rows = labels[(labels[:, coded] >= 0).all(1)]
    return torch.from_numpy(np.maximum(rows, 0))


if __name__ == "__main__":
    command(main)

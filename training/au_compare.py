"""What the graph adds (S3): ``python -m facedge.training.au_compare --help``."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Annotated

import numpy as np
import torch
import typer
from numpy.typing import NDArray
from rich.console import Console
from rich.table import Table
from torch.nn import functional as F

from facedge.errors import InputError
from facedge.models import registry
from facedge.models.au_gcn import AuGcn
from facedge.models.au_gcn_edge import AuGcnEdge
from facedge.models.contract import ACTION_UNITS

from . import checkpoint as checkpoints
from .action_units import MODEL, Compared, predict
from .au_crop import expression_points
from .au_metric import AuScore, measure
from .command import command
from .expressions import LabelledFaces, read_expressions

DECAY = 1e-3


def linear_on_landmarks(
    known: LabelledFaces, faces: LabelledFaces, decay: float = DECAY
) -> NDArray[np.float64]:
    """Probabilities of a logistic regression of each AU on the 49 landmarks in the crop.

    Coordinates are standardised; the squared weights cost ``decay``; L-BFGS to its end.

    Args:
        known: faces to learn from.
        faces: faces to judge.
        decay: weight decay.

    Returns:
        float64 [N, 12].
    """
    raw = [
        expression_points(f.points).reshape(len(f), -1).astype(np.float64) for f in (known, faces)
    ]
    mean, deviation = raw[0].mean(0), raw[0].std(0) + 1e-9
    seen, judged = (
        torch.from_numpy(np.column_stack([(x - mean) / deviation, np.ones(len(x))])) for x in raw
    )
    columns = []
    for labels in torch.from_numpy(known.labels).T:
        rows = labels >= 0
        inputs, truth = seen[rows], labels[rows].double()
        weights = torch.zeros(seen.shape[1], dtype=torch.float64, requires_grad=True)
        optimiser = torch.optim.LBFGS([weights], max_iter=200, line_search_fn="strong_wolfe")

        def loss(x=inputs, y=truth, w=weights, step=optimiser) -> torch.Tensor:  # type: ignore[no-untyped-def]
            step.zero_grad()
            value: torch.Tensor = F.binary_cross_entropy_with_logits(x @ w, y)
            value = value + decay * w[:-1].square().sum()
            value.backward()  # type: ignore[no-untyped-call]
            return value

        optimiser.step(loss)  # type: ignore[no-untyped-call]
        columns.append(torch.sigmoid(judged @ weights.detach()).numpy())
    return np.stack(columns, 1)


def main(
    checkpoint: Annotated[Path, typer.Option(help="Of facedge.training.action_units or au_heads.")],
    data: Annotated[Path, typer.Option(help="Folder of expressions with labels and landmarks.")],
    model: Annotated[str, typer.Option(help="au-gcn-edge or au-gcn.")] = MODEL,
    split: Annotated[str, typer.Option(help="Held-out splits.")] = "val,test",
    threads: Annotated[int, typer.Option(help="CPU cores to use.")] = 2,
    as_json: Annotated[bool, typer.Option("--json", help="Print JSON.")] = False,
) -> None:
    """Print F1 of each AU: linear on landmarks, the network without its graph, and with it."""
    torch.set_num_threads(threads)
    network = registry.get(model).build()
    if not isinstance(network, (AuGcn, AuGcnEdge)):
        raise InputError(f"--model is {model}; expected au-gcn-edge or au-gcn")
    compared = Compared(network)
    compared.load_state_dict(checkpoints.read(checkpoint, model).average)
    faces = read_expressions(data, *split.split(","))
    graph, plain, _, _ = predict(compared, faces)
    linear = linear_on_landmarks(read_expressions(data, "train"), faces)
    scores = {
        "linear on landmarks": measure(linear, faces.labels),
        "without the graph": measure(plain, faces.labels),
        "with the graph": measure(graph, faces.labels),
    }
    if as_json:
        found = {name: score.record() for name, score in scores.items()}
        typer.echo(json.dumps({"pictures": len(faces), **found}))
        return
    Console(highlight=False).print(_table(scores, faces))


def _table(scores: dict[str, AuScore], faces: LabelledFaces) -> Table:
    table = Table(title=f"{len(faces)} faces, weak labels, F1", title_justify="left")
    for heading in ("", "faces with it", *scores):
        table.add_column(heading, justify="right" if heading else "left")
    counts = (faces.labels == 1).sum(0)
    for index, unit in enumerate(ACTION_UNITS):
        values = (score.f1[index] for score in scores.values())
        shown = ("–" if value is None else f"{value:.3f}" for value in values)
        table.add_row(f"AU{unit}", str(counts[index]), *shown)
    table.add_section()
    table.add_row("mean F1", "", *(f"{score.mean_f1:.4f}" for score in scores.values()))
    table.add_row("accuracy", "", *(f"{score.accuracy:.4f}" for score in scores.values()))
    return table


if __name__ == "__main__":
    command(main)

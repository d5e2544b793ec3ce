"""What the graph adds (S3): ``python -m facedge.training.au_compare --help``."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Annotated

import torch
import typer
from rich.console import Console
from rich.table import Table

from facedge.errors import InputError
from facedge.models import registry, weights
from facedge.models.au_gcn import AuGcn
from facedge.models.au_gcn_edge import AuGcnEdge
from facedge.models.contract import ACTION_UNITS

from . import checkpoint as checkpoints
from .action_units import MODEL, predict
from .au_baselines import ENDING, LINEAR, write_baselines
from .au_crop import expression_points
from .au_linear import fit_linear
from .au_metric import AuScore, measure
from .au_twins import TITLES, Compared
from .command import command
from .expressions import LabelledFaces, read_expressions


def main(
    checkpoint: Annotated[Path, typer.Option(help="Of facedge.training.action_units or au_heads.")],
    data: Annotated[Path, typer.Option(help="Folder of expressions with labels and landmarks.")],
    model: Annotated[str, typer.Option(help="au-gcn-edge or au-gcn.")] = MODEL,
    shipped: Annotated[
        Path | None,
        typer.Option(
            help="Weights that facedge.training.ship wrote of this checkpoint: NAME.safetensors. "
            "NAME-baselines.safetensors is written beside them, for facedge eval."
        ),
    ] = None,
    split: Annotated[str, typer.Option(help="Held-out splits.")] = "val,test",
    threads: Annotated[int, typer.Option(help="CPU cores to use.")] = 2,
    as_json: Annotated[bool, typer.Option("--json", help="Print JSON.")] = False,
) -> None:
    """Print F1 of each AU: of a linear classifier on landmarks, without the graph, and with it."""
    torch.set_num_threads(threads)
    network = registry.get(model).build()
    if not isinstance(network, (AuGcn, AuGcnEdge)):
        raise InputError(f"--model is {model}; expected au-gcn-edge or au-gcn")
    compared = Compared(network)
    compared.load_state_dict(checkpoints.read(checkpoint, model).average)
    faces = read_expressions(data, *split.split(","))
    found = predict(compared, faces).probabilities
    known = read_expressions(data, "train")
    linear = fit_linear(expression_points(known.points), known.labels)
    if shipped:
        stored = weights.load(registry.get(model), shipped).module
        assert isinstance(stored, (AuGcn, AuGcnEdge))
        beside = shipped.with_name(f"{shipped.stem}{ENDING}.safetensors")
        write_baselines(beside, stored, compared.twins, linear)
    judged = linear.probabilities(expression_points(faces.points))
    scores = {
        LINEAR: measure(judged, faces.labels),
        **{title: measure(found[k], faces.labels) for k, title in TITLES.items() if k in found},
    }
    if as_json:
        records = {name: score.record() for name, score in scores.items()}
        typer.echo(json.dumps({"pictures": len(faces), **records}))
        return
    Console(highlight=False).print(_table(scores, faces))


def _table(scores: dict[str, AuScore], faces: LabelledFaces) -> Table:
    table = Table(title=f"{len(faces)} faces, weak labels, F1", title_justify="left")
    for heading in ("", "faces with it", *scores):
        table.add_column(heading, justify="right" if heading else "left")
    counts = next(iter(scores.values())).positives
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

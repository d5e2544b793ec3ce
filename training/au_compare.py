"""What S3's graph has to be better than: ``python -m facedge.training.au_compare --help``."""

from __future__ import annotations

from pathlib import Path
from typing import Annotated

import torch
import typer
from torch import nn

from facedge.errors import InputError
from facedge.models import registry, weights
from facedge.models.au_gcn import AuGcn
from facedge.models.au_gcn_edge import AuGcnEdge

from . import checkpoint as checkpoints
from .action_units import MODEL
from .au_baselines import baselines_file, write_baselines
from .au_crop import expression_points
from .au_linear import fit_linear
from .au_twins import Compared
from .command import command
from .expressions import read_expressions


def main(
    checkpoint: Annotated[Path, typer.Option(help="Of facedge.training.action_units or au_heads.")],
    shipped: Annotated[
        Path,
        typer.Option(help="Weights that facedge.training.ship wrote of it: NAME.safetensors."),
    ],
    data: Annotated[Path, typer.Option(help="Folder of expressions with labels and landmarks.")],
    model: Annotated[str, typer.Option(help="au-gcn-edge or au-gcn.")] = MODEL,
) -> None:
    """Write NAME-baselines.safetensors, with which facedge eval compares NAME.safetensors.

    It holds the decisions without the graph that were trained beside the network, and a linear
    classifier that is fitted now to the landmarks of the training faces.
    """
    network = registry.get(model).build()
    if not isinstance(network, (AuGcn, AuGcnEdge)):
        raise InputError(f"--model is {model}; expected au-gcn-edge or au-gcn")
    compared = Compared(network)
    compared.load_state_dict(checkpoints.read(checkpoint, model).average)
    stored = weights.load(registry.get(model), shipped).module
    assert isinstance(stored, (AuGcn, AuGcnEdge))
    if not _same(stored, network):
        raise InputError(f"{shipped} does not hold the weights of {checkpoint}; ship it first")
    known = read_expressions(data, "train")
    linear = fit_linear(expression_points(known.points), known.labels)
    path = baselines_file(shipped)
    write_baselines(path, stored, compared.twins, linear)
    typer.echo(f"{path}: facedge eval --model {model} --weights {shipped} shows them")


def _same(stored: nn.Module, network: nn.Module) -> bool:
    """Whether weights agree up to storage in FP16, whose error is 2^-11."""
    pairs = zip(stored.state_dict().values(), network.state_dict().values(), strict=True)
    return all(torch.allclose(a, b, rtol=1e-3, atol=1e-6) for a, b in pairs)


if __name__ == "__main__":
    command(main)

"""What ``facedge eval`` measures: networks with weights, or bundles as they are played."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Any

import typer

from facedge.errors import InputError

if TYPE_CHECKING:
    from facedge.models.contract import ModelSpec

SEEDED = "seeded"
"""Source of weights that nobody trained."""


@dataclass(frozen=True)
class Subject:
    """A model to measure.

    Attributes:
        name: title of its table.
        spec: row of the registry.
        module: torch module.
        origin: what JSON says of it.
        first: number of the first step it gives.
        file: its weights, where they are a file.
    """

    name: str
    spec: ModelSpec
    module: Any
    origin: dict[str, object]
    first: int = 1
    file: Path | None = None


def network(spec: ModelSpec, file: Path | None = None) -> Subject:
    """A model with weights of a file or with those that ship; seeded ones are warned about."""
    from facedge.models import weights

    loaded = weights.load(spec, file)
    if loaded.source == SEEDED:
        typer.echo(
            f"the weights of {spec.name} are seeded, not trained: figures that rest on them "
            "mean nothing yet",
            err=True,
        )
    origin: dict[str, object] = {
        "model": spec.name,
        "weights": loaded.source,
        "weights_sha256": loaded.sha256,
    }
    path = file or weights.packaged(spec.name)
    return Subject(spec.name, spec, loaded.module, origin, file=path)


def bundle(path: Path, backend: str) -> Subject:
    """A bundle, played by a backend."""
    from facedge.models import registry
    from facedge.training.played import Played

    played = Played(path, backend)
    manifest = played.session.bundle.manifest
    if manifest.stateful:
        raise InputError(f"{path} carries a hidden state between pictures; build it without")
    spec = registry.get(manifest.model)
    origin: dict[str, object] = {
        "model": spec.name,
        "bundle": str(path),
        "precision": manifest.precision,
        "backend": played.session.backend,
        "weights_sha256": manifest.weights.sha256,
    }
    name = f"{manifest.name} on {played.session.backend}"
    return Subject(name, spec, played, origin, manifest.steps)


def chosen(
    models: Sequence[str], weights: Path | None, bundles: Sequence[Path], backend: str
) -> list[Subject]:
    """Subjects of a command line, all of one task.

    Raises:
        InputError: they are for two tasks, or weights were given for several.
    """
    from facedge.models import registry

    specs = [registry.get(name) for name in dict.fromkeys(models)]
    if weights and (len(specs) > 1 or bundles):
        raise InputError(
            f"--weights is for one model; found {len(specs) + len(bundles)}: give one --model"
        )
    _one_task(specs)
    subjects = [network(spec, weights) for spec in specs]
    subjects += [bundle(path, backend) for path in bundles]
    _one_task([subject.spec for subject in subjects])
    return subjects


def _one_task(specs: Sequence[ModelSpec]) -> None:
    tasks = sorted({spec.task for spec in specs})
    if len(tasks) > 1:
        names = ", ".join(spec.name for spec in specs)
        raise InputError(f"{names} are for {' and '.join(tasks)}; evaluate each task by itself")

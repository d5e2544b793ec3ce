"""``facedge eval``: every quality figure of a model card, from the weights that ship."""

from __future__ import annotations

import json
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import TYPE_CHECKING

import typer

from facedge.errors import InputError
from facedge.extras import require
from facedge.progress import Stages

from . import figures

if TYPE_CHECKING:
    from facedge.models.contract import ModelSpec
    from facedge.models.weights import LoadedModel

SEEDED = "seeded"
"""Source of weights that nobody trained."""


def evaluate(
    data: Path = typer.Option(
        ...,
        "--data",
        help="Folder of aligned faces: 128x128 for super-resolution, 200x200 for action units.",
        show_default=False,
    ),
    model: list[str] = typer.Option(
        ["fsr-student"],
        "--model",
        "-m",
        help="Model name; see `facedge models`. Give it again for several of one task.",
    ),
    weights: Path | None = typer.Option(
        None, "--weights", help="Your safetensors file. Default: the shipped weights."
    ),
    lr: Path | None = typer.Option(
        None, "--lr", help="Folder of real low-resolution faces of any size, without truth."
    ),
    landmarks: Path | None = typer.Option(
        None,
        "--landmarks",
        help="CSV of file, x0, y0, ..., x67, y67; files as paths from the CSV's folder.",
    ),
    split: str | None = typer.Option(
        None, "--split", help="Rows of labels.csv to take, for action units. Default: test."
    ),
    au_model: str = typer.Option(
        "au-gcn-edge", "--au-model", help="Action-unit model that compares faces."
    ),
    sheet: Path | None = typer.Option(
        None, "--sheet", help="Write faces side by side to this .png file."
    ),
    threads: int | None = typer.Option(
        None, "--threads", min=1, help="CPU threads. Default: torch's choice."
    ),
    as_json: bool = typer.Option(False, "--json", help="Print one JSON array, a model each."),
) -> None:
    """Measure models on faces: PSNR, SSIM, consistency, action units, landmarks.

    A super-resolution model is compared with bicubic, step by step, on 128x128
    faces that are made small first. An action-unit model reads 200x200 faces;
    labels.csv and landmarks68.csv in their folder say what they show.

    Example: [bold]facedge eval --model fsr-student --data faces/test --landmarks
    faces/landmarks68.csv[/bold]
    """
    for module in ("torch", "safetensors"):
        require(module, "training", "evaluate a model")
    import torch

    from facedge.models import registry

    if threads:
        torch.set_num_threads(threads)
    specs = [registry.get(name) for name in dict.fromkeys(model)]
    task = _one_task(specs)
    if weights and len(specs) > 1:
        raise InputError(f"--weights is for one model; found {len(specs)}: give one --model")
    if task == "action-units":
        _refuse(task, {"--lr": lr, "--sheet": sheet, "--landmarks": landmarks})
        records = _action_units(specs, weights, data, split or "test", as_json)
    else:
        _refuse(task, {"--split": split})
        reader = registry.get(au_model)
        if reader.task != "action-units":
            raise InputError(f"--au-model {au_model} is for {reader.task}; expected action-units")
        records = _faces(specs, weights, data, lr, landmarks, reader, sheet, as_json)
    if as_json:
        print(json.dumps(records, indent=1))


def _faces(
    specs: Sequence[ModelSpec],
    weights: Path | None,
    data: Path,
    lr: Path | None,
    landmarks: Path | None,
    reader: ModelSpec,
    sheet: Path | None,
    as_json: bool,
) -> list[dict[str, object]]:
    """Evaluate super-resolution models; print tables unless ``as_json``; records for JSON."""
    from facedge.training.data import read_faces
    from facedge.training.face_quality import evaluate_faces, evaluate_real
    from facedge.training.landmark_error import landmarks_of_pictures
    from facedge.training.real import read_real
    from facedge.training.sheet import write_face_sheet, write_real_sheet

    if sheet and sheet.suffix.lower() != ".png":
        raise InputError(f"--sheet is {sheet}; expected a name that ends in .png")
    faces = read_faces(data, specs[0].output_size)
    points = None
    if landmarks:
        points = landmarks_of_pictures(landmarks, [data / name for name in faces.names])
    real_faces = {size: read_real(lr, size) for size in {s.input_size for s in specs} if lr}
    networks = [(spec, _load(spec, weights)) for spec in specs]
    comparer = _load(reader)
    records = []
    for spec, network in networks:
        stages = Stages(quiet=as_json)
        found = evaluate_faces(
            network.module,
            faces.pixels,
            spec.input_size,
            comparer.module,
            points=points,
            stages=stages,
        )
        record = {
            **_origin(spec, network),
            **found.record(),
            "au_model": reader.name,
            "au_weights": comparer.source,
            "au_weights_sha256": comparer.sha256,
        }
        if not as_json:
            figures.print_faces(spec.name, found, reader.name)
        name = f"-{spec.name}" if len(specs) > 1 else ""
        if sheet:
            write_face_sheet(found.restored, faces.pixels, _beside(sheet, name))
        if lr:
            real = evaluate_real(network.module, real_faces[spec.input_size].pixels, stages)
            record["real"] = real.record()
            if not as_json:
                figures.print_real(spec.name, real)
            if sheet:
                write_real_sheet(real.restored, _beside(sheet, f"{name}-lr"))
        records.append(record)
    return records


def _action_units(
    specs: Sequence[ModelSpec], weights: Path | None, data: Path, split: str, as_json: bool
) -> list[dict[str, object]]:
    """Evaluate action-unit models; print tables unless ``as_json``; records for JSON."""
    from facedge.models.contract import ACTION_UNITS
    from facedge.training.action_unit_quality import evaluate_action_units
    from facedge.training.au_crop import expression_crop, expression_points
    from facedge.training.expressions import read_expressions

    faces = read_expressions(data, split)
    pixels, points = expression_crop(faces.pixels), expression_points(faces.points)
    networks = [(spec, _load(spec, weights)) for spec in specs]
    records = []
    for spec, network in networks:
        with Stages(quiet=as_json).stage(f"Reading {len(faces)} faces") as stage:
            found = evaluate_action_units(
                network.module, pixels, faces.labels, points, advance=stage.advance
            )
        records.append({**_origin(spec, network), "split": split, **found.record()})
        if not as_json:
            figures.print_action_units(f"{spec.name}, weak labels", found, ACTION_UNITS)
    return records


def _load(spec: ModelSpec, file: Path | None = None) -> LoadedModel:
    from facedge.models import weights

    loaded = weights.load(spec, file)
    if loaded.source == SEEDED:
        typer.echo(
            f"the weights of {spec.name} are seeded, not trained: figures that rest on them "
            "mean nothing yet",
            err=True,
        )
    return loaded


def _origin(spec: ModelSpec, network: LoadedModel) -> dict[str, object]:
    return {"model": spec.name, "weights": network.source, "weights_sha256": network.sha256}


def _beside(sheet: Path, ending: str) -> Path:
    return sheet.with_name(f"{sheet.stem}{ending}{sheet.suffix}")


def _one_task(specs: Sequence[ModelSpec]) -> str:
    tasks = sorted({spec.task for spec in specs})
    if len(tasks) > 1:
        names = ", ".join(spec.name for spec in specs)
        raise InputError(f"{names} are for {' and '.join(tasks)}; evaluate each task by itself")
    return tasks[0]


def _refuse(task: str, options: Mapping[str, object]) -> None:
    for name, value in options.items():
        if value is not None:
            raise InputError(f"{name} has no meaning for {task}; leave it out")

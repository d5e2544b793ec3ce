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

from . import figures, subjects

if TYPE_CHECKING:
    from facedge.training.au_metric import AuScore

    from .subjects import Subject


def evaluate(
    data: Path = typer.Option(
        ...,
        "--data",
        help="Folder of aligned faces: 128x128 for super-resolution, 200x200 for action units.",
        show_default=False,
    ),
    model: list[str] = typer.Option(
        [],
        "--model",
        "-m",
        help="Model name; see `facedge models`. Give it again for several of one task. "
        "Default: fsr-student.",
        show_default=False,
    ),
    weights: Path | None = typer.Option(
        None, "--weights", help="Your safetensors file. Default: the shipped weights."
    ),
    bundle: list[Path] = typer.Option(
        [],
        "--bundle",
        help="Bundle to measure as it is played; may be given again.",
        show_default=False,
    ),
    backend: str = typer.Option("auto", "--backend", help="What plays the bundles."),
    lr: Path | None = typer.Option(
        None, "--lr", help="Folder of real low-resolution faces of any size, without truth."
    ),
    degradation: Path | None = typer.Option(
        None,
        "--degradation",
        help="Learned degradation that makes the faces small, in place of bicubic.",
    ),
    landmarks: Path | None = typer.Option(
        None,
        "--landmarks",
        help="CSV of file, x0, y0, ..., x67, y67; files as paths from the CSV's folder.",
    ),
    split: str | None = typer.Option(
        None, "--split", help="Rows of labels.csv to take, such as val,test. Default: test."
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
    names = model or ([] if bundle else ["fsr-student"])
    measured = subjects.chosen(names, weights, bundle, backend)
    task = measured[0].spec.task
    if task == "action-units":
        given = {"--lr": lr, "--sheet": sheet, "--landmarks": landmarks}
        _refuse(task, {**given, "--degradation": degradation})
        records = _action_units(measured, data, split or "test", as_json)
    else:
        _refuse(task, {"--split": split})
        reader = registry.get(au_model)
        if reader.task != "action-units":
            raise InputError(f"--au-model {au_model} is for {reader.task}; expected action-units")
        comparer = subjects.network(reader)
        records = _faces(measured, data, lr, degradation, landmarks, comparer, sheet, as_json)
    if as_json:
        print(json.dumps(records, indent=1))


def _faces(
    measured: Sequence[Subject],
    data: Path,
    lr: Path | None,
    degradation: Path | None,
    landmarks: Path | None,
    reader: Subject,
    sheet: Path | None,
    as_json: bool,
) -> list[dict[str, object]]:
    """Evaluate super-resolution models; print tables unless ``as_json``; records for JSON."""
    from facedge.training.data import read_faces
    from facedge.training.degradation import Degradation, load_degradation
    from facedge.training.face_quality import evaluate_faces, evaluate_real
    from facedge.training.landmark_error import landmarks_of_pictures
    from facedge.training.real import read_real
    from facedge.training.sheet import write_face_sheet, write_real_sheet

    if sheet and sheet.suffix.lower() != ".png":
        raise InputError(f"--sheet is {sheet}; expected a name that ends in .png")
    specs = [subject.spec for subject in measured]
    faces = read_faces(data, specs[0].output_size)
    points = None
    if landmarks:
        points = landmarks_of_pictures(landmarks, [data / name for name in faces.names])
    real_faces = {size: read_real(lr, size) for size in {s.input_size for s in specs} if lr}
    learned = {
        spec.name: load_degradation(degradation, spec.output_size // spec.input_size)
        for spec in specs
        if degradation
    }
    records = []
    for number, subject in enumerate(measured):
        spec, stages = subject.spec, Stages(quiet=as_json)
        found = evaluate_faces(
            subject.module,
            faces.pixels,
            spec.input_size,
            reader.module,
            points=points,
            # Anew for every model, so that each meets the same noise.
            degrade=Degradation(learned[spec.name]) if degradation else None,
            stages=stages,
            first=subject.first,
        )
        record = {
            **subject.origin,
            "degradation": str(degradation) if degradation else "bicubic",
            **found.record(),
            "au_model": reader.name,
            "au_weights": reader.origin["weights"],
            "au_weights_sha256": reader.origin["weights_sha256"],
        }
        if not as_json:
            figures.print_faces(subject.name, found, reader.name)
        ending = f"-{_file_name(measured, number)}" if len(measured) > 1 else ""
        if sheet:
            write_face_sheet(found.restored, faces.pixels, _beside(sheet, ending))
        if lr:
            real = evaluate_real(subject.module, real_faces[spec.input_size].pixels, stages)
            record["real"] = real.record()
            if not as_json:
                figures.print_real(subject.name, real, subject.first)
            if sheet:
                write_real_sheet(real.restored, _beside(sheet, f"{ending}-lr"))
        records.append(record)
    return records


def _action_units(
    measured: Sequence[Subject], data: Path, split: str, as_json: bool
) -> list[dict[str, object]]:
    """Evaluate action-unit models; print tables unless ``as_json``; records for JSON."""
    from facedge.models.contract import ACTION_UNITS
    from facedge.training.action_unit_quality import evaluate_action_units, evaluate_beside
    from facedge.training.au_baselines import baselines_of
    from facedge.training.au_crop import expression_crop, expression_points
    from facedge.training.au_twins import GRAPH, TITLES
    from facedge.training.expressions import read_expressions

    faces = read_expressions(data, *split.split(","))
    stages = Stages(quiet=as_json)
    records = []
    for subject in measured:
        beside: dict[str, AuScore] = {}
        baselines = baselines_of(subject.module, subject.file)
        with stages.stage(f"Reading {len(faces)} faces") as stage:
            if baselines:
                found, beside = evaluate_beside(baselines, faces, stage.advance)
            else:
                pixels, points = expression_crop(faces.pixels), expression_points(faces.points)
                found = evaluate_action_units(
                    subject.module, pixels, faces.labels, points, advance=stage.advance
                )
        record = {**subject.origin, "split": split, **found.record()}
        if beside:
            record["baselines"] = {heading: score.record() for heading, score in beside.items()}
        records.append(record)
        if not as_json:
            columns = {**beside, TITLES[GRAPH] if beside else "F1": found.score}
            title = f"{subject.name}, weak labels"
            figures.print_action_units(title, found, ACTION_UNITS, columns)
    return records


def _file_name(measured: Sequence[Subject], number: int) -> str:
    """A model's part of a file name; its number too where the model comes twice."""
    name = measured[number].spec.name
    twice = sum(subject.spec.name == name for subject in measured) > 1
    return f"{name}-{number + 1}" if twice else name


def _beside(sheet: Path, ending: str) -> Path:
    return sheet.with_name(f"{sheet.stem}{ending}{sheet.suffix}")


def _refuse(task: str, options: Mapping[str, object]) -> None:
    for name, value in options.items():
        if value is not None:
            raise InputError(f"{name} has no meaning for {task}; leave it out")

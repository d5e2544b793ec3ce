"""Every recipe by its command line, one feeding the next, for as long as its loss needs to fall.

On both cores of a small machine all of it takes less than two minutes: a few pictures, which the
networks, at their full size, learn by heart.
"""

from __future__ import annotations

import json
from collections.abc import Callable
from pathlib import Path

import numpy as np
import pytest
import typer
from training_trees import (
    crops,
    face_points,
    write_expressions,
    write_landmarks,
    write_pictures,
)
from typer.testing import CliRunner

from facedge.models import registry, weights
from facedge.training import action_units, degradation, denet, priors, ship, student, teacher

EMOTIONS = ("anger", "happiness", "neutral", "sadness", "surprise", "fear")
FACES = 2


def command(main: Callable[..., None], *arguments: object) -> None:
    """Run a recipe as its command line would."""
    app = typer.Typer()
    app.command()(main)
    done = CliRunner().invoke(app, [str(argument) for argument in arguments])
    assert done.exit_code == 0, done.exception or done.output


def losses(out: Path, name: str = "loss") -> list[float]:
    """What a run logged, from first to last."""
    lines = [json.loads(line) for line in (out / "log.jsonl").read_text().splitlines()]
    found = [line[name] for line in lines if name in line]
    assert len(found) >= 4
    assert np.isfinite(found).all()
    return found


def fell(values: list[float], share: float = 1.0) -> bool:
    """Whether the mean of the last half is below a share of the first half's."""
    half = len(values) // 2
    return float(np.mean(values[-half:])) < share * float(np.mean(values[:half]))


@pytest.fixture(scope="module")
def tree(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """Faces, real faces, expressions, and landmarks of all of them."""
    root = tmp_path_factory.mktemp("smoke")
    names = write_pictures(root / "faces", crops(FACES))
    spread = np.random.default_rng(0).normal(0, 2, (FACES, 68, 2))
    table = [f"faces/{name}" for name in names]
    write_landmarks(root / "landmarks68.csv", table, face_points() + spread)
    write_pictures(root / "real", crops(4, seed=1, side=20))
    splits = ["train"] * len(EMOTIONS) + ["val"] * 2
    write_expressions(root / "expressions", EMOTIONS + EMOTIONS[:2], splits)
    return root


@pytest.fixture(scope="module")
def denet_run(tree: Path) -> Path:
    out = tree / "denet"
    folders = "--data", tree / "faces", "--real", tree / "real", "--out", out
    length = "--iterations", 32, "--batch", FACES, "--save-every", 8, "--check-every", 32
    command(denet.main, *folders, *length, "--rate", 1e-3)
    return out


def test_the_degradation_and_its_critic_learn(denet_run: Path) -> None:
    assert fell(losses(denet_run, "loss/content"))
    assert fell(losses(denet_run, "loss/critic"))
    assert degradation.load_degradation(denet_run / "denet.safetensors", 8).scale == 8


@pytest.fixture(scope="module")
def teacher_run(tree: Path, denet_run: Path) -> Path:
    out = tree / "teacher"
    command(
        teacher.main,
        *("--data", tree / "faces", "--out", out),
        *("--degradation", denet_run / "denet.safetensors"),
        *("--iterations", 20, "--batch", FACES, "--save-every", 5, "--warmup", 0.3),
        *("--grow", 0, "--settle", 1, "--warp", 0),
    )
    return out


def shipped(run: Path, name: str, faces: Path) -> Path:
    """A run's averaged weights as a file of the model ``name``."""
    path = run / f"{name}.safetensors"
    command(
        ship.main,
        *("--checkpoint", run / "last.pt", "--model", name, "--data", faces),
        *("--summary", "crops", "--out", path),
    )
    assert weights.load(registry.get(name), path).metadata["source"] == "trained"
    return path


def test_the_teacher_learns(teacher_run: Path) -> None:
    assert fell(losses(teacher_run, "loss/pairs"), 0.99)


@pytest.fixture(scope="module")
def student_run(tree: Path, denet_run: Path, teacher_run: Path) -> Path:
    out = tree / "student"
    command(
        student.main,
        *("--data", tree / "faces", "--val", tree / "faces", "--out", out),
        *("--degradation", denet_run / "denet.safetensors", "--real", tree / "real"),
        *("--teacher", shipped(teacher_run, "fsr-teacher", tree / "faces")),
        *("--iterations", 48, "--batch", FACES, "--real-batch", 1),
        *("--save-every", 12, "--check-every", 48, "--warmup", 0.2),
        *("--grow", 0, "--settle", 1, "--warp", 0),
    )
    return out


def test_the_student_learns_from_pairs_its_teacher_and_the_cycle(student_run: Path) -> None:
    assert fell(losses(student_run), 0.98)
    assert fell(losses(student_run, "loss/pairs"), 0.99)
    assert fell(losses(student_run, "loss/pseudo"))
    # The cycle's own degradation moves at the same time: these two may rise for a while.
    assert max(losses(student_run, "loss/cycle")) > 0
    assert max(losses(student_run, "loss/degrade")) > 0


@pytest.fixture(scope="module")
def units_run(tree: Path) -> Path:
    out = tree / "units"
    command(
        action_units.main,
        *("--data", tree / "expressions", "--faces", tree / "faces", "--out", out),
        *("--iterations", 24, "--batch", 4, "--save-every", 6, "--check-every", 24),
    )
    return out


def test_the_action_unit_network_learns(units_run: Path) -> None:
    assert fell(losses(units_run), 0.95)


@pytest.fixture(scope="module")
def priors_run(tree: Path, student_run: Path, units_run: Path) -> Path:
    out = tree / "priors"
    command(
        priors.main,
        *("--data", tree / "faces", "--out", out, "--init", student_run / "last.pt"),
        *("--units", shipped(units_run, "au-gcn-edge", tree / "faces")),
        *("--iterations", 16, "--batch", FACES, "--save-every", 4, "--warmup", 0.2),
        *("--settle", 1, "--warp", 0),
    )
    return out


def test_the_network_with_priors_learns_pictures_landmarks_and_units(priors_run: Path) -> None:
    assert fell(losses(priors_run), 0.98)
    assert fell(losses(priors_run, "loss/heatmaps"), 0.9)
    assert fell(losses(priors_run, "loss/units"))

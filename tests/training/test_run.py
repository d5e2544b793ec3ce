"""A run on disk: its log, checkpoints, checks, and TensorBoard."""

from __future__ import annotations

import json
from pathlib import Path

import numpy as np
import pytest
import torch
from line_objective import Line

from facedge.training import checkpoint
from facedge.training.loop import Budget, Report, Trainer
from facedge.training.parallel import Device
from facedge.training.run import Log, Pace, train


def trainer(iterations: int, device: Device | None = None) -> Trainer:
    return Trainer(Line(), "line", Budget(iterations=iterations), device=device)


def lines(out: Path) -> list[dict[str, float]]:
    return [json.loads(line) for line in (out / "log.jsonl").read_text().splitlines()]


def test_a_run_logs_checks_and_saves_at_its_pace_and_at_the_end(tmp_path: Path) -> None:
    checked, saved = [], []
    run = trainer(11)
    save = run.save

    def saving(path: Path) -> None:
        saved.append(run.iteration)
        save(path)

    def check() -> dict[str, float]:
        checked.append(run.iteration)
        return {"figure": 0.5}

    run.save = saving  # type: ignore[method-assign]
    train(run, tmp_path / "run", check, pace=Pace(report=2, save=6, check=4))
    reports = [line for line in lines(tmp_path / "run") if "loss/fit" in line]
    assert [line["iteration"] for line in reports] == [2, 4, 6, 8, 10, 11]
    assert set(reports[0]) == {"iteration", "loss/fit", "rate", "seconds"}
    assert reports[-1]["loss/fit"] < reports[0]["loss/fit"]
    assert checked == [4, 8, 11]
    assert [line for line in lines(tmp_path / "run") if "figure" in line] == [
        {"iteration": iteration, "figure": 0.5} for iteration in checked
    ]
    assert saved == [6, 11]
    assert checkpoint.read(tmp_path / "run" / "last.pt", "line").iteration == 11


def test_a_run_goes_on_where_it_ended_and_a_finished_one_does_nothing(tmp_path: Path) -> None:
    train(trainer(4), tmp_path, pace=Pace(report=2))
    longer = trainer(6)
    train(longer, tmp_path, pace=Pace(report=2))
    assert [line["iteration"] for line in lines(tmp_path)] == [2, 4, 6]
    assert longer.objective.asked == [4, 5, 6]  # type: ignore[attr-defined]
    before = (tmp_path / "last.pt").read_bytes()
    train(trainer(6), tmp_path)
    assert len(lines(tmp_path)) == 3
    assert (tmp_path / "last.pt").read_bytes() == before


def test_checks_come_every_epoch_where_no_pace_is_given(tmp_path: Path) -> None:
    run, checked = trainer(7), []

    def check() -> dict[str, float]:
        checked.append(run.iteration)
        return {}

    train(run, tmp_path, check, per_epoch=3)
    assert checked == [3, 6, 7]


def test_an_epoch_shorter_than_a_batch_ends_all_the_same(tmp_path: Path) -> None:
    run = trainer(2)
    train(run, tmp_path, per_epoch=0)
    assert run.iteration == 2


def test_several_terms_have_a_sum_and_names(tmp_path: Path) -> None:
    report = Report(5, 0.5, 0.75, {"a": 0.5, "b": 0.25}, 1e-3, 0.1)
    Log(tmp_path, tensorboard=False).report(report)
    assert lines(tmp_path) == [
        {"iteration": 5, "loss": 0.75, "loss/a": 0.5, "loss/b": 0.25, "rate": 1e-3, "seconds": 0.1}
    ]


def test_only_the_first_process_writes(tmp_path: Path) -> None:
    second = Device(torch.device("cpu"), bfloat16=False, rank=1)
    run = trainer(3, second)
    train(run, tmp_path / "run", lambda: pytest.fail("checked"), pace=Pace(1, 1, 1))
    assert run.iteration == 3
    assert not (tmp_path / "run").exists()


def test_the_terminal_shows_every_line(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    train(trainer(2), tmp_path, pace=Pace(report=1))
    shown = capsys.readouterr().err.splitlines()
    assert len(shown) == 2
    assert shown[1].split()[:2] == ["2", "loss/fit"]


def test_tensorboard_has_the_same_figures_and_pictures(tmp_path: Path) -> None:
    pytest.importorskip("tensorboard")
    from tensorboard.backend.event_processing.event_accumulator import EventAccumulator

    train(trainer(4), tmp_path, lambda: {"psnr": 20.5}, pace=Pace(report=2), tensorboard=True)
    log = Log(tmp_path, tensorboard=True)
    log.picture(4, "sheet", np.full((8, 6, 3), 200, np.uint8))
    log.writer.close()
    assert len(list(tmp_path.glob("events.out.tfevents.*"))) == 2
    events = EventAccumulator(str(tmp_path))
    events.Reload()
    told = [(event.step, event.value) for event in events.Scalars("loss/fit")]
    wanted = [(line["iteration"], line["loss/fit"]) for line in lines(tmp_path)[:2]]
    # TensorBoard stores float32, the log six digits after the point.
    assert [step for step, _ in told] == [step for step, _ in wanted]
    assert [v for _, v in told] == pytest.approx([v for _, v in wanted], abs=1e-6)
    assert [(event.step, event.value) for event in events.Scalars("psnr")] == [(4, 20.5)]
    picture = events.Images("sheet")[0]
    assert (picture.height, picture.width) == (8, 6)

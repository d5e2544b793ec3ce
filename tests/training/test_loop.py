"""The loop learns, resumes to the bit, and stops on a loss that is not finite."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import pytest
import torch
from torch import nn

from facedge.errors import InputError
from facedge.models.edges import Canny
from facedge.models.fsr_student import FsrStudent
from facedge.training import checkpoint
from facedge.training.data import Batches
from facedge.training.loop import Budget, DetachedEdges, Trainer, TrainingError
from facedge.training.schedule import Schedule


def trainer(
    pixels: np.ndarray, iterations: int, seed: int = 0, name: str = "tiny", **options: int
) -> Trainer:
    torch.manual_seed(seed)
    model = FsrStudent(width=32, deep=32, deep_blocks=1)
    return Trainer(
        model,
        name,
        Batches(pixels, 4, seed),
        Budget(iterations=iterations),
        Schedule(peak=2e-3, grow=0.3, warmup=0.1, settle=1.0),
        seed=seed,
        bfloat16=False,
        decay=0.9,
        **options,
    )


SPLITS = ({"part": 2}, {"part": 2, "workers": 2}, {"part": 4})


def finish(run: Trainer) -> list[float]:
    losses = []
    while run.progress < 1:
        losses.append(run.run(report_every=10).loss)
    return losses


def same(a: nn.Module, b: nn.Module) -> bool:
    pairs = zip(a.state_dict().values(), b.state_dict().values(), strict=True)
    return all(torch.equal(x, y) for x, y in pairs)


def test_the_loss_of_the_last_step_falls(pixels: np.ndarray) -> None:
    run = trainer(pixels, 60)
    run.schedule = Schedule(peak=2e-3, grow=0.0, settle=1.0)
    losses = finish(run)
    assert len(losses) == 6
    # Means of ten iterations; measured 0.112 -> 0.084, of which the batches' own noise is 0.005.
    assert losses[-1] < 0.85 * losses[0]


def test_a_resumed_run_equals_an_uninterrupted_one(pixels: np.ndarray, tmp_path: Path) -> None:
    whole = trainer(pixels, 20)
    finish(whole)
    first = trainer(pixels, 20)
    first.run(report_every=9)
    first.save(tmp_path / "last.pt")
    second = trainer(pixels, 20)
    with torch.no_grad():  # whatever it was, the checkpoint replaces it
        for value in second.model.parameters():
            value.add_(1)
    second.resume(tmp_path / "last.pt")
    assert second.iteration == 9
    finish(second)
    assert same(second.model, whole.model)
    assert same(second.averaged_model, whole.averaged_model)
    assert not same(whole.averaged_model, whole.model)


def test_workers_change_nothing_and_parts_only_the_order_of_sums(pixels: np.ndarray) -> None:
    alone, pair, whole = (trainer(pixels, 3, **options) for options in SPLITS)
    gradients = []
    for run in (alone, pair, whole):
        run.run(report_every=1)
        gradients.append([value.grad for value in run.model.parameters()])
    assert same(alone.model, pair.model)
    # Float32 sums in another order: relative to the largest entry, a few parts in a million.
    for a, b in zip(gradients[0], gradients[2], strict=True):
        if a is None or b is None:
            assert a is b
            continue
        assert float((a - b).abs().max()) < 1e-4 * float(b.abs().max()) + 1e-9


def test_the_average_is_a_plain_network_with_the_same_weights_names(pixels: np.ndarray) -> None:
    run = trainer(pixels, 2)
    finish(run)
    plain = FsrStudent(width=32, deep=32, deep_blocks=1)
    plain.load_state_dict(run.averaged_model.state_dict())
    assert list(plain.state_dict()) == list(run.model.state_dict())


def test_bfloat16_training_leaves_edges_and_pictures_in_float32() -> None:
    image = torch.rand(1, 3, 128, 128, generator=torch.Generator().manual_seed(0))
    with torch.autocast("cpu", dtype=torch.bfloat16):
        found = DetachedEdges(Canny())(image.requires_grad_())
    assert torch.equal(found, Canny()(image))
    assert 0.01 < float(found.mean()) < 0.99
    assert not found.requires_grad


def test_a_loss_that_is_not_finite_stops_and_keeps_the_weights(
    pixels: np.ndarray, tmp_path: Path
) -> None:
    run = trainer(pixels, 20)
    run.run(report_every=2)
    run.save(tmp_path / "last.pt")
    bias = run.model.head.conv.bias
    assert bias is not None
    with torch.no_grad():
        bias[0] = torch.nan
    with pytest.raises(TrainingError, match=r"loss became nan .* at iteration 2; the last good"):
        run.run()
    kept = checkpoint.read(tmp_path / "last.pt")
    assert kept.iteration == 2
    assert all(bool(torch.isfinite(v).all()) for v in kept.weights.values())


def test_a_checkpoint_of_another_network_or_seed_is_refused(
    pixels: np.ndarray, tmp_path: Path
) -> None:
    trainer(pixels, 4).save(tmp_path / "last.pt")
    with pytest.raises(InputError, match="is a checkpoint of tiny; expected other"):
        trainer(pixels, 4, name="other").resume(tmp_path / "last.pt")
    with pytest.raises(InputError, match="begun with --seed 0; found --seed 1"):
        trainer(pixels, 4, seed=1).resume(tmp_path / "last.pt")


@pytest.mark.parametrize("content", [b"", b"PK\x03\x04 torn", b"not a checkpoint"])
def test_a_file_that_is_no_checkpoint_is_named(tmp_path: Path, content: bytes) -> None:
    path = tmp_path / "last.pt"
    path.write_bytes(content)
    with pytest.raises(InputError, match=r"last\.pt is not a training checkpoint"):
        checkpoint.read(path)


def test_other_torch_files_are_not_checkpoints(tmp_path: Path) -> None:
    path = tmp_path / "last.pt"
    torch.save({"weight": torch.zeros(2)}, path)
    with pytest.raises(InputError, match="not a training checkpoint"):
        checkpoint.read(path)
    with pytest.raises(InputError, match="does not exist"):
        checkpoint.read(tmp_path / "none.pt")


def test_a_budget_of_hours_ends_by_the_clock() -> None:
    budget = Budget(hours=2.0)
    assert budget.progress(10**6, 3600) == pytest.approx(0.5)
    assert budget.progress(0, 7200) == 1.0
    assert Budget(iterations=10, hours=2.0).progress(9, 60) == pytest.approx(0.9)
    assert Budget().progress(0, 0) == 1.0

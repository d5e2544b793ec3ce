"""The loop learns, resumes to the bit, and stops on a loss that is not finite."""

from __future__ import annotations

import time
from pathlib import Path

import numpy as np
import pytest
import torch
from line_objective import Line
from torch import nn

from facedge.errors import InputError
from facedge.models.fsr_student import FsrStudent
from facedge.training import checkpoint
from facedge.training.data import Batches
from facedge.training.loop import Budget, Options, Trainer, TrainingError, split
from facedge.training.objective import Batch, Term
from facedge.training.schedule import Schedule
from facedge.training.super_resolution import EdgeRecurrence


def tiny() -> FsrStudent:
    return FsrStudent(width=32, deep=32, deep_blocks=1)


def trainer(
    pixels: np.ndarray,
    iterations: int,
    seed: int = 0,
    name: str = "tiny",
    grow: float = 0.3,
    **options: int,
) -> Trainer:
    torch.manual_seed(seed)
    schedule = Schedule(peak=2e-3, grow=grow, warmup=0.1, settle=1.0)
    return Trainer(
        EdgeRecurrence(tiny(), Batches(pixels, 4, seed), schedule, seed),
        name,
        Budget(iterations=iterations),
        schedule,
        Options(decay=0.9, **options),
        seed=seed,
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
    losses = finish(trainer(pixels, 60, grow=0.0))
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
    plain, average = tiny(), run.averaged_model.state_dict()
    plain.load_state_dict({name.removeprefix("network."): v for name, v in average.items()})
    names = [f"network.{name}" for name in plain.state_dict()]
    assert names == list(average) == list(run.model.state_dict())


def test_a_loss_that_is_not_finite_stops_and_keeps_the_weights(
    pixels: np.ndarray, tmp_path: Path
) -> None:
    run = trainer(pixels, 20)
    run.run(report_every=2)
    run.save(tmp_path / "last.pt")
    with torch.no_grad():
        run.model.get_parameter("network.head.conv.bias")[0] = torch.nan
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


def test_a_checkpoint_of_other_parts_or_widths_is_refused(
    pixels: np.ndarray, tmp_path: Path
) -> None:
    run = trainer(pixels, 4)
    run.save(tmp_path / "last.pt")
    student = FsrStudent(width=64, deep=32, deep_blocks=1)
    wide = EdgeRecurrence(student, Batches(pixels, 4), Schedule())
    with pytest.raises(InputError, match=r"begun with other options and does not fit tiny"):
        Trainer(wide, "tiny", Budget(iterations=4)).resume(tmp_path / "last.pt")


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


def test_parts_of_unequal_size_count_by_their_pictures() -> None:
    objective = Line(pictures=5)
    run = Trainer(objective, "line", Budget(iterations=1), options=Options(part=2, clip=1e9))
    model = objective.model
    weight, bias = model.weight.detach().clone(), model.bias.detach().clone()
    report = run.run()
    (x,) = objective.batch(0)
    assert [len(part[0]) for part in split((x,), 2)] == [2, 2, 1]
    error = (x * weight + bias - 2 * x - 1).double()
    # d mean(e^2) = 2 mean(e x), 2 mean(e): float32 sums of five numbers below 4.
    assert float(model.weight.grad) == pytest.approx(float(2 * (error * x).mean()), abs=1e-6)
    assert float(model.bias.grad) == pytest.approx(float(2 * error.mean()), abs=1e-6)
    assert report.loss == pytest.approx(float(error.square().mean()), abs=1e-6)
    assert report.terms == {"fit": report.loss}


def settled(objective: Line, count: int) -> list[int]:
    """What was asked for once ``count`` batches were: another thread makes the one ahead."""
    deadline = time.monotonic() + 30
    while len(objective.asked) < count and time.monotonic() < deadline:
        time.sleep(0.001)
    return objective.asked


def test_the_next_batch_is_made_ahead_in_order_and_none_is_made_twice(tmp_path: Path) -> None:
    objective = Line()
    run = Trainer(objective, "line", Budget(iterations=6))
    run.run(report_every=3)
    run.save(tmp_path / "last.pt")
    run.run()
    assert settled(objective, 7) == list(range(7))
    run.resume(tmp_path / "last.pt")
    run.run()
    assert settled(objective, 11) == [*range(7), 3, 4, 5, 6]


class Sides:
    """Two layers, each with a term of its own, and a term of both."""

    def __init__(self) -> None:
        torch.manual_seed(0)
        self.model = nn.ModuleDict({"left": nn.Linear(2, 1), "right": nn.Linear(2, 1)})

    def batch(self, iteration: int) -> Batch:
        return (torch.rand(4, 2, generator=torch.Generator().manual_seed(iteration)),)

    def losses(self, x: torch.Tensor) -> tuple[torch.Tensor, torch.Tensor, torch.Tensor]:
        left, right = self.model["left"](x), self.model["right"](x)
        return (left * right).mean(), (left + right).square().mean(), left.exp().mean()

    def terms(self, batch: Batch, progress: float) -> tuple[Term, ...]:
        first, second, third = self.losses(batch[0])
        sides = self.model["left"], self.model["right"]
        return Term("a", first, sides[0]), Term("b", second, sides[1]), Term("c", third)


def test_a_term_moves_the_parameters_of_its_module_alone() -> None:
    objective = Sides()
    first, second, third = objective.losses(objective.batch(0)[0])
    left, right = (list(objective.model[side].parameters()) for side in ("left", "right"))
    wanted = [
        *torch.autograd.grad(first + third, left, retain_graph=True),
        *torch.autograd.grad(second, right, retain_graph=True),
    ]
    run = Trainer(objective, "sides", Budget(iterations=1), options=Options(clip=1e9))
    run.run()
    # Sums of two float32 gradients in either order.
    for parameter, gradient in zip([*left, *right], wanted, strict=True):
        torch.testing.assert_close(parameter.grad, gradient, rtol=1e-6, atol=1e-7)


class Sloped:
    """A convolution's weight whose gradient is a constant that lies in memory as it likes."""

    def __init__(self, slope: torch.Tensor) -> None:
        self.model = nn.Conv2d(3, 4, 3, bias=False)
        with torch.no_grad():
            self.model.weight.fill_(0.5)
        self.slope = slope

    def batch(self, iteration: int) -> Batch:
        return (torch.zeros(1),)

    def terms(self, batch: Batch, progress: float) -> tuple[Term, ...]:
        return (Term("slope", (self.model.weight * self.slope).sum()),)


@pytest.mark.parametrize("layout", [torch.contiguous_format, torch.channels_last])
def test_a_gradient_is_stepped_along_whatever_its_memory_layout(
    layout: torch.memory_format,
) -> None:
    slope = torch.randn(4, 3, 3, 3, generator=torch.Generator().manual_seed(0))
    slope = slope.contiguous(memory_format=layout)
    plain = nn.Parameter(torch.full((4, 3, 3, 3), 0.5))
    schedule = Schedule(peak=1e-2, warmup=0.0)
    reference = torch.optim.AdamW([plain], betas=(0.9, 0.99), weight_decay=1e-4, fused=False)
    for iteration in range(3):
        reference.param_groups[0]["lr"] = schedule.rate(iteration / 3)
        plain.grad = slope.clone()
        reference.step()
    run = Trainer(Sloped(slope), "slope", Budget(iterations=3), schedule, Options(clip=1e9))
    run.run()
    # Float32 about 0.5, three steps: a few units of 6e-8 each.
    torch.testing.assert_close(run.model.weight, plain, rtol=0, atol=1e-6)

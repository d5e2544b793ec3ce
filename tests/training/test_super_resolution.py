"""What teacher and student minimise: pairs, the teacher's opinion, and the cycle."""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np
import pytest
import torch
from torch import Tensor, nn
from training_trees import crops

from facedge.models.contract import SuperResolved
from facedge.models.fsr_student import FsrStudent
from facedge.training.data import Batches
from facedge.training.degradation import NOISE, DeNet, mixed
from facedge.training.degrade import down
from facedge.training.loop import Budget, Options, Trainer
from facedge.training.losses import l1, over_steps
from facedge.training.objective import Batch, Term
from facedge.training.quality import to_float
from facedge.training.schedule import Schedule
from facedge.training.super_resolution import (
    STEP_WEIGHTS,
    EdgeRecurrence,
    Real,
    pseudo_truth,
)

SCHEDULE = Schedule(grow=0.0, settle=1.0)


def tiny() -> FsrStudent:
    torch.manual_seed(0)
    return FsrStudent(width=32, deep=32, deep_blocks=1)


def de_net() -> DeNet:
    """A degradation of the size that the cycle's DSNet has."""
    torch.manual_seed(1)
    return DeNet(8).requires_grad_(False)


def real(batch: int = 3) -> Real:
    """Five real faces; the teacher's pictures of them are unlike anything."""
    return Real(crops(5, 1, 16), crops(5, 2), batch, pseudo_weight=0.5, cycle_weight=0.25)


def guided(pixels: np.ndarray, batch: int = 3) -> EdgeRecurrence:
    batches = Batches(pixels, 4)
    return EdgeRecurrence(tiny(), batches, SCHEDULE, degradation=de_net(), real=real(batch))


def test_without_a_degradation_there_are_bicubic_pairs_alone(pixels: np.ndarray) -> None:
    batches = Batches(pixels, 4)
    objective = EdgeRecurrence(tiny(), batches, SCHEDULE)
    truth, small = objective.batch(2)
    assert torch.equal(truth, batches[2])
    assert torch.equal(small, down(truth, 8))
    (term,) = objective.terms((truth, small), 0.0)
    assert (term.name, term.module) == ("pairs", None)
    with torch.no_grad():
        steps = tiny()(small).steps
    # The same convolutions in another memory layout.
    wanted = float(over_steps(steps, truth, STEP_WEIGHTS, l1))
    assert float(term.loss.detach()) == pytest.approx(wanted, rel=1e-5)
    assert objective.model.degrade is None


def test_a_share_of_the_pairs_is_degraded_by_the_iteration_alone(pixels: np.ndarray) -> None:
    net, batches = de_net(), Batches(pixels, 4)
    objective = EdgeRecurrence(tiny(), batches, SCHEDULE, 7, degradation=net, degraded=1.0)
    truth, small = objective.batch(2)
    generator = torch.Generator().manual_seed(7 * 1_000_003 + 2)
    assert torch.equal(small, mixed(truth, net, 1.0, generator, 8))
    assert not torch.equal(small, down(truth, 8))
    assert torch.equal(small, objective.batch(2)[1])
    assert [term.name for term in objective.terms((truth, small), 0.0)] == ["pairs"]


def test_real_faces_come_with_the_teachers_pictures_mirrored_together(pixels: np.ndarray) -> None:
    objective = guided(pixels, batch=16)
    assert objective.real is not None
    small, pseudo = (to_float(p) for p in (objective.real.small, objective.real.pseudo))
    _, _, found, opinion = objective.batch(0)
    assert len(found) == len(opinion) == 16
    mirrored = 0
    for a, b in zip(found, opinion, strict=True):
        ways = [(small, pseudo), (small.flip(3), pseudo.flip(3))]
        hits = [
            way
            for way, (x, y) in enumerate(ways)
            for i in range(len(x))
            if torch.equal(a, x[i]) and torch.equal(b, y[i])
        ]
        assert len(hits) == 1
        mirrored += hits[0]
    assert 0 < mirrored < 16
    again = objective.batch(0)
    assert torch.equal(again[2], found)


def test_the_terms_of_real_faces_by_hand(pixels: np.ndarray) -> None:
    objective = guided(pixels)
    truth, small, faces, opinion = objective.batch(0)
    terms = objective.terms((truth, small, faces, opinion), 0.0)
    degrade = objective.model.degrade
    assert degrade is not None
    silent = torch.zeros(3, NOISE, 16, 16)
    with torch.no_grad():
        ours, theirs = (tiny()(x).steps for x in (small, faces))
        again = degrade(theirs[-1], silent)
    off = float((again - faces).abs().mean())
    wanted = {
        "pairs": float(over_steps(ours, truth, STEP_WEIGHTS, l1)),
        "pseudo": 0.5 * float(over_steps(theirs, opinion, STEP_WEIGHTS, l1)),
        "cycle": 0.25 * off,
        "degrade": 0.1 * off,
    }
    # The same convolutions in another memory layout and batch.
    found = {term.name: float(term.loss.detach()) for term in terms}
    assert found == pytest.approx(wanted, rel=1e-4)


class Only:
    """An objective with one of another's terms."""

    def __init__(self, objective: EdgeRecurrence, name: str) -> None:
        self.objective, self.name, self.model = objective, name, objective.model

    def batch(self, iteration: int) -> Batch:
        return self.objective.batch(iteration)

    def terms(self, batch: Batch, progress: float) -> Sequence[Term]:
        found = self.objective.terms(batch, progress)
        return [term for term in found if term.name == self.name]


@pytest.mark.parametrize(
    ("name", "moved"),
    [("pairs", "network"), ("pseudo", "network"), ("cycle", "network"), ("degrade", "degrade")],
)
def test_each_term_moves_one_network_alone(pixels: np.ndarray, name: str, moved: str) -> None:
    objective = guided(pixels)
    before = {key: value.clone() for key, value in objective.model.state_dict().items()}
    run = Trainer(Only(objective, name), "tiny", Budget(iterations=1), options=Options(part=4))
    run.run()
    after = objective.model.state_dict()
    changed = {key.split(".")[0] for key in before if not torch.equal(before[key], after[key])}
    assert changed == {moved}


def test_parts_and_workers_change_only_the_order_of_sums(pixels: np.ndarray) -> None:
    found = []
    # Three real faces and four pairs: parts with one or none of the former.
    for options in ({"part": 4}, {"part": 1}, {"part": 1, "workers": 2}):
        objective = guided(pixels)
        run = Trainer(objective, "tiny", Budget(iterations=1), options=Options(clip=1e9, **options))
        report = run.run()
        found.append((report.terms, [p.grad for p in run.parameters]))
    (terms, whole), *others = found
    for other, gradients in others:
        # Float32 sums in another order: relative to the largest entry, a few parts in a million.
        assert other == pytest.approx(terms, rel=1e-5)
        for a, b in zip(gradients, whole, strict=True):
            assert a is not None
            assert b is not None
            assert float((a - b).abs().max()) < 1e-4 * float(b.abs().max()) + 1e-9


def test_the_cycles_degradation_begins_as_a_copy_and_the_pairs_keep_theirs(
    pixels: np.ndarray,
) -> None:
    net = de_net()
    objective = EdgeRecurrence(
        tiny(), Batches(pixels, 4), SCHEDULE, degradation=net, degraded=1.0, real=real()
    )
    assert objective.model.degrade is not None
    before = {key: value.clone() for key, value in net.state_dict().items()}
    for key, value in objective.model.degrade.state_dict().items():
        assert torch.equal(value, before[key])
    Trainer(objective, "tiny", Budget(iterations=2), options=Options(part=4)).run()
    assert not torch.equal(objective.model.degrade.last.weight, before["last.weight"])
    assert all(torch.equal(value, before[key]) for key, value in net.state_dict().items())


def test_without_edges_nothing_of_the_picture_reaches_the_next_step(pixels: np.ndarray) -> None:
    objective = EdgeRecurrence(tiny(), Batches(pixels, 4), SCHEDULE, edges=False)
    plain = EdgeRecurrence(tiny(), Batches(pixels, 4), SCHEDULE)
    found = []
    for made in (objective, plain):
        (term,) = made.terms(made.batch(0), 0.0)
        term.loss.backward()
        grad = made.model.get_parameter("network.embed.0.weight").grad
        assert grad is not None
        found.append(grad)
    assert not found[0].any()
    assert found[1].any()
    assert list(objective.model.state_dict()) == list(plain.model.state_dict())


class Shadow(nn.Module):
    """A teacher whose picture is darker to the right: mirror images differ."""

    def __init__(self) -> None:
        super().__init__()
        self.weight = nn.Parameter(torch.linspace(1, 0, 128))

    def forward(self, image: Tensor) -> SuperResolved:
        large = image.repeat_interleave(8, 2).repeat_interleave(8, 3)
        return SuperResolved((large * 0, large * self.weight), large)


def test_the_teachers_picture_is_the_mean_of_both_ways_to_look() -> None:
    small, told = crops(5, side=16), []
    found = pseudo_truth(Shadow(), small, lambda done, total: told.append((done, total)), batch=2)
    large = small.repeat(8, 1).repeat(8, 2).astype(np.float64)
    # Weights of a pixel and of its mirror image add up to one: half of the picture is left.
    assert np.abs(found - large / 2).max() <= 0.5 + 1e-4
    assert found.dtype == np.uint8
    assert told == [(2, 5), (4, 5), (5, 5)]

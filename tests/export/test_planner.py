"""The planner against brute force, its budgets, and a plan found on a graph of two nodes."""

from __future__ import annotations

import itertools

import numpy as np
import onnx
import pytest
import two_products

from facedge.errors import InputError
from facedge.export.judge import Loss
from facedge.export.pareto import best_within, fastest_saving, front
from facedge.export.plan_file import Budget, Candidate, Latency
from facedge.export.planner import ALL_FLOAT, ALL_INT8, UNROUNDED, Target, choose, make_plan
from facedge.export.precision.choice import BY_PLAN, Choice
from facedge.export.precision.ir_edit import NOTE
from facedge.export.precision.partial import int8_nodes, rounded_activations
from facedge.export.sensitivity import measure
from facedge.progress import Stages
from facedge.runtime.manifest import DIALECTS

QUIET = Stages(quiet=True)
FIRST, SECOND = "part/Conv_3", "part/Conv_5"


def table(seed: int, count: int = 9) -> tuple[list[float], list[float]]:
    random = np.random.default_rng(seed)
    # Small whole numbers make equal sums, where a choice could go wrong.
    return (
        [float(n) for n in random.integers(-3, 8, count)],
        [float(n) for n in random.integers(-2, 9, count)],
    )


@pytest.mark.parametrize("seed", range(24))
def test_the_front_is_what_trying_everything_finds(seed):
    times, saved = table(seed)
    points = front(times, saved)
    subsets = itertools.product((False, True), repeat=len(times))
    tried = [
        (sum(itertools.compress(times, held)), sum(itertools.compress(saved, held)))
        for held in subsets
    ]
    for limit in range(-10, 25):
        able = [s for t, s in tried if t <= limit]
        found = best_within(points, limit)
        assert (found.saved if found else None) == (max(able) if able else None)
    for wanted in range(-3, 50):
        able = [t for t, s in tried if s >= wanted]
        found = fastest_saving(points, wanted)
        assert (found.time if found else None) == (min(able) if able else None)
    for point in points:
        assert point.time == sum(times[i] for i in point.taken)
        assert point.saved == sum(saved[i] for i in point.taken)


def test_a_long_table_keeps_its_ends_and_stays_near_the_best():
    random = np.random.default_rng(1)
    times, saved = list(random.uniform(0, 1, 60)), list(random.uniform(0, 1, 60))
    points = front(times, saved)
    assert points[0].taken == ()
    assert points[-1].saved == pytest.approx(sum(saved))
    # Taking by saving per time is at most one change short of the optimum.
    order = sorted(range(60), key=lambda i: -saved[i] / times[i])
    greedy = itertools.accumulate(
        ((times[i], saved[i]) for i in order), lambda a, b: (a[0] + b[0], a[1] + b[1])
    )
    for time, gain in greedy:
        assert best_within(points, time).saved >= 0.99 * gain


def candidate(name: str, faster: float, lost: float, agreed: float | None = None) -> Candidate:
    return Candidate(
        name=name, floats=0, unrounded=0,
        loss=Loss(added=lost, loss_db=lost, truth_loss_db=lost, au_agreement=agreed),
        latency=Latency(milliseconds=1 / faster, times_faster=faster, low=faster, high=faster),
    )  # fmt: skip


def test_the_fastest_within_the_budget_wins_and_a_tie_goes_to_quality():
    a, b, c = candidate("a", 1.2, 0.3), candidate("b", 1.1, 0.08), candidate("c", 1.095, 0.02)
    assert choose([a, b, c], Budget()).name == "a"
    assert choose([a, b, c], Budget(max_psnr_loss=0.1)).name == "c"  # within 1 % of b
    assert choose([a, b], Budget(max_psnr_loss=0.1)).name == "b"
    with pytest.raises(InputError, match="no assignment holds the budget"):
        choose([a, b, c], Budget(max_psnr_loss=0.01))


def test_action_units_on_the_pictures_are_a_budget_of_their_own():
    a, b = candidate("a", 1.2, 0.01, 98.9), candidate("b", 1.0, 0.09, 99.4)
    assert choose([a, b], Budget(max_psnr_loss=0.1)).name == "a"
    assert choose([a, b], Budget(max_psnr_loss=0.1, min_au_agreement=99.0)).name == "b"


def test_expected_and_measured_loss_both_count():
    budget = Budget(max_psnr_loss=0.1)
    assert not budget.holds(Loss(added=1, loss_db=0.2, truth_loss_db=0.0))
    assert not budget.holds(Loss(added=1, loss_db=0.0, truth_loss_db=0.2))
    assert budget.holds(Loss(added=1, loss_db=0.1, truth_loss_db=-0.2))


@pytest.fixture(scope="module")
def asked():
    return two_products.question()


@pytest.fixture
def judge(asked, tmp_path):
    return two_products.judge(tmp_path, asked)


def planned(asked, judge, budget, backend="onnxruntime"):
    found = measure(asked, judge, dialect=DIALECTS[backend], threads=2, stages=QUIET)
    target = Target(backend, budget, threads=1, move_calls=8, calls=16)
    return make_plan(asked, judge, found, target, QUIET, ("the same", judge))


def test_a_budget_of_nothing_leaves_everything_in_float(asked, judge):
    plan = planned(asked, judge, Budget(max_psnr_loss=0.0))
    assert plan.chosen == ALL_FLOAT
    assert plan.assignment == {FIRST: "fp16", SECOND: "fp16"}
    assert plan.predicted == 0
    assert plan.check.plan.added < 1e-8 < plan.check.all_int8.added


def test_a_plan_holds_its_evidence(asked, judge):
    plan = planned(asked, judge, Budget(max_psnr_loss=10.0))
    assert list(plan.assignment) == [FIRST, SECOND]
    assert plan.candidates[0].name == ALL_INT8
    assert plan.candidates[0].latency.times_faster == 1.0
    assert {move.name for move in plan.moves} == {FIRST, SECOND}
    chosen = plan.candidate(plan.chosen)
    assert plan.budget.holds(chosen.loss)
    graph = asked.quantised("portable", plan.choice())
    kept = {n for n, precision in plan.assignment.items() if precision == "int8"}
    assert set(int8_nodes(graph)) == kept
    # What is predicted of the sum of parts is near what is measured of the whole.
    assert chosen.loss.loss_db == pytest.approx(plan.predicted, rel=0.3, abs=1e-6)


def test_openvino_may_leave_a_result_unrounded(asked, judge):
    pytest.importorskip("openvino")
    plan = planned(asked, judge, Budget(max_psnr_loss=10.0), "openvino")
    loss = {c.name: c.loss for c in plan.candidates}
    unrounded = {c.name: c.unrounded for c in plan.candidates}
    assert unrounded[ALL_INT8] == unrounded[ALL_FLOAT] == 0
    if UNROUNDED in loss:  # where it was not slower here and now
        assert unrounded[UNROUNDED] == 1
        assert loss[UNROUNDED].added < loss[ALL_INT8].added


def test_a_budget_these_pictures_cannot_show_is_refused(asked, tmp_path):
    judge = two_products.judge(tmp_path, asked, truth=False)
    with pytest.raises(InputError, match="--max-psnr-loss needs a ground truth"):
        planned(asked, judge, Budget(max_psnr_loss=0.1))
    with pytest.raises(InputError, match="--min-au-agreement needs"):
        planned(asked, judge, Budget(min_au_agreement=99.0))
    with pytest.raises(InputError, match="cannot be timed on this machine's CPU"):
        Target("tensorrt", Budget())


@pytest.mark.parametrize("dialect", ["portable", "openvino", "tensorrt"])
def test_a_choice_is_followed_by_exact_name(asked, dialect):
    graph = asked.quantised(dialect, Choice(floats=frozenset({SECOND})))
    assert int8_nodes(graph) == (FIRST,)
    second = next(node for node in graph.graph.node if node.name == SECOND)
    assert {p.key: p.value for p in second.metadata_props}[NOTE] == BY_PLAN
    assert int8_nodes(asked.quantised(dialect, Choice(floats=frozenset({"part"})))) == (
        FIRST, SECOND,
    )  # fmt: skip


def test_an_unrounded_result_has_no_pair_and_what_int8_reads_must_have_one(asked):
    graph = asked.quantised("portable", Choice(unrounded=frozenset({"clipped"})))
    assert [group.name for group in rounded_activations(graph)] == ["wide", "cut"]
    with pytest.raises(InputError, match="leaves tensor 'cut' unrounded, which the INT8 node"):
        asked.quantised("portable", Choice(unrounded=frozenset({"cut"})))


def test_a_range_method_of_its_own_changes_that_tensor_alone(asked):
    def scales(choice):
        graph = asked.quantised("portable", choice).graph
        held = {t.name: onnx.numpy_helper.to_array(t) for t in graph.initializer}
        return {
            n.input[0]: float(held[n.input[1]])
            for n in graph.node if n.op_type == "QuantizeLinear"
        }  # fmt: skip

    plain, changed = scales(Choice()), scales(Choice(methods={"cut": "percentile-99.9"}))
    low, high = asked.ranges.of("cut", "percentile-99.9")
    assert changed.pop("cut") == pytest.approx((high - low) / 255) != plain.pop("cut")
    assert changed == plain

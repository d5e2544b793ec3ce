"""Promises against invented measurements whose verdict is worked out by hand."""

from __future__ import annotations

import msgspec
import numpy as np
import pytest
from bench_samples import latency, subject

from facedge.benchmarks.cases import Case
from facedge.benchmarks.contenders import Contender, Lineup
from facedge.benchmarks.interleave import Timing
from facedge.benchmarks.judged import (
    Judged,
    Pictures,
    as_bytes,
    gain,
    judge,
    largest_difference,
    play,
)
from facedge.benchmarks.peers.registry import get
from facedge.benchmarks.statistics import (
    Ratio,
    bootstrap_mean,
    line_deviation,
    line_deviation_of_rounds,
)
from facedge.benchmarks.target import judged, missing, verdict
from facedge.benchmarks.targets import Measured, best, promised

RANDOM = np.random.default_rng(0)
TRUTH = RANDOM.integers(0, 256, (32, 32, 3), np.uint8)
PICTURES = Pictures(np.zeros((1, 4, 4, 3), np.uint8), (TRUTH,), np.zeros((1, 4, 4, 3), np.uint8))


@pytest.mark.parametrize(
    ("sense", "low", "high", "expected"),
    [
        ("at least", 5.0, 5.5, "met"),
        ("at least", 4.9, 5.1, "not resolved"),
        ("at least", 4.0, 4.9, "not met"),
        ("at least", 4.0, 5.0, "not resolved"),
        ("at most", 4.0, 5.0, "met"),
        ("at most", 4.9, 5.1, "not resolved"),
        ("at most", 5.1, 5.2, "not met"),
        ("at most", 5.0, 5.2, "not resolved"),
    ],
)
def test_a_verdict_looks_at_the_whole_interval(sense, low, high, expected):
    assert verdict(sense, 5.0, low, high) == expected


def test_a_promise_keeps_its_measurement_or_the_reason_for_none():
    found = judged("m", "faster", "at least", 2.0, "x", Ratio(3.0, 2.5, 3.5), "a against b")
    assert (found.value, found.low, found.high, found.verdict) == (3.0, 2.5, 3.5, "met")
    found = missing("m", "faster", "at least", 2.0, "x", "b did not run")
    assert (found.value, found.verdict, found.detail) == (None, "not measured", "b did not run")


def test_the_mean_of_equal_differences_has_no_spread():
    assert bootstrap_mean([0.5, 0.5, 0.5]) == Ratio(0.5, 0.5, 0.5)


def test_steady_rounds_give_the_deviation_of_their_medians():
    # the line through (1, 1), (2, 2), (3, 4) is 1.5 x - 2 / 3: farthest at 2, where it is 7 / 3
    rounds = np.tile(np.array([1.0, 2.0, 4.0])[:, None, None], (1, 8, 4))
    found = line_deviation_of_rounds([1, 2, 3], rounds, resamples=20)
    assert found.value == line_deviation([1, 2, 3], [1, 2, 4])
    assert found.low == found.high == found.value


def test_pictures_are_judged_against_torch_and_the_ground_truth():
    other = TRUTH.copy()
    other[16, 16] = np.where(TRUTH[16, 16] > 127, TRUTH[16, 16] - 51, TRUTH[16, 16] + 51)
    found = judge((other[None],), (TRUTH[None],), (TRUTH,))
    assert found.difference == pytest.approx(51 / 255)
    # one pixel of 1,024 is 51 levels off in all three channels
    assert found.agreement == pytest.approx(10 * np.log10(255**2 / (51**2 / 1024)))
    assert found.psnr_y is not None
    assert found.decisions is None
    assert judge((TRUTH[None],), (TRUTH[None],), None).agreement == 100


def test_action_units_are_judged_by_decisions_and_share_of_full_scale():
    p, marks = np.full((1, 12), 0.4, np.float32), np.zeros((1, 49, 2), np.float32)
    q, moved = p.copy(), marks.copy()
    q[0, 0] = 0.6
    moved[0, 0, 0] = 17.6
    found = judge((q, moved), (p, marks), None)
    assert found.decisions == pytest.approx(100 * 11 / 12)
    assert found.difference == pytest.approx(0.2)
    assert largest_difference((p, moved), (p, marks)) == pytest.approx(0.1)


def test_floats_become_the_bytes_that_a_user_sees():
    (found,) = as_bytes((np.array([[[[-1.0]], [[0.5]], [[2.0]]]], np.float32),))
    assert found.tolist() == [[[[0, 128, 255]]]]
    assert found.dtype == np.uint8


def test_pictures_are_played_a_few_at_a_time_in_order():
    seen = []

    def run(images):
        seen.append(len(images))
        return (images,)

    images = np.arange(5 * 3).reshape(5, 3)
    (found,) = play(run, images, batch=2)
    assert seen == [2, 2, 1]
    np.testing.assert_array_equal(found, images)


def noisy(db: float) -> np.ndarray:
    """The ground truth, made worse by about so much noise."""
    noise = np.random.default_rng(1).normal(0, 255 * 10 ** (-db / 20), TRUTH.shape)
    return np.clip(TRUTH + noise, 0, 255).astype(np.uint8)[None]


def test_the_better_of_two_gains():
    found = gain((noisy(40.0),), (noisy(30.0),), (TRUTH,))
    assert found.value > 5
    assert found.low == found.high == found.value  # a single picture


class Scene:
    """Contenders of fsr-student with chosen latencies and qualities."""

    def __init__(self, model: str = "fsr-student") -> None:
        self.lineup = Lineup(Case(model), PICTURES)
        self.timings: dict[str, Timing] = {}
        self.batches = {}

    def peer(self, name: str, ms: float, psnr: float = 28.8, db: float = 40.0) -> Scene:
        peer = get(name)
        result = subject(self.lineup.name(name), model=self.lineup.case.model, peer=True, steps=3)
        self._add(result, ms, psnr, db, peer=peer)
        return self

    def bundle(
        self,
        precision: str,
        backend: str,
        ms: float,
        psnr: float = 28.8,
        steps: int = 3,
        db: float = 40.0,
    ) -> Scene:
        fields = {"precision": precision, "backend": backend, "steps": steps}
        name = f"{precision}-{steps} · {backend}"
        result = subject(name, model=self.lineup.case.model, **fields)
        self._add(result, ms, psnr, db, subject=object())
        return self

    def _add(self, result, ms, psnr, db, **which):
        shown = Judged(pictures=1, psnr_y=psnr, agreement=50.0, difference=0.0)
        result = msgspec.structs.replace(result, judged=shown)
        self.lineup.contenders[result.name] = Contender(result, lambda: None, (noisy(db),), **which)
        rounds = np.full(16, ms / 1e3)
        self.timings[result.name] = Timing(np.repeat(rounds, 16), rounds)

    def measured(self) -> Measured:
        return Measured(self.lineup, self.timings, self.batches)

    def promises(self):
        return {t.text: t for t in promised([self.measured()])}


def student() -> Scene:
    scene = Scene().peer("torch eager", 18.0).peer("plain export, onnxruntime", 10.0)
    scene.peer("plain export, openvino", 6.0).peer("quantize_static, onnxruntime", 7.0, db=30.0)
    scene.bundle("fp32", "onnxruntime", 9.0).bundle("int8", "onnxruntime", 3.0, psnr=28.79)
    return scene.bundle("int8", "openvino", 2.0, psnr=28.79)


def test_every_promise_is_judged_by_hand_worked_ratios():
    scene = student()
    scene.bundle("int8", "openvino", 1.0, steps=1).bundle("int8", "openvino", 1.5, steps=2)
    scene.batches["int8-3 · openvino"] = (
        latency((2.0,) * 8),
        latency((8.0,) * 8, batch=8),
    )
    found = scene.promises()
    values = {text: (t.value, t.verdict) for text, t in found.items()}
    assert values["faster than torch eager"] == (9.0, "met")
    assert values["faster than the plain export in ONNX Runtime, FP32"] == (5.0, "met")
    assert values["faster than the fastest peer given the plain export"] == (3.0, "met")
    assert values["INT8 faster than its own FP32, ONNX Runtime alone"] == (
        pytest.approx(3.0),
        "met",
    )
    value, word = values["INT8 faster than quantize_static on the plain export"]
    assert (value, word) == (pytest.approx(7 / 3), "met")
    assert found["INT8 at least as good as that quantize_static"].verdict == "met"
    assert values["faces per second at batch 8 against batch 1"] == (2.0, "met")
    straight = found["latency over recurrent steps, distance from a straight line"]
    assert straight.value == pytest.approx(0.0, abs=1e-9)
    assert straight.verdict == "met"


def test_the_best_bundle_is_the_fastest_that_is_good_enough_and_whole():
    scene = student().bundle("fp16", "openvino", 0.5, psnr=28.6)
    scene.bundle("int8", "openvino", 0.9, psnr=28.8, steps=2)
    assert best(scene.measured()) == "int8-3 · openvino"


def test_fewer_steps_that_lose_little_stand_beside_all_steps():
    scene = student().bundle("int8", "openvino", 1.6, psnr=28.71, steps=2)
    scene.bundle("int8", "openvino", 0.8, psnr=28.6, steps=1)
    found = scene.promises()
    text = "faster than the plain export in ONNX Runtime, FP32"
    assert (found[text].value, found[text].verdict) == (5.0, "met")
    fewer = found[f"with as few steps as lose 0.1 dB, {text}"]
    assert (fewer.value, fewer.verdict) == (6.25, "met")
    assert fewer.detail.startswith("int8-2 · openvino against ")
    assert not [t for t in student().promises() if t.startswith("with as few steps")]


def test_a_fast_peer_that_spoils_the_pictures_does_not_hide_the_next():
    scene = student().peer("NNCF, openvino", 1.0, psnr=20.0)
    found = scene.promises()
    fastest = found["faster than the fastest peer given the plain export"]
    assert (fastest.value, fastest.verdict) == (0.5, "not met")
    good = found["faster than the fastest of them that loses at most 0.1 dB"]
    assert (good.value, good.detail) == (
        3.0,
        "int8-3 · openvino against " + "fsr-student · plain export, openvino",
    )


def test_what_did_not_run_leaves_its_promise_not_measured():
    scene = Scene().peer("torch eager", 18.0).bundle("int8", "openvino", 2.0)
    found = scene.promises()
    assert found["faster than torch eager"].verdict == "met"
    plain = found["faster than the plain export in ONNX Runtime, FP32"]
    assert (plain.verdict, plain.value) == ("not measured", None)
    assert plain.detail == "what it is held against did not run"
    assert found["faces per second at batch 8 against batch 1"].verdict == "not measured"
    straight = found["latency over recurrent steps, distance from a straight line"]
    assert straight.detail == "fewer than three step counts were measured"


def test_the_rewritten_graph_is_held_against_the_plain_one_of_the_same_runtime():
    scene = Scene("au-gcn").peer("torch eager", 90.0).peer("plain export, onnxruntime", 60.0)
    scene.bundle("fp32", "onnxruntime", 20.0)
    found = scene.promises()
    faster = found["rewritten, faster than the plain export in onnxruntime"]
    assert faster.value == pytest.approx(3.0)
    same = found["largest difference from the plain export in onnxruntime"]
    assert (same.value, same.verdict) == (0.0, "met")
    assert found["rewritten, faster than the plain export in openvino"].verdict == "not measured"
    assert found["largest difference from the plain export in openvino"].verdict == "not measured"


def test_models_without_promises_have_none():
    assert promised([Scene("au-gcn-edge").peer("torch eager", 9.0).measured()]) == []

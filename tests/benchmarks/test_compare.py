"""Verdicts of ``facedge bench compare``: noise is no regression, and regressions are found."""

from __future__ import annotations

import numpy as np
import pytest
from bench_samples import environment, latency, result, subject

from facedge.benchmarks.compare import RegressionError, compare
from facedge.benchmarks.result import Failure
from facedge.errors import InputError


def noisy(median: float, seed: int, spread: float = 0.05, count: int = 64) -> list[float]:
    return (median * np.random.default_rng(seed).normal(1, spread, count)).tolist()


def pair(before, after, **changes):
    a = result(subject(latency=latency(before)))
    b = result(subject(latency=latency(after)), **changes)
    return a, b


def verdicts(found):
    return [(row.what, row.verdict) for row in found.rows]


def test_the_same_speed_with_other_noise_is_the_same():
    found = compare(*pair(noisy(10, 1), noisy(10, 2)), 0.05)
    assert verdicts(found) == [("latency", "same")]
    found.require_no_regression()


def test_a_slowdown_beyond_the_tolerance_is_a_regression_with_exit_code_3():
    found = compare(*pair(noisy(10, 1), noisy(12, 2)), 0.05)
    assert verdicts(found) == [("latency", "slower")]
    with pytest.raises(RegressionError, match=r"tiny · onnxruntime, latency: 1.2. times as long"):
        found.require_no_regression()
    assert RegressionError.exit_code == 3


def test_a_slowdown_within_the_tolerance_passes():
    assert verdicts(compare(*pair(noisy(10, 1), noisy(11, 2)), 0.25)) == [("latency", "same")]


def test_a_speedup_is_told_and_passes():
    found = compare(*pair(noisy(10, 1), noisy(5, 2)), 0.05)
    assert verdicts(found) == [("latency", "faster")]
    assert found.rows[0].ratio == pytest.approx(0.5, rel=0.05)
    found.require_no_regression()


def test_an_interval_that_crosses_the_bound_is_unclear_and_passes():
    found = compare(*pair(noisy(10, 1, 0.4, 8), noisy(10.7, 2, 0.4, 8)), 0.05)
    assert verdicts(found) == [("latency", "unclear")]
    found.require_no_regression()


def test_ratios_of_constant_rounds_are_exact():
    (row,) = compare(*pair([4.0] * 8, [5.0] * 8), 0.1).rows
    assert (row.ratio, row.low, row.high) == (1.25, 1.25, 1.25)
    assert (row.before, row.after) == (4.0, 5.0)


def test_every_batch_size_is_judged():
    a = result(subject(batches=(latency([2.0] * 8, batch=1), latency([9.0] * 8, batch=8))))
    b = result(subject(batches=(latency([2.0] * 8, batch=1), latency([12.0] * 8, batch=8))))
    found = compare(a, b, 0.05)
    assert verdicts(found) == [("latency", "same"), ("batch 1", "same"), ("batch 8", "slower")]


@pytest.mark.parametrize(
    ("changes", "sentence"),
    [
        ({"environment": environment(device="Another")}, "devices are A CPU and Another"),
        ({"environment": environment(power_mode="15W (0)")}, "power modes are none and 15W"),
        ({"threads": 4}, "CPU threads are 2 and 4"),
    ],
)
def test_other_devices_and_settings_are_refused_without_force(changes, sentence):
    a, b = pair([4.0] * 8, [4.0] * 8, **changes)
    with pytest.raises(InputError, match=f"{sentence}.*--force"):
        compare(a, b, 0.05)
    assert sentence in compare(a, b, 0.05, force=True).notes[0]


def test_what_no_longer_runs_is_a_regression():
    a = result(subject(), subject("other"))
    failure = Failure(subject="tiny · onnxruntime", part="opening", reason="device lost")
    b = result(subject("other"), failures=(failure,))
    found = compare(a, b, 0.05)
    assert found.regressions == ("tiny · onnxruntime, opening: fails (device lost)",)


def test_what_never_ran_is_none():
    failure = Failure(subject="tiny · tensorrt", part="opening", reason="no GPU")
    found = compare(result(subject()), result(subject(), failures=(failure,)), 0.05)
    assert found.regressions == ()


def test_results_with_nothing_in_common_are_refused():
    with pytest.raises(InputError, match=r"nothing in common|no bundle and backend in common"):
        compare(result(subject("one")), result(subject("two")), 0.05)


def test_what_else_differs_is_told():
    a = result(subject(artifact_sha256="00"), subject("gone"))
    b = result(
        subject(artifact_sha256="11"),
        quick=True,
        environment=environment(
            versions={"onnxruntime": "2"}, throttling=("cooling device x reached state 1",)
        ),
    )
    notes = compare(a, b, 0.05).notes
    assert "the second result was measured with --quick" in notes
    assert "the second run: cooling device x reached state 1" in notes
    assert "gone is only in the first result" in notes
    assert "tiny · onnxruntime plays another file: it was built again" in notes
    assert "onnxruntime was 1 and is 2" in notes


def test_a_negative_tolerance_is_refused():
    with pytest.raises(InputError, match="expected 0 % or more"):
        compare(*pair([1.0], [1.0]), -0.1)

"""The overhead benchmark's arithmetic; tests/native/test_overhead.py runs its program."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import pytest

from facedge.benchmarks.native_overhead import Measurement, Workload, measure, report, rows
from facedge.errors import BackendError

WAYS = ("backend", "control", "single")


MEASURING_NS = 80


def drifting(single_ns: int, tail_ns: int = 0) -> tuple[np.ndarray, np.ndarray]:
    """100 rounds of 16 calls on a machine that grows slower: whole calls, and outside the back end.

    int64 [1, 3, 1600] each.
    """
    slower = np.repeat(np.arange(100) * 1000, 16) + 50_000
    own = np.full(1600, single_ns)
    own[::48] += tail_ns
    outside = MEASURING_NS + np.stack([0 * own, 0 * own, own])
    return (slower + outside).astype(np.int64)[None], outside.astype(np.int64)[None]


def test_an_overhead_far_below_the_drift_is_found() -> None:
    backend, control, single = rows(WAYS, *drifting(1_500), 16)
    assert backend.difference_us == control.difference_us == control.own_us == 0
    # Every call costs exactly that much more, so every round's difference is that.
    assert single.difference_us == single.own_us == pytest.approx(1.5)
    assert single.p50_us == pytest.approx(50 + 0.08 + 49.5 + 1.5)
    # Of 100 rounds the slowest begins with 149.08 µs; 1.5 of it.
    assert single.own_p99_percent == pytest.approx(100 * 1.5 / backend.p99_us)


def test_what_blurs_the_back_end_does_not_blur_what_is_our_own() -> None:
    whole, outside = drifting(4_000)
    whole = whole + np.random.default_rng(0).normal(0, 2e6, whole.shape).astype(np.int64)
    single = rows(WAYS, np.abs(whole), outside, 16)[2]
    assert single.own_us == pytest.approx(4)
    assert single.own_interval == pytest.approx((4, 4))
    assert abs(single.difference_us - 4) > 1


def test_processes_differ_and_their_mean_counts() -> None:
    # Memory lies differently in each process: overheads of -2, 1 and 4 µs, on average 1.
    each = [drifting(ns) for ns in (-2_000, 1_000, 4_000)]
    single = rows(WAYS, *(np.concatenate(part) for part in zip(*each, strict=True)), 16)[2]
    assert single.difference_us == pytest.approx(1)
    # The bootstrap's extremes: three times the fastest, three times the slowest process.
    assert single.difference_interval == pytest.approx((-2, 4))
    assert single.own_us == pytest.approx(1)


def test_percentiles_are_of_all_calls_and_an_incomplete_round_has_no_pair() -> None:
    times, outside = drifting(1_000)
    longer = np.concatenate([times, np.full((1, 3, 5), 10_000_000)], axis=2)
    single = rows(WAYS, longer, np.concatenate([outside, outside[:, :, :5]], axis=2), 16)[2]
    assert single.difference_us == pytest.approx(1)
    assert single.p99_us == pytest.approx(np.percentile(longer[0, 2], 99) / 1e3)


@pytest.mark.parametrize(
    ("single_ns", "tail_ns", "median", "p99"),
    [
        (1_000, 0, "met", "met"),
        (6_000, 0, "not met", "not met"),
        # Two calls in a hundred take 90 µs longer: the median stays.
        (0, 90_000, "met", "not met"),
    ],
)
def test_either_limit_is_judged_by_itself(
    single_ns: int, tail_ns: int, median: str, p99: str
) -> None:
    made = Measurement("tiny", "onnxruntime 1", rows(WAYS, *drifting(single_ns, tail_ns), 16))
    assert (made.median, made.p99) == (median, p99)
    told = report([made], Workload(threads=1, faces=1, calls=1600, per_round=16))
    assert told["measurements"][0]["median"] == median
    assert told["measurements"][0]["rows"][2]["way"] == "single"
    assert told["calls"] == 1600


def test_a_limit_within_the_interval_is_not_resolved() -> None:
    # Half of the processes are below the limit of 5 µs and half above.
    each = [drifting(ns) for ns in (4_000, 4_500, 5_500, 6_000)]
    both = (np.concatenate(part) for part in zip(*each, strict=True))
    made = Measurement("slow", "onnxruntime 1", rows(WAYS, *both, 16))
    assert made.median == "not resolved"
    low, high = made.rows[2].own_interval
    assert low < 5 < high


def test_a_missing_program_is_a_sentence(tmp_path: Path) -> None:
    with pytest.raises(BackendError, match="make native"):
        measure(tmp_path, tmp_path, "onnxruntime", Workload(1, 1, 64, 16))

"""The overhead benchmark's arithmetic; tests/native/test_overhead.py runs its program."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import pytest

from facedge.benchmarks.native_overhead import Measurement, Workload, measure, report, rows
from facedge.errors import BackendError

WAYS = ("backend", "control", "single")


def drifting(single_ns: int, tail_ns: int = 0) -> np.ndarray:
    """100 rounds of 16 calls on a machine that grows slower: int64 [1, 3, 1600]."""
    slower = np.repeat(np.arange(100) * 1000, 16) + 50_000
    single = slower + single_ns
    single[::48] += tail_ns
    return np.stack([slower, slower, single]).astype(np.int64)[None]


def test_an_overhead_far_below_the_drift_is_found() -> None:
    backend, control, single = rows(WAYS, drifting(1_500), 16)
    assert backend.overhead_us == control.overhead_us == 0
    # Every call costs exactly that much more, so every round's difference is that.
    assert single.overhead_us == pytest.approx(1.5)
    assert single.p50_us == pytest.approx(50 + 49.5 + 1.5)


def test_processes_differ_and_their_mean_counts() -> None:
    # Memory lies differently in each process: overheads of -2, 1 and 4 µs, on average 1.
    single = rows(WAYS, np.concatenate([drifting(ns) for ns in (-2_000, 1_000, 4_000)]), 16)[2]
    assert single.overhead_us == pytest.approx(1)
    # The bootstrap's extremes: three times the fastest, three times the slowest process.
    assert single.interval_us == pytest.approx((-2, 4))


def test_percentiles_are_of_all_calls_and_an_incomplete_round_has_no_pair() -> None:
    times = np.concatenate([drifting(1_000), np.full((1, 3, 5), 10_000_000)], axis=2)
    single = rows(WAYS, times, 16)[2]
    assert single.overhead_us == pytest.approx(1)
    assert single.p99_us == pytest.approx(np.percentile(times[0, 2], 99) / 1e3)


@pytest.mark.parametrize(
    ("single_ns", "tail_ns", "median", "p99"),
    [
        (1_000, 0, "met", "met"),
        (6_000, 0, "not met", "not met"),
        # Two calls in a hundred take 90 µs longer: every round's median stays.
        (0, 90_000, "met", "not met"),
    ],
)
def test_either_limit_is_judged_by_itself(
    single_ns: int, tail_ns: int, median: str, p99: str
) -> None:
    made = Measurement("tiny", "onnxruntime 1", rows(WAYS, drifting(single_ns, tail_ns), 16))
    assert (made.median, made.p99) == (median, p99)
    told = report([made], Workload(threads=1, faces=1, calls=1600, per_round=16))
    assert told["measurements"][0]["median"] == median
    assert told["measurements"][0]["rows"][2]["way"] == "single"
    assert told["calls"] == 1600


def test_a_limit_that_drowns_in_noise_is_not_resolved() -> None:
    # 20 ms give or take 2: the difference of two equal things is known to some hundred µs only.
    noise = np.random.default_rng(0).normal(20e6, 2e6, (8, 3, 160)).astype(np.int64)
    made = Measurement("slow", "onnxruntime 1", rows(WAYS, noise, 16))
    assert made.median == "not resolved"
    low, high = made.rows[2].interval_us
    assert low < 0 < high


def test_a_missing_program_is_a_sentence(tmp_path: Path) -> None:
    with pytest.raises(BackendError, match="make native"):
        measure(tmp_path, tmp_path, "onnxruntime", Workload(1, 1, 64, 16))

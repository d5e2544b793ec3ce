"""Benchmark results with invented figures, for tests of what is done with results."""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np

from facedge.benchmarks.machine import Environment
from facedge.benchmarks.result import Latency, Method, Result, Streams, SubjectResult


def environment(**changes) -> Environment:
    fields = {
        "device": "A CPU",
        "cpu": "A CPU",
        "cpus": 2,
        "memory_mib": 1024,
        "board": "",
        "l4t": "",
        "jetpack": "",
        "power_mode": "",
        "gpu": "",
        "system": "Linux 6",
        "versions": {"facedge": "0.1.0", "onnxruntime": "1"},
        "load": 0.0,
        "rails": {},
    }
    return Environment(**(fields | changes))


def latency(rounds: Sequence[float] = (4.0,) * 8, batch: int = 1) -> Latency:
    """Sixteen equal calls in each round of these medians, in ms."""
    calls = np.repeat(np.asarray(rounds, float), 16)
    p50, p90, p99 = (float(v) for v in np.percentile(calls, (50, 90, 99)))
    spread = (0, 50, 90, 99, 100)
    return Latency(
        batch=batch,
        queries=len(calls),
        seconds=float(calls.sum()) / 1e3,
        p50=p50,
        p90=p90,
        p99=p99,
        max=float(calls.max()),
        jitter=0.0,
        missed_30=int((calls > 1e3 / 30).sum()),
        missed_60=int((calls > 1e3 / 60).sum()),
        faces_per_second=batch * 1e3 / float(calls.mean()),
        rounds=tuple(float(r) for r in rounds),
        distribution=tuple((p, float(np.percentile(calls, p))) for p in spread),
    )


def streams(count: int, rate: float) -> Streams:
    return Streams(
        streams=count,
        threads_each=1,
        queries=100,
        seconds=100 / rate,
        faces_per_second=rate,
        p50=1e3 * count / rate,
        p99=2e3 * count / rate,
    )


def subject(name: str = "tiny · onnxruntime", **changes) -> SubjectResult:
    fields = {
        "name": name,
        "bundle": "tiny",
        "model": "tiny",
        "precision": "fp32",
        "steps": 1,
        "digest": "d" * 64,
        "weights_sha256": "e" * 64,
        "backend": "onnxruntime",
        "backend_version": "1",
        "artifact": "onnx/portable.onnx",
        "artifact_sha256": "f" * 64,
        "threads": 2,
        "input": "uint8 4x4x3",
        "quality": {},
        "latency": latency(),
    }
    return SubjectResult(**(fields | changes))


def result(*subjects: SubjectResult, quick: bool = False, threads: int = 2, **changes) -> Result:
    method = Method(
        quick=quick,
        queries=1024,
        seconds=5.0,
        warm_up=32,
        per_round=16,
        threads=threads,
        batches=(1, 8),
        streams=(1, 2),
    )
    fields = {
        "created": "2026-11-24T10:00:00+00:00",
        "duration": 60.0,
        "method": method,
        "environment": environment(),
        "subjects": subjects,
    }
    return Result(**(fields | changes))

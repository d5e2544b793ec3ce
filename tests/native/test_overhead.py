"""The program of benchmarks/native_overhead.py: that it runs, not what it measures."""

from __future__ import annotations

from pathlib import Path

import pytest
import tiny_bundle
from native_library import is_sanitized

from facedge.benchmarks.native_overhead import Workload, measure
from facedge.errors import BackendError
from facedge.runtime.backends import registry


@pytest.fixture
def build(native_build: Path, emulator: list[str]) -> Path:
    if emulator:
        pytest.skip("an emulator's times say nothing")
    if not (native_build / "benchmarks/native/native_overhead").exists():
        pytest.skip("native_overhead was not built: set FACEDGE_TOOLS")
    return native_build


@pytest.mark.parametrize("backend", registry.CPU)
def test_every_way_plays_the_same_pixels_and_is_timed(
    backend: str, build: Path, tmp_path: Path
) -> None:
    if not (build / f"plugins/libfacedge_backend_{backend}.so").exists():
        pytest.skip(f"this build has no plug-in for {backend}")
    if is_sanitized() and backend == "openvino":
        pytest.skip("OpenVINO opens a part of its own in a way that sanitizers refuse")
    bundle = tiny_bundle.make_bundle(tmp_path / "bundle")
    # The program itself fails when a way gives other pixels than the bare call.
    work = Workload(threads=1, faces=3, calls=100, per_round=16, processes=2)
    made = measure(build, bundle, backend, work)
    assert made.bundle == "tiny"
    assert made.backend.startswith(f"{backend} ")
    ways = ["backend", "control", "lanes", "single", "inline", "worker"]
    assert [row.way for row in made.rows] == ways
    for row in made.rows:
        assert 0 < row.p50_us <= row.p90_us <= row.p99_us


def test_a_bundle_that_cannot_be_measured_is_a_sentence(build: Path, tmp_path: Path) -> None:
    bundle = tiny_bundle.make_bundle(tmp_path / "bundle", tiny_bundle.au_model())
    with pytest.raises(BackendError, match="a super-resolution bundle without a state is needed"):
        measure(build, bundle, "onnxruntime", Workload(1, 1, 64, 16))

"""Whole runs on tiny bundles: everything is filled in, and what fails is named and left out."""

from __future__ import annotations

import pytest
from jetson_boards import orin_nano, write
from tiny_bundle import au_model, make_bundle, sr_model

from facedge.benchmarks.energy import measure_energy
from facedge.benchmarks.measure import Plan, measure, quick
from facedge.benchmarks.memory import measure_memory
from facedge.benchmarks.power import find_meter
from facedge.benchmarks.result import encode, read_result
from facedge.benchmarks.subjects import open_subjects
from facedge.benchmarks.sysfs import Files
from facedge.errors import BackendError, InputError
from facedge.progress import Stages
from facedge.runtime.bundle import load
from facedge.runtime.manifest import Artifact
from facedge.runtime.session import Session

QUIET = Stages(quiet=True)


@pytest.fixture
def bundle(tmp_path):
    return make_bundle(tmp_path / "b")


def small(bundles, *backends, **changes):
    """A plan of a fraction of a second, without a process of its own for memory."""
    fields = {"batches": (1, 3), "streams": (2,), "seconds": 0.05, "queries": 32, "memory": False}
    return quick(Plan(bundles, backends, threads=1, **(fields | changes)))


def test_a_run_fills_in_everything_it_can(bundle):
    found = measure(small([bundle], "onnxruntime"), QUIET)
    (subject,) = found.subjects
    assert subject.name == "tiny · onnxruntime"
    assert subject.latency is not None
    assert subject.latency.queries >= 32
    assert subject.latency.p50 <= subject.latency.p90 <= subject.latency.p99 <= subject.latency.max
    assert [row.batch for row in subject.batches] == [1, 3]
    assert [row.streams for row in subject.streams] == [2]
    assert subject.streams[0].queries >= 2 * 8 * 3
    assert subject.artifact_sha256 == load(bundle).manifest.files["onnx/portable.onnx"]
    assert found.method.quick
    assert found.environment.versions["facedge"]
    assert found.failures == ()


def test_throughput_is_batch_times_calls_over_their_time(bundle):
    found = measure(small([bundle], "onnxruntime"), QUIET)
    for row in found.subjects[0].batches:
        assert row.faces_per_second == pytest.approx(row.batch * row.queries / row.seconds, 1e-4)


def test_a_result_survives_its_file(bundle, tmp_path):
    found = measure(small([bundle], "onnxruntime"), QUIET)
    (tmp_path / "bench.json").write_bytes(encode(found))
    assert read_result(tmp_path) == found


def test_action_units_are_measured_too(tmp_path):
    found = measure(small([make_bundle(tmp_path / "a", au_model())], "onnxruntime"), QUIET)
    assert found.subjects[0].latency is not None


def test_stateful_bundles_are_measured_at_every_batch(tmp_path):
    path = make_bundle(tmp_path / "s", sr_model(stateful=True))
    found = measure(small([path], "onnxruntime"), QUIET)
    assert [row.batch for row in found.subjects[0].batches] == [1, 3]


def test_the_wanted_backend_that_a_bundle_lacks_is_named_and_the_rest_is_measured(tmp_path):
    only = Artifact(backend="onnxruntime", path="onnx/portable.onnx", dialect="portable")
    one = make_bundle(tmp_path / "one", artifacts=(only,), name="one")
    two = make_bundle(tmp_path / "two", name="two")
    found = measure(small([one, two], "onnxruntime", "openvino", streams=()), QUIET)
    names = [s.name for s in found.subjects]
    assert names == ["one · onnxruntime", "two · onnxruntime", "two · openvino"]
    (failure,) = found.failures
    assert (failure.subject, failure.part) == ("one · openvino", "opening")
    assert "has nothing for backend openvino" in failure.reason


def test_a_damaged_bundle_is_named_and_the_rest_is_measured(bundle, tmp_path):
    found = measure(small([tmp_path / "none", bundle], "onnxruntime", streams=()), QUIET)
    assert len(found.subjects) == 1
    assert "is not a folder" in found.failures[0].reason


def test_when_nothing_opens_the_error_has_every_reason(tmp_path):
    with pytest.raises(BackendError, match=r"nothing can be measured: .*none is not a folder"):
        measure(small([tmp_path / "none"], "onnxruntime"), QUIET)


def test_an_unknown_backend_is_an_error_at_once(bundle):
    with pytest.raises(InputError, match="nvcc"):
        open_subjects([bundle], ["nvcc"], 1)


class Flaky:
    """Makes sessions of one batch size fail after some calls."""

    def __init__(self, monkeypatch, batch, calls, backend="onnxruntime"):
        real, self.left = Session.__call__, calls

        def call(session, images, state=None):
            if session.backend == backend and len(images) == batch:
                self.left -= 1
                if self.left < 0:
                    raise RuntimeError("device lost\n  at line 1")
            return real(session, images, state)

        monkeypatch.setattr(Session, "__call__", call)


def test_an_engine_that_fails_half_way_is_left_out_of_what_follows(bundle, monkeypatch):
    Flaky(monkeypatch, batch=1, calls=20)
    found = measure(small([bundle], "onnxruntime", "openvino", streams=()), QUIET)
    flaky, good = found.subjects
    assert flaky.latency is None
    assert flaky.batches == ()
    assert good.latency is not None
    assert len(good.batches) == 2
    (failure,) = found.failures
    assert (failure.subject, failure.part) == ("tiny · onnxruntime", "latency")
    assert failure.reason == "RuntimeError: device lost at line 1"


def test_a_batch_that_fails_leaves_the_others(bundle, monkeypatch):
    Flaky(monkeypatch, batch=3, calls=2)
    found = measure(small([bundle], "onnxruntime"), QUIET)
    (subject,) = found.subjects
    assert subject.latency is not None
    assert [row.batch for row in subject.batches] == [1]
    assert len(subject.streams) == 1
    assert [f.part for f in found.failures] == ["batch 3"]


def test_a_stream_that_fails_is_named(bundle, monkeypatch):
    measured = measure(small([bundle], "onnxruntime", batches=(), streams=()), QUIET)
    assert measured.failures == ()
    plan = small([bundle], "onnxruntime", batches=(), queries=16, seconds=0.0)
    Flaky(monkeypatch, batch=1, calls=30)  # 8 to warm up, 17 in one round, then two sessions' turn
    found = measure(plan, QUIET)
    assert [f.part for f in found.failures] == ["2 streams"]
    assert found.subjects[0].latency is not None


def test_bundles_are_compared_with_the_first(bundle):
    found = measure(small([bundle], "onnxruntime", "openvino", batches=(), streams=()), QUIET)
    (speedup,) = found.speedups
    assert (speedup.subject, speedup.than) == ("tiny · openvino", "tiny · onnxruntime")
    assert speedup.low <= speedup.times <= speedup.high


def test_bundles_of_several_step_counts_make_a_curve(tmp_path):
    paths = [
        make_bundle(
            tmp_path / str(k),
            name=f"tiny-{k}",
            steps=k,
            quality={f"psnr_y fp32 restored_{k}": 27.0 + k},
        )
        for k in (3, 1, 2)
    ]
    found = measure(small(paths, "onnxruntime", batches=(), streams=()), QUIET)
    (series,) = found.steps
    assert [(p.steps, p.quality) for p in series.points] == [(1, 28.0), (2, 29.0), (3, 30.0)]
    assert series.quality_name == "psnr_y"
    assert series.deviation is not None


def test_a_full_run_takes_at_least_1024_calls_of_each(bundle):
    plan = Plan([bundle], ["onnxruntime"], (), (), 1, seconds=0.0, memory=False)
    found = measure(plan, QUIET)
    assert not found.method.quick
    assert found.subjects[0].latency is not None
    assert found.subjects[0].latency.queries == 1024


def test_energy_at_constant_power_is_power_times_time(bundle, tmp_path):
    meter = find_meter(Files(orin_nano(tmp_path / "board")))
    assert meter is not None
    subjects, _ = open_subjects([bundle], ["onnxruntime"], 1)
    found = measure_energy(subjects[0], meter, 0.0, interval=0.01)
    assert found.meter == "VDD_IN"
    assert (found.watts, found.idle_watts) == (6.0, 6.0)
    # the same power as idle: all of it is there with nothing running
    assert found.joules_per_face * found.faces == pytest.approx(6.0 * found.seconds)
    assert found.joules_per_face_above_idle == pytest.approx(0.0, abs=1e-9)


def test_a_run_on_a_board_has_energy_mode_and_heat(bundle, tmp_path):
    plan = small([bundle], "onnxruntime", batches=(), streams=())
    found = measure(plan, QUIET, Files(orin_nano(tmp_path / "board")))
    assert found.environment.power_mode == "25W (1)"
    assert found.environment.rails["VDD_IN"] == 6.0
    assert found.subjects[0].energy is not None
    assert found.environment.notes == ()


def test_a_meter_that_vanishes_is_named(bundle, tmp_path):
    board = orin_nano(tmp_path / "board")
    files = Files(board)
    meter = find_meter(files)
    assert meter is not None
    rail = "sys/bus/i2c/drivers/ina3221/1-0040/hwmon/hwmon1/in1_input"
    write(board, {rail: "gone"})
    subjects, _ = open_subjects([bundle], ["onnxruntime"], 1)
    with pytest.raises(InputError, match="VDD_IN could not be read"):
        measure_energy(subjects[0], meter, 0.0)
    assert any("in1_input is 'gone'" in note for note in files.notes)


def test_memory_is_that_of_a_process_of_its_own(bundle):
    found = measure_memory(bundle, "onnxruntime", 1)
    assert 0 < found.opened <= found.played <= found.peak


def test_a_process_that_dies_is_named(tmp_path):
    with pytest.raises(BackendError, match=r"ended with 1: .*BundleError"):
        measure_memory(tmp_path, "onnxruntime", 1)

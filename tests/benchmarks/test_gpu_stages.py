"""The parts of a GPU call, on stand-ins for TensorRT and CUDA; not a test of a device."""

from __future__ import annotations

import sys
import types

import numpy as np
import pytest
from fake_nvidia import Device, cuda_runtime, tensorrt
from tiny_bundle import make_bundle, pictures, reference, sr_model

from facedge.benchmarks.gpu_stages import measure_stages, parts
from facedge.benchmarks.measure import Plan, measure, quick
from facedge.benchmarks.subjects import open_subjects
from facedge.progress import Stages
from facedge.runtime.backends import nvinfer
from facedge.runtime.backends.base import Options
from facedge.runtime.choose import open_backend
from facedge.runtime.cuda import driver
from facedge.runtime.manifest import Artifact

PLAN = "engines/tensorrt-10.3.0-sm_87.plan"


@pytest.fixture
def machine(monkeypatch):
    """A Jetson Orin with TensorRT 10.3 and cuda-python, all of them stand-ins."""
    device = Device()
    bindings = types.ModuleType("cuda.bindings")
    bindings.__version__ = "12.6"
    monkeypatch.setitem(sys.modules, "tensorrt", tensorrt(device))
    monkeypatch.setitem(sys.modules, "cuda", types.ModuleType("cuda"))
    monkeypatch.setitem(sys.modules, "cuda.bindings", bindings)
    monkeypatch.setitem(sys.modules, "cuda.bindings.runtime", cuda_runtime(device))
    monkeypatch.setattr(driver, "_opened", types.SimpleNamespace())
    monkeypatch.setattr(nvinfer, "_loggers", {})
    return device


@pytest.fixture
def bundle(tmp_path):
    model = sr_model()
    plan = Artifact(
        backend="tensorrt",
        path=PLAN,
        dialect="portable",
        version="10.3.0",
        device="sm_87",
        max_batch=4,
    )
    data = {PLAN: model.SerializeToString()}
    return make_bundle(tmp_path / "t", model, extra=data, artifacts=(plan,))


def test_each_part_does_its_own_work_and_waits(machine, bundle):
    (subject,), _ = open_subjects([bundle], ["tensorrt"], 1)
    opened = open_backend(subject.bundle, "tensorrt", Options())
    binding = opened.session.bind(1)
    calls = parts(binding)
    assert list(calls) == ["to_device", "compute", "to_host", "enqueued", "graph"]
    images = pictures(1, seed=5)
    binding.inputs["images"][...] = images
    binding.outputs["restored"][...] = 0
    for name in ("to_device", "compute"):
        calls[name]()
        assert not binding.outputs["restored"].any(), name
    calls["to_host"]()
    assert (
        binding.outputs["restored"] == reference(sr_model(), {"images": images})["restored"]
    ).all()
    for name in ("enqueued", "graph"):
        binding.outputs["restored"][...] = 0
        calls[name]()
        assert binding.outputs["restored"].any(), name


def test_a_gpu_backend_is_taken_apart(machine, bundle):
    (subject,), _ = open_subjects([bundle], ["tensorrt"], 1)
    found = measure_stages(subject, queries=8, per_round=4)
    assert not isinstance(found, str)
    assert found is not None
    assert min(found.to_device, found.compute, found.to_host, found.enqueued) > 0
    assert found.graph is not None


def test_without_graphs_the_rest_is_measured(machine, bundle, monkeypatch):
    (subject,), _ = open_subjects([bundle], ["tensorrt"], 1)
    monkeypatch.setattr(
        "facedge.runtime.backends.tensorrt.TensorRtBinding._record", lambda self: None
    )
    found = measure_stages(subject, queries=8, per_round=4)
    assert not isinstance(found, str)
    assert found is not None
    assert found.graph is None
    assert found.enqueued > 0


def test_a_run_holds_the_parts_and_a_batch_above_the_plan_is_named(machine, bundle):
    plan = quick(Plan([bundle], ["tensorrt"], (1, 8), (), 1, seconds=0.0, queries=16, memory=False))
    found = measure(plan, Stages(quiet=True))
    (subject,) = found.subjects
    assert subject.gpu is not None
    assert subject.artifact == PLAN
    assert [row.batch for row in subject.batches] == [1]
    (failure,) = found.failures
    assert failure.part == "batch 8"
    assert "built for at most 4" in failure.reason


def test_a_cpu_backend_has_no_parts(tmp_path):
    (subject,), _ = open_subjects([make_bundle(tmp_path / "c")], ["onnxruntime"], 1)
    assert measure_stages(subject, queries=8, per_round=4) is None
    assert np.isfinite(subject.batch(1)).all()

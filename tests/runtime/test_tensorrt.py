"""The TensorRT backend's control flow, on stand-ins; not a test of a device."""

from __future__ import annotations

import gc
import sys
import types

import numpy as np
import pytest
from fake_nvidia import Device, cuda_runtime, pycuda_driver, rtx, tensorrt
from tiny_bundle import au_model, make_bundle, pictures, reference, sr_model

from facedge.errors import BackendError, BundleError, InputError
from facedge.runtime.backends import nvinfer
from facedge.runtime.backends.base import Options
from facedge.runtime.backends.plan import PlanMismatch, device_fits, version_fits
from facedge.runtime.backends.tensorrt import TensorRt
from facedge.runtime.bundle import load
from facedge.runtime.cuda import driver
from facedge.runtime.cuda.cuda_python import CudaPython
from facedge.runtime.cuda.pycuda import PyCuda
from facedge.runtime.manifest import Artifact
from facedge.runtime.session import Session

PLAN = "engines/tensorrt-10.3.0-sm_87.plan"


def plan_bundle(folder, model=None, data=None, **artifact):
    model = model or sr_model()
    fields = {
        "backend": "tensorrt",
        "path": PLAN,
        "dialect": "portable",
        "version": "10.3.0",
        "device": "sm_87",
        "max_batch": 4,
    }
    return load(
        make_bundle(
            folder / "t",
            model,
            extra={PLAN: model.SerializeToString() if data is None else data},
            artifacts=(Artifact(**(fields | artifact)),),
        )
    )


@pytest.fixture
def machine(monkeypatch):
    """A Jetson Orin with TensorRT 10.3 and cuda-python, all of them stand-ins."""
    return install(monkeypatch, Device())


def install(monkeypatch, device, trt=None, runtime=None):
    monkeypatch.setitem(sys.modules, "tensorrt", trt or tensorrt(device))
    package = types.ModuleType("cuda")
    bindings = types.ModuleType("cuda.bindings")
    bindings.__version__ = "12.6"
    monkeypatch.setitem(sys.modules, "cuda", package)
    monkeypatch.setitem(sys.modules, "cuda.bindings", bindings)
    monkeypatch.setitem(sys.modules, "cuda.bindings.runtime", runtime or cuda_runtime(device))
    monkeypatch.setattr(driver, "_opened", types.SimpleNamespace())
    monkeypatch.setattr(nvinfer, "_loggers", {})
    return device


def wanted(images):
    return reference(sr_model(), {"images": images})["restored"]


def test_pictures_come_back_right_at_changing_batch_sizes(machine, tmp_path):
    session = Session(plan_bundle(tmp_path), "tensorrt")
    for count in (1, 3, 1, 4):
        images = pictures(count, seed=count)
        # The stand-in computes with the same evaluator: equal to the last bit.
        assert (session(images) == wanted(images)).all()


def test_state_and_several_outputs_are_carried(machine, tmp_path):
    model = sr_model(stateful=True)
    session = Session(plan_bundle(tmp_path, model), "tensorrt", batch=2)
    state = np.zeros((2, 2, 4, 4), np.float32)
    for seed in range(3):
        images = pictures(2, seed)
        out = reference(model, {"images": images, "state_in": state})
        assert (session(images) == out["restored"]).all()
        state = out["state_out"]
    assert (session.state == state).all()


def test_action_units_come_back_right(machine, tmp_path):
    result = Session(plan_bundle(tmp_path, au_model()), "tensorrt")(pictures(1))
    out = reference(au_model(), {"images": pictures(1)})
    assert (result.probabilities == out["probabilities"]).all()
    assert (result.landmarks == out["landmarks"]).all()


def test_the_first_enqueue_after_a_shape_is_not_recorded_and_frames_replay_one_graph(
    machine, tmp_path
):
    session = Session(plan_bundle(tmp_path), "tensorrt")
    order = [
        c
        for c in machine.calls
        if c
        in (
            "set_input_shape",
            "execute_async_v3",
            "cudaStreamSynchronize",
            "cudaStreamBeginCapture",
            "cudaStreamEndCapture",
            "cudaGraphInstantiate",
        )
    ]
    assert order == [
        "set_input_shape",
        "execute_async_v3",
        "cudaStreamSynchronize",
        "cudaStreamBeginCapture",
        "execute_async_v3",
        "cudaStreamEndCapture",
        "cudaGraphInstantiate",
    ]
    machine.calls.clear()
    session(pictures(1))
    session(pictures(1))
    assert machine.calls == ["cudaGraphLaunch", "cudaStreamSynchronize"] * 2


@pytest.mark.parametrize("why", ["engine", "capture"])
def test_without_a_graph_frames_are_enqueued(monkeypatch, tmp_path, why):
    device = Device()
    runtime = cuda_runtime(device)
    if why == "capture":
        runtime.cudaStreamEndCapture = lambda s: device.recording.pop(s) and (901, None)
    install(monkeypatch, device, tensorrt(device, capturable=why == "capture"), runtime)
    session = Session(plan_bundle(tmp_path), "tensorrt")
    device.calls.clear()
    assert (session(pictures(1)) == wanted(pictures(1))).all()
    assert "cudaGraphLaunch" not in device.calls
    assert "execute_async_v3" in device.calls


def test_everything_is_given_back(machine, tmp_path):
    session = Session(plan_bundle(tmp_path), "tensorrt", copy=False)
    result = session(pictures(1))
    assert machine.memory
    del session
    gc.collect()
    assert not machine.memory
    assert not machine.queues
    # A picture still in use keeps its page-locked memory.
    assert (result == wanted(pictures(1))).all()
    assert machine.calls.count("cudaFreeHost") == 1
    del result
    gc.collect()
    assert machine.calls.count("cudaFreeHost") == 2


def test_tensorrt_for_rtx_compiles_for_the_shape_before_a_graph_is_recorded(monkeypatch, tmp_path):
    device = Device(capability=(8, 9))
    install(monkeypatch, device, runtime=cuda_runtime(device))
    trt = rtx(tensorrt(device, "1.7.1.116"))
    monkeypatch.setitem(sys.modules, "tensorrt_rtx", trt)
    bundle = plan_bundle(tmp_path, backend="tensorrt-rtx", version="1.7.1.116", device="ampere+")
    session = Session(bundle)
    assert session.backend == "tensorrt-rtx"
    assert (session(pictures(1)) == wanted(pictures(1))).all()
    assert trt.configs == ["eager"]


def test_a_batch_above_the_profile_is_refused(machine, tmp_path):
    session = Session(plan_bundle(tmp_path), "tensorrt")
    with pytest.raises(InputError, match="at most 4"):
        session(pictures(5))
    assert (session(pictures(1)) == wanted(pictures(1))).all()


@pytest.mark.parametrize(
    ("artifact", "words"),
    [
        ({"version": "10.16.2"}, r"built by tensorrt 10\.16\.2 and this machine has 10\.3\.0"),
        ({"version": "10.4.0+"}, r"10\.4\.0\+"),
        ({"device": "sm_86"}, "built for sm_86 and this device is sm_87"),
        ({"device": ""}, "does not say"),
        ({"version": ""}, "does not say"),
    ],
)
def test_a_plan_for_elsewhere_is_refused_before_it_is_loaded(machine, tmp_path, artifact, words):
    bundle = plan_bundle(tmp_path, **artifact)
    with pytest.raises(PlanMismatch, match=words) as caught:
        Session(bundle, "tensorrt")
    assert str(caught.value).endswith(f"facedge engine {bundle.path} --backend tensorrt")
    assert "deserialize" not in machine.calls


@pytest.mark.parametrize("artifact", [{"version": "10.1.0+"}, {"device": "ampere+"}])
def test_compatible_plans_load(machine, tmp_path, artifact):
    session = Session(plan_bundle(tmp_path, **artifact), "tensorrt")
    assert (session(pictures(1)) == wanted(pictures(1))).all()
    carries_code = artifact.get("version", "").endswith("+")
    assert sys.modules["tensorrt"].last_runtime.engine_host_code_allowed is carries_code


def test_the_plan_that_fits_is_taken_among_several(machine, tmp_path):
    good = Artifact(
        backend="tensorrt", path=PLAN, dialect="portable", version="10.3.0", device="sm_87"
    )
    other = Artifact(
        backend="tensorrt",
        path="engines/other.plan",
        dialect="portable",
        version="10.16.2",
        device="sm_110",
    )
    path = make_bundle(
        tmp_path / "t",
        extra={PLAN: sr_model().SerializeToString(), "engines/other.plan": b"other"},
        artifacts=(other, good),
    )
    session = Session(path)
    assert session.backend == "tensorrt"
    assert (session(pictures(1)) == wanted(pictures(1))).all()


def test_a_plan_that_does_not_load_says_what_tensorrt_said(machine, tmp_path):
    with pytest.raises(BundleError, match="Magic tag does not match"):
        Session(plan_bundle(tmp_path, data=b"junk"), "tensorrt")


def test_an_altered_plan_never_reaches_tensorrt(machine, tmp_path):
    bundle = plan_bundle(tmp_path)
    file = bundle.path / PLAN
    file.write_bytes(file.read_bytes()[:-1] + b"\0")
    with pytest.raises(BundleError, match="altered"):
        Session(bundle, "tensorrt")
    assert "deserialize" not in machine.calls


def test_a_plan_with_other_tensors_is_refused(machine, tmp_path):
    bundle = plan_bundle(tmp_path, data=au_model().SerializeToString())
    with pytest.raises(BundleError, match=r"probabilities \(float32 output\)"):
        Session(bundle, "tensorrt")


def test_the_cpu_is_no_device_for_a_plan(machine, tmp_path):
    with pytest.raises(BackendError, match="needs a CUDA device"):
        TensorRt("tensorrt").open(
            plan_bundle(tmp_path), load(tmp_path / "t").manifest.artifacts[0], Options("cpu")
        )


class TestAvailable:
    def test_with_everything_it_is_the_version(self, machine):
        assert TensorRt("tensorrt").available().version == "10.3.0"

    def test_without_a_device_it_says_so(self, monkeypatch):
        device = Device()
        install(monkeypatch, device, runtime=cuda_runtime(device, devices=0))
        found = TensorRt("tensorrt").available()
        assert not found
        assert "no CUDA device" in found.reason

    @pytest.mark.parametrize("version", ["8.5.2", "10.0.1"])
    def test_too_old_a_version_is_said(self, monkeypatch, version):
        install(monkeypatch, Device(), tensorrt(Device(), version))
        assert "expected 10.3" in TensorRt("tensorrt").available().reason

    def test_a_stub_wheel_without_libraries_is_said(self, monkeypatch):
        install(monkeypatch, Device(), types.ModuleType("tensorrt"))
        assert "without its libraries" in TensorRt("tensorrt").available().reason

    def test_nothing_installed_names_the_extra(self, monkeypatch):
        monkeypatch.setitem(sys.modules, "tensorrt", None)
        assert "facedge[tensorrt]" in TensorRt("tensorrt").available().reason

    def test_no_cuda_library_names_both(self, monkeypatch):
        install(monkeypatch, Device())
        for name in ("cuda.bindings.runtime", "cuda.cudart", "pycuda.driver"):
            monkeypatch.setitem(sys.modules, name, None)
        assert "cuda-python nor pycuda" in TensorRt("tensorrt").available().reason


class TestCudaLibraries:
    def test_pycuda_plays_without_graphs(self, monkeypatch, tmp_path):
        device = install(monkeypatch, Device())
        for name in ("cuda.bindings.runtime", "cuda.cudart"):
            monkeypatch.setitem(sys.modules, name, None)
        monkeypatch.setitem(sys.modules, "pycuda", types.ModuleType("pycuda"))
        monkeypatch.setitem(sys.modules, "pycuda.driver", pycuda_driver(device))
        assert isinstance(driver.open_cuda(), PyCuda)
        session = Session(plan_bundle(tmp_path), "tensorrt")
        for count in (1, 2):
            assert (session(pictures(count)) == wanted(pictures(count))).all()
        del session
        gc.collect()
        assert not device.memory

    def test_pycuda_errors_are_one_kind(self):
        with pytest.raises(BackendError, match=r"mem_alloc failed: .*out of memory"):
            PyCuda(pycuda_driver(Device())).device_alloc(1 << 41)

    def test_cuda_errors_name_the_call(self):
        runtime = cuda_runtime(Device())
        runtime.cudaMalloc = lambda size: (2, None)
        runtime.cudaGetErrorString = lambda error: (0, b"out of memory")
        with pytest.raises(BackendError, match=r"cudaMalloc failed: out of memory \(error 2\)"):
            CudaPython(runtime).device_alloc(1)

    def test_the_installed_cuda_python_has_every_call_we_make(self):
        runtime = pytest.importorskip("cuda.bindings.runtime")
        fake = cuda_runtime(Device())
        names = [n for n in vars(fake) if n.startswith("cuda")]
        assert len(names) > 20
        assert [n for n in names if not hasattr(runtime, n)] == []

    def test_without_a_driver_the_installed_one_says_so(self):
        runtime = pytest.importorskip("cuda.bindings.runtime")
        if runtime.cudaGetDeviceCount()[0] == 0:
            pytest.skip("there is a driver")
        with pytest.raises(BackendError, match="cudaGetDeviceCount failed"):
            CudaPython(runtime)


@pytest.mark.parametrize(
    ("built", "installed", "fits"),
    [
        ("10.3.0", "10.3.0", True),
        ("10.3.0.30", "10.3.0", True),
        ("10.3.0", "10.3.1", False),
        ("10.3.0+", "10.16.2", True),
        ("10.16.2+", "10.3.0", False),
        ("1.7.1.116", "1.7.1.120", True),
    ],
)
def test_versions_that_load(built, installed, fits):
    assert version_fits(built, installed) is fits


@pytest.mark.parametrize(
    ("built", "capability", "backend", "fits"),
    [
        ("sm_87", (8, 7), "tensorrt", True),
        ("sm_87", (8, 6), "tensorrt", False),
        ("ampere+", (8, 6), "tensorrt", True),
        ("ampere+", (7, 5), "tensorrt", False),
        ("ampere+", (8, 9), "tensorrt-rtx", True),
        ("ampere+", (12, 1), "tensorrt-rtx", True),
        ("ampere+", (8, 7), "tensorrt-rtx", False),
        ("ampere+", (9, 0), "tensorrt-rtx", False),
        ("sm_75", (7, 5), "tensorrt-rtx", True),
        ("sm_86,sm_89", (8, 9), "tensorrt-rtx", True),
        ("sm_120", (12, 0), "tensorrt-rtx", True),
    ],
)
def test_devices_that_run_it(built, capability, backend, fits):
    assert device_fits(built, capability, backend) is fits


def test_one_logger_per_process_stays_silent_and_remembers(capfd):
    trt = tensorrt(Device())
    logger = nvinfer.logger(trt)
    assert nvinfer.logger(trt) is logger
    logger.log(trt.ILogger.Severity.ERROR, "first\nsecond line")
    logger.log(trt.ILogger.Severity.WARNING, "careful")
    assert logger.last_errors() == "first"
    assert list(logger.warnings) == ["careful"]
    assert capfd.readouterr() == ("", "")

"""Plans are really built, by TensorRT for RTX, which compiles without a GPU."""

from __future__ import annotations

import importlib.util
import json
import sys
import types
from pathlib import Path

import numpy as np
import pytest
from onnx import TensorProto, helper, numpy_helper

from facedge.errors import BackendError, InputError
from facedge.export.engines import compiler, tensorrt
from facedge.export.engines.layers import parse
from facedge.export.engines.tensorrt import PlanOptions, build_plan
from facedge.runtime.backends import nvinfer

has_rtx = importlib.util.find_spec("tensorrt_rtx_bindings") is not None
needs_rtx = pytest.mark.skipif(not has_rtx, reason="TensorRT for RTX is not installed")
RTX = PlanOptions(backend="tensorrt-rtx", max_batch=4)


def graph(half=False, int8=False, operator="Relu", channels=64, side="16"):
    """Two convolutions, uint8 NHWC in, float32 out; the second in the precision asked for."""
    rng, real = np.random.default_rng(0), np.float16 if half else np.float32
    nodes, constants = [], []

    def constant(name, array):
        constants.append(numpy_helper.from_array(np.asarray(array), name))
        return name

    def node(operator, inputs, output, name, **attributes):
        nodes.append(helper.make_node(operator, inputs, [output], name=name, **attributes))
        return output

    def pair(source, scale, zero, name, **attributes):
        q = node("QuantizeLinear", [source, scale, zero], f"{name}_q", f"{name}/q", **attributes)
        return node("DequantizeLinear", [q, scale, zero], f"{name}_dq", f"{name}/dq", **attributes)

    x = node("Cast", ["images"], "floats", "io/cast", to=TensorProto.FLOAT)
    x = node("Transpose", [x], "planar", "io/planar", perm=[0, 3, 1, 2])
    x = node("Mul", [x, constant("scale", np.float32(1 / 255))], "scaled", "io/scale")
    if half:
        x = node("Cast", [x], "halves", "io/half", to=TensorProto.FLOAT16)
    width = 3
    for index in (0, 1):
        name = f"core/conv{index}"
        weight = rng.normal(0, 0.05, (channels, width, 3, 3)).astype(real)
        w = constant(f"w{index}", weight)
        if int8 and index:
            w_scale = constant("ws", (np.abs(weight).max((1, 2, 3)) / 127).astype(real))
            x = pair(x, constant("s", real(0.02)), constant("z", np.int8(0)), name)
            w = pair(w, w_scale, constant("wz", np.zeros(channels, np.int8)), f"{name}/w", axis=0)
        x = node("Conv", [x, w], f"y{index}", f"{name}/Conv", pads=[1, 1, 1, 1])
        x = node(operator, [x], f"x{index}", f"{name}/{operator}")
        width = channels
    node("Cast", [x], "out", "io/out", to=TensorProto.FLOAT)
    size = int(side) if side.isdigit() else side
    model = helper.make_model(
        helper.make_graph(
            nodes,
            "g",
            [helper.make_tensor_value_info("images", TensorProto.UINT8, ["batch", size, 16, 3])],
            [
                helper.make_tensor_value_info(
                    "out", TensorProto.FLOAT, ["batch", channels, size, 16]
                )
            ],
            constants,
        ),
        opset_imports=[helper.make_opsetid("", 19)],
        ir_version=9,
    )
    return model.SerializeToString()


@needs_rtx
@pytest.mark.parametrize(
    ("precision", "kinds"),
    [
        ({}, {"Float"}),
        ({"half": True}, {"Half"}),
        ({"half": True, "int8": True}, {"Half", "Int8"}),
    ],
    ids=["fp32", "fp16", "int8"],
)
def test_a_plan_is_built_in_the_precision_of_its_graph(precision, kinds):
    plan = build_plan(graph(**precision), RTX)
    convolutions = [layer for layer in plan.layers if layer.is_contraction]
    assert {kind for c in convolutions for kind in c.inputs} == kinds
    assert {c.is_int8 for c in convolutions} == {False, *([True] if "int8" in precision else [])}
    by_node = {node: c for c in convolutions for node in c.nodes}
    assert {"core/conv0/Conv", "core/conv1/Conv"} <= set(by_node)
    assert ("core/conv1/Conv" in plan.int8_nodes) is ("int8" in precision)
    assert "core/conv0/Conv" not in plan.int8_nodes
    assert plan.data[:4] == b"vtrt"
    assert plan.device == "ampere+"
    version = nvinfer.module("tensorrt-rtx").__version__
    assert plan.path == f"engines/tensorrt-rtx-{version}-ampere+.plan"
    assert 0 < plan.seconds < 60
    assert 50 < plan.peak_mib < 4000


@needs_rtx
def test_building_prints_nothing_and_can_be_logged(tmp_path, capfd):
    log = tmp_path / "build.log"
    build_plan(graph(), PlanOptions(backend="tensorrt-rtx", log=log))
    assert capfd.readouterr() == ("", "")
    assert "DEBUG" in log.read_text()


@needs_rtx
def test_a_build_in_this_process_gives_the_same_layers(capfd):
    here = build_plan(graph(), PlanOptions(backend="tensorrt-rtx", isolate=False))
    there = build_plan(graph(), PlanOptions(backend="tensorrt-rtx"))
    assert [layer.kind for layer in here.layers] == [layer.kind for layer in there.layers]
    assert len(here.layers) > 1
    assert capfd.readouterr() == ("", "")


@needs_rtx
def test_target_devices_can_be_chosen():
    plan = build_plan(graph(), PlanOptions(backend="tensorrt-rtx", capabilities=("sm_75",)))
    assert plan.device == "sm_75"
    assert plan.data != build_plan(graph(), PlanOptions(backend="tensorrt-rtx")).data


@needs_rtx
@pytest.mark.parametrize("isolate", [True, False])
@pytest.mark.parametrize(
    ("model", "words"),
    [
        (graph(operator="NoSuchThing"), r"node core/conv0/NoSuchThing \(NoSuchThing\): .*Plugin"),
        (graph(side="height"), "only the first dimension, the batch, to be dynamic"),
        (b"not an ONNX file", "cannot read the graph"),
        (b"", "cannot build the graph"),
    ],
    ids=["operator", "shape", "junk", "empty"],
)
def test_a_graph_that_is_refused_is_one_sentence(model, words, isolate):
    options = PlanOptions(backend="tensorrt-rtx", isolate=isolate)
    with pytest.raises(BackendError, match=words) as caught:
        build_plan(model, options)
    assert "\n" not in str(caught.value)
    assert caught.value.exit_code == 4


@needs_rtx
def test_a_timing_cache_is_left_alone_where_there_is_none(tmp_path):
    cache = tmp_path / "cache"
    build_plan(graph(), PlanOptions(backend="tensorrt-rtx", timing_cache=cache))
    assert not cache.exists()


def worker(monkeypatch, code):
    """Replace the building process by a few lines of Python."""
    real = tensorrt.subprocess.run

    def run(command, **options):
        return real([sys.executable, "-c", code, command[-1]], **options)

    monkeypatch.setattr(tensorrt.subprocess, "run", run)


@pytest.mark.parametrize(
    ("code", "words"),
    [
        ("import os; os.kill(os.getpid(), 11)", "ended by SIGSEGV"),
        ("import os; os.kill(os.getpid(), 9)", "out of memory"),
        ("import os, sys; print('bad thing', file=sys.stderr); os.abort()", r"SIGABRT \(bad thing"),
        ("raise SystemExit(7)", "code 7 and no result"),
        (
            "import sys, pathlib; (pathlib.Path(sys.argv[1])/'result.json').write_text('{')",
            "no result",
        ),
    ],
)
def test_a_crash_of_the_compiler_is_one_sentence(monkeypatch, code, words):
    worker(monkeypatch, code)
    with pytest.raises(BackendError, match=words) as caught:
        build_plan(b"", RTX)
    assert "\n" not in str(caught.value)


def test_a_disk_that_fills_up_in_the_builder_is_an_error_of_input(monkeypatch):
    left = '{"error": "cannot write engine.plan: No space left on device", "exit_code": 2}'
    code = f"import sys, pathlib; (pathlib.Path(sys.argv[1])/'result.json').write_text({left!r})"
    worker(monkeypatch, code)
    with pytest.raises(InputError, match="No space left on device"):
        build_plan(b"", RTX)


def test_a_full_temporary_folder_is_one_sentence(monkeypatch):
    def full(*_, **__):
        raise OSError(28, "No space left on device")

    monkeypatch.setattr(tensorrt.tempfile, "TemporaryDirectory", full)
    with pytest.raises(InputError, match="No space left on device; free space"):
        build_plan(b"", RTX)


def test_a_build_that_takes_too_long_is_stopped(monkeypatch):
    worker(monkeypatch, "import time; time.sleep(60)")
    with pytest.raises(BackendError, match=r"still building after 0\.2 s"):
        build_plan(b"", PlanOptions(backend="tensorrt-rtx", timeout=0.2))


@pytest.mark.parametrize("isolate", [True, False])
def test_a_missing_tensorrt_names_the_extra(isolate):
    if importlib.util.find_spec("tensorrt") is not None:
        pytest.skip("TensorRT is installed")
    with pytest.raises(BackendError, match=r"facedge\[tensorrt\].*JetPack"):
        build_plan(b"", PlanOptions(isolate=isolate))


def test_a_stub_of_tensorrt_is_told_from_the_real_one(monkeypatch):
    monkeypatch.setitem(sys.modules, "tensorrt", types.ModuleType("tensorrt"))
    with pytest.raises(BackendError, match="without its libraries"):
        build_plan(b"", PlanOptions(isolate=False))


@pytest.mark.parametrize(
    "options",
    [
        {"backend": "onnxruntime"},
        {"max_batch": 0},
        {"opt_batch": 9},
        {"capabilities": ("sm_80",)},
        {"backend": "tensorrt-rtx", "capabilities": ("sm_87",)},
        {"backend": "tensorrt-rtx", "version_compatible": True},
        {"workspace_mib": 0},
    ],
)
def test_options_that_make_no_sense_are_refused(options):
    with pytest.raises(InputError):
        PlanOptions(**options)


def test_layers_are_read_from_the_inspectors_lines():
    line = (
        "Name: a_1, LayerType: correlation, Inputs: [ { Name: x, Dimensions: [-1,8], "
        "Datatype: Int8, Format: (NHWC) }], Constants: [ { Name: w, Dimensions: [8], Datatype: "
        "Int8, Format: x }, { Name: s, Datatype: Float }], Outputs: [ { Name: y, Datatype: Half }],"
        " TacticName: t, StreamId: 0, Metadata: [ONNX Layer: m/Conv][ONNX Layer: m/q]"
    )
    (layer,) = parse(f"Layers:\n{line}\n\nI/O Tensors:\n Name: images, IOMode: Input\n")
    assert (layer.name, layer.kind) == ("a_1", "correlation")
    assert (layer.inputs, layer.constants, layer.outputs) == (
        ("Int8",),
        ("Int8", "Float"),
        ("Half",),
    )
    assert layer.nodes == ("m/Conv", "m/q")
    assert layer.is_int8
    assert layer.is_contraction
    assert parse("nothing of the kind") == ()


class StandIn:
    """TensorRT's builder objects: records what is set, in TensorRT 10.3's names."""

    def __init__(self, known_cache=True):
        self.set, self.flags, self.known_cache = [], [], known_cache
        self.profiling_verbosity = self.builder_optimization_level = None
        self.hardware_compatibility_level = None

    def set_flag(self, flag):
        self.flags.append(flag)

    def set_memory_pool_limit(self, pool, size):
        self.set.append((pool, size))

    def create_timing_cache(self, data):
        self.set.append(("cache", data))
        return types.SimpleNamespace(data=data)

    def set_timing_cache(self, cache, ignore_mismatch):
        assert ignore_mismatch is False
        return self.known_cache or cache.data == b""


class TestTensorRt10:
    """Options that only TensorRT proper has, on stand-ins: no device here builds with it."""

    def trt(self):
        return types.SimpleNamespace(
            __name__="tensorrt",
            __version__="10.3.0",
            ProfilingVerbosity=types.SimpleNamespace(DETAILED="detailed"),
            MemoryPoolType=types.SimpleNamespace(WORKSPACE="workspace"),
            BuilderFlag=types.SimpleNamespace(VERSION_COMPATIBLE="vc", __name__="BuilderFlag"),
            HardwareCompatibilityLevel=types.SimpleNamespace(AMPERE_PLUS="ampere"),
        )

    def test_options_reach_the_builder(self):
        config = StandIn()
        options = PlanOptions(
            workspace_mib=64,
            version_compatible=True,
            hardware_compatible=True,
            optimization_level=5,
        )
        compiler._configure(self.trt(), config, options)
        assert config.set == [("workspace", 64 << 20)]
        assert config.flags == ["vc"]
        assert config.hardware_compatibility_level == "ampere"
        assert config.builder_optimization_level == 5

    def test_no_precision_flag_is_ever_set(self):
        config = StandIn()
        compiler._configure(self.trt(), config, PlanOptions())
        assert config.flags == []

    @pytest.mark.parametrize("known", [True, False])
    def test_a_timing_cache_is_read_and_one_of_another_device_replaced(self, tmp_path, known):
        file = tmp_path / "cache"
        file.write_bytes(b"timings")
        log = types.SimpleNamespace(warnings=[])
        config = StandIn(known_cache=known)
        cache = compiler._load_timing_cache(config, PlanOptions(timing_cache=file), log)
        assert cache.data == (b"timings" if known else b"")
        assert bool(log.warnings) is not known

    def test_the_devices_name_is_in_the_plan(self, monkeypatch):
        cuda = types.SimpleNamespace(capability=lambda: (8, 7))
        monkeypatch.setattr(compiler, "open_cuda", lambda: cuda)
        assert compiler._device(PlanOptions()) == "sm_87"
        assert compiler._device(PlanOptions(hardware_compatible=True)) == "ampere+"


def test_the_worker_takes_every_option(tmp_path):
    """Options travel as JSON: paths and tuples have to come back as they were."""
    from facedge.export.engines import worker as module

    options = PlanOptions(backend="tensorrt-rtx", capabilities=("sm_80",), log=tmp_path / "l")
    text = tensorrt.msgspec.json.encode(options, enc_hook=str)
    assert json.loads(text)["log"] == str(tmp_path / "l")
    back = tensorrt.msgspec.json.decode(text, type=PlanOptions, dec_hook=module._decode)
    assert back == options
    assert isinstance(back.log, Path)

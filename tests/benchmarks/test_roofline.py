"""Operations, bytes and bounds of hand-made graphs against sums worked out by hand."""

from __future__ import annotations

import numpy as np
import onnx
import pytest
from bench_samples import environment, latency, result, subject
from small_graphs import graph
from tiny_bundle import make_bundle

from facedge.benchmarks.cpu_peak import this_cpu
from facedge.benchmarks.devices import PUBLISHED, Device
from facedge.benchmarks.roofline import NOT_YET, markdown, row, rows
from facedge.benchmarks.traffic import Traffic, traffic
from facedge.errors import InputError
from facedge.runtime.bundle import load
from facedge.runtime.machine import identity

SLOW = Device(
    "slow", "tensorrt", {"fp32": 1.0, "fp16": 2.0, "int8": 4.0}, 10.0, "invented", ("S1",)
)
ONES = np.ones((8, 2, 1, 1), np.float32)
MORE = np.ones((4, 8, 3, 3), np.float32)

TWO_LAYERS = """
tiny (float[batch, 2, 4, 4] image) => (float[batch, 4, 4, 4] out) {
    first = Conv(image, w1)
    positive = Relu(first)
    out = Conv <pads = [1, 1, 1, 1]> (positive, w2)
}
"""


def test_two_convolutions_by_hand():
    found = traffic(graph(TWO_LAYERS, w1=ONES, w2=MORE), "portable")
    # 4 x 4 pixels times 2 x 8 weights, and times 8 x 4 x 9
    assert found.operations == {"fp32": 2 * 16 * (16 + 288)}
    assert found.weights == 4 * (16 + 288)
    assert found.ends == 4 * 16 * (2 + 4)
    # the first convolution's result stays in registers until the ReLU; then written, and read once
    assert found.between == 2 * 4 * 16 * 8
    assert found.compulsory == 1216 + 384
    assert found.layerwise == 1216 + 384 + 1024
    assert found.intensity == pytest.approx(9728 / 2624)


def test_every_reader_of_a_tensor_fetches_it():
    text = """
    tiny (float[batch, 2, 4, 4] image) => (float[batch, 16, 4, 4] out) {
        first = Conv(image, w1)
        second = Conv(first, w3)
        third = Conv(first, w3)
        out = Concat <axis = 1> (second, third)
    }
    """
    found = traffic(graph(text, w1=ONES, w3=np.ones((8, 8, 1, 1), np.float32)), "portable")
    # first: written once, read twice; second and third: written once, read once
    assert found.between == 4 * 16 * 8 * (3 + 2 + 2)


QUANTISED = """
tiny (float[batch, 2, 4, 4] image) => (float[batch, 8, 4, 4] out) {
    q = QuantizeLinear(image, s, z)
    x = DequantizeLinear(q, s, z)
    w = DequantizeLinear(qw, s, z)
    y = Conv(x, w)
    qy = QuantizeLinear(y, s, z)
    out = DequantizeLinear(qy, s, z)
}
"""


def test_quantised_tensors_move_as_bytes():
    constants = {
        "qw": np.ones((8, 2, 1, 1), np.int8),
        "s": np.float32(0.1),
        "z": np.int8(0),
    }
    found = traffic(graph(QUANTISED, **constants), "portable")
    assert found.operations == {"int8": 2 * 16 * 16}
    assert found.weights == 16 + 4 + 1
    # the picture quantised, and the result before it is turned back: one byte each, both ways
    assert found.between == 2 * 16 * 2 + 2 * 16 * 8


def test_a_size_that_is_not_known_is_named():
    text = """
    tiny (float[batch, 2, h, 4] image) => (float[batch, 8, h, 4] out) { out = Conv(image, w1) }
    """
    with pytest.raises(InputError, match="may be open"):
        traffic(graph(text, w1=ONES), "portable")


COST = Traffic({"fp32": 10**9, "int8": 4 * 10**9}, weights=10**6, ends=10**6, between=8 * 10**6)


def test_the_bound_is_the_larger_of_compute_and_memory():
    found = row("m", "int8", COST, SLOW)
    # 1 ms in FP32 and 1 ms in INT8; 2 MB at 10 GB/s are 0.2 ms, 10 MB are 1 ms
    assert found.compute_ms == pytest.approx(2.0)
    assert found.memory_ms == pytest.approx(0.2)
    assert found.layerwise_ms == pytest.approx(1.0)
    assert (found.bound_ms, found.bound_by) == (pytest.approx(2.0), "compute")
    assert found.intensity == pytest.approx(500)
    starved = Device("starved", "tensorrt", SLOW.tera, 0.5, "invented")
    found = row("m", "int8", COST, starved)
    assert (found.bound_ms, found.bound_by) == (pytest.approx(4.0), "memory")


def test_only_a_result_from_such_a_device_is_called_measured(tmp_path):
    bundle = load(make_bundle(tmp_path / "b"), verify=False)
    cpu = Device(f"this CPU: {identity()}", "portable", SLOW.tera, 10.0, "invented")
    ours = subject("tiny · openvino", latency=latency((2.0,) * 8))
    slower = subject("tiny · onnxruntime", latency=latency((3.0,) * 8))
    peer = subject("tiny · torch eager", latency=latency((1.0,) * 8), peer=True)
    other = subject("other · openvino", precision="int8", latency=latency((0.5,) * 8))
    here = result(slower, ours, peer, other, environment=environment(device=identity()))
    (found,) = rows([bundle], [cpu], [here])
    assert (found.measured_ms, found.measured_with) == (2.0, "tiny · openvino")
    (found,) = rows([bundle], [cpu], [result(ours)])  # another machine
    assert found.measured_ms is None
    assert NOT_YET in markdown([found], [cpu])


def test_a_board_is_known_by_its_name():
    board = environment(board="NVIDIA Jetson Orin Nano Engineering Reference Developer Kit Super")
    assert [d.name for d in PUBLISHED if d.is_of(board)] == ["Jetson Orin Nano 8GB, 25 W (Super)"]
    card = environment(gpu="NVIDIA GeForce RTX 4090, driver 580.1")
    assert [d.name for d in PUBLISHED if d.is_of(card)] == ["GeForce RTX 4090"]
    assert not [d for d in PUBLISHED if d.is_of(environment())]


def test_every_published_rate_has_a_source_and_grows_as_numbers_shrink():
    for device in PUBLISHED:
        assert device.source
        assert device.tera["fp32"] <= device.tera["fp16"] <= device.tera["int8"]


def test_this_cpu_is_measured(monkeypatch):
    monkeypatch.setattr("facedge.benchmarks.cpu_peak.SIDE", 128)
    monkeypatch.setattr("facedge.benchmarks.cpu_peak.COPY_BYTES", 1 << 20)
    monkeypatch.setattr("facedge.benchmarks.cpu_peak.SECONDS", 0.02)
    found = this_cpu(1)
    assert min(found.tera.values()) > 0
    assert found.gigabytes > 0
    assert identity() in found.name


def test_a_torch_without_integer_products_is_said(monkeypatch):
    def missing(*_):
        raise NotImplementedError

    monkeypatch.setattr("facedge.benchmarks.cpu_peak.SIDE", 128)
    monkeypatch.setattr("facedge.benchmarks.cpu_peak.COPY_BYTES", 1 << 20)
    monkeypatch.setattr("facedge.benchmarks.cpu_peak.SECONDS", 0.02)
    monkeypatch.setattr("torch._int_mm", missing)
    found = this_cpu(1)
    assert found.tera["int8"] > 0
    assert "this torch has no integer product" in found.source


def test_the_graph_of_the_dialect_is_counted(tmp_path):
    bundle = load(make_bundle(tmp_path / "b"), verify=False)
    model = onnx.load_from_string(bundle.read("onnx/portable.onnx"))
    (found,) = rows([bundle], [Device("c", "portable", SLOW.tera, 10.0, "invented")], [])
    assert found.operations == traffic(model, "portable").all_operations

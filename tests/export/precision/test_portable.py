"""The INT8 form for CPUs: what it computes, where its Q/DQ nodes are, what runs it."""

from __future__ import annotations

import os
import subprocess
import sys
import tempfile
from collections import Counter

import numpy as np
import onnx
import onnxruntime
import pytest
import torch
from onnx import TensorProto, numpy_helper
from onnx.reference import ReferenceEvaluator

from facedge.errors import InputError
from facedge.export.precision.placement import onnxruntime_placement, openvino_placement
from facedge.export.precision.portable import quantise
from facedge.export.precision.readiness import coverage, readiness

FLOAT = TensorProto.FLOAT


def _links(model):
    makers = {o: n for n in model.graph.node for o in n.output}
    readers: dict[str, list[onnx.NodeProto]] = {}
    for node in model.graph.node:
        for name in node.input:
            readers.setdefault(name, []).append(node)
    return makers, readers


def optimised(model):
    """How many nodes of each operator ONNX Runtime plays."""
    with tempfile.TemporaryDirectory() as folder:
        options = onnxruntime.SessionOptions()
        options.optimized_model_filepath = f"{folder}/optimised.onnx"
        options.log_severity_level = 3
        onnxruntime.InferenceSession(model.SerializeToString(), options)
        return Counter(n.op_type for n in onnx.load(options.optimized_model_filepath).graph.node)


def _constants(model):
    return {t.name: numpy_helper.to_array(t) for t in model.graph.initializer}


def _grids_of_concats(model):
    """Scale and zero point, by name, of all that is rounded to be joined."""
    makers = _links(model)[0]
    joins = [node for node in model.graph.node if node.op_type == "Concat"]
    rounded = [makers[name] for node in joins for name in node.input if name in makers]
    return {tuple(node.input[1:]) for node in rounded if node.op_type == "DequantizeLinear"}


_PLAY = """
import sys
import numpy
from facedge.export.runner import OpenVinoRunner
model, feeds, results = sys.argv[1:]
play = OpenVinoRunner(open(model, "rb").read())
numpy.savez(results, **play(dict(numpy.load(feeds))))
"""


def _on_openvino(model, feeds, folder, instructions):
    """Outputs by name on a processor with no more than these instructions."""
    onnx.save(model, folder / "model.onnx")
    np.savez(folder / "feeds.npz", **feeds)
    files = [folder / name for name in ("model.onnx", "feeds.npz", "results.npz")]
    environment = {**os.environ, "ONEDNN_MAX_CPU_ISA": instructions}
    subprocess.run([sys.executable, "-c", _PLAY, *files], env=environment, check=True, timeout=300)
    return dict(np.load(files[2]))


def _two_convolutions(tools, relu=True):
    net = tools.Net(3)
    x = net.conv("x", 16, 32, name="first/Conv_0")
    x = net.add("Relu", x, name="first/Relu_1") if relu else x
    x = net.conv(x, 32, 16, name="second/Conv_2")
    net.add("Identity", x, name="end/Identity_3", output="y")
    return net.model({"x": (FLOAT, ["n", 16, 8, 8])}, {"y": (FLOAT, ["n", 16, 8, 8])})


def test_one_convolution_is_the_integer_arithmetic_of_the_specification(tools):
    model = _two_convolutions(tools)
    x = np.random.default_rng(0).normal(0, 1, (2, 16, 8, 8)).astype(np.float32)
    ranges = tools.measure(model, {"x": x})
    arrays = _constants(model)
    names = list(arrays)

    def step(low, high):
        scale = (max(high, 0) - min(low, 0)) / 255
        return scale, round(-min(low, 0) / scale)

    def integer_conv(levels, zero, scale, weight, bias):
        top = np.abs(weight).max(axis=(1, 2, 3)) / 127
        w = np.rint(weight / top[:, None, None, None])
        b = np.rint(bias / (top * scale))
        # float64 holds these integers exactly; the zero point is taken off before padding.
        total = torch.nn.functional.conv2d(
            torch.tensor(levels - zero), torch.tensor(w), torch.tensor(b), padding=1
        ).numpy()
        return total * (top * scale)[:, None, None]

    scale, zero = step(*ranges.spans["x"])
    middle = integer_conv(
        np.clip(np.rint(x.astype(np.float64) / scale) + zero, 0, 255), zero, scale,
        arrays[names[0]].astype(np.float64), arrays[names[1]].astype(np.float64),
    )  # fmt: skip
    scale1, zero1 = step(*ranges.spans["first/Relu_1_out"])
    assert zero1 == 0
    levels = np.clip(np.rint(np.maximum(middle, 0) / scale1), 0, 255)
    result = integer_conv(
        levels, 0, scale1, arrays[names[2]].astype(np.float64), arrays[names[3]].astype(np.float64)
    )
    scale2, zero2 = step(*ranges.spans["second/Conv_2_out"])
    expected = (np.clip(np.rint(result / scale2) + zero2, 0, 255) - zero2) * scale2

    for optimise in (False, True):
        got = tools.run(quantise(model, ranges, "minmax"), {"x": x}, optimise)[0]
        # One step of the last grid: float32 scales may turn a tie between two integers.
        assert np.abs(got - expected).max() <= 1.01 * scale2
        assert np.mean(np.abs(got - expected) < 0.01 * scale2) > 0.99


def test_both_back_ends_run_the_planned_convolutions_as_integers(small, small_ranges):
    quantised = quantise(small, small_ranges, "minmax")
    planned = coverage(readiness(small, quantised, "portable"))
    assert (planned.int8, planned.contractions) == (4, 5)
    for placement in (onnxruntime_placement(quantised), openvino_placement(quantised)):
        assert (placement.int8, placement.other) == (4, 1)
    for placement in (onnxruntime_placement(small), openvino_placement(small)):
        assert (placement.int8, placement.other) == (0, 5)


@pytest.mark.parametrize("signed", [False, True])
def test_reference_evaluator_and_back_end_agree_on_the_quantised_graph(
    tools, small, small_ranges, signed
):
    quantised = quantise(small, small_ranges, "minmax", signed=signed)
    feeds = {"images": tools.faces(3, 16)[2:]}
    # The evaluator has Q/DQ from opset 19 on; nothing in this graph differs between the two.
    newer = onnx.ModelProto()
    newer.CopyFrom(quantised)
    newer.opset_import[0].version = 19
    reference = ReferenceEvaluator(newer).run(None, feeds)[0]
    fused = tools.run(quantised, feeds, optimise=True)[0]
    # Fused kernels round ties of the requantisation otherwise: single grey levels.
    assert np.abs(reference.astype(int) - fused.astype(int)).max() <= 2
    assert tools.psnr(reference, tools.run(small, feeds)[0]) > 45


def test_signed_activations_are_symmetric_and_stay_integers_in_openvino(student, student_ranges):
    quantised = quantise(student, student_ranges, "minmax", exclude=("edges",), signed=True)
    held = _constants(quantised)
    pairs = [n for n in quantised.graph.node if n.op_type == "QuantizeLinear"]
    kinds = Counter(str(held[n.input[2]].dtype) for n in pairs)
    assert kinds["int8"] > 0 < kinds["uint8"]
    joined = _grids_of_concats(quantised)
    for node in pairs:
        assert bool(held[node.input[2]]) == (tuple(node.input[1:]) in joined)
        if held[node.input[2]].dtype == np.int8:
            largest = max(np.abs(student_ranges.spans.get(node.input[0], (0.0, 0.0))))
            # A scale may be shared with a tensor of a wider range, never with a narrower one.
            assert held[node.input[1]] >= np.float32(largest / 127) * (1 - 1e-6)
    rows = readiness(student, quantised, "openvino")
    assert openvino_placement(quantised).int8 == coverage(rows).int8 > 20


def test_student_keeps_its_picture_and_runs_99_percent_in_int8(tools, student, student_ranges):
    quantised = quantise(student, student_ranges, "minmax", exclude=("edges",))
    feeds = {"images": tools.faces(12, 16)[8:]}
    for exact, rounded in zip(
        tools.run(student, feeds), tools.run(quantised, feeds, True), strict=True
    ):
        assert tools.psnr(exact, rounded) > 45
    rows = readiness(student, quantised, "portable")
    assert coverage(rows).share > 0.99
    placement = onnxruntime_placement(quantised)
    assert placement.int8 == coverage(rows).int8 > 20
    assert openvino_placement(quantised).int8 == placement.int8


def test_no_tensor_is_quantised_twice_and_every_reader_has_its_own_dequantiser(
    student, student_ranges
):
    quantised = quantise(student, student_ranges, "minmax")
    makers, readers = _links(quantised)
    rounded = Counter(n.input[0] for n in quantised.graph.node if n.op_type == "QuantizeLinear")
    assert rounded
    assert set(rounded.values()) == {1}
    for node in quantised.graph.node:
        if node.op_type == "QuantizeLinear":
            maker = makers.get(node.input[0])
            assert maker is None or maker.op_type != "DequantizeLinear"
        if node.op_type == "DequantizeLinear":
            assert len({reader.name for reader in readers[node.output[0]]}) == 1


def test_weights_shared_by_the_steps_are_stored_once(student, student_ranges):
    quantised = quantise(student, student_ranges, "minmax")
    stored = [t for t in quantised.graph.initializer if t.data_type == TensorProto.INT8]
    convolutions = [n for n in quantised.graph.node if n.op_type == "Conv"]
    assert len(stored) < len(convolutions) / 1.5
    assert quantised.ByteSize() < 0.4 * student.ByteSize()


def test_concat_inputs_and_output_share_one_scale_and_movement_keeps_it(small, small_ranges):
    quantised = quantise(small, small_ranges, "minmax")
    makers, readers = _links(quantised)
    for kind in ("Concat", "DepthToSpace"):
        node = next(n for n in quantised.graph.node if n.op_type == kind)
        grids = {tuple(makers[name].input[1:]) for name in node.input}
        grids |= {tuple(reader.input[1:]) for reader in readers[node.output[0]]}
        assert len(grids) == 1, kind


def test_the_picture_and_its_bilinear_base_are_added_in_float(small, small_ranges):
    makers, readers = _links(quantise(small, small_ranges, "minmax"))
    final = makers["sum/Add_15_out"]
    assert makers[final.input[0]].op_type == "Resize"
    assert [reader.op_type for reader in readers["sum/Add_15_out"]] == ["Clip"]


def test_relu_behind_depth_to_space_is_absorbed_by_the_convolution_before(tools):
    net = tools.Net(5)
    x = net.conv("x", 16, 64, name="up/Conv_0")
    x = net.add("DepthToSpace", x, name="up/Shuffle_1", blocksize=2, mode="CRD")
    x = net.add("Relu", x, name="up/Relu_2")
    net.add("Identity", net.conv(x, 16, 16, name="next/Conv_3"), output="y")
    model = net.model({"x": (FLOAT, ["n", 16, 8, 8])}, {"y": (FLOAT, ["n", 16, 16, 16])})
    feeds = {"x": np.random.default_rng(1).normal(0, 1, (1, 16, 8, 8)).astype(np.float32)}
    quantised = quantise(model, tools.measure(model, feeds), "minmax")
    order = [n.op_type for n in quantised.graph.node if n.op_type in ("Relu", "DepthToSpace")]
    assert order == ["Relu", "DepthToSpace"]
    assert onnxruntime_placement(quantised).int8 == 2
    exact, rounded = tools.run(model, feeds)[0], tools.run(quantised, feeds, True)[0]
    assert np.abs(exact - rounded).max() < 0.03 * np.abs(exact).max()


def test_excluded_scopes_stay_float_and_say_so(small, small_ranges):
    quantised = quantise(small, small_ranges, "minmax", exclude=("block",))
    rows = {row.node: row for row in readiness(small, quantised, "portable")}
    assert not rows["block/Conv_6"].int8
    assert "block" in rows["block/Conv_6"].reason
    assert rows["join/Conv_11"].int8


def test_a_convolution_without_a_range_stays_float_and_names_the_tensor(tools, small, small_ranges):
    spans = {k: v for k, v in small_ranges.spans.items() if k != "block/Relu_7_out"}
    quantised = quantise(small, tools.Table(spans), "minmax")
    rows = {row.node: row for row in readiness(small, quantised, "portable")}
    assert "block/Relu_7_out" in rows["block/Conv_6"].reason
    assert "block/Relu_7_out" in rows["block/Conv_8"].reason
    feeds = {"images": tools.faces(4, 16)}
    assert tools.psnr(tools.run(small, feeds)[0], tools.run(quantised, feeds)[0]) > 45


def test_deconvolution_and_computed_weights_stay_float(tools):
    net = tools.Net(2)
    weight = net.constant(net.random.normal(0, 0.1, (16, 16, 4, 4)).astype(np.float32))
    x = net.add("ConvTranspose", "x", weight, name="up/Deconv_0", strides=[2, 2], pads=[1] * 4)
    net.add("MatMul", x, x, name="square/MatMul_1", output="y")
    model = net.model({"x": (FLOAT, ["n", 16, 8, 8])}, {"y": (FLOAT, ["n", 16, 16, 16])})
    feeds = {"x": np.random.default_rng(1).normal(0, 1, (1, 16, 8, 8)).astype(np.float32)}
    quantised = quantise(model, tools.measure(model, feeds), "minmax")
    reasons = [row.reason for row in readiness(model, quantised, "portable")]
    assert reasons[0].startswith("deconvolution")
    assert reasons[1] == "both operands are computed"
    assert not any(n.op_type == "QuantizeLinear" for n in quantised.graph.node)


def test_a_bias_far_above_its_weights_does_not_overflow(tools):
    model = _two_convolutions(tools)
    arrays = _constants(model)
    names = list(arrays)
    weight, bias = arrays[names[0]].copy(), arrays[names[1]].copy()
    weight[0], bias[0] = weight[0] * 1e-9, 5.0
    for name, array in ((names[0], weight), (names[1], bias)):
        tensor = next(t for t in model.graph.initializer if t.name == name)
        tensor.CopyFrom(numpy_helper.from_array(array, name))
    feeds = {"x": np.random.default_rng(0).normal(0, 1, (1, 16, 8, 8)).astype(np.float32)}
    quantised = quantise(model, tools.measure(model, feeds), "minmax")
    exact, rounded = tools.run(model, feeds)[0], tools.run(quantised, feeds)[0]
    # 8-bit noise of two layers; a saturated bias would be an error of the size of the signal.
    assert np.abs(exact - rounded).max() < 0.05 * np.abs(exact).max()


def test_a_float_output_inside_the_integer_part_keeps_name_and_type(tools):
    net = tools.Net(4)
    x = net.add("Relu", net.conv("state_in", 16, 16, name="a/Conv_0"), name="a/Relu_1")
    net.add("Add", net.conv(x, 16, 16, name="b/Conv_2"), x, name="b/Add_3", output="state_out")
    net.add("Identity", net.conv("state_out", 16, 16, name="c/Conv_4"), output="y")
    shape = (FLOAT, ["n", 16, 8, 8])
    model = net.model({"state_in": shape}, {"state_out": shape, "y": shape})
    feeds = {"state_in": np.random.default_rng(0).normal(0, 1, (2, 16, 8, 8)).astype(np.float32)}
    ranges = tools.measure(model, feeds)
    ranges.spans["state_out"] = (-6.0, 6.0)
    quantised = quantise(model, ranges, "minmax")
    assert [o.name for o in quantised.graph.output] == ["state_out", "y"]
    assert [i.name for i in quantised.graph.input] == ["state_in"]
    for exact, rounded in zip(
        tools.run(model, feeds), tools.run(quantised, feeds, True), strict=True
    ):
        assert rounded.dtype == np.float32
        assert np.abs(exact - rounded).max() < 0.05 * np.abs(exact).max()
    assert onnxruntime_placement(quantised).int8 == 3


def test_grouped_convolutions_have_a_scale_for_every_output_channel(tools):
    net = tools.Net(6)
    x = net.add("Relu", net.conv("x", 64, 64, name="g/Conv_0", groups=2))
    net.add("Identity", net.conv(x, 64, 32, name="g/Conv_2", groups=4), output="y")
    model = net.model({"x": (FLOAT, ["n", 64, 8, 8])}, {"y": (FLOAT, ["n", 32, 8, 8])})
    feeds = {"x": np.random.default_rng(0).normal(0, 1, (1, 64, 8, 8)).astype(np.float32)}
    quantised = quantise(model, tools.measure(model, feeds), "minmax")
    scales = [a for n, a in _constants(quantised).items() if n.endswith("_scale") and a.ndim == 1]
    assert {64, 32} == {len(a) for a in scales}
    exact, rounded = tools.run(model, feeds)[0], tools.run(quantised, feeds, True)[0]
    assert np.abs(exact - rounded).max() < 0.05 * np.abs(exact).max()
    assert onnxruntime_placement(quantised).int8 == 2


@pytest.mark.parametrize("transposed", [0, 1])
def test_large_matrix_products_are_fused_and_small_ones_stay_float(tools, transposed):
    net = tools.Net(7)
    large = net.random.normal(0, 0.05, (512, 256)).astype(np.float32)
    weight = net.constant(np.ascontiguousarray(large.T) if transposed else large)
    bias = net.constant(np.linspace(-1, 1, 256, dtype=np.float32))
    x = net.add("Gemm", "x", weight, bias, name="large/Gemm_0", transB=transposed)
    x = net.add("Relu", x, name="large/Relu_1")
    small = net.constant(net.random.normal(0, 0.05, (256, 12)).astype(np.float32))
    net.add("MatMul", x, small, name="small/MatMul_2", output="y")
    model = net.model({"x": (FLOAT, ["n", 512])}, {"y": (FLOAT, ["n", 12])})
    feeds = {"x": np.random.default_rng(0).normal(0, 1, (3, 512)).astype(np.float32)}
    quantised = quantise(model, tools.measure(model, feeds), "minmax")
    rows = readiness(model, quantised, "portable")
    assert [row.int8 for row in rows] == [True, False]
    assert rows[1].reason == "matrix product of 3072 weights, fewer than 65536"
    for placement in (onnxruntime_placement(quantised), openvino_placement(quantised)):
        assert (placement.int8, placement.other) == (1, 1)
    exact, rounded = tools.run(model, feeds)[0], tools.run(quantised, feeds, True)[0]
    assert np.abs(exact - rounded).max() < 0.05 * np.abs(exact).max()


def test_seven_bit_weights_avoid_the_top_bit(small, small_ranges):
    arrays = _constants(quantise(small, small_ranges, "minmax", weight_bits=7))
    weights = [a for a in arrays.values() if a.dtype == np.int8 and a.ndim == 4]
    assert len(weights) == 4
    assert max(np.abs(w.astype(int)).max() for w in weights) == 63
    with pytest.raises(InputError, match="7 and 8"):
        quantise(small, small_ranges, "minmax", weight_bits=4)


def test_a_range_that_is_no_range_is_refused_by_name(tools, small, small_ranges):
    spans = {**small_ranges.spans, "block/Relu_7_out": (0.0, float("nan"))}
    with pytest.raises(InputError, match="block/Relu_7_out"):
        quantise(small, tools.Table(spans), "minmax")


def _with_a_product_at_its_end(tools, outputs):
    """Two convolutions and, behind the mean of what they make, one product."""
    net = tools.Net(13)
    x = net.conv("x", 64, 64, name="trunk/Conv_0")
    x = net.add("Relu", x, name="trunk/Relu_1")
    x = net.conv(x, 64, 64, name="trunk/Conv_2")
    x = net.add("GlobalAveragePool", x, name="end/GlobalAveragePool_3")
    x = net.add("Flatten", x, name="end/Flatten_4")
    weight = net.constant(net.random.normal(0, 0.1, (64, outputs)).astype(np.float32))
    x = net.add("MatMul", x, weight, name="end/MatMul_5")
    net.add("Sigmoid", x, name="end/Sigmoid_6", output="y")
    shapes = {"x": (FLOAT, ["n", 64, 32, 32])}, {"y": (FLOAT, ["n", outputs])}
    return net.model(*shapes)


def test_small_ends_stay_float_where_their_results_would_be_rounded_for_nobody(tools):
    x = np.random.default_rng(2).normal(0, 1, (2, 64, 32, 32)).astype(np.float32)
    for outputs, small in ((2048, True), (16384, False)):
        model = _with_a_product_at_its_end(tools, outputs)
        ranges = tools.measure(model, {"x": x})
        rows = readiness(model, quantise(model, ranges, "minmax"), "portable")
        found = {row.node: row for row in rows}
        assert found["end/MatMul_5"].int8 is not small
        assert ("for nobody" in (found["end/MatMul_5"].reason or "")) is small
        # Half of all the work is not small, whoever reads it.
        assert found["trunk/Conv_2"].int8
        signed = readiness(model, quantise(model, ranges, "minmax", signed=True), "openvino")
        assert {row.node: row.int8 for row in signed}["end/MatMul_5"]


def test_openvino_keeps_what_only_floats_read_and_multiplies_in_int8_all_the_same(tools):
    model = _two_convolutions(tools)
    x = np.random.default_rng(0).normal(0, 1, (2, 16, 8, 8)).astype(np.float32)
    ranges = tools.measure(model, {"x": x})
    kept = quantise(model, ranges, "minmax", signed=True)
    readers = _links(kept)[1]
    assert [node.op_type for node in readers["second/Conv_2_out"]] == ["Identity"]
    assert openvino_placement(kept).int8 == 2
    assert coverage(readiness(model, kept, "openvino")).int8 == 2
    rounded = _links(quantise(model, ranges, "minmax"))[1]
    assert [node.op_type for node in rounded["second/Conv_2_out"]] == ["QuantizeLinear"]


def test_openvino_s_results_with_several_readers_are_rounded(tools):
    net = tools.Net(3)
    x = net.conv("x", 16, 32, name="first/Conv_0")
    net.add("Identity", x, name="end/Identity_1", output="y")
    net.add("Sigmoid", x, name="end/Sigmoid_2", output="z")
    outputs = {name: (FLOAT, ["n", 32, 8, 8]) for name in "yz"}
    model = net.model({"x": (FLOAT, ["n", 16, 8, 8])}, outputs)
    x = np.random.default_rng(0).normal(0, 1, (2, 16, 8, 8)).astype(np.float32)
    kept = quantise(model, tools.measure(model, {"x": x}), "minmax", signed=True)
    readers = _links(kept)[1]
    assert [node.op_type for node in readers["first/Conv_0_out"]] == ["QuantizeLinear"]


@pytest.mark.parametrize("instructions", ["AVX2", "AVX512_CORE_VNNI", "DEFAULT"])
def test_openvino_joins_tensors_with_negative_values_on_every_processor(
    tools, tmp_path, instructions
):
    # Without AMX OpenVINO 2026.4 makes s8 tensors that are joined u8 and loses what is below 0.
    net = tools.Net(4)
    a = net.conv("x", 16, 64, name="left/Conv_0")
    b = net.conv("x", 16, 32, name="right/Conv_1")
    joined = net.add("Concat", a, b, name="join/Concat_2", axis=1)
    c = net.conv(joined, 96, 32, kernel=1, name="after/Conv_3")
    net.add("Identity", c, name="end/Identity_4", output="y")
    model = net.model({"x": (FLOAT, ["n", 16, 8, 8])}, {"y": (FLOAT, ["n", 32, 8, 8])})
    x = np.random.default_rng(0).normal(0, 1, (2, 16, 8, 8)).astype(np.float32)
    # Products of 8 and 8 bits saturate in pairs without VNNI.
    bits = 7 if instructions == "AVX2" else 8
    ranges = tools.measure(model, {"x": x})
    kept = quantise(model, ranges, "minmax", weight_bits=bits, signed=True)
    assert coverage(readiness(model, kept, "openvino")).int8 == 3
    expected = tools.run(model, {"x": x})[0]
    found = _on_openvino(kept, {"x": x}, tmp_path, instructions)["y"]
    # Two layers of 8 bits: about 40 dB; with negative values lost it were below 10.
    noise = np.mean(np.square(found - expected)) / np.mean(np.square(expected))
    assert -10 * np.log10(noise) > 30


def test_a_sum_before_a_relu_is_integer_where_only_the_relu_has_a_range(tools):
    net = tools.Net(3)
    x = net.conv("x", 16, 64, name="before/Conv_0")
    a = net.conv(x, 64, 16, name="large/Conv_1")
    b = net.conv("z", 16, 16, kernel=1, name="small/Conv_2")
    total = net.add("Relu", net.add("Add", a, b, name="sum/Add_3"), name="sum/Relu_4")
    y = net.conv(total, 16, 64, name="after/Conv_5")
    net.add("Identity", y, name="end/Identity_6", output="y")
    inputs = {name: (FLOAT, ["n", 16, 8, 8]) for name in "xz"}
    model = net.model(inputs, {"y": (FLOAT, ["n", 64, 8, 8])})
    rng = np.random.default_rng(0)
    ranges = tools.measure(model, {n: rng.normal(0, 1, (2, 16, 8, 8)).astype("f") for n in "xz"})
    del ranges.spans["sum/Add_3_out"]  # calibration measures what a convolution reads or writes
    kept = quantise(model, ranges, "minmax")
    # The small convolution's result flows on as an integer: it is no small end.
    assert coverage(readiness(model, kept, "portable")).int8 == 4
    assert optimised(kept)["QLinearAdd"] == 1
    readers = _links(kept)[1]
    assert [node.op_type for node in readers["small/Conv_2_out"]] == ["QuantizeLinear"]
    assert [node.op_type for node in readers["sum/Add_3_out"]] == ["Relu"]

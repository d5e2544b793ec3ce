"""The INT8 form for TensorRT: placement, types, values, and what NVIDIA's compiler makes of it."""

from __future__ import annotations

import numpy as np
import pytest
from onnx import TensorProto, numpy_helper
from onnx.reference import ReferenceEvaluator

from facedge.export.engines.layers import parse
from facedge.export.precision.readiness import coverage, readiness
from facedge.export.precision.tensorrt import quantise

FLOAT, HALF, INT8 = TensorProto.FLOAT, TensorProto.FLOAT16, TensorProto.INT8


@pytest.fixture(scope="module")
def quantised(small, small_ranges):
    return quantise(small, small_ranges, "minmax")


def _makers(model):
    return {o: n for n in model.graph.node for o in n.output}


def _constants(model):
    return {t.name: numpy_helper.to_array(t) for t in model.graph.initializer}


def test_pairs_are_symmetric_int8_with_scales_in_the_type_of_the_data(quantised, typed):
    types, arrays = typed(quantised), _constants(quantised)
    assert quantised.opset_import[0].version == 19
    pairs = [n for n in quantised.graph.node if n.op_type in ("QuantizeLinear", "DequantizeLinear")]
    assert pairs
    for node in pairs:
        assert types[node.input[1]] == HALF
        assert len(node.input) < 3 or (arrays[node.input[2]] == 0).all()
        assert INT8 in (types[node.input[0]], types[node.output[0]])


def test_weights_have_a_scale_per_output_channel_and_biases_stay_fp16(quantised, typed):
    types, makers, arrays = typed(quantised), _makers(quantised), _constants(quantised)
    seen = 0
    for node in quantised.graph.node:
        maker = makers.get(node.input[1]) if node.op_type == "Conv" else None
        if maker is not None and maker.op_type == "DequantizeLinear":
            levels, scale = (arrays[name] for name in maker.input)
            assert levels.dtype == np.int8
            assert scale.shape == levels.shape[:1]
            assert types[node.input[2]] == HALF
            assert node.input[2] in arrays
            seen += 1
    assert seen == 4


def test_only_convolution_inputs_and_residuals_are_rounded(quantised):
    makers = _makers(quantised)
    for node in quantised.graph.node:
        rounded = [
            index
            for index, name in enumerate(node.input)
            if name in makers and makers[name].op_type == "DequantizeLinear"
        ]
        expected = {
            "Conv": [0, 1] if node.name != "head/Conv_4" else [],
            "Add": [0] if node.name == "block/Add_9" else [],
        }
        if node.op_type not in ("QuantizeLinear", "DequantizeLinear"):
            assert rounded == expected.get(node.op_type, []), node.name


def test_inputs_of_a_concat_share_the_scale_of_its_output(quantised):
    arrays = _constants(quantised)
    scales = {
        n.input[0]: float(arrays[n.input[1]])
        for n in quantised.graph.node
        if n.op_type == "QuantizeLinear"
    }
    assert scales["head/Relu_5_out"] == scales["join/Concat_10_out"]


def test_scales_hold_the_range_and_fp16_holds_the_scales(quantised, small_ranges):
    arrays = _constants(quantised)
    for node in quantised.graph.node:
        if node.op_type == "QuantizeLinear" and node.input[0] == "block/Relu_7_out":
            scale = float(arrays[node.input[1]])
            top = small_ranges.spans["block/Relu_7_out"][1]
            assert top <= 127 * scale <= top * 1.002
            break
    else:
        pytest.fail("the tensor was not rounded")


def test_fp16_and_fp32_forms_mean_the_same_to_the_reference_evaluator(
    tools, small, small_ranges, quantised
):
    feeds = {"images": tools.faces(2, 16)[1:]}
    full = quantise(small, small_ranges, "minmax", half=False)
    reference = ReferenceEvaluator(full).run(None, feeds)[0]
    exact = tools.run(small, feeds)[0]
    assert tools.psnr(exact, reference) > 45
    # FP16 adds its own rounding, 60 dB and more, and turns few INT8 roundings over.
    for model in (full, quantised):
        assert tools.psnr(reference, tools.run(model, feeds)[0]) > 50


def test_scopes_to_keep_are_neither_int8_nor_fp16(small, small_ranges, typed):
    model = quantise(small, small_ranges, "minmax", keep=("block",))
    types = typed(model)
    for node in model.graph.node:
        if node.name.startswith("block/Conv") and node.op_type == "Conv":
            assert {types[name] for name in (*node.input, *node.output)} == {FLOAT}
    rows = {row.node: row for row in readiness(small, model, "tensorrt")}
    assert rows["block/Conv_6"].reason == "float scope 'block'"
    assert rows["join/Conv_11"].int8


@pytest.mark.parametrize(("width", "int8"), [(48, True), (32, False)])
def test_the_first_layer_is_int8_where_it_widens_16_times(tools, width, int8):
    net = tools.Net()
    net.add("Relu", net.conv("x", 3, width, name="head/Conv_0"), output="y")
    model = net.model({"x": (FLOAT, ["n", 3, 8, 8])}, {"y": (FLOAT, ["n", width, 8, 8])})
    ranges = tools.Table({"x": (-0.5, 0.5)})
    (row,) = readiness(model, quantise(model, ranges, "minmax"), "tensorrt")
    assert row.int8 is int8


def _build(model):
    """Nodes that TensorRT for RTX says are INT8 while it builds, which needs no GPU."""
    trt = pytest.importorskip("tensorrt_rtx_bindings")

    class Lines(trt.ILogger):
        def __init__(self):
            trt.ILogger.__init__(self)
            self.lines = []

        def log(self, severity, message):
            self.lines.append(message)

    logger = Lines()
    builder = trt.Builder(logger)
    network = builder.create_network(1 << int(trt.NetworkDefinitionCreationFlag.STRONGLY_TYPED))
    parser = trt.OnnxParser(network, logger)
    assert parser.parse(model.SerializeToString()), str(parser.get_error(0))
    config = builder.create_builder_config()
    config.profiling_verbosity = trt.ProfilingVerbosity.DETAILED
    profile = builder.create_optimization_profile()
    for index in range(network.num_inputs):
        tensor = network.get_input(index)
        rest = tuple(tensor.shape)[1:]
        profile.set_shape(tensor.name, (1, *rest), (1, *rest), (4, *rest))
    config.add_optimization_profile(profile)
    assert builder.build_serialized_network(network, config) is not None
    layers = parse("\n".join(logger.lines))
    assert layers, "the log shows no layers"
    return {node for layer in layers if layer.is_int8 for node in layer.nodes}


@pytest.mark.parametrize("half", [True, False])
def test_tensorrt_for_rtx_compiles_every_planned_convolution_to_int8(small, small_ranges, half):
    model = quantise(small, small_ranges, "minmax", half=half)
    planned = {row.node for row in readiness(small, model, "tensorrt") if row.int8}
    compiled = _build(model)
    assert len(planned) == 4
    assert planned <= compiled
    assert "head/Conv_4" not in compiled


def test_the_float_graph_compiles_to_no_int8_layer(small):
    assert not _build(small)


def test_student_compiles_with_its_edges_in_fp32(student, student_ranges):
    model = quantise(student, student_ranges, "minmax", keep=("edges",))
    rows = readiness(student, model, "tensorrt")
    assert coverage(rows).share > 0.99
    planned = {row.node for row in rows if row.int8}
    assert planned <= _build(model)

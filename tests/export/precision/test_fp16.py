"""FP16: what is cast, what the guard keeps in FP32, and what that saves."""

from __future__ import annotations

import numpy as np
import onnx
import pytest
from onnx import TensorProto
from onnx.reference import ReferenceEvaluator

from facedge.errors import InputError
from facedge.export.precision.fp16 import cast_to_fp16, weights_to_fp16
from facedge.export.precision.guard import activation_risk, constant_risk

FLOAT, HALF = TensorProto.FLOAT, TensorProto.FLOAT16


def _casts(model):
    return [node for node in model.graph.node if node.op_type == "Cast"]


def _node(model, name):
    return next(node for node in model.graph.node if node.name == name)


def test_weights_alone_halve_the_file_and_keep_the_picture(tools, student):
    stored = weights_to_fp16(student)
    assert stored.ByteSize() < 0.6 * student.ByteSize()
    feeds = {"images": tools.faces(4, 16)}
    for exact, rounded in zip(tools.run(student, feeds), tools.run(stored, feeds), strict=True):
        # 11-bit weights: errors well below one grey level, so only roundings at .5 move.
        assert tools.psnr(exact, rounded) > 55
    halves = [t for t in stored.graph.initializer if t.data_type == HALF]
    assert halves
    assert all(len(t.dims) >= 2 for t in halves)


def test_weights_that_fp16_cannot_hold_stay_as_they_are(tools):
    net = tools.Net()
    x = net.conv("x", 16, 16, name="fine/Conv_0")
    tiny = net.constant(net.random.normal(0, 1e-9, (16, 16, 1, 1)).astype(np.float32), "tiny")
    huge = net.constant(np.full((16, 16, 1, 1), 1e6, np.float32), "huge")
    x = net.add("Conv", net.add("Conv", x, tiny), huge)
    net.add("Identity", x, output="y")
    model = net.model({"x": (FLOAT, ["n", 16, 4, 4])}, {"y": (FLOAT, ["n", 16, 4, 4])})
    types = {t.name: t.data_type for t in weights_to_fp16(model).graph.initializer}
    assert types["tiny"] == types["huge"] == FLOAT
    assert sum(kind == HALF for kind in types.values()) == 1


def test_cast_graph_is_fp16_inside_and_keeps_its_inputs_and_outputs(tools, small, typed):
    casted = cast_to_fp16(small)
    types = typed(casted.model)
    assert casted.rows == ()
    assert (types["images"], types["restored"]) == (TensorProto.UINT8, TensorProto.UINT8)
    for node in casted.model.graph.node:
        if node.op_type in ("Conv", "Add", "Relu", "Concat", "Clip", "Mul"):
            assert {types[name] for name in (*node.input, *node.output)} == {HALF}, node.name
    resize = _node(casted.model, "base/Resize_3")
    # ONNX defines the scales of Resize as float32 whatever the data are.
    assert [types[resize.input[i]] for i in (0, 2)] == [HALF, FLOAT]
    assert len(_casts(casted.model)) == len(_casts(small)) == 2
    feeds = {"images": tools.faces(4, 16)}
    assert tools.psnr(tools.run(small, feeds)[0], tools.run(casted.model, feeds)[0]) > 50


def test_scopes_to_keep_are_fp32_with_one_cast_on_each_side(tools, small, typed):
    model = cast_to_fp16(small, None, keep=("block", "base")).model
    types = typed(model)
    for node in model.graph.node:
        if node.name in ("block/Conv_6", "block/Relu_7", "block/Conv_8", "block/Add_9"):
            assert {types[name] for name in (*node.input, *node.output)} == {FLOAT}
        if node.name in ("join/Conv_11", "head/Conv_4"):
            assert {types[name] for name in (*node.input, *node.output)} == {HALF}
    # block: the head in (read twice, cast once) and the sum out; base: in and out.
    assert len(_casts(model)) == len(_casts(small)) + 4
    sources = [node.input[0] for node in _casts(model)]
    assert len(sources) == len(set(sources))
    makers = {o: n for n in model.graph.node for o in n.output}
    assert not any(makers[name].op_type == "Cast" for name in sources if name in makers), (
        "a chain of casts"
    )


def test_integers_read_in_both_precisions_are_cast_twice_not_in_a_chain(tools):
    net = tools.Net()
    x = net.add("Cast", "images", name="io/Cast_0", to=FLOAT)
    a = net.add("Mul", x, net.constant(0.5), name="half/Mul_1")
    b = net.add("Mul", x, net.constant(0.25), name="full/Mul_2")
    net.add("Add", a, b, name="half/Add_3", output="y")
    shape = ["n", 4]
    model = net.model({"images": (TensorProto.UINT8, shape)}, {"y": (FLOAT, shape)})
    casted = cast_to_fp16(model, None, keep=("full",)).model
    assert [n.input[0] for n in _casts(casted)].count("images") == 2
    feeds = {"images": np.arange(256, dtype=np.uint8).reshape(-1, 4)}
    np.testing.assert_array_equal(tools.run(casted, feeds)[0], tools.run(model, feeds)[0])


def _explosive(tools):
    """A picture times 1.2e5, shrunk again: nothing FP16 can hold in the middle."""
    net = tools.Net()
    x = net.add("Cast", "images", name="io/Cast_0", to=FLOAT)
    x = net.add("Mul", x, net.constant(1 / 255), name="io/Mul_1")
    x = net.add("Transpose", x, name="io/Transpose_2", perm=[0, 3, 1, 2])
    x = net.add("Conv", x, net.constant(np.full((3, 3, 1, 1), 4e4, np.float32)), name="grow/Conv_3")
    x = net.add("Mul", x, net.constant(2.0**-17), name="shrink/Mul_4")
    x = net.add("Clip", x, net.constant(0.0), net.constant(1.0), name="io/Clip_5")
    x = net.add("Round", net.add("Mul", x, net.constant(255.0), name="io/Mul_6"), name="io/Round_7")
    net.add("Cast", x, name="io/Cast_8", output="restored", to=TensorProto.UINT8)
    return net.model(
        {"images": (TensorProto.UINT8, ["n", 8, 8, 3])},
        {"restored": (TensorProto.UINT8, ["n", 3, 8, 8])},
    )


@pytest.mark.filterwarnings("ignore:overflow:RuntimeWarning")
def test_guard_saves_a_net_that_fp16_turns_into_a_solid_picture(tools):
    model = _explosive(tools)
    feeds = {"images": np.random.default_rng(0).integers(180, 256, (2, 8, 8, 3), np.uint8)}
    ranges = tools.measure(model, feeds)
    assert ranges.spans["grow/Conv_3_out"][1] > 1e5
    exact = tools.run(model, feeds)[0]
    assert exact.std() > 5

    # The reference evaluator computes in FP16; ONNX Runtime's CPU would compute in FP32.
    broken = ReferenceEvaluator(cast_to_fp16(model).model).run(None, feeds)[0]
    assert broken.std() == 0, "FP16 without ranges is expected to saturate"

    guarded = cast_to_fp16(model, ranges)
    assert tools.psnr(exact, ReferenceEvaluator(guarded.model).run(None, feeds)[0]) > 50
    assert {row.node for row in guarded.rows} == {"grow/Conv_3", "shrink/Mul_4"}
    assert "grow/Conv_3_out" in guarded.rows[0].reason
    assert "stays FP32" in str(guarded.rows[0])
    # Only the neighbourhood of the large tensor is FP32.
    half = [t for t in guarded.model.graph.value_info if t.type.tensor_type.elem_type == HALF]
    assert len(half) >= 6


@pytest.mark.parametrize(("threshold", "kept"), [(40.0, False), (0.1, True)])
def test_a_threshold_that_fp16_cannot_hold_keeps_its_comparison_in_fp32(tools, threshold, kept):
    net = tools.Net()
    x = net.add("Relu", "x", name="a/Relu_0")
    over = net.add("Greater", x, net.constant(threshold), name="a/Greater_1")
    net.add("Cast", over, name="a/Cast_2", output="y", to=FLOAT)
    model = net.model({"x": (FLOAT, ["n", 4])}, {"y": (FLOAT, ["n", 4])})
    casted = cast_to_fp16(model)
    assert [row.node for row in casted.rows] == (["a/Greater_1"] if kept else [])


def test_a_divisor_that_underflows_is_kept_in_fp32(tools):
    net = tools.Net()
    small = net.add(
        "Add", net.add("Relu", "x", name="a/Relu_0"), net.constant(1e-12), name="a/Add_1"
    )
    net.add("Div", "x", small, name="a/Div_2", output="y")
    model = net.model({"x": (FLOAT, ["n", 4])}, {"y": (FLOAT, ["n", 4])})
    assert [row.node for row in cast_to_fp16(model).rows] == ["a/Add_1"]


def test_sizes_computed_in_float_stay_exact(tools):
    net = tools.Net()
    size = net.add("Cast", net.add("Shape", "x", name="s/Shape_0"), name="s/Cast_1", to=FLOAT)
    size = net.add("Mul", size, net.constant(np.float32([1, 3])), name="s/Mul_2")
    size = net.add("Cast", size, name="s/Cast_3", to=TensorProto.INT64)
    net.add("Expand", net.add("Relu", net.add("ReduceMax", "x", keepdims=1)), size, output="y")
    model = net.model({"x": (FLOAT, ["n", 683])}, {"y": (FLOAT, ["n", "w"])})
    feeds = {"x": np.ones((1, 683), np.float32)}
    # 2049 is the first whole number FP16 cannot hold.
    assert tools.run(cast_to_fp16(model).model, feeds)[0].shape == (1, 2049)


def test_state_in_and_out_stay_float32(tools, typed):
    net = tools.Net()
    net.add("Relu", net.conv("state_in", 16, 16), output="state_out")
    shape = (FLOAT, ["n", 16, 4, 4])
    model = net.model({"state_in": shape}, {"state_out": shape})
    casted = cast_to_fp16(model).model
    types = typed(casted)
    assert (types["state_in"], types["state_out"]) == (FLOAT, FLOAT)
    assert [n.op_type for n in casted.graph.node] == ["Cast", "Conv", "Relu", "Cast"]
    feeds = {"state_in": np.random.default_rng(0).normal(0, 1, (2, 16, 4, 4)).astype(np.float32)}
    exact, rounded = tools.run(model, feeds)[0], tools.run(casted, feeds)[0]
    np.testing.assert_allclose(rounded, exact, atol=0.01)
    assert rounded.dtype == np.float32


def test_student_in_fp16_is_within_50_db(tools, student, student_ranges):
    casted = cast_to_fp16(student, student_ranges, keep=("edges",))
    assert len(_casts(casted.model)) <= len(_casts(student)) + 4
    feeds = {"images": tools.faces(12, 16)[8:]}
    for exact, rounded in zip(
        tools.run(student, feeds), tools.run(casted.model, feeds), strict=True
    ):
        assert tools.psnr(exact, rounded) > 50


def test_guard_limits_are_those_of_the_format():
    assert activation_risk("t", -16000.0, 16000.0) is None
    assert "16500" in str(activation_risk("t", 0.0, 16500.0))
    assert activation_risk("t", 0.0, 0.0) is None
    assert "smallest normal" in str(activation_risk("t", 0.0, 1e-6))
    healthy = np.random.default_rng(0).normal(0, 0.02, (8, 8)).astype(np.float32)
    assert constant_risk("w", healthy) is None
    channel = healthy.copy()
    channel[3] *= 1e-6
    assert "underflows" in str(constant_risk("w", channel))
    assert constant_risk("w", np.float32([-np.inf, 1.0])) is None


def test_control_flow_is_refused_in_one_sentence(tools):
    body = onnx.helper.make_graph(
        [onnx.helper.make_node("Identity", ["x"], ["z"])], "body", [],
        [onnx.helper.make_tensor_value_info("z", FLOAT, None)],
    )  # fmt: skip
    net = tools.Net()
    net.add("If", net.constant(np.array(True)), name="choose/If_0", output="y",
            then_branch=body, else_branch=body)  # fmt: skip
    model = net.model({"x": (FLOAT, [4])}, {"y": (FLOAT, [4])})
    with pytest.raises(InputError, match="choose/If_0"):
        cast_to_fp16(model)

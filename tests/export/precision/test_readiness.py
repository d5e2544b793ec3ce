"""The readiness report: costs by hand, reasons in words, sums that add up."""

from __future__ import annotations

import numpy as np
import onnx
import pytest
from onnx import TensorProto

from facedge.export.precision import portable, tensorrt
from facedge.export.precision.readiness import coverage, readiness

FLOAT = TensorProto.FLOAT


def test_geometry_and_cost_of_each_kind_are_those_computed_by_hand(tools):
    net = tools.Net()
    x = net.conv("x", 32, 64, name="a/Conv_0")  # 8x8 pixels
    x = net.conv(x, 64, 64, 1, name="a/Conv_1", groups=4)
    deconv = net.constant(np.zeros((64, 8, 4, 4), np.float32))
    x = net.add("ConvTranspose", x, deconv, name="b/Deconv_2", strides=[2, 2], pads=[1] * 4)
    x = net.add("Flatten", x, name="c/Flatten_3")
    weight = net.constant(np.zeros((10, 2048), np.float32))
    x = net.add("Gemm", x, weight, name="c/Gemm_4", transB=1)
    net.add("MatMul", x, net.constant(np.zeros((10, 5), np.float32)), name="c/MatMul_5", output="y")
    model = net.model({"x": (FLOAT, ["batch", 32, 8, 8])}, {"y": (FLOAT, ["batch", 5])})
    rows = readiness(model, model, "portable")
    assert [row.macs for row in rows] == [
        64 * 64 * 32 * 9, 64 * 64 * 16, 64 * 64 * 8 * 16, 2048 * 10, 50,
    ]  # fmt: skip
    assert [(row.in_channels, row.out_channels, row.groups) for row in rows] == [
        (32, 64, 1), (16, 64, 4), (64, 8, 1), (2048, 10, 1), (10, 5, 1),
    ]  # fmt: skip
    assert [row.kernel for row in rows] == [(3, 3), (1, 1), (4, 4), (), ()]
    assert sum(row.share for row in rows) == pytest.approx(1)
    assert not any(row.int8 for row in rows)


def test_costs_agree_with_the_graph_cost_of_the_builder(student):
    from facedge.export.graph import graph_cost

    rows = readiness(student, student, "portable")
    assert coverage(rows).macs == graph_cost(student).macs


@pytest.mark.parametrize("dialect", ["portable", "tensorrt"])
def test_every_float_convolution_has_a_reason_and_every_int8_one_has_none(
    student, student_ranges, dialect
):
    if dialect == "portable":
        model = portable.quantise(student, student_ranges, "minmax", exclude=("edges",))
    else:
        model = tensorrt.quantise(student, student_ranges, "minmax", keep=("edges",))
    rows = readiness(student, model, dialect)
    assert len(rows) == sum(n.op_type == "Conv" for n in student.graph.node)
    assert all(bool(row.reason) != row.int8 for row in rows)
    reasons = {row.reason for row in rows}
    assert "float scope 'edges'" in reasons
    assert "1 input channels per group, fewer than 16" in reasons
    total = coverage(rows)
    assert total.int8 == sum(row.int8 for row in rows)
    assert f"{total.int8} of {total.contractions}" in str(total)


def test_tensorrt_is_warned_of_channels_that_get_padded(small, small_ranges):
    rows = {
        row.node: row
        for row in readiness(small, tensorrt.quantise(small, small_ranges, "minmax"), "tensorrt")
    }
    assert rows["reconstruct/Conv_12"].warning.startswith("channels 32 -> 48 are padded")
    assert rows["block/Conv_6"].warning == ""


def test_a_convolution_whose_pairs_were_taken_away_is_not_called_int8(small, small_ranges):
    model = portable.quantise(small, small_ranges, "minmax")
    damaged = onnx.ModelProto()
    damaged.CopyFrom(model)
    target = next(n for n in damaged.graph.node if n.name == "block/Conv_6")
    pair = next(n for n in damaged.graph.node if target.input[0] in n.output)
    rounding = next(n for n in damaged.graph.node if pair.input[0] in n.output)
    target.input[0] = rounding.input[0]
    rows = {row.node: row for row in readiness(small, damaged, "portable")}
    assert not rows["block/Conv_6"].int8
    assert "incomplete" in rows["block/Conv_6"].reason
    assert rows["block/Conv_8"].int8

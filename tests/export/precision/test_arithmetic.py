"""Grids and integer weights, against ONNX's reference implementation of QuantizeLinear."""

from __future__ import annotations

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from onnx import TensorProto, helper
from onnx.reference import ReferenceEvaluator

from facedge.export.precision.arithmetic import (
    channel_scales,
    cpu_grid,
    quantise_bias,
    quantise_channels,
    signed_grid,
    unsigned_grid,
)
from facedge.export.precision.tensorrt import half_scale


def _round_trip(x, scale, zero, axis=None):
    attributes = {} if axis is None else {"axis": axis}
    graph = helper.make_graph(
        [
            helper.make_node("QuantizeLinear", ["x", "s", "z"], ["q"], **attributes),
            helper.make_node("DequantizeLinear", ["q", "s", "z"], ["y"], **attributes),
        ],
        "round_trip",
        [helper.make_tensor_value_info(n, t, None) for n, t in
         [("x", 1), ("s", 1), ("z", TensorProto.INT8 if zero.dtype == np.int8 else 2)]],
        [helper.make_tensor_value_info("q", 3 if zero.dtype == np.int8 else 2, None),
         helper.make_tensor_value_info("y", 1, None)],
    )  # fmt: skip
    model = helper.make_model(graph, opset_imports=[helper.make_opsetid("", 19)])
    return ReferenceEvaluator(model).run(None, {"x": x, "s": scale, "z": zero})


spans = st.tuples(st.floats(-1e4, 0, width=32), st.floats(0, 1e4, width=32)).filter(
    lambda span: span[1] - span[0] > 1e-6
)


@settings(max_examples=50, deadline=None)
@given(spans)
def test_unsigned_grid_covers_its_range_to_half_a_step_and_holds_zero_exactly(span):
    grid = unsigned_grid(*span)
    x = np.concatenate([np.linspace(*span, 301), [0.0]]).astype(np.float32)
    _, y = _round_trip(x, np.float32(grid.scale), np.uint8(grid.zero_point))
    # Half a step inside; at one end up to a whole one, since the zero point is itself rounded.
    assert np.abs(y - x).max() <= grid.scale * 1.001
    assert y[-1] == 0


@settings(max_examples=50, deadline=None)
@given(spans)
def test_signed_grid_covers_its_range_to_half_a_step_and_has_zero_point_zero(span):
    grid = signed_grid(*span)
    x = np.linspace(*span, 301).astype(np.float32)
    q, y = _round_trip(x, np.float32(grid.scale), np.int8(0))
    assert grid.zero_point == 0
    assert np.abs(q.astype(int)).max() == 127
    assert np.abs(y - x).max() <= grid.scale * 0.5001


def test_a_range_that_starts_at_zero_gets_zero_point_zero_so_that_rounding_is_the_relu():
    assert unsigned_grid(0.0, 6.0).zero_point == 0
    assert unsigned_grid(0.5, 6.0) == unsigned_grid(0.0, 6.0)


def test_an_empty_range_still_gives_a_usable_grid():
    assert unsigned_grid(0.0, 0.0).scale > 0
    assert signed_grid(0.0, 0.0).scale > 0


@pytest.mark.parametrize("axis", [0, 1])
def test_channel_weights_equal_onnx_reference_rounding(axis):
    weight = np.random.default_rng(1).normal(0, 0.2, (6, 5, 3, 3)).astype(np.float32)
    weight[2] = 0
    scales = channel_scales(weight, axis)
    zeros = np.zeros(weight.shape[axis], np.int8)
    expected, back = _round_trip(weight, scales, zeros, axis)
    np.testing.assert_array_equal(quantise_channels(weight, scales, axis), expected)
    assert np.abs(back - weight).max() <= scales.max() * 0.5001


def test_seven_bit_weights_stay_within_63():
    weight = np.random.default_rng(1).normal(0, 0.2, (4, 4)).astype(np.float32)
    levels = quantise_channels(weight, channel_scales(weight, 0, 63), 0, 63)
    assert np.abs(levels).max() == 63


def test_bias_is_rounded_to_the_product_of_the_scales():
    # By hand: 0.1 / 0.001 = 100; -0.2515 / 0.002 = -125.75.
    levels = quantise_bias(np.float32([0.1, -0.2515]), np.float32([0.001, 0.002]))
    assert levels.tolist() == [100, -126]
    assert levels.dtype == np.int32


@settings(max_examples=200, deadline=None)
@given(st.floats(1e-5, 6e4))
def test_half_scale_is_the_next_fp16_number_above(scale):
    rounded = half_scale(scale)
    assert float(np.float16(rounded)) == rounded
    below = float(np.nextafter(np.float16(rounded), np.float16(0)))
    assert below < scale <= rounded


def test_openvinos_grid_is_unsigned_from_zero_on_and_symmetric_below():
    assert cpu_grid(0.0, 6.0) == unsigned_grid(0.0, 6.0)
    assert cpu_grid(-1.0, 6.0) == signed_grid(-1.0, 6.0)
    assert (cpu_grid(0.0, 6.0).signed, cpu_grid(-1.0, 6.0).signed) == (False, True)
    assert cpu_grid(-12.7, 6.0).scale == np.float32(0.1)

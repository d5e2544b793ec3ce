"""Counting, cutting and checking graphs."""

from __future__ import annotations

import numpy as np
import onnx
import pytest
import torch
from small_graphs import STUDENT, graph, student, traced_student, weights
from torch import nn

from facedge.errors import InputError
from facedge.export.graph import check, graph_cost, infer_shapes, keep_outputs, run, to_ir, to_proto


def test_convolutions_cost_outputs_times_taps_of_one_group():
    model = graph(
        """g (float[batch,8,10,10] x) => (float[batch,12,5,5] y) {
            y = Conv<strides=[2,2], pads=[1,1,1,1], group=4>(x, w, b)
        }""",
        w=weights(12, 2, 3, 3),
        b=weights(12),
    )
    cost = graph_cost(model)
    assert (cost.nodes, cost.parameters) == (1, 12 * 2 * 9 + 12)
    assert cost.macs == 12 * 5 * 5 * 2 * 9


def test_transposed_convolutions_cost_inputs_times_taps_of_one_group():
    model = graph(
        """g (float[batch,8,5,5] x) => (float[batch,4,10,10] y) {
            y = ConvTranspose<strides=[2,2], pads=[1,1,1,1], group=2>(x, w)
        }""",
        w=weights(8, 2, 4, 4),
    )
    assert graph_cost(model).macs == 8 * 25 * 2 * 16


def test_matrix_products_cost_rows_times_columns_times_depth():
    model = graph(
        """g (float[batch,6] x) => (float[batch,4,5] z) {
            y = Gemm<transB=1>(x, w)
            y3 = Reshape(y, shape)
            z = MatMul(y3, v)
        }""",
        w=weights(12, 6),
        v=weights(3, 5),
        shape=np.array([-1, 4, 3]),
    )
    assert graph_cost(model).macs == 6 * 12 + 4 * 3 * 5


def test_a_shared_weight_is_counted_once_and_integers_not_at_all():
    model = graph(
        """g (float[batch,4] x) => (float[batch,4] z) {
            y = MatMul(x, w)
            y2 = MatMul(y, w)
            z = Reshape(y2, shape)
        }""",
        w=weights(4, 4),
        shape=np.array([-1, 4]),
    )
    cost = graph_cost(model)
    assert (cost.nodes, cost.parameters, cost.macs) == (3, 16, 2 * 16)


def test_macs_of_a_traced_network_are_what_its_torch_modules_do():
    macs = 0

    def count(module: nn.Module, _: object, output: torch.Tensor) -> None:
        nonlocal macs
        assert isinstance(module, nn.Conv2d)
        macs += output.numel() * module.weight[0].numel()

    hooks = [
        m.register_forward_hook(count) for m in student().modules() if isinstance(m, nn.Conv2d)
    ]
    with torch.inference_mode():
        student()(torch.zeros(1, 3, STUDENT.input_size, STUDENT.input_size))
    for hook in hooks:
        hook.remove()
    # Constant kernels of the edge extractors: on 64x64 after step 1 luma of 2x2 pixels, blur 25,
    # Sobel 2 x 9; on 128x128 after step 2 luma 3, difference of Gaussians 81.
    fixed = 64 * 64 * (4 * 3 + 25 + 18) + 128 * 128 * (3 + 81)
    # Padded Sobel and blur windows end at the picture, so nothing is computed outside it.
    assert graph_cost(traced_student()).macs == macs + fixed


def test_a_size_the_graph_does_not_fix_is_named():
    model = graph(
        "g (float[batch,3,h,w] x) => (float[batch,2,h,w] y) { y = Conv(x, k) }",
        k=weights(2, 3, 1, 1),
    )
    with pytest.raises(InputError, match="only the batch"):
        graph_cost(model)


def test_keeping_the_first_step_drops_the_other_steps():
    whole = traced_student()
    first = keep_outputs(whole, ["step_1"])
    check(first)
    assert [o.name for o in first.graph.output] == ["step_1"]
    assert graph_cost(first).macs < graph_cost(whole).macs / 2
    assert not any("edges" in node.name for node in first.graph.node)
    image = np.random.default_rng(0).random((2, 3, 16, 16), dtype=np.float32)
    np.testing.assert_array_equal(
        run(first, {"image": image})["step_1"], run(whole, {"image": image})["step_1"]
    )
    assert [o.name for o in whole.graph.output] == ["step_1", "step_2", "step_3"]


@pytest.mark.parametrize("names", [["step_9"], []])
def test_keeping_what_is_not_there_names_the_outputs(names):
    with pytest.raises(InputError, match="step_1, step_2, step_3"):
        keep_outputs(traced_student(), names)


def test_an_invalid_graph_is_refused_in_one_sentence():
    model = graph("g (float[batch,4] x) => (float[batch,4] y) { y = Relu(x) }")
    model.graph.node[0].op_type = "Rectify"
    with pytest.raises(InputError, match="not a valid ONNX graph") as caught:
        check(model)
    assert "\n" not in str(caught.value)


def test_conversion_there_and_back_keeps_the_function():
    model = graph(
        "g (float[batch,4] x) => (float[batch,3] y) { y = MatMul(x, w) }", w=weights(4, 3)
    )
    feeds = {"x": weights(2, 4)}
    expected = feeds["x"] @ np.frombuffer(model.graph.initializer[0].raw_data, "f4").reshape(4, 3)
    np.testing.assert_allclose(run(to_proto(to_ir(model)), feeds)["y"], expected, rtol=1e-5)


def test_a_graph_that_contradicts_itself_is_refused():
    model = graph("g (float[batch,4] x) => (float[batch,4] y) { y = Mul(x, k) }", k=weights(4))
    model.graph.initializer[0].CopyFrom(onnx.numpy_helper.from_array(np.array([1, 2, 3, 4]), "k"))
    with pytest.raises(InputError, match="contradict each other"):
        infer_shapes(to_ir(model))


def test_inferred_shapes_keep_the_batch_symbolic_and_scalars_without_dimensions():
    model = graph(
        "g (float[batch,4] x) => (float[batch,4] y) { a = Mul(x, k) s = Mul(k, k) y = Add(a, s) }",
        k=np.array(2, "f4"),
    )
    del model.graph.value_info[:]
    edited = infer_shapes(to_ir(model))
    shapes = {v.name: [str(d) for d in v.shape] for n in edited.graph for v in n.outputs}
    assert shapes == {"a": ["batch", "4"], "s": [], "y": ["batch", "4"]}

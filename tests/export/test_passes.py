"""The registry and ``rewrite``: whole networks, foreign graphs, order and rows."""

from __future__ import annotations

from collections import Counter
from itertools import pairwise

import numpy as np
import onnx
import pytest
import torch
from small_graphs import (
    apply_pass,
    astronaut,
    graph,
    operators,
    to_float,
    traced_stateful,
    traced_student,
    weights,
)

from facedge.errors import InputError
from facedge.export.graph import check, graph_cost, run
from facedge.export.passes import CPU_PASSES, PASSES, rewrite
from facedge.export.trace import assert_dynamic_batch

FLOAT_PASSES = [each.name for each in PASSES + CPU_PASSES if each.name != "uint8-nhwc-io"]


def test_every_rewrite_of_the_design_is_registered_once_with_a_summary():
    names = [each.name for each in PASSES]
    assert len(set(names)) == len(names)
    assert set(names) >= {
        "deconv-to-conv", "split-concat-conv", "dead-code", "fold-linear-linear",
        "two-logit-softmax", "group-branches", "group-patches", "vectorise-attention",
        "prelu-to-leaky-relu", "fold-batch-norm", "uint8-nhwc-io",
    }  # fmt: skip
    assert all(each.summary and len(each.summary) < 60 for each in PASSES + CPU_PASSES)


@pytest.mark.parametrize("name", FLOAT_PASSES)
def test_each_pass_alone_keeps_the_function_of_a_real_network(name):
    before = traced_stateful()
    _, after = apply_pass(name, before)
    _assert_equal_outputs(before, after)


def test_all_passes_keep_the_function_and_the_signature():
    before = traced_student()
    after = rewrite(before, FLOAT_PASSES).model
    check(after)
    assert_dynamic_batch(after)
    assert after.graph.input == before.graph.input
    assert [o.name for o in after.graph.output] == [o.name for o in before.graph.output]
    _assert_equal_outputs(before, after)


def _assert_equal_outputs(before: onnx.ModelProto, after: onnx.ModelProto) -> None:
    feeds = {"image": to_float(astronaut(16))}
    if len(before.graph.input) > 1:
        feeds["state_in"] = np.random.default_rng(0).standard_normal((3, 32, 32, 32), np.float32)
    expected, found = run(before, feeds), run(after, feeds)
    for name, array in expected.items():
        # Sums in another order: float32 rounding through about 20 layers.
        np.testing.assert_allclose(found[name], array, atol=1e-4 * max(1, np.abs(array).max()))


def test_the_first_steps_zero_state_and_prior_cost_nothing():
    before, after = graph_cost(traced_student()), graph_cost(rewrite(traced_student()).model)
    grid, width, prior = 32 * 32, 32, 32
    dropped = grid * width * (width + prior)
    shared = 2 * grid * width * width
    assert before.macs - after.macs == dropped + shared
    assert after.parameters <= before.parameters + 3


def test_rows_follow_the_registry_and_join_up():
    result = rewrite(traced_student())
    rows = result.rows
    assert [row.name for row in rows[: len(PASSES)]] == [each.name for each in PASSES]
    for earlier, later in pairwise(rows):
        assert earlier.nodes_after == later.nodes_before
        assert earlier.parameters_after == later.parameters_before
        assert earlier.macs_after == later.macs_before
    cost = graph_cost(result.model)
    last = rows[-1]
    assert (last.nodes_after, last.parameters_after, last.macs_after) == (
        cost.nodes, cost.parameters, cost.macs
    )  # fmt: skip


def test_rewriting_is_finished_and_deterministic():
    once = rewrite(traced_student())
    again = rewrite(once.model)
    assert again.model.graph.node == once.model.graph.node
    assert rewrite(traced_student()).model == once.model


def test_the_given_model_is_not_changed():
    before = traced_student().SerializeToString(deterministic=True)
    rewrite(traced_student())
    assert traced_student().SerializeToString(deterministic=True) == before


def test_names_stay_unique_and_scopes_are_not_lost():
    model = rewrite(traced_student()).model
    names = Counter(node.name for node in model.graph.node)
    assert max(names.values()) == 1
    scopes = {name.rpartition("/")[0] for name in names}
    assert scopes - {"input", "output"} <= {
        node.name.rpartition("/")[0] for node in traced_student().graph.node
    }


def test_only_the_named_passes_run_and_in_the_registry_order():
    result = rewrite(traced_student(), ["split-concat-conv", "simplify"])
    assert [row.name for row in result.rows][:2] == ["simplify", "split-concat-conv"]
    assert {row.name for row in result.rows} == {"simplify", "split-concat-conv"}


def test_an_unknown_pass_is_named_with_the_known_ones():
    with pytest.raises(InputError, match="no pass is called magic; the passes are dead-code"):
        rewrite(traced_student(), ["magic"])


def foreign(opset: int) -> onnx.ModelProto:
    """Unnamed nodes, a Constant node, initialisers listed as inputs, an old opset."""
    model = graph(
        """g (float[batch,4,6,6] data, float[6,4,3,3] w, float[6] gamma, float[6] beta,
              float[6] mean, float[6] var) => (float[batch,6,8,8] out) {
            y = Conv(data, w)
            z = BatchNormalization(y, gamma, beta, mean, var)
            slope = Constant<value = float[1] {0.25}>()
            p = PRelu(z, slope)
            up = ConvTranspose<strides=[2,2]>(p, v)
            out = Relu(up)
        }""",
        opset,
        w=weights(6, 4, 3, 3), gamma=weights(6), beta=weights(6), mean=weights(6),
        var=weights(6) ** 2 + 0.1, v=weights(6, 6, 2, 2),
    )  # fmt: skip
    for node in model.graph.node:
        node.name = ""
    return model


@pytest.mark.parametrize("opset", [11, 13, 18, 20])
def test_foreign_graphs_of_other_opsets_are_rewritten(opset):
    before = foreign(opset)
    feeds = {"data": weights(2, 4, 6, 6)}
    expected = run(before, feeds)["out"]
    result = rewrite(before)
    check(result.model)
    assert operators(result.model) == {"Conv": 2, "LeakyRelu": 1, "DepthToSpace": 1, "Relu": 1}
    np.testing.assert_allclose(run(result.model, feeds)["out"], expected, atol=1e-4)


def test_a_torchscript_style_export_keeps_its_function():
    network = torch.nn.Sequential(
        torch.nn.Conv2d(3, 8, 3, padding=1), torch.nn.BatchNorm2d(8), torch.nn.PReLU(),
        torch.nn.ConvTranspose2d(8, 3, 6, stride=2, padding=2), torch.nn.Flatten(),
        torch.nn.Linear(3 * 64, 32), torch.nn.Linear(32, 4),
    ).eval()  # fmt: skip
    program = torch.onnx.export(network, (torch.rand(2, 3, 4, 4),), dynamo=True, verbose=False)
    model = rewrite(program.model_proto).model
    assert operators(model)["BatchNormalization"] + operators(model)["ConvTranspose"] == 0
    assert operators(model)["Gemm"] == 1
    x = torch.rand(2, 3, 4, 4)
    with torch.inference_mode():
        expected = network(x).numpy()
    name = model.graph.input[0].name
    found = run(model, {name: x.numpy()})
    np.testing.assert_allclose(next(iter(found.values())), expected, atol=1e-5)

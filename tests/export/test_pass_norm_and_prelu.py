"""fold-batch-norm and prelu-to-leaky-relu."""

from __future__ import annotations

import numpy as np
import pytest
import torch
from small_graphs import apply_pass, assert_same_function, graph, operators, weights

from facedge.export.graph import run
from facedge.export.passes import rewrite

STATISTICS = dict(gamma=weights(6), beta=weights(6), mean=weights(6), var=weights(6) ** 2 + 0.1)


def normed(layer: str, shape: str, out: str, extra: str = "", outputs: str = "", **tensors):
    return graph(
        f"""g (float[{shape}] x) => (float[{out}] z{outputs}) {{
            y = {layer}
            z = BatchNormalization<epsilon=0.01{extra}>(y, gamma, beta, mean, var)
        }}""",
        **(STATISTICS | tensors),
    )


LAYERS = {
    "conv": ("Conv(x, w, b)", "batch,4,5,5", "batch,6,3,3", dict(w=(6, 4, 3, 3), b=(6,))),
    "no bias": ("Conv(x, w)", "batch,4,5,5", "batch,6,3,3", dict(w=(6, 4, 3, 3))),
    "grouped": ("Conv<group=2>(x, w)", "batch,4,5,5", "batch,6,3,3", dict(w=(6, 2, 3, 3))),
    "deconv": ("ConvTranspose<strides=[2,2]>(x, w, b)", "batch,4,5,5", "batch,6,10,10",
               dict(w=(4, 6, 2, 2), b=(6,))),
    "gemm": ("Gemm<alpha=0.5, beta=3.0>(x, w, b)", "batch,4", "batch,6", dict(w=(4, 6), b=(6,))),
    "gemm transposed": ("Gemm<transB=1>(x, w)", "batch,4", "batch,6", dict(w=(6, 4))),
}  # fmt: skip


@pytest.mark.parametrize("kind", LAYERS)
def test_batch_norm_folds_into_the_layer_before(kind):
    layer, shape, out, sizes = LAYERS[kind]
    before = normed(layer, shape, out, **{name: weights(*size) for name, size in sizes.items()})
    count, after = apply_pass("fold-batch-norm", before)
    assert count == 1
    assert len(after.graph.node) == 1
    assert_same_function(before, after)


def test_batch_norm_folds_into_a_grouped_deconvolution():
    # ONNX's reference evaluator cannot run grouped transposed convolutions; torch can.
    layer, norm = torch.nn.ConvTranspose2d(4, 6, 2, stride=2, groups=2), torch.nn.BatchNorm2d(6)
    text = "ConvTranspose<group=2, strides=[2,2]>(x, w, b)"
    tensors = dict(w=layer.weight, b=layer.bias, gamma=norm.weight, beta=norm.bias)
    for statistic in (norm.weight, norm.bias, norm.running_mean):
        torch.nn.init.normal_(statistic)
    tensors |= dict(mean=norm.running_mean, var=norm.running_var.mul_(3))
    arrays = {name: tensor.detach().numpy() for name, tensor in tensors.items()}
    norm.eps = 0.01
    before = normed(text, "batch,4,5,5", "batch,6,10,10", **arrays)
    count, after = apply_pass("fold-batch-norm", before)
    assert (count, len(after.graph.node)) == (1, 1)
    x = weights(2, 4, 5, 5)
    with torch.inference_mode():
        expected = norm.eval()(layer(torch.from_numpy(x))).numpy()
    np.testing.assert_allclose(run(after, {"x": x})["z"], expected, atol=1e-5)


@pytest.mark.parametrize(
    "change",
    [
        dict(outputs=", float[batch,6,3,3] y"),
        dict(layer="Relu(x)", shape="batch,6,3,3"),
    ],
    ids=["layer is an output", "no layer"],
)
def test_other_batch_norms_stay(change):
    layer, shape, out, _ = LAYERS["no bias"]
    before = normed(
        **({"layer": layer, "shape": shape, "out": out} | change), w=weights(6, 4, 3, 3)
    )
    count, after = apply_pass("fold-batch-norm", before)
    assert count == 0
    assert operators(after)["BatchNormalization"] == 1


def test_a_training_batch_norm_stays():
    before = graph(
        """g (float[batch,4,5,5] x) => (float[batch,6,3,3] z) {
            y = Conv(x, w)
            z, m, v = BatchNormalization<training_mode=1>(y, gamma, beta, mean, var)
        }""",
        w=weights(6, 4, 3, 3), **STATISTICS,
    )  # fmt: skip
    assert apply_pass("fold-batch-norm", before)[0] == 0


def test_shared_weights_are_folded_for_every_step_and_stored_once():
    before = graph(
        """g (float[batch,6,5,5] x) => (float[batch,6,5,5] z) {
            y1 = Conv<pads=[1,1,1,1]>(x, w)
            z1 = BatchNormalization(y1, gamma, beta, mean, var)
            y2 = Conv<pads=[1,1,1,1]>(z1, w)
            z = BatchNormalization(y2, gamma, beta, mean, var)
        }""",
        w=weights(6, 6, 3, 3) / 8, **STATISTICS,
    )  # fmt: skip
    after = rewrite(before, ["fold-batch-norm"]).model
    assert operators(after) == {"Conv": 2}
    assert sorted(list(t.dims) for t in after.graph.initializer) == [[6], [6, 6, 3, 3]]
    assert_same_function(before, after)


def prelu(slope, size="6,1,1"):
    return graph(
        "g (float[batch,6,5,5] x) => (float[batch,6,5,5] y) { y = PRelu(x, slope) }", slope=slope
    )


@pytest.mark.parametrize("slope", [np.full((1,), 0.25, "f4"), np.full((6, 1, 1), -0.1, "f4")])
def test_one_slope_becomes_leaky_relu(slope):
    before = prelu(slope)
    count, after = apply_pass("prelu-to-leaky-relu", before)
    assert (count, operators(after)) == (1, {"LeakyRelu": 1})
    assert_same_function(before, after, tolerance=0)


def test_slope_zero_becomes_relu():
    before = prelu(np.zeros((6, 1, 1), "f4"))
    count, after = apply_pass("prelu-to-leaky-relu", before)
    assert (count, operators(after)) == (1, {"Relu": 1})
    assert_same_function(before, after, tolerance=0)


def test_different_slopes_stay():
    count, after = apply_pass("prelu-to-leaky-relu", prelu(weights(6, 1, 1)))
    assert (count, operators(after)) == (0, {"PRelu": 1})


def test_a_slope_given_at_run_time_stays():
    before = graph(
        "g (float[batch,6,5,5] x, float[1] s) => (float[batch,6,5,5] y) { y = PRelu(x, s) }"
    )
    assert apply_pass("prelu-to-leaky-relu", before)[0] == 0

"""fold-linear-linear and two-logit-softmax."""

from __future__ import annotations

import numpy as np
import pytest
from small_graphs import apply_pass, assert_same_function, graph, operators, weights

CHAIN = """g (float[batch,20] x) => (float[batch,4] z) {
    y = Gemm<transB=1, alpha=0.5, beta=2.0>(x, w1, b1)
    z = Gemm(y, w2, b2)
}"""


def chain(text: str = CHAIN, **tensors):
    given = dict(w1=weights(16, 20), b1=weights(16), w2=weights(16, 4), b2=weights(4))
    return graph(text, **(given | tensors))


def test_two_gemms_become_one():
    before = chain()
    count, after = apply_pass("fold-linear-linear", before)
    assert (count, operators(after)) == (1, {"Gemm": 1})
    assert [list(t.dims) for t in after.graph.initializer] == [[20, 4], [4]]
    assert_same_function(before, after)


def test_a_chain_of_matmul_and_add_over_rows_becomes_one():
    before = graph(
        """g (float[batch,12,20] x) => (float[batch,12,4] z) {
            m = MatMul(x, w1)
            y = Add(b1, m)
            z = MatMul(y, w2)
        }""",
        w1=weights(20, 16), b1=weights(16), w2=weights(16, 4),
    )  # fmt: skip
    count, after = apply_pass("fold-linear-linear", before)
    assert (count, operators(after)) == (1, {"MatMul": 1, "Add": 1})
    assert_same_function(before, after)


def test_three_layers_fold_to_one_across_identity_and_a_flatten_of_rows():
    before = graph(
        """g (float[batch,20] x) => (float[batch,4] z) {
            a = Gemm(x, w1)
            a1 = Identity(a)
            b = Gemm(a1, w2)
            b1 = Flatten(b)
            z = Gemm(b1, w3, b3)
        }""",
        w1=weights(20, 16), w2=weights(16, 16), w3=weights(16, 4), b3=weights(4),
    )  # fmt: skip
    count, after = apply_pass("fold-linear-linear", before)
    assert (count, operators(after)) == (2, {"Gemm": 1})
    assert_same_function(before, after)


@pytest.mark.parametrize(
    ("text", "tensors"),
    [
        (CHAIN.replace("(float[batch,4] z)", "(float[batch,4] z, float[batch,16] y)"), {}),
        (CHAIN.replace("z = Gemm(y", "r = Relu(y) z = Gemm(r"), {}),
        (
            CHAIN.replace("[batch,4] z)", "[batch,4] z, float[batch,16] r)").replace(
                "z =", "r = Relu(y) z ="
            ),
            {},
        ),
        # A bottleneck of 2 between 20 and 16: one matrix would be larger than the two.
        (CHAIN.replace("[batch,4]", "[batch,16]"),
         dict(w1=weights(2, 20), b1=weights(2), w2=weights(2, 16), b2=weights(16))),
        (CHAIN.replace("(float[batch,20] x)", "(float[batch,20] x, float[16,4] w2)"), {"w2": None}),
        (CHAIN.replace("transB=1", "transA=1").replace("[batch,20] x", "[20,batch] x"),
         dict(w1=weights(20, 16))),
    ],
    ids=["output", "activation", "second reader", "bottleneck", "weights given", "transposed"],
)  # fmt: skip
def test_other_chains_stay(text, tensors):
    given = dict(w1=weights(16, 20), b1=weights(16), w2=weights(16, 4), b2=weights(4)) | tensors
    before = graph(text, **{name: array for name, array in given.items() if array is not None})
    count, after = apply_pass("fold-linear-linear", before)
    assert count == 0
    assert operators(after) == operators(before)


HEAD = """g (float[batch,20] x) => (float[batch,12] p) {{
    l = Gemm(x, w, b)
    r = Reshape(l, shape)
    {softmax}
    p = Gather<axis={axis}>(s, one)
}}"""
LOG = "n = LogSoftmax<axis={axis}>(r) s = Exp(n)"
PLAIN = "s = Softmax<axis={axis}>(r)"


def head(softmax: str, pairs: tuple[int, ...], axis: int, text: str = HEAD, index: int = 1):
    return graph(
        text.format(softmax=softmax.format(axis=axis), axis=axis),
        w=weights(20, 24), b=weights(24),
        shape=np.array([-1, *pairs]), one=np.array(index),
    )  # fmt: skip


@pytest.mark.parametrize("softmax", [LOG, PLAIN])
@pytest.mark.parametrize(("pairs", "axis"), [((12, 2), 2), ((12, 2), -1), ((2, 12), 1)])
@pytest.mark.parametrize("index", [0, 1, -1])
def test_a_two_way_softmax_becomes_a_sigmoid_of_half_the_layer(softmax, pairs, axis, index):
    before = head(softmax, pairs, axis, index=index)
    count, after = apply_pass("two-logit-softmax", before)
    assert (count, operators(after)) == (1, {"Gemm": 1, "Sigmoid": 1})
    assert [list(t.dims) for t in after.graph.initializer] == [[20, 12], [12]]
    assert_same_function(before, after)


@pytest.mark.parametrize(("index", "taken"), [("slice", [1, 2]), ("slice", [-1, 9])])
def test_a_slice_of_one_probability_keeps_its_axis(index, taken):
    before = graph(
        """g (float[batch,20] x) => (float[batch,12,1] p) {
            l = Gemm(x, w, b)
            r = Reshape(l, shape)
            s = Softmax<axis=-1>(r)
            p = Slice(s, start, end, axis)
        }""",
        w=weights(20, 24), b=weights(24), shape=np.array([-1, 12, 2]),
        start=np.array(taken[:1]), end=np.array(taken[1:]), axis=np.array([2]),
    )  # fmt: skip
    count, after = apply_pass("two-logit-softmax", before)
    assert (count, operators(after)) == (1, {"Gemm": 1, "Sigmoid": 1, "Reshape": 1})
    assert_same_function(before, after)


@pytest.mark.parametrize(
    "before",
    [
        head(LOG, (12, 2), 2, HEAD.replace("[batch,12] p)", "[batch,12] p, float[batch,12,2] n)")),
        head(PLAIN, (12, 2), 2, HEAD.replace("[batch,12] p)", "[batch,12] p, float[batch,24] l)")),
        head(PLAIN, (12, 2), 2, HEAD.replace("batch,12] p)", "batch,12] p, float[batch,12,2] s)")),
        head(PLAIN, (8, 3), 2, HEAD.replace("[batch,12] p", "[batch,8] p")),
        head("s = LogSoftmax<axis={axis}>(r)", (12, 2), 2),
        head("s = Softmax<axis=1>(r)", (12, 2), 2),
        head("q = Relu(r) s = Softmax<axis=2>(q)", (12, 2), 2),
    ],
    ids=["logits wanted", "linear wanted", "both wanted", "three-way", "no exp", "other axis",
         "activation before"],
)  # fmt: skip
def test_other_softmaxes_stay(before):
    count, after = apply_pass("two-logit-softmax", before)
    assert count == 0
    assert operators(after) == operators(before)

"""split-concat-conv: zero parts go, shared parts are computed once, the rest stays."""

from __future__ import annotations

import numpy as np
import pytest
from small_graphs import apply_pass, assert_same_function, graph, operators, weights

from facedge.export.graph import graph_cost
from facedge.export.passes import rewrite

TENSORS = dict(
    w=weights(8, 48, 1, 1), b=weights(8), zero=np.zeros(1, np.float32),
    shape=np.array([1, 8, 5, 5]), expand=weights(8, 8, 1, 1),
)  # fmt: skip

STEPS = """g (float[batch,32,5,5] x, float[batch,8,5,5] s) => (float[batch,8,5,5] h2) {
    nothing = Mul(s, zero)
    c0 = Concat<axis=1>(x, nothing, nothing)
    f0 = Conv(c0, w, b)
    h0 = Relu(f0)
    p1 = Conv(h0, expand)
    c1 = Concat<axis=1>(x, h0, p1)
    f1 = Conv(c1, w, b)
    h1 = Relu(f1)
    p2 = Conv(h1, expand)
    c2 = Concat<axis=1>(x, h1, p2)
    h2 = Conv(c2, w, b)
}"""


def test_unrolled_steps_share_what_they_compute_from_the_same_features():
    before = graph(STEPS, **TENSORS)
    after = rewrite(before, ["split-concat-conv", "common-subexpressions"]).model
    # x: once for three steps. Step 0 has nothing else; steps 1 and 2 one conv of the rest each.
    assert operators(after) == {"Conv": 5, "Relu": 2, "Concat": 2, "Add": 2}
    assert graph_cost(after).macs == 25 * 8 * (32 + 2 * 16 + 2 * 8)
    assert_same_function(before, after)


def test_zero_parts_are_dropped_with_their_weights():
    before = graph(
        """g (float[batch,32,5,5] x, float[batch,8,5,5] s) => (float[batch,8,5,5] y) {
            nothing = Mul(s, zero)
            still = Relu(nothing)
            c = Concat<axis=1>(still, x, nothing)
            y = Conv(c, w, b)
        }""",
        **TENSORS,
    )
    count, after = apply_pass("split-concat-conv", before)
    assert (count, operators(after)) == (1, {"Conv": 1})
    assert list(after.graph.initializer[-1].dims) == [8, 32, 1, 1]
    assert_same_function(before, after)


def test_larger_kernels_with_padding_and_stride_split_too():
    before = graph(
        """g (float[batch,32,5,5] x, float[batch,16,5,5] s, float[batch,16,5,5] t)
            => (float[batch,8,3,3] y, float[batch,8,3,3] z) {
            c = Concat<axis=1>(s, x)
            y = Conv<pads=[1,1,1,1], strides=[2,2]>(c, w, b)
            d = Concat<axis=1>(t, x)
            z = Conv<pads=[1,1,1,1], strides=[2,2]>(d, w, b)
        }""",
        w=weights(8, 48, 3, 3), b=weights(8),
    )  # fmt: skip
    after = rewrite(before, ["split-concat-conv", "common-subexpressions"]).model
    assert operators(after) == {"Conv": 3, "Add": 2}
    assert_same_function(before, after)


ONE = """g (float[batch,32,5,5] x, float[batch,16,5,5] s) => (float[batch,8,5,5] y{outputs}) {{
    c = Concat<axis=1>(x, s)
    y = Conv(c, w, b)
    {more}
}}"""


@pytest.mark.parametrize(
    ("text", "tensors"),
    [
        (ONE.format(outputs="", more=""), {}),
        (ONE.format(outputs=", float[batch,48,5,5] c, float[batch,8,5,5] z",
                    more="d = Concat<axis=1>(x, s) z = Conv(d, w, b)"), {}),
        # Same features at another place of the kernel: other weights, nothing shared.
        (ONE.format(outputs=", float[batch,8,5,5] z",
                    more="d = Concat<axis=1>(s, x) z = Conv(d, w, b)"), {}),
        (ONE.format(outputs=", float[batch,8,5,5] z",
                    more="d = Concat<axis=1>(x, q) q = Relu(s) z = Conv(d, w, b)").replace(
                        "d = Concat<axis=1>(x, q) q = Relu(s)",
                        "q = Relu(s) d = Concat<axis=1>(x, q)").replace("Conv(", "Conv<group=2>("),
         dict(w=weights(8, 24, 1, 1))),
        ("""g (float[batch,48,5,5] x, float[batch,48,2,5] s) => (float[batch,8,7,5] y) {
            nothing = Mul(s, zero)
            c = Concat<axis=2>(x, nothing)
            y = Conv(c, w, b)
        }""", {}),
    ],
    ids=["nothing shared", "concat read elsewhere", "other weights", "grouped", "other axis"],
)  # fmt: skip
def test_other_concatenations_stay(text, tensors):
    before = graph(text, **(TENSORS | tensors))
    count, after = apply_pass("split-concat-conv", before)
    assert count == 0
    assert operators(after) == operators(before)


def test_a_concatenation_that_is_an_output_stays():
    before = graph(
        """g (float[batch,32,5,5] x, float[batch,16,5,5] s)
            => (float[batch,8,5,5] y, float[batch,48,5,5] c) {
            nothing = Mul(s, zero)
            c = Concat<axis=1>(x, nothing)
            y = Conv(c, w, b)
        }""",
        **TENSORS,
    )
    assert apply_pass("split-concat-conv", before)[0] == 0

"""dead-code, fold-constants, simplify and common-subexpressions."""

from __future__ import annotations

import numpy as np
import onnx_ir as ir
import pytest
from small_graphs import apply_pass, assert_same_function, graph, operators, weights

from facedge.export.graph import infer_shapes, to_ir
from facedge.export.passes import rewrite
from facedge.export.passes.zeros import is_zero


def test_dead_code_goes_with_its_weights():
    before = graph(
        """g (float[batch,4] x) => (float[batch,4] y) {
            y = Relu(x)
            unread = MatMul(x, w)
            unread2 = Relu(unread)
        }""",
        w=weights(4, 4),
    )
    count, after = apply_pass("dead-code", before)
    assert (count, operators(after), len(after.graph.initializer)) == (3, {"Relu": 1}, 0)
    assert_same_function(before, after)
    assert apply_pass("dead-code", after)[0] == 0


def test_shape_arithmetic_of_fixed_sizes_is_computed_in_advance():
    before = graph(
        """g (float[batch,6] x) => (float[batch,2,3] y) {
            two = Mul(one, twice)
            shape = Concat<axis=0>(free, two, three)
            y = Reshape(x, shape)
        }""",
        one=np.array([1]), twice=np.array([2]), three=np.array([3]), free=np.array([-1]),
    )  # fmt: skip
    count, after = apply_pass("fold-constants", before)
    assert (count, operators(after)) == (2, {"Reshape": 1})
    assert_same_function(before, after)


def test_adding_zero_is_dropped_unless_it_broadcasts():
    text = """g (float[batch,{rows},3] x) => (float[batch,4,3] y) {{
        a = Relu(x)
        nothing = Mul({other}, zero)
        s = Add(a, nothing)
        y = Abs(s)
    }}"""
    same = graph(text.format(rows=4, other="x"), zero=np.zeros(1, np.float32))
    count, after = apply_pass("fold-constants", same)
    assert (count, operators(after)) == (2, {"Relu": 1, "Abs": 1})
    assert_same_function(same, after)
    wide = graph(text.format(rows=1, other="wide"), zero=np.zeros(1, "f4"), wide=weights(1, 4, 3))
    count, after = apply_pass("fold-constants", wide)
    assert operators(after)["Add"] == 1
    assert_same_function(wide, after)


def test_a_sum_with_zero_that_is_an_output_keeps_its_name():
    before = graph(
        "g (float[batch,3] x) => (float[batch,3] y) { n = Mul(x, zero) y = Add(x, n) }",
        zero=np.zeros(1, np.float32),
    )
    count, after = apply_pass("fold-constants", before)
    assert (count, operators(after)) == (1, {"Identity": 1})
    assert_same_function(before, after)


@pytest.mark.parametrize(
    ("body", "expected"),
    [
        ("y = Mul(x, zero)", True),
        ("n = Mul(x, zero) r = Relu(n) y = Add(r, n)", True),
        ("n = Mul(x, zero) y = Concat<axis=1>(n, n)", True),
        ("n = Mul(x, zero) y = Conv(n, w)", True),
        ("n = Mul(x, zero) y = Conv(n, w, b)", False),
        ("n = Mul(x, zero) y = Sigmoid(n)", False),
        ("n = Mul(x, zero) y = Add(n, x)", False),
        ("n = Mul(x, zero) y = Concat<axis=1>(n, x)", False),
        ("n = Mul(x, zero) y = Pad(n, pads, one)", False),
        ("y = Relu(x)", False),
        ("s = Shape(x) y = ConstantOfShape(s)", True),
        ("s = Shape(x) y = ConstantOfShape<value = float[1] {2}>(s)", False),
        ("s = Shape(x) y = Expand(zero, s)", True),
    ],
)
def test_zero_is_recognised_only_where_it_is_certain(body, expected):
    model = graph(
        f"g (float[batch,4,5,5] x) => (float[n,c,h,w2] y) {{ {body} }}",
        zero=np.zeros(1, "f4"), w=weights(2, 4, 1, 1), b=weights(2), one=np.ones((), "f4"),
        pads=np.array([0, 0, 1, 1, 0, 0, 1, 1]),
    )  # fmt: skip
    assert is_zero(infer_shapes(to_ir(model)).graph.outputs[0]) is expected


def test_slices_along_different_axes_become_one():
    before = graph(
        """g (float[batch,2,8,9] x) => (float[batch,2,5,4] y, float[batch,2,5,2] z) {
            rows = Slice(x, r0, r1, r)
            y = Slice(rows, c0, c1, c)
            z = Slice(rows, c0, c1, c, step)
        }""",
        r0=np.array([1]), r1=np.array([6]), r=np.array([2]), step=np.array([2]),
        c0=np.array([-6]), c1=np.array([-2]), c=np.array([-1]),
    )  # fmt: skip
    count, after = apply_pass("simplify", before)
    assert (count, operators(after)) == (2, {"Slice": 2})
    assert_same_function(before, after, tolerance=0)
    assert all(node.name.startswith("part/") for node in after.graph.node)


def test_slices_of_the_same_axis_stay():
    before = graph(
        """g (float[batch,9] x) => (float[batch,3] y) {
            a = Slice(x, one, nine, axis)
            y = Slice(a, one, four, axis)
        }""",
        one=np.array([1]), four=np.array([4]), nine=np.array([9]), axis=np.array([1]),
    )  # fmt: skip
    count, after = apply_pass("simplify", before)
    assert (count, operators(after)) == (0, {"Slice": 2})


PAD = """g (float[batch,4,5,5] x) => (float[batch,6,7,7] y) {{
    p = Pad<mode="{mode}">(x, pads, value)
    y = Conv<pads=[1,1,1,1]>(p, w)
}}"""
PADS = dict(pads=np.array([0, 0, 1, 1, 0, 0, 1, 1]), w=weights(6, 4, 3, 3))


def test_zero_padding_moves_into_the_convolution_and_keeps_the_module_path():
    before = graph(PAD.format(mode="constant"), value=np.zeros((), "f4"), **PADS)
    _, after = apply_pass("simplify", before)
    assert operators(after) == {"Conv": 1}
    assert after.graph.node[0].name.startswith("part/")
    assert_same_function(before, after)


@pytest.mark.parametrize(("mode", "value"), [("reflect", 0.0), ("edge", 0.0), ("constant", 1.0)])
def test_other_padding_stays(mode, value):
    before = graph(PAD.format(mode=mode), value=np.array(value, "f4"), **PADS)
    assert operators(apply_pass("simplify", before)[1]) == {"Pad": 1, "Conv": 1}


def test_no_ops_go():
    before = graph(
        """g (float[batch,4,5] x) => (float[batch,4,5] y) {
            a = Transpose<perm=[0,2,1]>(x)
            b = Transpose<perm=[0,2,1]>(a)
            c = Cast<to=1>(b)
            d = Mul(c, one)
            e = Identity(d)
            y = Relu(e)
        }""",
        one=np.ones((), "f4"),
    )
    after = rewrite(before, ["simplify"]).model
    assert operators(after) == {"Relu": 1}
    assert_same_function(before, after, tolerance=0)


def test_equal_subgraphs_over_equal_copies_of_weights_are_computed_once():
    w = weights(4, 4)
    before = graph(
        """g (float[batch,4] x) => (float[batch,4] y) {
            a = MatMul(x, w1)
            b = MatMul(x, w2)
            ra = Relu(a)
            rb = Relu(b)
            y = Add(ra, rb)
        }""",
        w1=w, w2=w.copy(),
    )  # fmt: skip
    count, after = apply_pass("common-subexpressions", before)
    assert (count, operators(after)) == (3, {"MatMul": 1, "Relu": 1, "Add": 1})
    assert_same_function(before, after)


def test_equal_outputs_both_stay_outputs():
    before = graph(
        "g (float[batch,4] x) => (float[batch,4] y, float[batch,4] z) { y = Neg(x) z = Neg(x) }"
    )
    _, after = apply_pass("common-subexpressions", before)
    assert [output.name for output in after.graph.output] == ["y", "z"]
    assert_same_function(before, after, tolerance=0)


def test_different_attributes_are_not_merged():
    before = graph(
        """g (float[batch,4] x) => (float[batch,4] y) {
            a = LeakyRelu<alpha=0.1>(x)
            b = LeakyRelu<alpha=0.2>(x)
            y = Sub(a, b)
        }"""
    )
    assert apply_pass("common-subexpressions", before)[0] == 0


def test_values_used_inside_a_branch_survive():
    before = graph(
        """g (float[batch,4] x, bool go) => (float[batch,4] y) {
            a = Relu(x)
            y = If(go) <
                then_branch = t () => (float[batch,4] p) { p = Neg(a) },
                else_branch = e () => (float[batch,4] q) { q = Abs(x) }
            >
        }"""
    )
    after = rewrite(before).model
    assert isinstance(to_ir(after), ir.Model)
    assert operators(after) == {"Relu": 1, "If": 1}

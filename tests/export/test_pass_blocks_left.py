"""Where pictures-in-blocks and pictures-in-pixels must leave a graph alone."""

from __future__ import annotations

import numpy as np
import onnx
import pytest
from block_graphs import BLOCKS, LEVELS, PICTURE, PIXELS, behind, laid, layouts, made, modes
from small_graphs import apply_pass, assert_same_function, graph, operators, weights

OTHERS = {
    "nothing to do": "y = Softsign(d)",
    "padded": "y = Conv<strides=[2,2], pads=[1,1,1,1]>(d, two)",
    "padded by name": 'y = Conv<strides=[2,2], auto_pad="SAME_UPPER">(d, two)',
    "overlapping": "y = Conv<strides=[1,1]>(d, two)",
    "apart": "y = Conv<strides=[4,4]>(d, two)",
    "dilated": "y = Conv<strides=[2,2], dilations=[2,2]>(d, two)",
    "grouped": "y = Conv<strides=[2,2], group=3>(d, each)",
    "oblong": "y = Conv<strides=[2,4]>(d, oblong)",
    "oblong and overlapping": "y = Conv<strides=[2,2]>(d, oblong)",
    "across blocks": "y = Conv<strides=[3,3]>(d, three)",
    "16 outputs": "y = Conv<strides=[2,2]>(d, many)",
    "computed weight": "v = Neg(two) o = Mul(v, s) y = Conv<strides=[2,2]>(d, o)",
    "computed bias": "o = Neg(s) y = Conv<strides=[2,2]>(d, two, o)",
    "input as factor": "y = Mul(d, s)",
    "picture as factor": "q = Neg(p) y = Mul(d, q)",
    "factor by channel": "y = Mul(d, levels)",
    "factor in front": "y = Mul(one, d)",
    "computed bounds": "o = Neg(one) l = Mul(o, t) y = Clip(d, l, one)",
    "input added": "y = Add(d, p)",
    "initialiser added": "y = Add(d, fixed)",
    "level added": "y = Add(d, levels)",
    "computed level added": "q = Neg(s) y = Add(d, q)",
    "row added": "q = ReduceSum<keepdims=1>(p, axis) y = Add(d, q)",
    "half floats": "k = Cast<to=10>(d) y = Cast<to=1>(k)",
    "integers": "k = Cast<to=6>(d) y = Cast<to=1>(k)",
    "transposed alone": "y = Transpose<perm=[0,2,3,1]>(d)",
    "other transpose": "y = Transpose<perm=[0,3,2,1]>(d)",
    "another operator": "y = Sub(d, p)",
}


@layouts
@modes
@pytest.mark.parametrize("text", OTHERS.values(), ids=OTHERS)
def test_other_work_stays(name, mode, text):
    before = behind(
        text, mode, "float[batch,e,f,h] y", f", {PICTURE} p, float[1] s, float t",
        two=weights(1, 3, 2, 2), each=weights(3, 1, 2, 2), oblong=weights(1, 3, 2, 4),
        three=weights(1, 3, 3, 3), many=weights(16, 3, 2, 2), fixed=weights(1, 3, 12, 8),
        levels=weights(3, 1, 1), axis=np.array([2]), **LEVELS,
    )  # fmt: skip
    count, after = apply_pass(name, before)
    assert count == 0
    assert operators(after) == operators(before)


@layouts
@modes
@pytest.mark.parametrize(
    "last",
    [
        "v = Neg(n) y = Add(t, v)",
        "v = Neg(n) y = Add(v, t)",
        "y = Conv(t, luma)",
        "y = Transpose<perm=[0,2,3,1]>(t)",
    ],
)
def test_what_reads_a_transposed_picture_stays(name, mode, last):
    before = behind(
        f"k = Clip(d, zero, one) t = Transpose<perm=[0,2,3,1]>(k) {last}", mode,
        "float[batch,e,f,h] y", ", float[batch,12,8,3] n", luma=weights(1, 12, 1, 1), **LEVELS,
    )  # fmt: skip
    count, after = apply_pass(name, before)
    assert count == 1
    # At most a sum of 12 products.
    assert_same_function(before, after)


@layouts
@modes
@pytest.mark.parametrize(
    "change", [{"channels": 16}, {"channels": 17}, {"rows": "h"}, {"columns": "w"}]
)
def test_many_channels_and_unknown_sizes_stay(name, mode, change):
    outputs = "float[batch,e,f,h] y"
    before = behind("y = Clip(d, zero, one)", mode, outputs, inputs="", **LEVELS, **change)
    assert apply_pass(name, before)[0] == 0


@layouts
@modes
def test_fifteen_channels_are_few(name, mode):
    outputs = "float[batch,15,12,8] y"
    before = behind("y = Clip(d, zero, one)", mode, outputs, inputs="", channels=15, **LEVELS)
    count, after = apply_pass(name, before)
    assert (count, made(after)["Clip", laid(name, 240)]) == (1, 1)
    assert_same_function(before, after, tolerance=0)


SHUFFLE = """g (float[batch,6,3,2] x{inputs}) => ({outputs}) {{
    {before}
    d = DepthToSpace<blocksize=4, mode="{mode}">(r)
    y = Clip(d, zero, one)
}}"""
UNSORTABLE = {
    "no convolution": ("a = Concat<axis=1>(x, x, x, x) r = Concat<axis=1>(a, a)", ""),
    "no activation": ("c = Conv(x, w) r = Softsign(c)", ""),
    "read twice": ("r = Conv(x, w) z = Neg(r)", ", float[batch,48,3,2] z"),
    "output": ("r = Conv(x, w)", ", float[batch,48,3,2] r"),
    "activation read twice": (
        "c = Conv(x, w) r = Relu(c) z = Neg(c)", ", float[batch,48,3,2] z"
    ),
    "grouped": ("r = Conv<group=2>(x, halves)", ""),
    "computed weight": ("v = Neg(f) r = Conv(x, v)", ""),
}  # fmt: skip


def shuffled(what: str, mode: str) -> onnx.ModelProto:
    text, also = UNSORTABLE[what]
    written = SHUFFLE.format(
        inputs=", float[48,6,1,1] f", outputs=f"{PICTURE} y{also}", before=text, mode=mode
    )
    return graph(written, w=weights(48, 6, 1, 1), halves=weights(48, 3, 1, 1), **LEVELS)


@layouts
@modes
@pytest.mark.parametrize("what", UNSORTABLE)
def test_channels_last_needs_a_convolution_whose_channels_can_be_sorted(name, mode, what):
    before = shuffled(what, mode)
    count, after = apply_pass(name, before)
    assert count == (name == BLOCKS or mode == "DCR")
    # Sums of 6 products.
    assert_same_function(before, after)


@pytest.mark.parametrize("between", ["r = Relu(c)", "s = LeakyRelu(c) r = Relu(s)"])
def test_channels_are_sorted_through_activations(between):
    before = graph(
        SHUFFLE.format(
            inputs="", outputs=f"{PICTURE} y", before=f"c = Conv(x, w, b) {between}", mode="CRD"
        ),
        w=weights(48, 6, 1, 1), b=weights(48), **LEVELS,
    )  # fmt: skip
    count, after = apply_pass(PIXELS, before)
    assert (count, made(after)["Clip", (3, 2, 48)]) == (1, 1)
    # Sums of 6 products.
    assert_same_function(before, after)

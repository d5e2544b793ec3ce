"""fold-conv-conv and the passes for CPU kernels."""

from __future__ import annotations

import numpy as np
import pytest
from onnx.reference import ReferenceEvaluator
from small_graphs import apply_pass, assert_same_function, graph, operators, weights

from facedge.export.graph import run

PAIR = """g (float[batch,{inputs},20,17] x) => (float[batch,c,h,w] y) {{
    m = Conv<strides={s1}, pads={pads}>(x, w1{b1})
    z = Conv<strides={s2}>(m, w2{b2})
    y = Relu(z)
}}"""


def pair(
    first=(1, 3, 3, 3), second=(32, 1, 4, 4), s1=(1, 1), s2=(4, 4), pads=(0, 0, 0, 0),
    biases=(False, False), text=PAIR, **tensors,
):  # fmt: skip
    shown = {"s1": list(s1), "s2": list(s2), "pads": list(pads), "inputs": first[1]}
    for number, (given, shape) in enumerate(zip(biases, (first, second), strict=True), 1):
        shown[f"b{number}"] = f", b{number}" if given else ""
        if given:
            tensors[f"b{number}"] = weights(shape[0])
    given = {"w1": weights(*first), "w2": weights(*second)} | tensors
    return graph(text.format(**shown), **given)


@pytest.mark.parametrize("biases", [(False, False), (True, False), (False, True), (True, True)])
@pytest.mark.parametrize(
    "change",
    [
        {},
        {"first": (1, 1, 9, 9), "pads": (4, 4, 4, 4)},
        {"first": (2, 1, 5, 5), "second": (16, 2, 2, 2), "s1": (2, 1), "s2": (1, 2)},
        {"first": (1, 2, 3, 3), "pads": (1, 0, 2, 3), "s2": (3, 2)},
    ],
    ids=["colour", "blur", "strides", "uneven padding"],
)
def test_two_convolutions_become_one(change, biases):
    before = pair(**change, biases=biases)
    count, after = apply_pass("fold-conv-conv", before)
    assert (count, operators(after)) == (1, {"Conv": 1, "Relu": 1})
    # Sums of up to 300 products in another order, of numbers up to a few hundred.
    assert_same_function(before, after)


@pytest.mark.parametrize(
    "change",
    [
        # A bottleneck: one kernel would multiply more.
        {"first": (16, 64, 1, 1), "second": (64, 16, 1, 1), "s2": (1, 1)},
        {"text": PAIR.replace("z = Conv<", "z = Conv<pads=[1,1,1,1], ")},
        {"text": PAIR.replace("(float[batch,c,h,w] y)",
                              "(float[batch,c,h,w] y, float[batch,a,b,d] m)")},
        {"text": PAIR.replace("z = Conv", "r = Relu(m) z = Conv").replace("(m, w2", "(r, w2")},
        {"first": (2, 1, 3, 3), "second": (32, 2, 4, 4),
         "text": PAIR.replace("m = Conv<", "m = Conv<group=2, ").replace("{inputs}", "2")},
    ],
    ids=["bottleneck", "padded between", "read twice", "activation", "groups"],
)  # fmt: skip
def test_other_pairs_of_convolutions_stay(change):
    before = pair(**change)
    count, after = apply_pass("fold-conv-conv", before)
    assert count == 0
    assert operators(after) == operators(before)


@pytest.mark.parametrize("bias", [False, True])
@pytest.mark.parametrize("outputs", [1, 2])
def test_a_luma_becomes_a_matrix_product(outputs, bias):
    before = graph(
        f"""g (float[batch,3,6,5] x) => (float[batch,{outputs},6,5] y) {{
            y = Conv(x, w{', b' if bias else ''})
        }}""",
        w=weights(outputs, 3, 1, 1), **({"b": weights(outputs)} if bias else {}),
    )  # fmt: skip
    count, after = apply_pass("few-channels-to-matmul", before)
    assert count == 1
    assert "Conv" not in operators(after)
    assert_same_function(before, after)


@pytest.mark.parametrize(
    ("shape", "attributes"),
    [((8, 3, 1, 1), ""), ((1, 3, 3, 3), ""), ((1, 3, 1, 1), "<strides=[2,2]>"),
     ((1, 3, 1, 1), "<pads=[1,1,1,1]>"), ((3, 1, 1, 1), "<group=3>")],
)  # fmt: skip
def test_other_convolutions_stay(shape, attributes):
    before = graph(
        f"g (float[batch,3,6,5] x) => (float[batch,c,h,w] y) {{ y = Conv{attributes}(x, w) }}",
        w=weights(*shape),
    )
    assert apply_pass("few-channels-to-matmul", before)[0] == 0


@pytest.mark.parametrize("mode", ["linear", "cubic"])
@pytest.mark.parametrize("how", ["half_pixel", "align_corners", "asymmetric"])
@pytest.mark.parametrize("by", ["scales", "sizes"])
def test_interpolation_becomes_two_products(mode, how, by):
    scales, target = np.array([1, 1, 4, 2.5], np.float32), np.array([1, 3, 24, 20])
    text = """g (float[1,3,6,8] x) => (float[1,3,24,20] y) {{
        y = Resize<mode="{mode}", coordinate_transformation_mode="{how}">(x, {given})
    }}"""
    given, tensors = {
        "scales": (", scales", {"scales": scales}),
        "sizes": (", , sizes", {"sizes": target}),
    }[by]
    before = graph(text.format(mode=mode, how=how, given=given), **tensors)
    count, after = apply_pass("resize-to-matmul", before)
    assert (count, operators(after)) == (1, {"MatMul": 2})
    feeds = {"x": weights(1, 3, 6, 8)}
    expected = ReferenceEvaluator(before).run(None, feeds)[0]
    np.testing.assert_allclose(run(after, feeds)["y"], expected, atol=1e-5)


@pytest.mark.parametrize(
    "text",
    [
        'y = Resize<mode="nearest">(x, , scales)',
        'y = Resize<mode="linear", axes=[2,3]>(x, , two)',
    ],
)
def test_other_resizes_stay(text):
    before = graph(
        f"g (float[1,3,6,8] x) => (float[1,3,24,16] y) {{ {text} }}",
        scales=np.array([1, 1, 4, 2], np.float32), two=np.array([4, 2], np.float32),
    )  # fmt: skip
    assert apply_pass("resize-to-matmul", before)[0] == 0


def test_pictures_of_other_types_are_resized_as_they_are():
    for kind in ("float16", "double"):
        before = graph(
            f"""g ({kind}[1,3,6,8] x) => ({kind}[1,3,24,16] y) {{
                y = Resize<mode="linear">(x, , scales)
            }}""",
            scales=np.array([1, 1, 4, 2], np.float32),
        )
        assert apply_pass("resize-to-matmul", before)[0] == 0


def test_a_large_picture_is_resized_by_gathering():
    before = graph(
        """g (float[1,3,128,128] x) => (float[1,3,256,256] y) {
            y = Resize<mode="linear">(x, , scales)
        }""",
        scales=np.array([1, 1, 2, 2], np.float32),
    )
    assert apply_pass("resize-to-matmul", before)[0] == 0


CHOICE = """g (float[batch,4,5] a, float[batch,4,5] b) => (float[batch,4,5] y) {
    c = Greater(a, b)
    y = Where(c, a, b)
}"""


def test_a_choice_between_computed_floats_becomes_arithmetic():
    before = graph(CHOICE.replace("Where(c, a, b)", "Where(c, s, t)").replace(
        "c = ", "s = Add(a, b) t = Sub(a, b) c = "))  # fmt: skip
    count, after = apply_pass("where-to-arithmetic", before)
    assert count == 1
    assert "Where" not in operators(after)
    assert_same_function(before, after)


def test_a_mask_by_a_constant_stays():
    before = graph(
        CHOICE.replace("(c, a, b)", "(c, a, low)"), low=np.full((1, 4, 5), -np.inf, np.float32)
    )
    assert apply_pass("where-to-arithmetic", before)[0] == 0


def filtered(pad: str) -> str:
    return f"""g (float[batch,1,20,24] x) => (float[batch,1,h,w] y) {{
        n = Neg(x)
        {pad}
        y = Conv(p, k)
    }}"""


def gaussian(size: int) -> np.ndarray:
    line = np.exp(-((np.arange(size) - size // 2) ** 2) / 2.4)
    return (np.outer(line, line[::-1]) / line.sum() ** 2).astype(np.float32)[None, None]


@pytest.mark.parametrize(
    "pad",
    [
        'p = Pad<mode="reflect">(n, two)',
        'p = Pad<mode="edge">(n, two)',
        "p = Pad(n, uneven)",
        "p = Identity(n)",
    ],
)
def test_smoothing_becomes_two_products_with_its_padding(pad):
    amounts = {
        "two": np.array([0, 0, 2, 2, 0, 0, 2, 2]),
        "uneven": np.array([0, 0, 1, 0, 0, 0, 3, 2]),
    }
    before = graph(filtered(pad), k=gaussian(5), **amounts)
    count, after = apply_pass("separable-to-matmul", before)
    assert (count, operators(after)["MatMul"]) == (1, 2)
    assert not {"Conv", "Pad"} & set(operators(after))
    assert_same_function(before, after)


@pytest.mark.parametrize(
    ("pad", "kernel"),
    [
        ("p = Identity(n)", np.random.default_rng(0).random((1, 1, 5, 5), np.float32)),  # rank 5
        ("p = Identity(n)", gaussian(3)),  # too small to gain
        ("p = Pad(n, two, one)", gaussian(5)),  # padded with ones
        ('p = Pad<mode="wrap">(n, two)', gaussian(5)),
    ],
    ids=["rank", "small", "level", "wrap"],
)
def test_other_filters_stay(pad, kernel):
    constants = {"two": np.array([0, 0, 2, 2, 0, 0, 2, 2]), "one": np.array(1, np.float32)}
    before = graph(filtered(pad), k=kernel, **constants)
    assert apply_pass("separable-to-matmul", before)[0] == 0


SHUFFLED = """g (float[batch,8,4,5] x) => (float[batch,16,8,10] y) {{
    c = Conv(x, w, b)
    {shuffle}
}}"""


def shuffled(shuffle: str):
    return graph(SHUFFLED.format(shuffle=shuffle), w=weights(64, 8, 1, 1), b=weights(64))


@pytest.mark.parametrize("mode", ["CRD", "DCR"])
@pytest.mark.parametrize("before", ["", "r = Relu(c)", "s = Relu(c) r = LeakyRelu(s)"])
def test_depth_to_space_moves_whole_pixels(mode, before):
    source = "r" if before else "c"
    first = shuffled(f'{before} y = DepthToSpace<blocksize=2, mode="{mode}">({source})')
    count, after = apply_pass("shuffle-by-pixels", first)
    assert (count, operators(after)["Transpose"]) == (1, 3)
    assert "DepthToSpace" not in operators(after)
    assert_same_function(first, after, tolerance=0)


@pytest.mark.parametrize(
    "shuffle",
    [
        'a = Neg(c) y = DepthToSpace<blocksize=2, mode="CRD">(a)',
        """a = Relu(c) z = DepthToSpace<blocksize=2, mode="CRD">(a)
        n = Neg(c) k = DepthToSpace<blocksize=2, mode="CRD">(n) y = Add(z, k)""",
    ],
    ids=["no activation", "read twice"],
)
def test_a_shuffle_whose_channels_cannot_be_sorted_stays(shuffle):
    assert apply_pass("shuffle-by-pixels", shuffled(shuffle))[0] == 0


def dilation(rounds: int, start: str = "Greater(x, high)", height: int = 64) -> str:
    steps = "".join(
        f"""p{k} = MaxPool<kernel_shape=[3,3], pads=[1,1,1,1]>(e{k})
            e{k + 1} = Mul({f"p{k}, weak" if k % 2 else f"weak, p{k}"})
        """
        for k in range(rounds)
    )
    return f"""g (float[batch,1,{height},23] x) => (float[batch,1,{height},23] y) {{
        w = Greater(x, low)
        weak = Cast<to=1>(w)
        s = {start}
        e0 = Cast<to=1>(s)
        {steps}
        y = Identity(e{rounds})
    }}"""


def thresholds() -> dict[str, np.ndarray]:
    return {"low": np.array(-0.2, np.float32), "high": np.array(2.0, np.float32)}


@pytest.mark.parametrize("rounds", [2, 3, 5, 8])
def test_hysteresis_in_strips_is_the_same_bit_for_bit(rounds):
    before = graph(dilation(rounds), **thresholds())
    count, after = apply_pass("dilate-in-strips", before)
    assert count == 1
    assert operators(after)["MaxPool"] == rounds
    assert operators(after)["Gather"] == 1 + -(-rounds // 2)
    assert_same_function(before, after, tolerance=0)


@pytest.mark.parametrize(
    "text",
    [
        dilation(1),
        dilation(8, height=65),
        dilation(8).replace("weak = Cast<to=1>(w)", "weak = Neg(x)"),
        dilation(8).replace("kernel_shape=[3,3]", "kernel_shape=[3,3], strides=[1,1], ceil_mode=1,"
                            " dilations=[2,1]").replace("[1,1,1,1]", "[2,1,2,1]"),
    ],
    ids=["one round", "rows", "mask", "dilated"],
)  # fmt: skip
def test_other_poolings_stay(text):
    assert apply_pass("dilate-in-strips", graph(text, **thresholds()))[0] == 0

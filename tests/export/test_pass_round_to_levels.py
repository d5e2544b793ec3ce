"""round-to-levels: a picture to bytes as one QuantizeLinear."""

from __future__ import annotations

import numpy as np
import onnx
import pytest
from numpy.typing import NDArray
from onnx.reference import ReferenceEvaluator
from small_graphs import apply_pass, graph, operators

from facedge.export.graph import check, run
from facedge.export.passes import rewrite

NAME = "round-to-levels"
CHAIN = """g (float[batch,n] x) => (uint8[batch,n] y) {
    k = Clip(x, low, high)
    m = Mul(k, factor)
    r = Round(m)
    y = Cast<to=2>(r)
}"""


def chain(
    text: str = CHAIN, low: float = 0, high: float = 1, factor: float = 255
) -> onnx.ModelProto:
    given = {"low": low, "high": high, "factor": factor}
    tensors = {name: np.array(value, np.float32) for name, value in given.items()}
    return graph(text, columns=np.full(3, 255, np.float32), **tensors)


def levels(model: onnx.ModelProto, x: NDArray[np.float32]) -> NDArray[np.int64]:
    return ReferenceEvaluator(model).run(None, {"x": x[None]})[0][0].astype(np.int64)


def rounded(after: onnx.ModelProto, x: NDArray[np.float32]) -> NDArray[np.int64]:
    found = run(after, {"x": x[None]})["y"][0]
    assert found.dtype == np.uint8
    return found.astype(np.int64)


def test_the_chain_is_one_node():
    count, after = apply_pass(NAME, chain())
    assert (count, operators(after)) == (1, {"QuantizeLinear": 1})
    assert after.graph.output == chain().graph.output
    assert apply_pass(NAME, after)[0] == 0


@pytest.mark.parametrize(("high", "factor"), [(1, 255), (255, 1), (0.5, 510), (2, 127.5)])
def test_every_level_stays(high, factor):
    before = chain(high=high, factor=factor)
    count, after = apply_pass(NAME, before)
    assert count == 1
    every = np.arange(256)
    for x in (every.astype(np.float32) / np.float32(factor), (every / factor).astype(np.float32)):
        # Far from a tie: the rounding of a quotient changes no level.
        np.testing.assert_array_equal(rounded(after, x), every)
        np.testing.assert_array_equal(levels(before, x), every)


def test_values_between_the_levels_are_rounded_alike():
    before = chain()
    after = apply_pass(NAME, before)[1]
    x = np.linspace(-0.5, 1.5, 400_001, dtype=np.float32)
    expected, found = levels(before, x), rounded(after, x)
    assert {*expected} == {*range(256)}
    # 1 / 255, the quotient and the product 255 x are rounded by half a unit each: together less
    # than four halves of 256's. Only so near to a tie the two may fall on either side of it.
    from_tie = np.abs(np.abs(x.astype(np.float64) * 255 % 1) - 0.5)
    clear = from_tie > 4 * 2.0**-24 * 256
    assert clear.mean() > 0.999
    np.testing.assert_array_equal(found[clear], expected[clear])
    assert np.abs(found - expected).max() <= 1


def test_ties_move_by_one_level_at_most():
    before = chain()
    after = apply_pass(NAME, before)[1]
    x = ((np.arange(255) + 0.5) / 255).astype(np.float32)
    # As above: the nearest float to a tie may be divided to one side and multiplied to the other.
    assert np.abs(rounded(after, x) - levels(before, x)).max() <= 1


def test_bytes_are_halves_to_even_where_a_product_is_exact():
    before = chain(high=255, factor=1)
    after = apply_pass(NAME, before)[1]
    x = np.arange(-2, 257, 0.5, dtype=np.float32)
    # Dividing by a scale of one rounds nothing: ties, too, are the same.
    np.testing.assert_array_equal(rounded(after, x), levels(before, x))


def test_values_far_outside_are_black_and_white():
    after = apply_pass(NAME, chain())[1]
    x = np.array([-np.inf, -3e38, -1e9, -1e-9, 1.0000001, 1e9, 3e38, np.inf], np.float32)
    np.testing.assert_array_equal(rounded(after, x), [0, 0, 0, 0, 255, 255, 255, 255])


def test_a_picture_behind_depth_to_space_is_rounded_on_its_blocks():
    before = graph(
        """g (float[batch,48,3,2] x) => (uint8[batch,12,8,3] y) {
            d = DepthToSpace<blocksize=4, mode="DCR">(x)
            k = Clip(d, low, high)
            m = Mul(k, factor)
            r = Round(m)
            t = Transpose<perm=[0,2,3,1]>(r)
            y = Cast<to=2>(t)
        }""",
        low=np.array(0, np.float32), high=np.array(1, np.float32),
        factor=np.array(255, np.float32),
    )  # fmt: skip
    assert apply_pass(NAME, before)[0] == 0
    every = np.random.default_rng(0).permutation(3 * 48 * 6) % 256
    x = (every / 255).astype(np.float32).reshape(3, 48, 3, 2)
    expected = ReferenceEvaluator(before).run(None, {"x": x})[0]
    for blocks in ("pictures-in-blocks", "pictures-in-pixels"):
        after = rewrite(before, [blocks, NAME]).model
        assert not {"Clip", "Mul", "Round", "Cast"} & set(operators(after))
        # Values on the levels themselves.
        np.testing.assert_array_equal(run(after, {"x": x})["y"], expected)


@pytest.mark.parametrize(
    "numbers",
    [
        {"low": 0.1}, {"low": -1}, {"high": 0.9}, {"high": 2}, {"factor": 254}, {"factor": 256},
        {"factor": -255}, {"high": 255}, {"high": -1, "factor": -255},
    ],
    ids=str,
)  # fmt: skip
def test_other_numbers_stay(numbers):
    assert apply_pass(NAME, chain(**numbers))[0] == 0


@pytest.mark.parametrize(
    "change",
    [
        {"Clip(x, low, high)": "Clip(x, low)"},
        {"Clip(x, low, high)": "Clip(x, , high)"},
        {"Clip(x, low, high)": "Clip(x, low, s)"},
        {"Clip(x, low, high)": "Min(x, high)"},
        {"Mul(k, factor)": "Mul(k, s)"},
        {"Mul(k, factor)": "Mul(k, k)"},
        {"Mul(k, factor)": "Mul(factor, k)"},
        {"Mul(k, factor)": "Mul(k, columns)"},
        {"Mul(k, factor)": "Div(k, factor)"},
        {"Round(m)": "Floor(m)"},
        {"to=2": "to=3", "uint8": "int8"},
        {"to=2": "to=4", "uint8": "uint16"},
        {"to=2": "to=1", "uint8": "float"},
    ],
    ids=lambda change: ", ".join(change.values()),
)
def test_other_chains_stay(change):
    text = CHAIN.replace("float[batch,n] x", "float[batch,n] x, float s").replace("n]", "3]")
    for old, new in change.items():
        text = text.replace(old, new)
    before = chain(text)
    assert apply_pass(NAME, before)[0] == 0


@pytest.mark.parametrize("middle", ["k", "m", "r"])
@pytest.mark.parametrize("reader", ["", "z = Neg({})"])
def test_a_middle_that_somebody_else_wants_stays(middle, reader):
    shown = f"uint8[batch,n] y, float[batch,n] {'z' if reader else middle}"
    text = CHAIN.replace("uint8[batch,n] y", shown)
    before = chain(text.replace("}", reader.format(middle) + "}"))
    count, after = apply_pass(NAME, before)
    assert (count, operators(after)) == (0, operators(before))


def test_another_reader_of_the_picture_is_no_hindrance():
    shown = "uint8[batch,n] y, float[batch,n] z"
    before = chain(CHAIN.replace("uint8[batch,n] y", shown).replace("}", "z = Neg(x) }"))
    assert apply_pass(NAME, before)[0] == 1


def test_doubles_stay_valid():
    numbers = {"low": np.array(0.0), "high": np.array(1.0), "factor": np.array(255.0)}
    before = graph(CHAIN.replace("float", "double"), **numbers)
    check(rewrite(before, [NAME]).model)

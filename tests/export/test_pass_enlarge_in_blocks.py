"""An enlarged picture that is added behind DepthToSpace, made as blocks before it."""

from __future__ import annotations

from collections import Counter

import numpy as np
import onnx
import pytest
from block_graphs import BLOCKS, PIXELS, assert_finished, layouts, made, modes
from numpy.typing import NDArray
from small_graphs import apply_pass, assert_same_function, graph, operators, weights

SMALL = """g (float[{batch},7,{rows},{columns}] x, float[{source},{h},{w}] s)
        => (float[{batch},3,{height},{width}] y{also}) {{
    c = Conv(x, weight, bias)
    d = DepthToSpace<blocksize={block}, mode="{mode}">(c)
    r = Resize<{how}>(s, {given})
    {text}
}}"""
LINEAR, CUBIC = 'mode="linear"', 'mode="cubic"'
WHERE = "coordinate_transformation_mode"


def enlarged(
    how: str = LINEAR, factors: tuple[float, float] = (8, 8), block: int = 4, mode: str = "CRD",
    small: tuple[int, int] = (6, 5), given: str = ", scales", text: str = "y = Add(d, r)",
    also: str = "", batch: int | str = "batch", source: str = "", **tensors: NDArray[np.generic],
) -> onnx.ModelProto:  # fmt: skip
    """A picture of blocks, and a small one enlarged to its size."""
    height, width = (round(size * factor) for size, factor in zip(small, factors, strict=True))
    written = SMALL.format(
        rows=height // block, columns=width // block, h=small[0], w=small[1], height=height,
        width=width, block=block, mode=mode, how=how, given=given, text=text, also=also,
        batch=batch, source=source or f"{batch},3",
    )  # fmt: skip
    several = 3 * block * block
    given_tensors = {
        "weight": weights(several, 7, 1, 1), "bias": weights(several),
        "scales": np.array([1, 1, *factors], np.float32), "sizes": np.array([2, 3, height, width]),
    }  # fmt: skip
    return graph(written, 18, **given_tensors | tensors)


# Everywhere below: up to 25 products with weights that add up to one, and 7 others, are summed in
# another order, of numbers up to about ten.


@layouts
@modes
@pytest.mark.parametrize("small", [(6, 5), (5, 7)], ids=str)
@pytest.mark.parametrize(("factor", "block"), [(8, 8), (8, 4), (4, 4), (4, 2), (6, 3)])
@pytest.mark.parametrize("how", [LINEAR, CUBIC])
def test_an_enlarged_picture_is_made_as_blocks(name, mode, small, factor, block, how):
    before = enlarged(how, (factor, factor), block, mode, small)
    count, after = apply_pass(name, before)
    assert count == 1
    (h, w), several, margin = small, 3 * block**2, 1 if how == LINEAR else 2
    rows, columns = h * factor // block, w * factor // block
    assert made(after) == Counter(
        [
            ("Conv", (several, rows, columns)),
            ("Pad", (3, h + 2 * margin, w + 2 * margin)),
            ("Conv", (3 * factor**2, h, w)),
            ("Add", (several, rows, columns) if name == BLOCKS else (rows, columns, several)),
        ]
    )
    assert_same_function(before, after)


@layouts
@modes
@pytest.mark.parametrize(
    "how",
    [
        LINEAR,
        CUBIC,
        f'{CUBIC}, cubic_coeff_a=-0.5, {WHERE}="pytorch_half_pixel"',
        f'{LINEAR}, {WHERE}="asymmetric"',
        'mode="nearest"',
    ],
)
@pytest.mark.parametrize("operands", ["d, r", "r, d"])
def test_sizes_may_be_given_and_operands_swapped(name, mode, how, operands):
    text = f"y = Add({operands})"
    before = enlarged(how, (4, 4), 4, mode, given=", , sizes", text=text, batch=2)
    count, after = apply_pass(name, before)
    assert (count, operators(after)["Resize"]) == (1, 0)
    assert_same_function(before, after)
    assert_finished(name, before)


@layouts
@pytest.mark.parametrize("small", [(1, 1), (1, 3), (3, 4)], ids=str)
@pytest.mark.parametrize("factor", [4, 8])
def test_pictures_as_small_as_the_sum_is_wide(name, small, factor):
    before = enlarged(factors=(factor, factor), small=small)
    count, after = apply_pass(name, before)
    assert (count, operators(after)["Resize"]) == (1, 0)
    assert_same_function(before, after)


STAYS = {
    "not whole": {"factors": (3.2, 4.8), "small": (5, 5)},
    "unequal": {"factors": (8, 4)},
    "less than a block": {"factors": (2, 2), "small": (6, 4)},
    "no multiple of a block": {"factors": (6, 6), "small": (6, 4)},
    "reduced": {"factors": (0.5, 0.5), "small": (24, 16)},
    "corners": {"how": f'{LINEAR}, {WHERE}="align_corners"', "factors": (4, 4)},
    "cubic corners": {"how": f'{CUBIC}, {WHERE}="align_corners"', "factors": (4, 4)},
    "less at the edge": {"how": f"{CUBIC}, exclude_outside=1", "factors": (4, 4)},
    "fewer pixels than taps": {"how": CUBIC, "small": (6, 4)},
    "fewer pixels than linear taps": {"small": (2, 4)},
    "axes": {"how": f"{LINEAR}, axes=[2,3]", "two": np.array([8, 8], np.float32),
             "given": ", two"},
    "cropped": {"how": f'{LINEAR}, {WHERE}="tf_crop_and_resize"', "given": "region, , sizes",
                "region": np.array([0, 0, 0.2, 0.1, 1, 1, 0.7, 0.8], np.float32), "batch": 2},
    "channels too": {"how": 'mode="nearest"', "factors": (4, 4), "given": ", every",
                     "every": np.array([1, 3, 4, 4], np.float32), "batch": 2, "source": "2,1"},
    "pictures too": {"how": 'mode="nearest"', "factors": (4, 4), "given": ", every",
                     "every": np.array([2, 1, 4, 4], np.float32), "batch": 4, "source": "2,3"},
}  # fmt: skip


@layouts
@modes
@pytest.mark.parametrize("change", STAYS.values(), ids=STAYS)
def test_other_enlargements_stay_and_are_packed(name, mode, change):
    before = enlarged(**change, mode=mode)
    count, after = apply_pass(name, before)
    assert (count, operators(after)["Resize"], operators(after)["Pad"]) == (1, 1, 0)
    assert_same_function(before, after)


STEPS = """v = Conv(x, weight_2)
    e = DepthToSpace<blocksize=4, mode="{mode}">(v)
    a = Softsign(d)
    y = Add(r, e)
    z = Add(d, r)"""


@pytest.mark.parametrize(
    ("name", "mode", "times"), [(BLOCKS, "CRD", 1), (BLOCKS, "DCR", 2), (PIXELS, "DCR", 1)]
)
def test_what_several_steps_add_is_enlarged_once_for_each_order(name, mode, times):
    picture = "float[batch,3,48,40]"
    before = enlarged(
        text=STEPS.format(mode=mode), also=f", {picture} z, {picture} a",
        weight_2=weights(48, 7, 1, 1),
    )  # fmt: skip
    count, after = apply_pass(name, before)
    assert (count, operators(after)["Pad"], operators(after)["Resize"]) == (2, times, 0)
    assert made(after)["Conv", (192, 6, 5)] == times
    assert_same_function(before, after)


@layouts
def test_what_something_else_reads_is_enlarged_for_it(name):
    text = "a = Softsign(r) y = Add(d, r)"
    before = enlarged(text=text, also=", float[batch,3,48,40] a")
    count, after = apply_pass(name, before)
    assert (count, operators(after)["Pad"], operators(after)["Resize"]) == (1, 1, 1)
    assert_same_function(before, after)


@layouts
def test_what_is_enlarged_may_itself_have_moved(name):
    before = enlarged(
        text="""m = Conv(x, first)
        f = DepthToSpace<blocksize=1, mode="DCR">(m)
        k = Mul(f, half)
        u = Resize<mode="linear">(k, , scales_2)
        q = Add(d, u)
        y = Add(q, r)""",
        first=weights(3, 7, 1, 1), half=np.array(0.5, np.float32),
        scales_2=np.array([1, 1, 4, 4], np.float32),
    )  # fmt: skip
    count, after = apply_pass(name, before)
    assert (count, operators(after)["Resize"], operators(after)["Pad"]) == (3, 0, 2)
    assert_same_function(before, after)


@layouts
@pytest.mark.parametrize("kind", ["float16", "double"])
def test_other_floats_stay_valid(name, kind):
    """Pictures and weights of another type."""
    array = {"float16": np.float16, "double": np.float64}[kind]
    before = graph(
        f"""g ({kind}[batch,48,6,5] x, {kind}[batch,3,6,5] s) => ({kind}[batch,3,24,20] y) {{
            d = DepthToSpace<blocksize=4, mode="DCR">(x)
            r = Resize<mode="linear">(s, , scales)
            a = Add(d, r)
            y = Mul(a, half)
        }}""",
        scales=np.array([1, 1, 4, 4], np.float32), half=np.array(0.5, array),
    )  # fmt: skip
    apply_pass(name, before)

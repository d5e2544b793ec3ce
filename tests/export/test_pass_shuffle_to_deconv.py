"""shuffle-to-deconv: a 1x1 convolution and depth-to-space as one deconvolution."""

from __future__ import annotations

import numpy as np
import pytest
from small_graphs import apply_pass, assert_same_function, graph, operators, weights

NAME = "shuffle-to-deconv"
SHUFFLED = """g (float[batch,8,4,5] x) => (float[batch,c,h,w] y{more}) {{
    m = Conv<pads={pads}>(x, w{bias})
    y = DepthToSpace<blocksize=2, mode="{mode}">(m)
}}"""


def shuffled(
    mode: str = "CRD", channels: int = 16, kernel: int = 1, bias: str | None = "shared", more=""
):
    shared = weights(channels)
    every = {
        "shared": np.repeat(shared, 4) if mode == "CRD" else np.tile(shared, 4),
        "of its own": weights(4 * channels),
    }
    tensors = {"w": weights(4 * channels, 8, kernel, kernel)}
    if bias is not None:
        tensors["b"] = every[bias]
    given = {"pads": [kernel // 2] * 4, "bias": ", b" if bias else "", "more": more}
    return graph(SHUFFLED.format(mode=mode, **given), **tensors)


@pytest.mark.parametrize("mode", ["CRD", "DCR"])
@pytest.mark.parametrize("bias", ["shared", None])
def test_the_pair_becomes_one_deconvolution(mode, bias):
    before = shuffled(mode, bias=bias)
    count, after = apply_pass(NAME, before)
    assert count == 1
    assert operators(after) == {"ConvTranspose": 1} | ({"Add": 1} if bias else {})
    # Sums of eight products in another order.
    assert_same_function(before, after)
    assert apply_pass(NAME, after)[0] == 0


@pytest.mark.parametrize(
    "change",
    [
        {"bias": "of its own"},
        {"channels": 3},
        {"kernel": 3},
        {"more": ", float[batch,a,b,d] m"},
    ],
    ids=["a bias for every pixel", "a picture", "windows that meet", "read twice"],
)
def test_others_stay(change):
    assert apply_pass(NAME, shuffled(**change))[0] == 0

"""deconv-to-conv: exact for every kernel, stride, padding and border."""

from __future__ import annotations

import numpy as np
import pytest
import torch
from small_graphs import apply_pass, assert_same_function, graph, operators, weights

from facedge.export.graph import run


def deconv(kernel, stride, pads=(0, 0, 0, 0), extra=(0, 0), group=1, bias=True, size=(5, 4)):
    """One ConvTranspose, 4 channels to 6, kernel (height, width)."""
    out = [(size[a] - 1) * stride + kernel[a] - pads[a] - pads[2 + a] + extra[a] for a in (0, 1)]
    tensors = {"w": weights(4, 6 // group, *kernel)} | ({"b": weights(6)} if bias else {})
    return graph(
        f"""g (float[batch,4,{size[0]},{size[1]}] x) => (float[batch,6,{out[0]},{out[1]}] y) {{
            y = ConvTranspose<strides=[{stride},{stride}], pads=[{",".join(map(str, pads))}],
                output_padding=[{extra[0]},{extra[1]}], group={group}>({", ".join(["x", *tensors])})
        }}""",
        **tensors,
    )


@pytest.mark.parametrize(
    "shape",
    [
        # The feedback networks' deconvolutions: kernel/stride/padding 6/2/2, 8/4/2, 12/8/2.
        dict(kernel=(6, 6), stride=2, pads=(2, 2, 2, 2)),
        dict(kernel=(8, 8), stride=4, pads=(2, 2, 2, 2)),
        dict(kernel=(12, 12), stride=8, pads=(2, 2, 2, 2)),
        dict(kernel=(4, 4), stride=2, pads=(1, 1, 1, 1)),
        dict(kernel=(3, 3), stride=2, pads=(1, 1, 1, 1), extra=(1, 1)),
        dict(kernel=(5, 5), stride=3, bias=False),
        dict(kernel=(2, 2), stride=4, extra=(2, 2)),
        dict(kernel=(7, 4), stride=3, pads=(1, 0, 2, 3), extra=(0, 2)),
        dict(kernel=(3, 3), stride=1, pads=(1, 1, 1, 1)),
        dict(kernel=(4, 4), stride=2, pads=(3, 3, 3, 3)),
        dict(kernel=(4, 4), stride=2, size=(1, 1)),
    ],
    ids=lambda shape: "-".join(f"{k}{v}" for k, v in shape.items()).replace(" ", ""),
)
def test_the_convolution_is_the_deconvolution(shape):
    before = deconv(**shape)
    count, after = apply_pass("deconv-to-conv", before)
    assert count == 1
    assert operators(after)["ConvTranspose"] == 0
    assert_same_function(before, after)


@pytest.mark.parametrize("group", [1, 2])
def test_it_agrees_with_torch_and_with_groups(group):
    # ONNX's reference evaluator cannot run grouped transposed convolutions.
    layer = torch.nn.ConvTranspose2d(4, 6, 8, stride=4, padding=2, groups=group)
    before = deconv((8, 8), 4, (2, 2, 2, 2), group=group)
    for tensor, own in zip(before.graph.initializer, (layer.weight, layer.bias), strict=True):
        tensor.raw_data = own.detach().numpy().tobytes()
    count, after = apply_pass("deconv-to-conv", before)
    assert count == 1
    x = weights(2, 4, 5, 4)
    expected = layer(torch.from_numpy(x)).detach().numpy()
    # Sums of 4 x 4 products in another order: float32 rounding.
    np.testing.assert_allclose(run(after, {"x": x})["y"], expected, atol=1e-5)


def test_kernels_have_ceil_k_over_s_taps_and_s_squared_times_the_channels():
    _, after = apply_pass("deconv-to-conv", deconv((8, 8), 4, (2, 2, 2, 2), size=(32, 32)))
    assert list(after.graph.initializer[0].dims) == [6 * 16, 4, 2, 2]


def test_new_nodes_inherit_the_module_path():
    _, after = apply_pass("deconv-to-conv", deconv((8, 8), 4, (2, 2, 2, 2)))
    assert len(after.graph.node) == 3
    assert all(node.name.startswith("part/") for node in after.graph.node)


@pytest.mark.parametrize(
    "attributes",
    [
        "strides=[2,1]",
        "strides=[2,2], dilations=[2,2]",
        "strides=[2,2], auto_pad=\"SAME_UPPER\"",
        "strides=[2,2], output_shape=[11,11]",
    ],
)  # fmt: skip
def test_other_deconvolutions_stay(attributes):
    before = graph(
        f"""g (float[batch,4,5,5] x) => (float[batch,6,h,w] y) {{
            y = ConvTranspose<{attributes}>(x, w)
        }}""",
        w=weights(4, 6, 3, 3),
    )
    count, after = apply_pass("deconv-to-conv", before)
    assert (count, operators(after)) == (0, {"ConvTranspose": 1})


def test_weights_that_are_computed_stay():
    before = graph(
        """g (float[batch,4,5,5] x, float[4,6,2,2] w) => (float[batch,6,10,10] y) {
            y = ConvTranspose<strides=[2,2]>(x, w)
        }"""
    )
    assert apply_pass("deconv-to-conv", before)[0] == 0

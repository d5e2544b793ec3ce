"""group-patches: a grid of patch-wise convolutions as one grouped convolution."""

from __future__ import annotations

from collections import Counter

import numpy as np
import onnx
import onnx_ir as ir
import pytest
import torch
from torch import Tensor, nn

from facedge.export.graph import run
from facedge.export.passes import patches
from facedge.models.jaa import PatchConv


def exported(module: nn.Module, example: Tensor) -> ir.Model:
    program = torch.onnx.export(
        module.eval(),
        (example,),
        dynamo=True,
        opset_version=18,
        dynamic_shapes=({0: torch.export.Dim("batch")},),
        input_names=["x"],
        verbose=False,
    )
    assert program is not None
    return program.model


def grouped(model: ir.Model) -> tuple[int, Counter[str]]:
    """Run the pass; outputs must stay, for batches 1 and 3. Returns grids and operators left."""
    before = ir.to_proto(model)
    count = patches.apply(model)
    after = ir.to_proto(model)
    onnx.checker.check_model(after, full_check=True)
    shape = [d.dim_value for d in before.graph.input[0].type.tensor_type.shape.dim[1:]]
    for batch in (1, 3):
        x = np.random.default_rng(batch).standard_normal([batch, *shape], dtype=np.float32)
        for name, expected in run(before, {"x": x}).items():
            assert expected.std() > 0
            # The same products, summed by another kernel.
            np.testing.assert_allclose(run(after, {"x": x})[name], expected, rtol=1e-5, atol=1e-5)
    return count, Counter(node.op_type for node in after.graph.node)


class TwoGrids(nn.Module):
    """Two grids one behind the other and both read by a sum, as in a region layer."""

    def __init__(self) -> None:
        super().__init__()
        self.fine, self.coarse = PatchConv(4, 6, 4), PatchConv(6, 6, 2)
        for layer in self.modules():
            if isinstance(layer, nn.BatchNorm2d):
                nn.init.normal_(layer.bias)
                nn.init.uniform_(layer.weight, 0.5, 1.5)

    def forward(self, x: Tensor) -> Tensor:
        fine = self.fine(x)
        return fine + self.coarse(fine)


def test_grids_in_a_row_become_one_convolution_each() -> None:
    torch.manual_seed(0)
    model = exported(TwoGrids(), torch.randn(2, 4, 24, 16))
    assert sum(node.op_type == "Conv" for node in model.graph) == 16 + 4
    count, left = grouped(model)
    assert count == 2
    assert left == Counter(Conv=2, BatchNormalization=2, Relu=2, Transpose=4, Reshape=8, Add=1)
    groups = sorted(n.attributes.get_int("group") for n in model.graph if n.op_type == "Conv")
    assert groups == [4, 16]


class Cut(nn.Module):
    """Four convolutions on four corners of a picture, put together in a given order."""

    def __init__(self, tops: tuple[int, int], order: tuple[int, ...], second: int = 1) -> None:
        super().__init__()
        self.tops, self.order = tops, order
        self.convs = nn.ModuleList(
            nn.Conv2d(2, 3, 3, padding=d, dilation=d) for d in (1, second, 1, 1)
        )

    def forward(self, x: Tensor) -> Tensor:
        corners = [x[:, :, top : top + 4, left : left + 4] for top in self.tops for left in (0, 4)]
        done = [conv(corner) for conv, corner in zip(self.convs, corners, strict=True)]
        a, b, c, d = (done[k] for k in self.order)
        return torch.cat([torch.cat([a, b], 3), torch.cat([c, d], 3)], 2)


def test_a_plain_grid_is_grouped() -> None:
    model = exported(Cut((0, 4), (0, 1, 2, 3)), torch.randn(2, 2, 8, 8))
    count, left = grouped(model)
    assert (count, left["Conv"], left["Slice"]) == (1, 1, 0)


@pytest.mark.parametrize(
    "module",
    [
        pytest.param(Cut((0, 4), (1, 0, 2, 3)), id="patches-in-another-order"),
        pytest.param(Cut((0, 3), (0, 1, 2, 3)), id="patches-overlap"),
        pytest.param(Cut((0, 4), (0, 1, 2, 3), second=2), id="another-dilation"),
    ],
)
def test_what_is_not_a_grid_of_alike_convolutions_stays(module: Cut) -> None:
    model = exported(module, torch.randn(2, 2, 8, 8))
    before = Counter(node.op_type for node in model.graph)
    assert grouped(model) == (0, before)


def test_patches_of_a_part_of_the_picture_stay() -> None:
    model = exported(Cut((0, 4), (0, 1, 2, 3)), torch.randn(2, 2, 8, 10))
    assert grouped(model)[0] == 0

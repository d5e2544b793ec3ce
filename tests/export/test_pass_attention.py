"""vectorise-attention: maps in one broadcast, to the last bit."""

from __future__ import annotations

from collections import Counter
from typing import Any

import numpy as np
import onnx
import onnx_ir as ir
import pytest
import torch
from numpy.typing import NDArray
from onnx_ir.passes.common import RemoveUnusedNodesPass
from torch import Tensor, nn

from facedge.export.graph import run
from facedge.export.passes import attention, simplify
from facedge.models.attention import PredefinedAttentions
from facedge.models.mean_face import mean_face


class Maps(nn.Module):
    def __init__(self) -> None:
        super().__init__()
        self.attention = PredefinedAttentions()
        # Shifts of -1/2, 1 and 0 rulers, and two units that share their centres.
        units = [self.attention.units[k] for k in (0, 3, 6, 7)]
        self.attention.units = nn.ModuleList(units)

    def forward(self, landmarks: Tensor) -> Tensor:
        return torch.cat(self.attention(landmarks), 1)


@pytest.fixture(scope="module")
def maps() -> onnx.ModelProto:
    """Four maps as traced."""
    program = torch.onnx.export(
        Maps().eval(),
        (torch.rand(2, 49, 2),),
        dynamo=True,
        opset_version=18,
        dynamic_shapes=({0: torch.export.Dim("batch")},),
        input_names=["landmarks"],
        output_names=["maps"],
        verbose=False,
    )
    assert program is not None
    return ir.to_proto(program.model)


def faces(batch: int) -> NDArray[np.float32]:
    jitter = np.random.default_rng(batch).normal(0, 8, [batch, 49, 2])
    return (mean_face().numpy() + jitter).astype(np.float32)


@pytest.mark.parametrize("simplified", [False, True])
def test_all_maps_become_one_broadcast(maps: onnx.ModelProto, simplified: bool) -> None:
    model = ir.from_proto(maps)
    if simplified:  # two slices in a row become one
        simplify.apply(model)
        RemoveUnusedNodesPass()(model)
    nodes = model.graph.num_nodes()
    assert attention.apply(model) > 0
    after = ir.to_proto(model)
    onnx.checker.check_model(after, full_check=True)
    assert nodes > 100
    assert len([n for n in after.graph.node if n.op_type != "Constant"]) <= 51
    assert not [node for node in after.graph.node if node.op_type == "Concat"]
    for batch in (1, 3):
        feeds = {"landmarks": faces(batch)}
        expected, found = run(maps, feeds)["maps"], run(after, feeds)["maps"]
        assert (expected > 0).mean() > 0.03
        # Elementwise arithmetic in the same order: no rounding may differ.
        np.testing.assert_array_equal(found, expected)


def graph(body: str, **tensors: NDArray[Any]) -> ir.Model:
    text = '<ir_version: 8, opset_import: ["" : 18]>\n' + body
    proto = onnx.parser.parse_model(text)
    numbers = {f"i{k}": np.array([k]) for k in range(5)} | tensors
    proto.graph.initializer.extend(onnx.numpy_helper.from_array(a, n) for n, a in numbers.items())
    onnx.checker.check_model(proto)
    return ir.from_proto(onnx.shape_inference.infer_shapes(proto))


def rewritten(model: ir.Model) -> tuple[int, Counter[str]]:
    before = ir.to_proto(model)
    count = attention.apply(model)
    after = ir.to_proto(model)
    onnx.checker.check_model(after, full_check=True)
    x = np.random.default_rng(0).normal(0, 1, [3, 4, 2]).astype(np.float32)
    expected, found = run(before, {"x": x})["z"], run(after, {"x": x})["z"]
    np.testing.assert_array_equal(found, expected)
    return count, Counter(node.op_type for node in after.graph.node)


def test_missing_factors_and_summands_are_put_back() -> None:
    model = graph(
        """g (float[b, 4, 2] x) => (float[b, 4, 2] z) {
            r = Slice(x, i0, i1, i1)
            a = Slice(x, i1, i2, i1)
            c = Slice(x, i2, i3, i1)
            d = Slice(x, i3, i4, i1)
            h = Mul(r, half)
            p = Add(a, h)
            q = Add(r, c)
            t = Add(d, h)
            z = Concat<axis = 1>(p, q, d, t) }""",
        half=np.array(-0.5, np.float32),
    )
    count, left = rewritten(model)
    assert count > 0
    assert left == Counter(Slice=1, Mul=1, Gather=1, Add=1)


def test_rows_of_different_tensors_stay() -> None:
    model = graph(
        """g (float[b, 4, 2] x) => (float[b, 2, 2] z) {
            y = Neg(x)
            a = Slice(x, i0, i1, i1)
            c = Slice(y, i1, i2, i1)
            p = Abs(a)
            q = Abs(c)
            z = Concat<axis = 1>(p, q) }"""
    )
    before = Counter(node.op_type for node in model.graph)
    assert rewritten(model) == (0, before)


def test_different_functions_of_the_rows_stay() -> None:
    model = graph(
        """g (float[b, 4, 2] x) => (float[b, 2, 2] z) {
            a = Slice(x, i0, i1, i1)
            c = Slice(x, i1, i2, i1)
            p = Abs(a)
            q = Neg(c)
            z = Concat<axis = 1>(p, q) }"""
    )
    before = Counter(node.op_type for node in model.graph)
    assert rewritten(model) == (0, before)

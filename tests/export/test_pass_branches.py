"""group-branches: grouped graphs compute what the separate branches computed."""

from __future__ import annotations

from collections import Counter
from typing import Any

import numpy as np
import onnx
import onnx_ir as ir
import pytest
import torch
from numpy.typing import NDArray
from torch import Tensor, nn

from facedge.export.graph import run
from facedge.export.passes import branches
from facedge.models.jaa import HighLevel, Refinement

WEIGHTS = np.random.default_rng(0)


def graph(text: str, **tensors: NDArray[Any]) -> ir.Model:
    """A model from ONNX text with initialisers and inferred shapes."""
    header = '<ir_version: 8, opset_import: ["" : 18]>\n'
    proto = onnx.parser.parse_model(header + text)
    proto.graph.initializer.extend(onnx.numpy_helper.from_array(a, n) for n, a in tensors.items())
    onnx.checker.check_model(proto)
    return ir.from_proto(onnx.shape_inference.infer_shapes(proto))


def weights(*shape: int) -> NDArray[np.float32]:
    return WEIGHTS.standard_normal(shape, dtype=np.float32)


def exported(module: nn.Module, *examples: Tensor) -> ir.Model:
    batch = tuple({0: torch.export.Dim("batch")} for _ in examples)
    program = torch.onnx.export(
        module.eval(), examples, dynamo=True, opset_version=18, dynamic_shapes=batch, verbose=False
    )
    assert program is not None
    return program.model


def grouped(model: ir.Model, tolerance: float = 1e-5) -> tuple[int, Counter[str]]:
    """Run the pass; outputs must stay, for batches 1 and 3. Returns merges and operators left."""
    before = ir.to_proto(model)
    merges = branches.apply(model)
    after = ir.to_proto(model)
    onnx.checker.check_model(after, full_check=True)
    for batch in (1, 3):
        feeds = {
            value.name: np.random.default_rng(1).standard_normal(
                [batch, *(d.dim_value for d in value.type.tensor_type.shape.dim[1:])],
                dtype=np.float32,
            )
            for value in before.graph.input
        }
        expected, found = run(before, feeds), run(after, feeds)
        for name, array in expected.items():
            assert array.std() > 0
            # The same products, summed by another kernel.
            np.testing.assert_allclose(found[name], array, rtol=tolerance, atol=tolerance)
    return merges, Counter(node.op_type for node in after.graph.node)


def test_convolutions_of_different_inputs_become_one_grouped() -> None:
    model = graph(
        """g (float[b, 3, 8, 8] x, float[b, 3, 8, 8] y) => (float[b, 10, 4, 4] z) {
            p = Conv<strides = [2, 2], pads = [1, 1, 1, 1]>(x, v, c)
            q = Conv<strides = [2, 2], pads = [1, 1, 1, 1]>(y, w)
            z = Concat<axis = 1>(p, q) }""",
        v=weights(5, 3, 3, 3),
        c=weights(5),
        w=weights(5, 3, 3, 3),
    )
    for index, node in enumerate(model.graph):
        node.name = f"branch/{index}/conv/Conv_{index}" if index < 2 else "Concat_2"
    merges, left = grouped(model)
    assert (merges, left) == (1, Counter(Conv=1, Concat=1))
    node = next(n for n in model.graph if n.op_type == "Conv")
    assert node.attributes.get_int("group") == 2
    assert node.name == "branch/*/conv/Conv_0"
    assert set(model.graph.initializers) == {"v_grouped", "c_grouped"}


def test_convolutions_of_one_input_become_one_wide() -> None:
    model = graph(
        """g (float[b, 3, 8, 8] x) => (float[b, 9, 8, 8] z) {
            p = Conv<pads = [1, 1, 1, 1]>(x, v)
            q = Conv<pads = [1, 1, 1, 1]>(x, w)
            z = Concat<axis = -3>(p, q) }""",
        v=weights(5, 3, 3, 3),
        w=weights(4, 3, 3, 3),
    )
    assert grouped(model) == (1, Counter(Conv=1))


def test_branches_of_many_operators_are_grouped_up_to_their_inputs() -> None:
    stats = {f"{p}{k}": weights(4) for p in "sbm" for k in (0, 1)}
    stats |= {f"u{k}": 0.5 + abs(weights(4)) for k in (0, 1)}
    lines = [
        f"""a{k} = Conv<pads = [1, 1, 1, 1]>(x{k}, w{k})
            n{k} = BatchNormalization(a{k}, s{k}, b{k}, m{k}, u{k})
            r{k} = LeakyRelu<alpha = 0.2>(n{k})
            t{k} = MaxPool<kernel_shape = [2, 2], strides = [2, 2]>(r{k})
            f{k} = Reshape(t{k}, flat)
            g{k} = Unsqueeze(f{k}, one)"""
        for k in (0, 1)
    ]
    model = graph(
        "g (float[b, 3, 8, 8] x0, float[b, 3, 8, 8] x1) => (float[b, 2, 64] z) {"
        + "\n".join([*lines, "z = Concat<axis = 1>(g0, g1) }"]),
        w0=weights(4, 3, 3, 3),
        w1=weights(4, 3, 3, 3),
        flat=np.array([-1, 64]),
        one=np.array([1]),
        **stats,
    )
    merges, left = grouped(model)
    assert merges == 6
    assert left == Counter(
        Concat=1, Conv=1, BatchNormalization=1, LeakyRelu=1, MaxPool=1, Reshape=2
    )


def test_features_weighted_by_one_map_per_branch_are_grouped() -> None:
    lines = [
        f"""p{k} = Mul(x, m{k})
            q{k} = Conv<pads = [1, 1, 1, 1]>(p{k}, w{k})"""
        for k in range(3)
    ]
    maps = ", ".join(f"float[b, 1, 8, 8] m{k}" for k in range(3))
    model = graph(
        f"g (float[b, 4, 8, 8] x, {maps}) => (float[b, 6, 8, 8] z) {{"
        + "\n".join([*lines, "z = Concat<axis = 1>(q0, q1, q2) }"]),
        **{f"w{k}": weights(2, 4, 3, 3) for k in range(3)},
    )
    merges, left = grouped(model)
    assert merges == 2
    assert left == Counter(Concat=1, Unsqueeze=2, Mul=1, Reshape=1, Conv=1)


def test_linear_layers_of_different_inputs_become_one_batched_product() -> None:
    model = graph(
        """g (float[b, 6] x, float[b, 6] y) => (float[b, 2, 5] z) {
            p = Gemm<transB = 1>(x, v, c)
            q = Gemm(y, w)
            r = Unsqueeze(p, one)
            s = Unsqueeze(q, one)
            z = Concat<axis = 1>(r, s) }""",
        v=weights(5, 6),
        c=weights(5),
        w=weights(6, 5),
        one=np.array([1]),
    )
    merges, left = grouped(model)
    # Their transB differs, but that is a matter of storage.
    assert merges == 2
    assert left == Counter(Concat=1, MatMul=1, Add=1, Reshape=3)


def test_linear_layers_of_one_input_become_one_wide() -> None:
    model = graph(
        """g (float[b, 6] x) => (float[b, 8] z) {
            p = Gemm<transB = 1>(x, v, c)
            q = Gemm<transB = 1>(x, w)
            z = Concat<axis = 1>(p, q) }""",
        v=weights(5, 6),
        c=weights(5),
        w=weights(3, 6),
    )
    assert grouped(model) == (1, Counter(MatMul=1, Add=1))


@pytest.mark.parametrize(
    ("body", "out"),
    [
        pytest.param(
            """p = Conv<pads = [1, 1, 1, 1]>(x, v)
               q = Conv<pads = [2, 2, 2, 2], dilations = [2, 2]>(y, v)
               z = Concat<axis = 1>(p, q)""",
            "float[b, 10, 8, 8]",
            id="other-dilation",
        ),
        pytest.param(
            """p = Conv<pads = [1, 1, 1, 1]>(x, v)
               q = Conv<pads = [1, 1, 1, 1]>(y, v)
               z = Concat<axis = 2>(p, q)""",
            "float[b, 5, 16, 8]",
            id="not-channels",
        ),
        pytest.param(
            """p = Conv<pads = [1, 1, 1, 1]>(x, v)
               q = Relu(y)
               z = Concat<axis = 1>(p, q)""",
            "float[b, 8, 8, 8]",
            id="other-operators",
        ),
        pytest.param(
            """p = Relu(x)
               q = Relu(y)
               z = Concat<axis = 1>(p, q)""",
            "float[b, 6, 8, 8]",
            id="no-layer-to-group",
        ),
        pytest.param(
            """p = Conv<pads = [1, 1, 1, 1]>(x, v)
               q = Conv<pads = [1, 1, 1, 1]>(y, w)
               z = Concat<axis = 1>(p, q)""",
            "float[b, 9, 8, 8]",
            id="groups-of-other-width",
        ),
        pytest.param(
            """p = Conv<pads = [1, 1, 1, 1]>(x, v)
               q = Conv<pads = [1, 1, 1, 1]>(y, v)
               s = Concat<axis = 1>(p, q)
               t = Concat<axis = 1>(p, x)
               z = Concat<axis = 1>(s, t)""",
            "float[b, 18, 8, 8]",
            id="read-elsewhere",
        ),
    ],
)
def test_what_cannot_be_grouped_stays(body: str, out: str) -> None:
    model = graph(
        f"g (float[b, 3, 8, 8] x, float[b, 3, 8, 8] y) => ({out} z) {{ {body} }}",
        v=weights(5, 3, 3, 3),
        w=weights(4, 3, 3, 3),
    )
    before = Counter(node.op_type for node in model.graph)
    assert grouped(model) == (0, before)


def test_a_branch_that_is_a_graph_output_stays() -> None:
    model = graph(
        """g (float[b, 3, 8, 8] x, float[b, 3, 8, 8] y)
             => (float[b, 10, 8, 8] z, float[b, 5, 8, 8] p) {
            p = Conv<pads = [1, 1, 1, 1]>(x, v)
            q = Conv<pads = [1, 1, 1, 1]>(y, v)
            z = Concat<axis = 1>(p, q) }""",
        v=weights(5, 3, 3, 3),
    )
    assert grouped(model)[0] == 0


class Branches(nn.Module):
    """Three action units of the paper's network in small: refinement, weighting, high level."""

    def __init__(self) -> None:
        super().__init__()
        self.refine = nn.ModuleList(Refinement(1) for _ in range(3))
        self.local = nn.ModuleList(HighLevel(1) for _ in range(3))

    def forward(self, region: Tensor, maps: Tensor) -> Tensor:
        features = [
            local(region * refine(maps[:, k : k + 1]))
            for k, (local, refine) in enumerate(zip(self.local, self.refine, strict=True))
        ]
        return torch.stack(features, 1)


def test_refinement_nets_and_local_branches_become_grouped_convolutions() -> None:
    torch.manual_seed(0)
    model = exported(Branches(), torch.randn(2, 8, 44, 44), torch.rand(2, 3, 52, 52))
    separate = sum(node.op_type == "Conv" for node in model.graph)
    _, left = grouped(model)
    assert separate == 3 * (4 + 6)
    assert left["Conv"] == 4 + 6
    assert left["MaxPool"] == 3
    assert left["Relu"] == 3 + 6

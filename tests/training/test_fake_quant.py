"""Fake quantisation against the compiler's integers, ONNX Runtime and hand-computed gradients."""

from __future__ import annotations

from dataclasses import dataclass, replace
from typing import Any

import numpy as np
import onnx
import onnxruntime
import pytest
import torch
from numpy.typing import NDArray
from onnx import numpy_helper
from skimage import data
from small_graphs import STUDENT
from torch import Tensor

from facedge.calibration.collect import collect
from facedge.calibration.embedded import embedded_faces
from facedge.calibration.ranges import Ranges
from facedge.calibration.samples import samples
from facedge.calibration.sources import Picture
from facedge.errors import InputError
from facedge.export.precision import portable, tensorrt
from facedge.export.precision.arithmetic import channel_scales
from facedge.export.precision.readiness import readiness
from facedge.models.fsr_student import FsrStudent
from facedge.runtime.manifest import Dialect
from facedge.training.degrade import down
from facedge.training.fake_quant import (
    QuantisedGraph,
    fake_quantise,
    fake_weights,
    weight_scales,
)
from facedge.training.int8_aware import Floats, int8_graph, rewritten
from facedge.training.quality import to_float

SPEC = replace(STUDENT, float32_scopes=("edges",))
DIALECTS: tuple[Dialect, ...] = ("portable", "openvino", "tensorrt")
Array = NDArray[Any]


@dataclass(frozen=True)
class Case:
    """A narrow student, its graphs and their measured ranges."""

    network: FsrStudent
    floats: Floats
    ranges: Ranges

    def quantised(self, dialect: Dialect, whole: bool = False) -> onnx.ModelProto:
        """What the compiler makes of it: with float inputs, or with uint8 pictures."""
        model, scopes = self.floats.whole if whole else self.floats.inner, SPEC.float32_scopes
        if dialect == "tensorrt":
            return tensorrt.quantise(model, self.ranges, "mse", scopes, half=False)
        signed = dialect == "openvino"
        return portable.quantise(model, self.ranges, "mse", scopes, signed=signed)


@pytest.fixture(scope="module")
def case() -> Case:
    torch.manual_seed(0)
    network = FsrStudent(width=32, deep=32, deep_blocks=1).eval()
    floats = rewritten(SPEC, network)
    pictures = [Picture(name, rgb, "") for name, rgb in embedded_faces(8)]
    return Case(network, floats, collect(floats.whole, samples(pictures, SPEC)))


@pytest.fixture(scope="module")
def faces() -> Tensor:
    """Twelve other faces of scikit-image, brought to the network's input size."""
    grey = np.rint(data.lfw_subset()[80:92] * 255).astype(np.uint8)
    large = np.repeat(np.kron(grey, np.ones((1, 6, 6), np.uint8))[:, 11:139, 11:139, None], 3, 3)
    return down(to_float(large), 8)


def play(model: onnx.ModelProto, image: Tensor) -> list[Array]:
    """ONNX Runtime without graph optimisation: exactly the nodes that are written.

    Its integer kernels would saturate on x86 processors without VNNI (docs/precision.md).
    """
    options = onnxruntime.SessionOptions()
    options.graph_optimization_level = onnxruntime.GraphOptimizationLevel.ORT_DISABLE_ALL
    session = onnxruntime.InferenceSession(
        model.SerializeToString(), options, providers=["CPUExecutionProvider"]
    )
    found: list[Array] = session.run(None, {"image": image.numpy()})
    return found


def decibels(a: Array, b: Array) -> float:
    return float(-10 * np.log10(np.mean((a - b) ** 2)))


def test_values_are_rounded_half_to_even_and_clipped() -> None:
    x = torch.tensor([-0.3, 0.25, 0.75, 1.24, 9.0], requires_grad=True)
    rounded = fake_quantise(x, 0.5, 1, 0, 5)
    # Levels x / 0.5 + 1: 0.4, 1.5, 2.5, 3.48, 19; half goes to even before the zero point is added.
    assert rounded.tolist() == [-0.5, 0.0, 1.0, 1.0, 2.0]
    rounded.sum().backward()
    assert x.grad is not None
    assert x.grad.tolist() == [1.0, 1.0, 1.0, 1.0, 0.0]


def test_fake_quantisation_is_torchs_own(faces: Tensor) -> None:
    x = (faces - 0.5).requires_grad_(True)
    # A power of two: torch multiplies by the inverse, ONNX divides.
    ours, theirs = (
        fake_quantise(x, 2.0**-8, 100, 0, 200),
        torch.fake_quantize_per_tensor_affine(x, 2.0**-8, 100, 0, 200),
    )
    assert torch.equal(ours, theirs)
    first, second = (torch.autograd.grad((y * faces).sum(), x)[0] for y in (ours, theirs))
    assert torch.equal(first, second)
    assert 0 < float((first == 0).float().mean()) < 1


def test_without_rounding_the_graph_is_the_network(case: Case, faces: Tensor) -> None:
    graph = QuantisedGraph(case.floats.inner, case.floats.inner, case.network)
    assert graph.int8_nodes == ()
    with torch.no_grad():
        expected, found = case.network(faces).steps, graph(case.network, faces)
    assert len(found) == SPEC.steps
    for a, b in zip(expected, found, strict=True):
        # The split of the fusion sums in another order.
        torch.testing.assert_close(b, a, atol=1e-5, rtol=0)


@pytest.mark.parametrize("dialect", DIALECTS)
def test_the_convolutions_in_int8_are_those_of_the_readiness_report(
    case: Case, dialect: Dialect
) -> None:
    graph = int8_graph(SPEC, case.network, case.floats, case.ranges, "mse", dialect)
    rows = readiness(case.floats.whole, case.quantised(dialect, whole=True), dialect)
    expected = {row.node for row in rows if row.int8}
    assert set(graph.int8_nodes) == expected
    assert {row.node.split("/")[0] for row in rows if not row.int8} >= {"embed", "edges"}
    assert ("head/conv/Conv_2" in expected) == (dialect == "tensorrt")


@pytest.mark.parametrize("dialect", DIALECTS)
def test_pictures_are_those_of_onnx_runtime(case: Case, faces: Tensor, dialect: Dialect) -> None:
    graph = int8_graph(SPEC, case.network, case.floats, case.ranges, "mse", dialect)
    exact = play(case.quantised(dialect), faces)
    floats = play(case.floats.inner, faces)
    with torch.no_grad():
        found = graph(case.network, faces)
    # Sums of float32 products end in another order. Where one lies half way between two levels the
    # two go apart by a level, and later layers and edges carry that on: hence not equal, and less
    # so from step to step. What quantisation itself changes is much more.
    for mine, theirs, plain, least in zip(found, exact, floats, (62, 53, 53), strict=True):
        assert decibels(mine.numpy(), theirs) > least
        assert decibels(mine.numpy(), theirs) > decibels(plain, theirs) + 3


@pytest.mark.parametrize("dialect", DIALECTS)
def test_weights_are_the_compilers_integers(case: Case, dialect: Dialect) -> None:
    model = case.quantised(dialect)
    arrays = {t.name: numpy_helper.to_array(t) for t in model.graph.initializer}
    makers = {node.output[0]: node for node in model.graph.node}
    before = {node.name: node for node in case.floats.inner.graph.node}
    floats = {t.name: numpy_helper.to_array(t) for t in case.floats.inner.graph.initializer}
    seen = 0
    for node in model.graph.node:
        if node.op_type != "Conv" or node.input[1] not in makers:
            continue
        weight, *bias = (torch.tensor(floats[name]) for name in before[node.name].input[1:])
        step = float(arrays[makers[node.input[0]].input[1]])
        mine = fake_weights(weight, bias[0] if bias else None, step, dialect)
        levels, scales = (arrays[name] for name in makers[node.input[1]].input[:2])
        expected = levels.astype(np.float64) * scales.astype(np.float64)[:, None, None, None]
        np.testing.assert_array_equal(mine[0].numpy(), expected.astype(np.float32))
        if bias and dialect == "portable":
            levels, scales = (arrays[name] for name in makers[node.input[2]].input[:2])
            expected = levels.astype(np.float64) * scales.astype(np.float64)
            np.testing.assert_array_equal(mine[1].numpy(), expected.astype(np.float32))
        seen += 1
    assert seen > 20


def test_scales_of_empty_and_tiny_channels_are_the_compilers() -> None:
    weight = torch.tensor([0.0, 1e-9, 3e-4, 0.7])[:, None, None, None]
    plain = weight_scales(weight, "portable").numpy()
    np.testing.assert_array_equal(plain, channel_scales(weight.numpy(), 0))
    expected = [tensorrt.half_scale(float(scale)) for scale in plain]
    np.testing.assert_array_equal(weight_scales(weight, "tensorrt").numpy(), expected)


def test_a_bias_far_above_its_weights_still_fits_int32() -> None:
    weight, bias = torch.full((1, 16, 1, 1), 1e-9), torch.tensor([3.0])
    rounded = fake_weights(weight, bias, 0.01, "portable")[1]
    assert rounded is not None
    assert float(rounded) == pytest.approx(3.0, rel=1e-6)


def test_every_weight_gets_a_gradient_near_the_float_networks(case: Case, faces: Tensor) -> None:
    network = case.network
    graph = int8_graph(SPEC, network, case.floats, case.ranges)
    plain = QuantisedGraph(case.floats.inner, case.floats.inner, network)
    named = dict(network.named_parameters())
    found = []
    for each in (plain, graph):
        # A smooth loss: rounding moves its gradient little.
        loss = sum(((picture - 0.5) ** 2).mean() for picture in each(network, faces))
        found.append(torch.autograd.grad(loss, list(named.values())))
    for name, a, b in zip(named, *found, strict=True):
        cosine = torch.nn.functional.cosine_similarity(a.flatten(), b.flatten(), dim=0)
        assert float(cosine) > 0.9, name


def test_it_plays_the_weights_of_whatever_network_it_is_given(case: Case, faces: Tensor) -> None:
    graph = int8_graph(SPEC, case.network, case.floats, case.ranges)
    torch.manual_seed(1)
    other = FsrStudent(width=32, deep=32, deep_blocks=1).eval()
    with torch.no_grad():
        mine, others = graph(case.network, faces)[0], graph(other, faces)[0]
        plain = other(faces).steps[0]
    assert decibels(others.numpy(), plain.numpy()) > decibels(others.numpy(), mine.numpy())


def test_a_graph_of_other_weights_is_refused(case: Case) -> None:
    torch.manual_seed(1)
    other = FsrStudent(width=32, deep=32, deep_blocks=1)
    with pytest.raises(InputError, match="is no weight of this network"):
        QuantisedGraph(case.floats.inner, case.quantised("portable"), other)


def test_layers_with_equal_weights_are_refused(case: Case) -> None:
    # What rewriting does to them: one initialiser for both.
    model = onnx.ModelProto()
    model.CopyFrom(case.floats.inner)
    node = next(node for node in model.graph.node if "embed.1.weight" in node.input)
    node.input[1] = "embed.0.weight"
    with pytest.raises(InputError, match=r"does not show the network's embed\.1\.weight"):
        QuantisedGraph(model, model, case.network)

"""The S3 networks: shapes, patches, batch, size."""

from __future__ import annotations

import pytest
import torch
from torch import nn
from torch.nn import functional as F
from torch.utils.flop_counter import FlopCounterMode

from facedge.models.au_gcn import AuGcn
from facedge.models.au_gcn_edge import AuGcnEdge, RegionBlock
from facedge.models.contract import ActionUnits
from facedge.models.jaa import HighLevel, PatchConv, Refinement, RegionLearning
from facedge.models.mean_face import mean_face


def lively(module: nn.Module) -> nn.Module:
    """Normalisation statistics as of a trained network, so that none of them is the identity."""
    generator = torch.Generator().manual_seed(1)
    for layer in module.modules():
        if isinstance(layer, nn.BatchNorm2d):
            assert layer.running_mean is not None
            assert layer.running_var is not None
            layer.running_mean.normal_(0, 0.1, generator=generator)
            layer.running_var.uniform_(0.5, 1.5, generator=generator)
    return module.eval()


@pytest.fixture(params=["paper", "edge"])
def network(request: pytest.FixtureRequest) -> nn.Module:
    torch.manual_seed(0)
    if request.param == "edge":
        return lively(AuGcnEdge())
    return lively(AuGcn(unit=1, embedding=32, node=16, hidden=64, aligned=32))


def test_a_face_gives_the_same_result_alone_and_in_a_batch(network: nn.Module) -> None:
    images = torch.rand(2, 3, 176, 176)
    with torch.inference_mode():
        together: ActionUnits = network(images)
        alone: ActionUnits = network(images[1:])
    assert together.probabilities.shape == (2, 12)
    assert together.landmarks.shape == (2, 49, 2)
    assert together.probabilities[0].ne(together.probabilities[1]).any()
    # Convolutions of another batch size may sum in another order.
    torch.testing.assert_close(alone.probabilities, together.probabilities[1:], atol=1e-5, rtol=0)
    torch.testing.assert_close(alone.landmarks, together.landmarks[1:], atol=1e-3, rtol=0)


def test_logits_and_probabilities_say_the_same(network: nn.Module) -> None:
    with torch.inference_mode():
        result: ActionUnits = network(torch.rand(1, 3, 176, 176))
    if result.logits.ndim == 3:
        torch.testing.assert_close(result.logits.exp().sum(-1), torch.ones(1, 12))
        odds = result.logits[..., 1] - result.logits[..., 0]
    else:
        odds = result.logits
    torch.testing.assert_close(result.probabilities, torch.sigmoid(odds))


def test_an_untrained_network_puts_landmarks_on_a_face(network: nn.Module) -> None:
    with torch.inference_mode():
        landmarks = network(torch.rand(1, 3, 176, 176)).landmarks[0]
    assert (landmarks - mean_face()).abs().max() < 30
    assert (landmarks - mean_face()).abs().max() > 0


def test_gradients_reach_every_parameter(network: nn.Module) -> None:
    result: ActionUnits = network.train()(torch.rand(2, 3, 176, 176))
    (result.logits.square().mean() + result.landmarks.mean()).backward()
    silent = [name for name, p in network.named_parameters() if p.grad is None]
    assert not silent


def test_every_patch_has_its_own_weights_and_its_own_zero_padding() -> None:
    torch.manual_seed(0)
    layer = lively(PatchConv(4, 6, 2))
    x = torch.randn(1, 4, 12, 8)
    with torch.inference_mode():
        found = layer(x)
        for index, (top, left) in enumerate([(0, 0), (0, 4), (6, 0), (6, 4)]):
            norm, _, conv = layer.get_submodule(f"patches.{index}").children()
            assert isinstance(norm, nn.BatchNorm2d)
            assert isinstance(conv, nn.Conv2d)
            patch = F.pad(F.relu(norm(x[:, :, top : top + 6, left : left + 4])), (1, 1, 1, 1))
            expected = F.conv2d(patch, conv.weight, conv.bias)
            torch.testing.assert_close(found[:, :, top : top + 6, left : left + 4], expected)


def test_grouped_region_block_is_a_convolution_of_each_patch() -> None:
    torch.manual_seed(0)
    block = lively(RegionBlock(4, 8, 2))
    assert isinstance(block, RegionBlock)
    x = torch.randn(2, 4, 8, 8)
    with torch.inference_mode():
        found = block(x)
        scale = block.norm.weight / (block.norm.running_var + block.norm.eps).sqrt()
        offset = block.norm.bias - block.norm.running_mean * scale
        for index, (top, left) in enumerate([(0, 0), (0, 4), (4, 0), (4, 4)]):
            own = slice(index * 4, index * 4 + 4)
            patch = x[:, :, top : top + 4, left : left + 4]
            y = F.conv2d(patch, block.conv.weight[own], padding=1)
            y = patch + F.relu(y * scale[own, None, None] + offset[own, None, None])
            torch.testing.assert_close(found[:, :, top : top + 4, left : left + 4], y)


def test_features_have_the_sizes_of_the_paper() -> None:
    with torch.device("meta"):
        region = RegionLearning(8)(torch.empty(1, 3, 176, 176))
        assert region.shape == (1, 64, 44, 44)
        assert HighLevel(8)(region).shape == (1, 4000)
        assert Refinement(8)(torch.empty(1, 1, 52, 52)).shape == (1, 1, 44, 44)


@pytest.mark.parametrize(
    ("build", "parameters", "macs"),
    [
        # The paper's network is 25.2 M parameters and 8.76 GMACs without the graph.
        (AuGcn, 26_041_766, 8_769_537_008),
        (AuGcnEdge, 2_953_294, 829_753_328),
    ],
)
def test_parameters_and_multiply_accumulates(
    build: type[nn.Module], parameters: int, macs: int
) -> None:
    with torch.device("meta"), FlopCounterMode(display=False) as counter:
        network = build().eval()
        network(torch.empty(1, 3, 176, 176))
    assert sum(p.numel() for p in network.parameters()) == parameters
    # Two operations are one multiply-accumulate.
    assert counter.get_total_flops() // 2 == macs

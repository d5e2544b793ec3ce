"""Fusion, component maps and AU priors against hand-made computations."""

from __future__ import annotations

import numpy as np
import torch

from facedge.models.action_unit_maps import POINTS_49, SoftArgmax, pool_under
from facedge.models.feedback import ProjectionBlock, up
from facedge.models.fusion import PriorFusion
from facedge.models.hourglass import COMPONENTS, ComponentMaps, LandmarkNet


def generator() -> torch.Generator:
    return torch.Generator().manual_seed(3)


def test_component_maps_sum_the_heatmaps_of_a_part() -> None:
    heatmaps = torch.rand(2, 68, 4, 4, generator=generator())
    found = ComponentMaps()(heatmaps).numpy()
    assert sorted(point for part in COMPONENTS for point in part) == list(range(68))
    for part, points in enumerate(COMPONENTS):
        wanted = heatmaps.numpy()[:, list(points)].sum(1)
        np.testing.assert_allclose(found[:, part], wanted, rtol=1e-5)  # sums of 20 floats


def test_landmark_coordinates_are_the_centres_of_peaks() -> None:
    # Peaks as training makes them: Gaussians of height 1 and one cell deviation.
    heatmaps = torch.zeros(1, 68, 32, 32)
    y, x = torch.meshgrid(torch.arange(32.0), torch.arange(32.0), indexing="ij")
    centres = 4 + 24 * torch.rand(68, 2, generator=generator())
    for point, (column, row) in enumerate(centres):
        heatmaps[0, point] = torch.exp(-((x - column) ** 2 + (y - row) ** 2) / 2)
    found = SoftArgmax(32, 128)(heatmaps)[0]
    wanted = (centres[list(POINTS_49)] + 0.5) * 4
    assert found.shape == (49, 2)
    # A softmax as sharp leans to the nearest cell: at most a quarter of one, which is a pixel.
    assert (found - wanted).abs().max() < 1.0


def test_the_49_points_leave_out_the_outline_and_the_inner_mouth_corners() -> None:
    assert len(POINTS_49) == 49
    assert set(range(68)) - set(POINTS_49) == {*range(17), 60, 64}


def test_fusion_weighs_the_experts_by_a_softmax_over_the_maps() -> None:
    fusion = PriorFusion(width=4, maps=3, inner=2, blocks=1).eval()
    features = torch.randn(2, 4, 5, 5, generator=generator())
    maps = torch.randn(2, 3, 5, 5, generator=generator())
    with torch.no_grad():
        found = fusion(features, maps)
        experts = fusion.experts(torch.nn.functional.leaky_relu(fusion.expand(features), 0.2))
        weights = np.exp(maps.numpy()) / np.exp(maps.numpy()).sum(1, keepdims=True)
        mixed = sum(experts.numpy()[:, 2 * k : 2 * k + 2] * weights[:, k : k + 1] for k in range(3))
        wanted = features + fusion.merge(torch.from_numpy(mixed))
    torch.testing.assert_close(found, wanted)


def test_experts_of_a_fusion_do_not_mix() -> None:
    fusion = PriorFusion(width=4, maps=3, inner=2, blocks=2)
    experts = torch.randn(1, 6, 5, 5, generator=generator())
    changed = experts.clone()
    changed[:, 2:4] += 1
    with torch.no_grad():
        same = (fusion.experts(experts) == fusion.experts(changed)).flatten(2).all(2)[0]
    assert same.tolist() == [True, True, False, False, True, True]


def test_pooling_under_a_map_is_the_weighted_mean() -> None:
    maps = torch.rand(1, 2, 4, 4, generator=generator()) + 0.1
    features = torch.randn(1, 3, 4, 4, generator=generator())
    found = pool_under(maps, features)[0].numpy()
    for k in range(2):
        weights = maps[0, k].numpy()
        for c in range(3):
            wanted = (weights * features[0, c].numpy()).sum() / (weights.sum() + 1e-3)
            np.testing.assert_allclose(found[k, c], wanted, rtol=1e-4, atol=1e-6)  # float32 sums


def test_up_projection_ends_on_the_output_grid() -> None:
    assert up(2)(torch.zeros(1, 2, 32, 32)).shape == (1, 2, 128, 128)


def test_projection_block_connects_every_pair_to_all_before_it() -> None:
    block = ProjectionBlock(width=2, groups=3)
    assert [low.conv.in_channels for low in block.low] == [4, 6]  # type: ignore[union-attr]
    assert [high.conv.in_channels for high in block.high] == [4, 6]  # type: ignore[union-attr]
    assert block.leave.conv.in_channels == 6
    x = torch.rand(1, 2, 32, 32, requires_grad=True, generator=generator())
    block(x).sum().backward()
    assert block(x).shape == x.shape
    assert all(p.grad is not None for p in block.parameters())


def test_hourglass_rounds_share_their_weights() -> None:
    once, twice = LandmarkNet(16, 2, rounds=1), LandmarkNet(16, 2, rounds=2)
    twice.load_state_dict(once.state_dict())
    image = torch.rand(1, 3, 128, 128, generator=generator())
    with torch.no_grad():
        first, second = once(image), twice(image)
    assert first.shape == second.shape == (1, 68, 32, 32)
    assert not torch.allclose(first, second)

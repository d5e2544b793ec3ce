"""Co-occurrence adjacency and graph convolution against loops."""

from __future__ import annotations

import numpy as np
import pytest
import torch

from facedge.models.contract import ACTION_UNITS
from facedge.models.graph_convolution import (
    PROTOTYPES,
    GraphConvolution,
    NeighbourConvolution,
    adjacency,
    conditional,
    prototype_labels,
)


def loop_adjacency(labels: list[set[int]], units: int, threshold: float) -> np.ndarray:
    count = [sum(i in row for row in labels) for i in range(units)]
    edges = np.zeros((units, units))
    for i in range(units):
        for j in range(units):
            both = sum(i in row and j in row for row in labels)
            i_given_j = both / count[j] if count[j] else 0
            j_given_i = both / count[i] if count[i] else 0
            edges[i, j] = i == j or (i_given_j + j_given_i) / 2 >= threshold
    degree = edges.sum(1)
    return edges / np.sqrt(degree[:, None] * degree[None, :])


def test_adjacency_is_that_of_a_loop_over_samples() -> None:
    random = np.random.default_rng(0)
    labels = random.random((40, 12)) < 0.35
    labels[:, 3] = False  # a unit that never occurs stays joined to itself alone
    rows = [set(np.flatnonzero(row)) for row in labels]
    found = adjacency(torch.from_numpy(labels), 0.4).numpy()
    np.testing.assert_allclose(found, loop_adjacency(rows, 12, 0.4), atol=1e-6)
    assert found[3, 3] == 1
    assert found[3].sum() == 1


def test_conditional_edges_are_shares_counted_by_hand() -> None:
    labels = torch.zeros(4, 12)
    labels[:, 0] = torch.tensor([1.0, 1.0, 1.0, 0.0])
    labels[:, 1] = torch.tensor([1.0, 0.0, 0.0, 1.0])
    found = conditional(labels)
    assert found[0, 1] == 0.5  # of two faces with the second, one has the first
    assert found[1, 0] == pytest.approx(1 / 3)
    found[0, 1] = found[1, 0] = 0
    assert not found.any()  # no unit joins itself, nor one that never occurs


def test_default_adjacency_joins_units_of_the_same_expressions() -> None:
    rows = [{ACTION_UNITS.index(u) for u in prototype} for prototype in PROTOTYPES]
    found = adjacency(prototype_labels()).numpy()
    np.testing.assert_allclose(found, loop_adjacency(rows, 12, 0.5), atol=1e-6)
    joined = {
        (a, b)
        for i, a in enumerate(ACTION_UNITS)
        for j, b in enumerate(ACTION_UNITS)
        if i < j and found[i, j] > 0
    }
    assert len(joined) == 19
    assert {(1, 2), (6, 12), (23, 24), (25, 26)} <= joined
    assert not {(12, 15), (6, 23)} & joined


def test_normalised_adjacency_is_symmetric_with_spectral_radius_one() -> None:
    found = adjacency(prototype_labels()).double().numpy()
    np.testing.assert_array_equal(found, found.T)
    assert abs(np.abs(np.linalg.eigvalsh(found)).max() - 1) < 1e-6


def test_graph_convolution_mixes_neighbours_before_the_relu() -> None:
    torch.manual_seed(0)
    layer, nodes = GraphConvolution(5, 3), torch.randn(2, 12, 5)
    matrix = adjacency(prototype_labels())
    weight = layer.weight.weight.detach().numpy()
    expected = np.zeros((2, 12, 3))
    for sample in range(2):
        for i in range(12):
            total = sum(matrix[i, j].item() * nodes[sample, j].numpy() for j in range(12))
            expected[sample, i] = np.maximum(weight @ total, 0)
    found = layer(nodes, matrix).detach().numpy()
    assert (expected > 0).any()
    assert (expected == 0).any()
    np.testing.assert_allclose(found, expected, atol=1e-6)


def test_neighbour_convolution_has_weights_for_the_node_and_for_its_neighbours() -> None:
    torch.manual_seed(0)
    layer, nodes = NeighbourConvolution(5, 3), torch.randn(2, 12, 5)
    edges = conditional(prototype_labels())
    own, others = layer.own.weight.detach().numpy(), layer.others.weight.detach().numpy()
    expected = np.zeros((2, 12, 3))
    for sample in range(2):
        for i in range(12):
            heard = sum(edges[i, j].item() * nodes[sample, j].numpy() for j in range(12))
            value = own @ nodes[sample, i].numpy() + layer.own.bias.detach().numpy()
            expected[sample, i] = np.maximum(value + others @ heard, 0)
    assert (expected > 0).any()
    assert (expected == 0).any()
    np.testing.assert_allclose(layer(nodes, edges).detach().numpy(), expected, atol=1e-6)

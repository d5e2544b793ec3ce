"""Co-occurrence adjacency and graph convolution against loops."""

from __future__ import annotations

import numpy as np
import torch

from facedge.models.contract import ACTION_UNITS
from facedge.models.graph_convolution import (
    PROTOTYPES,
    GraphConvolution,
    UnitGraph,
    adjacency,
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


def test_adjacency_is_saved_with_the_weights() -> None:
    assert "adjacency" in UnitGraph(4, 4, 4).state_dict()

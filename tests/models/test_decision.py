"""Decisions from features of a face: what reaches which action unit."""

from __future__ import annotations

import pytest
import torch
from torch import nn
from torch.nn import functional as F

from facedge.models.contract import FaceFeatures
from facedge.models.decision import Decision, UnitLinear
from facedge.models.graph_convolution import (
    DirectedGraph,
    UnitGraph,
    adjacency,
    conditional,
    prototype_labels,
)

LABELS = torch.tensor([[1, 1] + [0] * 10, [1, 0, 1] + [0] * 9, [0, 0, 1] + [0] * 8 + [1]])


def test_every_unit_has_a_linear_layer_of_its_own_in_training_too() -> None:
    layer = UnitLinear(5, 3)
    assert torch.equal(layer.weight[0], layer.weight[11])
    with torch.no_grad():
        layer.weight.normal_()
        layer.bias.normal_()
    nodes = torch.randn(2, 12, 5)
    for training in (False, True):
        layer.train(training)
        for unit in range(12):
            expected = F.linear(nodes[:, unit], layer.weight[unit].T, layer.bias[unit])
            torch.testing.assert_close(layer(nodes)[:, unit], expected)


def test_a_decision_reads_the_face_and_all_nodes_of_the_graph() -> None:
    torch.manual_seed(0)
    embed, graph = UnitLinear(5, 8), DirectedGraph(8)
    classify = nn.Linear(6 + 7 + 12 * 8, 12)
    decision = Decision(embed, graph, classify).eval().requires_grad_(False)
    shapes = ((2, 6), (2, 7), (2, 12, 5), (2, 49, 2))
    seen = FaceFeatures(*(torch.randn(shape) for shape in shapes))
    nodes = graph(embed(seen.local))
    for face in range(2):
        read = torch.cat([seen.align[face], seen.whole[face], *nodes[face]])
        torch.testing.assert_close(decision(seen)[face], classify(read), atol=1e-5, rtol=1e-5)


def test_a_node_hears_along_directed_edges_two_layers_far() -> None:
    torch.manual_seed(0)
    graph = DirectedGraph(8)
    edges = torch.zeros(12, 12)
    edges[3, 7] = edges[7, 1] = edges[5, 3] = 1.0
    graph.edges.copy_(edges)

    def heard() -> list[int]:
        nodes = torch.rand(1, 12, 8).requires_grad_()
        graph(nodes)[0, 3].sum().backward()
        assert nodes.grad is not None
        return torch.nonzero(nodes.grad[0].abs().sum(1)).flatten().tolist()

    assert heard() == [1, 3, 7]
    graph.disconnect()
    assert heard() == [3]


@pytest.mark.parametrize(
    ("graph", "name", "edges", "alone"),
    [
        (DirectedGraph(8), "edges", conditional, torch.zeros(12, 12)),
        (UnitGraph(8, 8, 8), "adjacency", adjacency, torch.eye(12)),
    ],
)
def test_labels_connect_a_graph_which_is_saved(graph, name, edges, alone) -> None:  # type: ignore[no-untyped-def]
    assert torch.equal(graph.state_dict()[name], edges(prototype_labels()))
    graph.connect(LABELS)
    assert torch.equal(graph.state_dict()[name], edges(LABELS))
    graph.disconnect()
    assert torch.equal(graph.state_dict()[name], alone)

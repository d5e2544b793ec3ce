"""What a network's graph is compared with, on the same features."""

from __future__ import annotations

import torch
from unit_networks import decided

from facedge.models import registry
from facedge.models.au_gcn import AuGcn
from facedge.models.decision import Decision
from facedge.models.graph_convolution import DirectedGraph, UnitGraph
from facedge.training.au_twins import FUSED, GRAPH, UNJOINED, Compared


def faces(count: int = 2) -> torch.Tensor:
    return torch.rand(count, 3, 176, 176, generator=torch.Generator().manual_seed(1))


def test_with_the_graphs_edges_the_unjoined_twin_is_the_network_itself() -> None:
    net = decided()
    compared = Compared(net).eval()
    image = faces()
    twin = compared.twins[UNJOINED]
    assert isinstance(twin, Decision)
    assert isinstance(twin.graph, DirectedGraph)
    assert not twin.graph.edges.any()
    # Kernels may sum in another order from one call to the next: some float32 roundings.
    same = {"atol": 1e-5, "rtol": 0.0}
    with torch.no_grad():
        wanted = net(image).logits
        found, landmarks = compared(image)
        torch.testing.assert_close(found[GRAPH], wanted, **same)
        assert landmarks.shape == (2, 49, 2)
        assert (found[UNJOINED] - wanted).abs().max() > 1e-3
        twin.graph.edges.copy_(net.decision.graph.edges)
        torch.testing.assert_close(compared(image).logits[UNJOINED], wanted, **same)
    assert net.decision.graph.edges.any()


def test_the_twin_without_a_graph_is_linear_in_embedded_features() -> None:
    net = decided()
    found = Compared(net).eval().twins[FUSED]
    assert isinstance(found, Decision)
    with torch.no_grad():
        seen = net.describe(faces())
        nodes = found.embed(seen.local).flatten(1)
        wanted = found.classify(torch.cat([seen.align, seen.whole, nodes], 1))
        torch.testing.assert_close(found(seen), wanted, atol=1e-5, rtol=0)
        assert (found(seen) - net.decision(seen)).abs().max() > 1e-3


def test_the_paper_like_network_has_one_twin_whose_two_logits_give_log_odds() -> None:
    net = registry.get("au-gcn").build().eval()
    assert isinstance(net, AuGcn)
    compared = Compared(net).eval()
    assert list(compared.twins) == [UNJOINED]
    twin = compared.twins[UNJOINED]
    assert isinstance(twin, Decision)
    assert isinstance(twin.graph, UnitGraph)
    assert torch.equal(twin.graph.adjacency, torch.eye(12))
    image = faces(1)
    with torch.no_grad():
        wanted = net(image).probabilities
        found = compared(image).logits[GRAPH]
    # Softmax of two is the sigmoid of their difference, in float32.
    torch.testing.assert_close(found.sigmoid(), wanted, rtol=0, atol=1e-6)

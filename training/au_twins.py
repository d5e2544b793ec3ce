"""An action-unit network and, on the same features, what its graph has to be better than."""

from __future__ import annotations

import copy
from typing import NamedTuple

import torch
from torch import Tensor, nn

from facedge.models.au_gcn import AuGcn
from facedge.models.au_gcn_edge import AuGcnEdge
from facedge.models.contract import ACTION_UNITS, FaceFeatures
from facedge.models.decision import Decision, NoGraph
from facedge.models.graph_convolution import DirectedGraph

GRAPH, UNJOINED, FUSED = "graph", "unjoined", "fused"
TITLES = {
    UNJOINED: "no edges",
    FUSED: "no graph, every AU reads all",
    GRAPH: "with the graph",
}
"""Headings of the decisions in tables."""


class Seen(NamedTuple):
    """What both the network and its twins make of pictures.

    Attributes:
        logits: log-odds of each AU, float [N, 12], by name of the decision.
        landmarks: float [N, 49, 2], x and y in pixels of the crop.
    """

    logits: dict[str, Tensor]
    landmarks: Tensor


class Compared(nn.Module):
    """A network and, beside its decision, others on the same features.

    ``unjoined`` has the network's layers, but no edges: they are all that differs. ``fused`` lacks
    the graph with its layers: one linear classifier reads everything that is known of the face,
    as in JAA-Net; a graph that changes the nodes' width has no such twin. Both begin as copies of
    the network's own decision.
    """

    def __init__(self, network: AuGcn | AuGcnEdge) -> None:
        super().__init__()
        self.network = network
        unjoined = copy.deepcopy(network.decision)
        unjoined.graph.disconnect()
        self.twins = nn.ModuleDict({UNJOINED: unjoined})
        if isinstance(network.decision.graph, DirectedGraph):
            embed, classify = network.decision.embed, network.decision.classify
            self.twins[FUSED] = copy.deepcopy(Decision(embed, NoGraph(), classify))

    def decide(self, seen: FaceFeatures) -> dict[str, Tensor]:
        """Log-odds of each AU, float [N, 12], by name of the decision."""
        decisions = {GRAPH: self.network.decision, **self.twins}
        return {name: log_odds(decision(seen)) for name, decision in decisions.items()}

    def forward(self, image: Tensor) -> Seen:
        """Float RGB [N, 3, 176, 176] in [0, 1]."""
        seen = self.network.describe(image)
        return Seen(self.decide(seen), seen.landmarks)


def log_odds(logits: Tensor) -> Tensor:
    """One log-odds for each AU, [N, 12]; of two logits [N, 24], their difference."""
    if logits.shape[1] == len(ACTION_UNITS):
        return logits
    pairs = logits.reshape(-1, len(ACTION_UNITS), 2)
    return torch.sub(pairs[:, :, 1], pairs[:, :, 0])

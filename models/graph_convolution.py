"""Graph convolution over action units: nodes are AUs, edges are AUs that act together.

Two forms. After AU-GCN (Liu et al., arXiv 1910.10334) and Kipf and Welling (arXiv 1609.02907):
H' = ReLU(A H W) with the constant A = D^-1/2 (E + I) D^-1/2. And with weights of a node's own
beside those for its neighbours (GraphSAGE, Hamilton et al., arXiv 1706.02216) on directed edges
(ML-GCN, Chen et al., arXiv 1904.03582): H' = ReLU(H W + b + P H V) with P_ij = P(i|j).
"""

from __future__ import annotations

import torch
from torch import Tensor, nn

from .contract import ACTION_UNITS

THRESHOLD = 0.5

# EMFACS (Ekman and Friesen): the AUs of each prototypical emotion, restricted to our twelve.
PROTOTYPES = (
    (6, 12, 25),  # happiness
    (1, 4, 15),  # sadness
    (1, 2, 25, 26),  # surprise
    (4, 7, 23, 24),  # anger
    (4, 7, 10, 15),  # disgust
    (1, 2, 4, 7, 25, 26),  # fear
    (12,),  # contempt
)


def prototype_labels() -> Tensor:
    """One row of AU labels for each prototypical emotion, float32 {0, 1} [7, 12]."""
    return torch.tensor([[float(u in prototype) for u in ACTION_UNITS] for prototype in PROTOTYPES])


def adjacency(labels: Tensor, threshold: float = THRESHOLD) -> Tensor:
    """Normalised adjacency of label co-occurrence.

    Two AUs are joined when the mean of P(i|j) and P(j|i) reaches the threshold; every AU is
    joined to itself.

    Args:
        labels: {0, 1} [samples, units]; rows with missing labels left out by the caller.
        threshold: in (0, 1]; with the prototypes' labels 0.5 joins 19 of the 66 pairs.

    Returns:
        D^-1/2 (E + I) D^-1/2, float32 [units, units], symmetric.
    """
    given = _given(labels)
    joined = (given + given.T) / 2 >= threshold
    edges = (joined | torch.eye(len(joined), dtype=torch.bool)).to(torch.float64)
    scale = edges.sum(1).rsqrt()
    return (scale[:, None] * edges * scale[None, :]).float()


def conditional(labels: Tensor) -> Tensor:
    """Directed edges of label co-occurrence: how often AU i is seen where AU j is.

    Args:
        labels: {0, 1} [samples, units]; rows with missing labels left out by the caller.

    Returns:
        P(i|j) at row i and column j, float32 [units, units] in [0, 1]; the diagonal is 0, and so
        is the column of an AU that never occurs.
    """
    return _given(labels).fill_diagonal_(0).float()


def _given(labels: Tensor) -> Tensor:
    labels = labels.to(torch.float64)
    together = labels.T @ labels
    return together / together.diagonal().clamp(min=1)


class GraphConvolution(nn.Module):
    """ReLU(A (H W)): float [N, units, inputs] -> [N, units, outputs]."""

    def __init__(self, inputs: int, outputs: int) -> None:
        super().__init__()
        self.weight = nn.Linear(inputs, outputs, bias=False)

    def forward(self, nodes: Tensor, adjacency: Tensor) -> Tensor:
        return torch.relu(torch.matmul(adjacency, self.weight(nodes)))


class UnitGraph(nn.Module):
    """Two graph convolutions with one constant adjacency.

    The adjacency is a buffer that is saved with the weights: training may put the co-occurrence
    of its own labels in place of the prototypes' (``adjacency``).

    Float [N, 12, inputs] -> [N, 12, outputs].
    """

    adjacency: Tensor

    def __init__(self, inputs: int, hidden: int, outputs: int) -> None:
        super().__init__()
        self.register_buffer("adjacency", adjacency(prototype_labels()))
        self.first = GraphConvolution(inputs, hidden)
        self.second = GraphConvolution(hidden, outputs)

    def forward(self, nodes: Tensor) -> Tensor:
        mixed: Tensor = self.second(self.first(nodes, self.adjacency), self.adjacency)
        return mixed

    def connect(self, labels: Tensor) -> None:
        """Join AUs as they occur together in {0, 1} labels [samples, 12]."""
        self.adjacency.copy_(adjacency(labels))

    def disconnect(self) -> None:
        """Join every AU to itself alone."""
        self.adjacency.copy_(torch.eye(len(self.adjacency)))


class NeighbourConvolution(nn.Module):
    """ReLU(H W + b + P (H V)): float [N, units, inputs] -> [N, units, outputs]."""

    def __init__(self, inputs: int, outputs: int) -> None:
        super().__init__()
        self.own = nn.Linear(inputs, outputs)
        self.others = nn.Linear(inputs, outputs, bias=False)

    def forward(self, nodes: Tensor, edges: Tensor) -> Tensor:
        return torch.relu(self.own(nodes) + torch.matmul(edges, self.others(nodes)))


class DirectedGraph(nn.Module):
    """Two neighbour convolutions on the constant directed graph P(i|j), as wide as the nodes.

    The edges are a buffer that is saved with the weights, as :class:`UnitGraph`'s adjacency is.

    Float [N, 12, node] -> the same shape.
    """

    edges: Tensor

    def __init__(self, node: int) -> None:
        super().__init__()
        self.register_buffer("edges", conditional(prototype_labels()))
        self.first = NeighbourConvolution(node, node)
        self.second = NeighbourConvolution(node, node)

    def forward(self, nodes: Tensor) -> Tensor:
        mixed: Tensor = self.second(self.first(nodes, self.edges), self.edges)
        return mixed

    def connect(self, labels: Tensor) -> None:
        """Join AUs as they occur together in {0, 1} labels [samples, 12]."""
        self.edges.copy_(conditional(labels))

    def disconnect(self) -> None:
        """No AU hears of another."""
        self.edges.zero_()

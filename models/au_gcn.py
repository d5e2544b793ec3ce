"""S3 after the paper: joint adaptive attention features related by a graph convolution.

After "Action Unit Detection with Joint Adaptive Attention and Graph Relation" (arXiv
2107.04389) on JAA-Net features; what the paper leaves open is in docs/models.md.
"""

from __future__ import annotations

import torch
from torch import Tensor, nn
from torch.nn import functional as F

from .attention import PredefinedAttentions
from .contract import ACTION_UNITS, ActionUnits, FaceFeatures
from .decision import Decision
from .graph_convolution import UnitGraph
from .jaa import HighLevel, LandmarkRegression, Refinement, RegionLearning


class AuGcn(nn.Module):
    """Action units and landmarks of aligned faces, in the form of the paper.

    Separate convolutions for every patch, refinement net and AU branch, linear layers without
    activation between them, and a two-way log-softmax for every AU: the rewrites make one
    compact graph of it.

    Args:
        unit: JAA-Net's width unit; every width is a multiple of it.
        embedding: width of a node before the graph convolutions.
        node: width of a node in and after them.
        hidden: hidden width of the fused classifier.
        aligned: hidden width of the landmark regression.
    """

    def __init__(
        self,
        unit: int = 8,
        embedding: int = 256,
        node: int = 64,
        hidden: int = 1024,
        aligned: int = 512,
    ) -> None:
        super().__init__()
        units, features = len(ACTION_UNITS), 20 * unit * 25
        self.region = RegionLearning(unit)
        self.align = HighLevel(unit)
        self.landmarks = LandmarkRegression(features, aligned)
        self.attention = PredefinedAttentions()
        self.refine = nn.ModuleList(Refinement(unit) for _ in range(units))
        self.local = nn.ModuleList(HighLevel(unit) for _ in range(units))
        self.whole = HighLevel(unit)
        self.decision = Decision(
            nn.Linear(features, embedding),
            UnitGraph(embedding, node, node),
            nn.Sequential(
                nn.Linear(2 * features + units * node, hidden), nn.Linear(hidden, 2 * units)
            ),
        )

    def describe(self, image: Tensor) -> FaceFeatures:
        """Float RGB [N, 3, 176, 176] in [0, 1] -> what the action units are decided from."""
        region = self.region(image - 0.5)
        align = self.align(region)
        landmarks = self.landmarks(align)
        maps = self.attention(landmarks)
        local = [
            branch(region * refine(attention))
            for branch, refine, attention in zip(self.local, self.refine, maps, strict=True)
        ]
        return FaceFeatures(align, self.whole(region), torch.stack(local, 1), landmarks)

    def forward(self, image: Tensor) -> ActionUnits:
        """Float RGB [N, 3, 176, 176] in [0, 1] -> ActionUnits with logits [N, 12, 2].

        The logits are log-probabilities of (absent, present).
        """
        seen = self.describe(image)
        pairs = self.decision(seen).reshape(-1, len(ACTION_UNITS), 2)
        logits = F.log_softmax(pairs, -1)
        return ActionUnits(logits, logits.exp()[:, :, 1], seen.landmarks)

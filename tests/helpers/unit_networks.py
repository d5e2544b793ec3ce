"""Action-unit networks for tests."""

from __future__ import annotations

import torch

from facedge.models.au_gcn_edge import AuGcnEdge


def decided(seed: int = 0) -> AuGcnEdge:
    """Untrained, in evaluation mode, with probabilities far from one half.

    The classifier's own scale leaves every one of them there.
    """
    torch.manual_seed(seed)
    made = AuGcnEdge().eval()
    with torch.no_grad():
        made.decision.classify.weight.mul_(20)
    return made

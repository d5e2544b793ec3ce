"""A bundle in the place of its network, so that what ships is measured as it is played."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import torch
from torch import Tensor, nn

from facedge.models.contract import ActionUnits, SuperResolved
from facedge.runtime.session import AuResult, Session


class Played(nn.Module):
    """Float pictures in, results out, through a bundle's own bytes.

    Args:
        bundle: the bundle's folder.
        backend: as for :class:`facedge.runtime.session.Session`.

    Attributes:
        session: what plays it.

    Raises:
        BundleError: the bundle is damaged.
        BackendError: no backend here can play it.
    """

    def __init__(self, bundle: Path, backend: str = "auto") -> None:
        super().__init__()
        self.session = Session(bundle, backend)

    def forward(self, image: Tensor) -> SuperResolved | ActionUnits:
        """Float RGB [N, 3, h, h] in [0, 1] -> the last step alone, or action units."""
        levels = torch.round(image.clamp(0, 1) * 255).to(torch.uint8)
        found = self.session(np.ascontiguousarray(levels.permute(0, 2, 3, 1).cpu().numpy()))
        if isinstance(found, AuResult):
            probabilities = torch.from_numpy(found.probabilities)
            logits = torch.logit(probabilities.double()).float()
            return ActionUnits(logits, probabilities, torch.from_numpy(found.landmarks))
        picture = torch.from_numpy(found).permute(0, 3, 1, 2).float() / 255
        return SuperResolved((picture,), torch.empty(0))

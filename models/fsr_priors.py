"""S2: feedback network with facial landmarks embedded after step 1, action units after step 2.

After "Face Super-Resolution with Progressive Embedding of Multi-scale Face Priors"
(arXiv 2210.06002). Backbone, hourglass and fusion after DIC, AU maps after JAA-Net
(docs/models.md).
"""

from __future__ import annotations

from torch import Tensor, nn

from .action_unit_maps import ActionUnitPrior
from .contract import ACTION_UNITS, SuperResolved
from .feedback import FeedbackNet
from .fusion import PriorFusion
from .hourglass import COMPONENTS, ComponentMaps, LandmarkNet


class FsrPriors(FeedbackNet):
    """Recurrent network with global and local face priors, 16x16 -> 128x128.

    Landmarks of the first step's picture steer every later step, action units of the second
    step's picture every step after that.

    Args:
        steps: recurrent steps T.
        width: channels nf.
        groups: pairs of projections G.
        fusion_blocks: residual blocks of each prior fusion.
    """

    def __init__(
        self, steps: int = 3, width: int = 48, groups: int = 6, fusion_blocks: int = 2
    ) -> None:
        super().__init__(steps, width, groups)
        parts, units = len(COMPONENTS), len(ACTION_UNITS)
        self.landmarks = LandmarkNet()
        self.components = ComponentMaps()
        self.embed_landmarks = nn.Conv2d(parts, parts, 1)
        self.fuse_landmarks = PriorFusion(width, parts, width, fusion_blocks)
        self.action_units = ActionUnitPrior()
        self.embed_units = nn.Conv2d(units, units, 1)
        self.fuse_units = PriorFusion(width, units, width // 2, fusion_blocks)

    def forward(
        self, image: Tensor, state: Tensor | None = None, steps: int | None = None
    ) -> SuperResolved:
        """Restore faces.

        Args:
            image: float RGB [N, 3, 16, 16] in [0, 1].
            state: hidden state [N, width, 32, 32] of an earlier frame; None is zeros.
            steps: how many steps to run, 1..T; all when None.

        Returns:
            Each step's picture, float [N, 3, 128, 128], not clipped, the last hidden state, and
            the priors that these steps used: heatmaps from two steps on, AU probabilities from
            three.
        """
        base, x = self.base(image), self.features(image)
        hidden = self.begin(x, state)
        pictures = [base + self.reconstruct(hidden)]
        heatmaps = parts = maps = probabilities = None
        for step in range(1, steps or self.steps):
            if step == 1:
                heatmaps = self.landmarks(pictures[-1])
                parts = self.embed_landmarks(self.components(heatmaps))
            elif step == 2:
                units, probabilities = self.action_units(pictures[-1], heatmaps)
                maps = self.embed_units(units)
            features = self.fuse_landmarks(self.enter(x, hidden), parts)
            if maps is not None:
                features = self.fuse_units(features, maps)
            hidden = self.later(features)
            pictures.append(base + self.reconstruct(hidden))
        return SuperResolved(tuple(pictures), hidden, heatmaps, probabilities)

"""S1 teacher: feedback network with progressively embedded edges.

After "Teacher-Student Network for Real-World Face Super-Resolution with Progressive Embedding
of Edge Information" (arXiv 2405.04778): Canny edges of the first step's picture steer the
second step, the difference of Gaussians of the second step's picture the third. Backbone and
fusion after SRFBN and DIC (docs/models.md).
"""

from __future__ import annotations

from torch import Tensor, nn

from .contract import SuperResolved
from .edges import Canny, DifferenceOfGaussians
from .feedback import FACTOR, FeedbackNet
from .fusion import PriorFusion


class FsrTeacher(FeedbackNet):
    """Recurrent teacher network, 16x16 -> 128x128.

    Args:
        steps: recurrent steps T.
        width: channels nf.
        groups: pairs of projections G.
        maps: maps K that the edges are embedded in.
        fusion_blocks: residual blocks of the prior fusion.
    """

    def __init__(
        self,
        steps: int = 3,
        width: int = 48,
        groups: int = 6,
        maps: int = 4,
        fusion_blocks: int = 2,
    ) -> None:
        super().__init__(steps, width, groups)
        self.edges = nn.ModuleList([Canny(), DifferenceOfGaussians()])
        # A 4x4 convolution of stride 4 is space-to-depth followed by a 1x1 convolution.
        self.embed = nn.ModuleList([nn.Conv2d(1, maps, FACTOR, stride=FACTOR) for _ in self.edges])
        self.fuse = PriorFusion(width, maps, width, fusion_blocks)

    def prior(self, step: int, image: Tensor) -> Tensor:
        """Maps of the previous step's edges: [N, 3, 128, 128] -> [N, K, 32, 32].

        The second step takes Canny edges, all later ones difference of Gaussians.
        """
        which = min(step, len(self.edges)) - 1
        out: Tensor = self.embed[which](self.edges[which](image))
        return out

    def forward(
        self, image: Tensor, state: Tensor | None = None, steps: int | None = None
    ) -> SuperResolved:
        """Restore faces.

        Args:
            image: float RGB [N, 3, 16, 16] in [0, 1].
            state: hidden state [N, width, 32, 32] of an earlier frame; None is zeros.
            steps: how many steps to run, 1..T; all when None.

        Returns:
            Each step's picture, float [N, 3, 128, 128], not clipped, and the last hidden state.
        """
        base, x = self.base(image), self.features(image)
        hidden = self.begin(x, state)
        pictures = [base + self.reconstruct(hidden)]
        for step in range(1, steps or self.steps):
            maps = self.prior(step, pictures[-1])
            hidden = self.later(self.fuse(self.enter(x, hidden), maps))
            pictures.append(base + self.reconstruct(hidden))
        return SuperResolved(tuple(pictures), hidden)

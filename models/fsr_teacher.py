"""S1 teacher: the recurrent network with progressively embedded edges at a width of its own.

After "Teacher-Student Network for Real-World Face Super-Resolution with Progressive Embedding
of Edge Information" (arXiv 2405.04778): Canny edges of the first step's picture steer the
second step, the difference of Gaussians of the second step's picture the third. The teacher is
never deployed, so its channels follow quality alone (docs/models.md).
"""

from __future__ import annotations

from .fsr_student import FsrStudent


class FsrTeacher(FsrStudent):
    """The student's recurrence with more channels and blocks: it can begin as a grown student.

    Args:
        scale: 8 (16 -> 128) or 4 (32 -> 128).
        steps: recurrent steps T; every step shares one set of weights.
        width: channels on the 32x32 grid.
        deep: channels on the 16x16 grid.
        deep_blocks: residual blocks on the 16x16 grid.
    """

    def __init__(
        self, scale: int = 8, steps: int = 3, width: int = 96, deep: int = 192, deep_blocks: int = 4
    ) -> None:
        super().__init__(scale, steps, width, deep, deep_blocks)

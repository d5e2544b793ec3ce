"""Validation of super-resolution networks in training: figures, and a sheet of pictures."""

from __future__ import annotations

from pathlib import Path

from torch import nn

from .data import Faces
from .degradation import Degradation, DeNet
from .loop import Trainer
from .networks import Learner
from .quality import Degrade, evaluate
from .sheet import write_sheet


class Validation:
    """Measures the averaged network on held-out faces and writes ``sheet.png``.

    Args:
        trainer: whose objective trains a :class:`Learner`.
        faces: held-out faces.
        scale: of the network.
        out: folder of the sheet.
        degradation: a learned degradation on which the network is measured as well.
    """

    def __init__(
        self,
        trainer: Trainer,
        faces: Faces,
        scale: int,
        out: Path,
        degradation: DeNet | None = None,
    ) -> None:
        self.trainer, self.faces, self.scale, self.out = trainer, faces, scale, out
        self.degradation = degradation

    @property
    def network(self) -> nn.Module:
        """The averaged network."""
        learner = self.trainer.averaged_model
        assert isinstance(learner, Learner)
        return learner.network

    def __call__(self) -> dict[str, float]:
        """PSNR of luma of bicubic and every step, and on degraded faces where there are any."""
        found = evaluate(self.network, self.faces, self.scale, ssim=False)
        figures = {"psnr/bicubic": found.bicubic.psnr_y}
        figures |= {f"psnr/step_{i}": step.psnr_y for i, step in enumerate(found.steps, 1)}
        if self.degradation is not None:
            degrade: Degrade = Degradation(self.degradation)
            found = evaluate(self.network, self.faces, self.scale, ssim=False, degrade=degrade)
            figures |= {
                "degraded/bicubic": found.bicubic.psnr_y,
                "degraded/last": found.steps[-1].psnr_y,
            }
        write_sheet(self.network, self.faces, self.scale, self.out / "sheet.png")
        return figures

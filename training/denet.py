"""Recipe of the learned degradation (S1): ``python -m facedge.training.denet --help``."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Annotated

import cv2
import numpy as np
import torch
import typer
from torch import Tensor, nn
from torch.nn import functional as F

from facedge.files import write_file

from . import options, parallel
from .command import command
from .data import Batches, Faces, read_faces
from .degradation import Critic, DeNet, noise_for, save_degradation
from .degrade import down
from .loop import Options, Trainer
from .objective import Batch, Term
from .quality import to_uint8
from .real import read_real
from .run import train
from .schedule import Schedule

CONTENT, CRITIC = 10.0, 0.1


class Pair(nn.Module):
    """The degradation and its critic, trained side by side."""

    def __init__(self, scale: int) -> None:
        super().__init__()
        self.degrade, self.critic = DeNet(scale), Critic()


class AdversarialDegradation:
    """DeNet against a critic: near the bicubic picture, and like a real one.

    Least-squares losses (arXiv 1611.04076); the critic's and DeNet's parameters move at once.

    Args:
        faces: high-resolution batches.
        real: batches of real low-resolution faces, of the result's size.
        scale: of the degradation.
        adversarial: weight of the critic's opinion beside the content loss.
        seed: of the noise.
    """

    def __init__(
        self, faces: Batches, real: Batches, scale: int, adversarial: float, seed: int = 0
    ) -> None:
        self.faces, self.real = faces, real
        self.adversarial, self.seed = adversarial, seed
        self.model: Pair = Pair(scale)

    def batch(self, iteration: int) -> Batch:
        truth, real = self.faces[iteration], self.real[iteration]
        generator = torch.Generator().manual_seed(self.seed * 1_000_003 + iteration)
        return truth, real, noise_for(len(truth), real.shape[-1], generator)

    def terms(self, batch: Batch, progress: float) -> Sequence[Term]:
        truth, real, noise = batch
        degrade, critic = self.model.degrade, self.model.critic
        fake = degrade(truth, noise)
        # Squared: an absolute difference would hold every pixel at the bicubic one.
        content = CONTENT * F.mse_loss(fake.float(), down(truth, degrade.scale))
        fooled = (critic(fake).float() - 1).square().mean()
        judged = (critic(real).float() - 1).square().mean() + critic(
            fake.detach()
        ).float().square().mean()
        return (
            Term("content", content, degrade),
            Term("adversarial", self.adversarial * fooled, degrade),
            Term("critic", CRITIC * judged, critic),
        )


def detail(images: Tensor) -> float:
    """Mean absolute Laplacian of the luma, in grey levels: how much fine detail there is."""
    luma = images.mean(1, keepdim=True) * 255
    kernel = torch.tensor([[0.0, 1.0, 0.0], [1.0, -4.0, 1.0], [0.0, 1.0, 0.0]])[None, None]
    return float(F.conv2d(luma, kernel).abs().mean())


def main(
    data: Annotated[Path, typer.Option(help="Folder of aligned 128x128 faces.")],
    real: Annotated[Path, typer.Option(help="Folder of real low-resolution faces.")],
    out: options.Out,
    scale: Annotated[int, typer.Option(help="8 (128 -> 16) or 4 (128 -> 32).")] = 8,
    hours: options.Hours = None,
    iterations: options.Iterations = None,
    batch: options.Batch = 32,
    rate: options.Rate = 5e-4,
    warmup: options.Warmup = 0.02,
    adversarial: Annotated[float, typer.Option(help="Weight of the adversarial loss.")] = 0.02,
    seed: options.Seed = 0,
    workers: options.Workers = 2,
    device: options.DeviceName = "auto",
    precision: options.Precision = "auto",
    save_every: options.SaveEvery = 200,
    check_every: options.CheckEvery = 0,
    tensorboard: options.Tensorboard = False,
) -> None:
    """Learn how real cameras degrade faces; writes denet.safetensors into --out."""
    # Spectral normalisation counts its own calls, as batch normalisation does: one worker.
    torch.set_num_threads(workers)
    where = parallel.choose(device, precision)
    torch.manual_seed(seed)
    faces, lows = read_faces(data), read_real(real, 128 // scale)
    objective = AdversarialDegradation(
        Batches(faces.pixels, batch, seed, warp=0.5),
        Batches(lows.pixels, batch, seed + 1, jitter=0.0),
        scale,
        adversarial,
        seed,
    )
    trainer = Trainer(
        objective,
        f"denet scale {scale}",
        options.budget(iterations, hours),
        Schedule(peak=rate, warmup=warmup),
        Options(part=batch, workers=1),
        device=where,
        seed=seed,
    )

    def check() -> Mapping[str, float]:
        return _show(trainer.averaged_model.degrade, faces, lows, out)  # type: ignore[arg-type]

    train(
        trainer,
        out,
        check,
        pace=options.pace(save_every, check_every),
        per_epoch=objective.faces.per_epoch,
        tensorboard=tensorboard,
    )
    if where.first:
        net: DeNet = trainer.averaged_model.degrade  # type: ignore[assignment]
        save_degradation(
            net,
            out / "denet.safetensors",
            {"licence": "research use only", "iterations": str(trainer.iteration)},
        )


def _show(net: DeNet, faces: Faces, real: Faces, out: Path) -> dict[str, float]:
    """Write ``sheet.png``: faces, bicubic, degraded, and real ones; detail of each row."""
    count, generator = 12, torch.Generator().manual_seed(0)
    rows = np.linspace(0, len(faces) - 1, 256).astype(int)
    truth = torch.from_numpy(faces.pixels[rows]).permute(0, 3, 1, 2).float() / 255
    small = down(truth, net.scale)
    where = next(net.parameters()).device
    with torch.no_grad():
        noise = noise_for(len(truth), small.shape[-1], generator)
        learned = net.eval()(truth.to(where), noise.to(where)).cpu().clamp(0, 1)
    others = torch.from_numpy(real.pixels).permute(0, 3, 1, 2).float() / 255
    shown = others[np.linspace(0, len(others) - 1, count).astype(int)]
    enlarged = [
        F.interpolate(x[:: 256 // count][:count], size=(128, 128)) for x in (small, learned)
    ]
    lines = [truth[:: 256 // count][:count], *enlarged, F.interpolate(shown, size=(128, 128))]
    sheet = np.vstack([np.hstack(list(to_uint8(line))) for line in lines])
    ok, encoded = cv2.imencode(".png", np.ascontiguousarray(sheet[:, :, ::-1]))
    assert ok, "PNG encoding of a uint8 picture cannot fail"
    write_file(out / "sheet.png", encoded.tobytes())
    return {
        "detail/bicubic": detail(small),
        "detail/learned": detail(learned),
        "detail/real": detail(others),
        "from_bicubic": float((learned - small).abs().mean()),
    }


if __name__ == "__main__":
    command(main)

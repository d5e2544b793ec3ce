"""Every figure of a super-resolution model's card: pictures, action units, landmarks."""

from __future__ import annotations

import math
from dataclasses import asdict, dataclass
from functools import partial

import numpy as np
from numpy.typing import NDArray
from torch import nn

from facedge.progress import Stages

from .au_agreement import Agreement, Reading, agreement, read_units
from .au_crop import au_crop, au_points
from .degrade import bicubic
from .landmark_error import error_percent
from .quality import Degrade, Quality, Restored, consistency_db, degraded, measure, restore


@dataclass(frozen=True)
class Figures:
    """Figures of one set of pictures: the truth, bicubic, or a step.

    Attributes:
        quality: against the truth; None for the truth itself.
        agreement: of action units with the truth; None for the truth itself.
        nme_percent: error of the 49 landmarks that the action-unit network finds; None where
            no landmarks were given.
    """

    quality: Quality | None
    agreement: Agreement | None
    nme_percent: float | None

    def record(self) -> dict[str, object]:
        """Plain data for JSON; what is no finite number is None."""
        values: dict[str, object] = {}
        if self.quality:
            values |= asdict(self.quality)
        if self.agreement:
            values |= {f"au_{name}": value for name, value in asdict(self.agreement).items()}
        return _finite({**values, "nme_percent": self.nme_percent})


@dataclass(frozen=True, eq=False)
class FaceQuality:
    """What a super-resolution network makes of faces whose truth is known.

    Attributes:
        pictures: how many faces.
        truth: figures of the true faces: what the landmark error can reach.
        bicubic: of the input enlarged by bicubic.
        steps: of each step's pictures.
        heatmap_nme_percent: error of the 68 landmarks the network itself predicts, None where it
            predicts none or no landmarks were given.
        restored: the pictures, for a sheet.
        first: number of the first of ``steps``; a bundle gives its last alone.
    """

    pictures: int
    truth: Figures
    bicubic: Figures
    steps: tuple[Figures, ...]
    heatmap_nme_percent: float | None
    restored: Restored
    first: int = 1

    @property
    def rows(self) -> tuple[tuple[str, Figures], ...]:
        """Named figures: truth, bicubic, step 1, ..."""
        steps = ((f"step {index}", figures) for index, figures in enumerate(self.steps, self.first))
        return (("truth", self.truth), ("bicubic", self.bicubic), *steps)

    @property
    def gain(self) -> float:
        """Luma PSNR of the last step over bicubic, in dB."""
        assert self.steps[-1].quality
        assert self.bicubic.quality
        return self.steps[-1].quality.psnr_y - self.bicubic.quality.psnr_y

    def record(self) -> dict[str, object]:
        """Plain data for JSON."""
        return {
            "pictures": self.pictures,
            "truth": self.truth.record(),
            "bicubic": self.bicubic.record(),
            "steps": [figures.record() for figures in self.steps],
            **_finite({"gain_db": self.gain, "heatmap_nme_percent": self.heatmap_nme_percent}),
        }


@dataclass(frozen=True, eq=False)
class RealQuality:
    """What a network makes of faces that are small themselves.

    Attributes:
        pictures: how many faces.
        bicubic: LR consistency of bicubic enlargement in dB (:func:`quality.consistency_db`).
        steps: of each step.
        restored: the pictures, for a sheet.
    """

    pictures: int
    bicubic: float
    steps: tuple[float, ...]
    restored: Restored

    def record(self) -> dict[str, object]:
        """Plain data for JSON."""
        return {
            "pictures": self.pictures,
            "bicubic_consistency_db": self.bicubic,
            "steps_consistency_db": list(self.steps),
        }


def evaluate_faces(
    model: nn.Module,
    truth: NDArray[np.uint8],
    input_size: int,
    reader: nn.Module,
    *,
    points: NDArray[np.float32] | None = None,
    degrade: Degrade | None = None,
    stages: Stages | None = None,
    first: int = 1,
) -> FaceQuality:
    """Take every figure of bicubic and of each step.

    Args:
        model: a super-resolution network for 128x128 faces.
        truth: aligned faces, uint8 RGB [N, 128, 128, 3].
        input_size: side of the network's input in pixels.
        reader: the action-unit network that compares faces.
        points: true landmarks float32 [N, 68, 2] in pixels of the face, or None.
        degrade: makes the network's input; antialiased bicubic when None.
        stages: shows progress.
        first: number of the first step that the model gives.

    Raises:
        InputError: the degradation gives another size than the network takes, or landmarks do
            not fit.
    """
    stages = stages or Stages(quiet=True)
    with stages.stage(f"Restoring {len(truth)} faces") as stage:
        small = degraded(truth, degrade or partial(bicubic, size=input_size))
        restored = restore(model, small, advance=stage.advance)
    with stages.stage("Comparing pictures") as stage:
        found = measure(restored, truth, advance=stage.advance)
    sets = (truth, *restored.pictures)
    with stages.stage("Reading action units") as stage:
        readings = []
        for index, pictures in enumerate(sets):
            readings.append(read_units(reader, au_crop(pictures)))
            stage.advance(index + 1, len(sets))
    crop_points = None if points is None else au_points(points)
    own = restored.points
    return FaceQuality(
        len(truth),
        _figures(None, readings[0], None, crop_points),
        _figures(found.bicubic, readings[1], readings[0], crop_points),
        tuple(
            _figures(quality, reading, readings[0], crop_points)
            for quality, reading in zip(found.steps, readings[2:], strict=True)
        ),
        None if own is None or points is None else error_percent(own, points),
        restored,
        first,
    )


def evaluate_real(
    model: nn.Module, small: NDArray[np.uint8], stages: Stages | None = None
) -> RealQuality:
    """How well restored faces explain real low-resolution ones, which have no truth.

    Args:
        model: a super-resolution network.
        small: uint8 RGB [N, h, h, 3] of the network's input size.
        stages: shows progress.
    """
    stages = stages or Stages(quiet=True)
    with stages.stage(f"Restoring {len(small)} real faces") as stage:
        restored = restore(model, small, advance=stage.advance)
        bicubic_db, *steps = (consistency_db(pictures, small) for pictures in restored.pictures)
    return RealQuality(len(small), bicubic_db, tuple(steps), restored)


def _figures(
    quality: Quality | None,
    reading: Reading,
    true: Reading | None,
    points: NDArray[np.float32] | None,
) -> Figures:
    return Figures(
        quality,
        agreement(reading.probabilities, true.probabilities) if true else None,
        None if points is None else error_percent(reading.landmarks, points),
    )


def _finite(values: dict[str, object]) -> dict[str, object]:
    return {
        name: None if isinstance(value, float) and not math.isfinite(value) else value
        for name, value in values.items()
    }

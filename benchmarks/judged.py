"""Quality of every contender on the same pictures, so that a fast one cannot be a bad one."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Any

import numpy as np
from numpy.typing import NDArray

from facedge.metrics import psnr, psnr_y

from .machine import Record
from .statistics import Floats as Numbers
from .statistics import Ratio, bootstrap_mean

if TYPE_CHECKING:
    from facedge.models.contract import ModelSpec

Array = NDArray[Any]
Outputs = tuple[Array, ...]
"""uint8 [N, H, W, 3], or probabilities float32 [N, 12] and landmarks float32 [N, 49, 2]."""

PICTURES = 64
"""Pictures to calibrate on, and at most to judge every contender on."""

JUDGE_BUDGET = 160e9
"""Multiply-accumulates spent on judging one contender: seconds on two cores."""

_FEWEST = 8

IDENTICAL_DB = 100.0
_AU_SCALES = (1.0, 176.0)
_BATCH = 8


class Judged(Record, frozen=True):
    """Quality of one contender.

    Attributes:
        pictures: it was measured on.
        psnr_y: mean luma PSNR against the ground truth in dB; None where there is none.
        agreement: PSNR in dB against torch eager, 100 where both are equal.
        difference: largest absolute difference from torch eager as a share of full scale: grey
            levels / 255, probabilities, landmarks / 176 pixels.
        decisions: percentage of action-unit decisions equal to torch eager's; None for pictures.
    """

    pictures: int
    psnr_y: float | None
    agreement: float
    difference: float
    decisions: float | None = None


@dataclass(frozen=True)
class Pictures:
    """What contenders are judged on and calibrated with.

    Attributes:
        images: uint8 [N, h, w, 3].
        truths: uint8 [H, W, 3] each, or None where there is no ground truth.
        calibration: uint8 [M, h, w, 3].
    """

    images: NDArray[np.uint8]
    truths: tuple[NDArray[np.uint8], ...] | None
    calibration: NDArray[np.uint8]


def pictures(spec: ModelSpec, folder: Path | None, macs: int) -> Pictures:
    """As a build chooses them: those with a ground truth to judge on, the first to calibrate on.

    Args:
        spec: the model.
        folder: pictures; None takes the embedded ones.
        macs: multiply-accumulates of the model, which decide how many are judged on.

    Raises:
        InputError: the folder has no pictures.
    """
    from facedge.calibration.samples import samples
    from facedge.calibration.sources import open_source
    from facedge.export.reference import gate_set

    count = int(min(PICTURES, max(_FEWEST, JUDGE_BUDGET / max(macs, 1))))
    judged = gate_set(samples(open_source(folder, limit=4 * PICTURES), spec), count)
    shown = [row.input for row in samples(open_source(folder, limit=PICTURES), spec)]
    return Pictures(judged.images, judged.truths, np.stack(shown))


def as_bytes(outputs: Outputs) -> Outputs:
    """Float pictures NCHW in [0, 1] as the bytes a user sees; action units as they are."""
    if len(outputs) != 1:
        return outputs
    levels = np.rint(np.clip(outputs[0], 0, 1) * np.float32(255)).astype(np.uint8)
    return (levels.transpose(0, 2, 3, 1),)


def play(run: Callable[[Array], Outputs], images: Array, batch: int = _BATCH) -> Outputs:
    """All pictures, a few at a time; outputs are copies."""
    parts = [
        tuple(np.array(out) for out in run(np.ascontiguousarray(images[i : i + batch])))
        for i in range(0, len(images), batch)
    ]
    return tuple(np.concatenate(column) for column in zip(*parts, strict=True))


def judge(found: Outputs, expected: Outputs, truths: Sequence[Array] | None) -> Judged:
    """Hold outputs against torch eager's and, where there is one, the ground truth."""
    scales = (255.0,) if len(found) == 1 else _AU_SCALES
    difference = max(
        float(np.abs(a.astype(np.float64) - b.astype(np.float64)).max()) / scale
        for a, b, scale in zip(found, expected, scales, strict=True)
    )
    decisions = None
    if len(found) > 1:
        decisions = 100.0 * float(np.mean((found[0] > 0.5) == (expected[0] > 0.5)))
    measured = pictures_psnr(found, truths)
    return Judged(
        pictures=len(found[0]),
        psnr_y=None if measured is None else float(measured.mean()),
        agreement=min(psnr(found[0], expected[0], scales[0]), IDENTICAL_DB),
        difference=difference,
        decisions=decisions,
    )


def largest_difference(a: Outputs, b: Outputs) -> float:
    """``Judged.difference`` between two contenders."""
    return judge(a, b, None).difference


def pictures_psnr(found: Outputs, truths: Sequence[Array] | None) -> Numbers | None:
    """Luma PSNR of each picture in dB (``facedge.metrics``); None without ground truth."""
    if truths is None or len(found) != 1:
        return None
    return np.array([psnr_y(a, b) for a, b in zip(found[0], truths, strict=True)])


def gain(a: Outputs, b: Outputs, truths: Sequence[Array]) -> Ratio:
    """Mean PSNR of ``a`` minus that of ``b`` in dB, with the interval over the pictures."""
    first, second = pictures_psnr(a, truths), pictures_psnr(b, truths)
    assert first is not None
    assert second is not None
    return bootstrap_mean(first - second)

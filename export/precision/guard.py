"""What does not survive FP16: numbers too large, too small, or thresholds it cannot hold."""

from __future__ import annotations

import numpy as np
from numpy.typing import NDArray

FP16_MAX = 65504.0
FP16_SMALLEST_NORMAL = 2.0**-14
HEADROOM = 0.25
"""Part of FP16's range a calibrated tensor may fill; the rest is for pictures not yet seen."""
MATERIAL_LOSS = 2.0**-7
"""Relative error of a channel's weights from which FP16 counts as lossy (healthy is 2^-12)."""
COMPARISONS = ("Greater", "GreaterOrEqual", "Less", "LessOrEqual", "Equal")


def activation_risk(tensor: str, low: float, high: float) -> str | None:
    """Why a tensor of this calibrated range must not be FP16, or None."""
    largest = max(abs(low), abs(high))
    if largest > HEADROOM * FP16_MAX:
        return (
            f"tensor '{tensor}' reaches {largest:.6g}, above {HEADROOM:g} of FP16's "
            f"largest number {FP16_MAX:g}"
        )
    if 0 < largest < FP16_SMALLEST_NORMAL:
        return (
            f"tensor '{tensor}' stays below {largest:.4g}, "
            f"under FP16's smallest normal number {FP16_SMALLEST_NORMAL:.4g}"
        )
    return None


def constant_risk(name: str, array: NDArray[np.generic], exact: bool = False) -> str | None:
    """Why a constant must not be FP16, or None.

    Args:
        name: its name, for the sentence.
        array: float values of any shape; the first axis is taken as channels where there are two
            or more axes.
        exact: it is a threshold, and has to be representable.
    """
    values = np.asarray(array, np.float64)
    finite = values[np.isfinite(values)]
    if not finite.size:
        return None
    largest = float(np.abs(finite).max())
    if largest > FP16_MAX:
        return f"constant '{name}' holds {largest:.4g}, above FP16's largest number {FP16_MAX:g}"
    half = finite.astype(np.float16).astype(np.float64)
    if exact:
        worst = int(np.abs(half - finite).argmax())
        if half[worst] != finite[worst]:
            return f"threshold '{name}' is {finite[worst]:.9g}, which FP16 cannot hold exactly"
        return None
    rows = values.reshape(values.shape[0], -1) if values.ndim > 1 else values.reshape(1, -1)
    rows = np.where(np.isfinite(rows), rows, 0.0)
    size = np.linalg.norm(rows, axis=1)
    error = np.linalg.norm(rows - rows.astype(np.float16).astype(np.float64), axis=1)
    relative = np.divide(error, size, out=np.zeros_like(error), where=size > 0)
    loss = float(relative.max())
    if loss > MATERIAL_LOSS:
        return f"constant '{name}' underflows: FP16 changes a channel by {100 * loss:.3g} %"
    return None

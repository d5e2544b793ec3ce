"""The arithmetic of linear quantisation, as ONNX's QuantizeLinear defines it.

q = saturate(round_half_even(x / scale) + zero_point);  x' = (q - zero_point) * scale.
"""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

_SMALLEST_SCALE = 2.0**-40


@dataclass(frozen=True)
class Grid:
    """One tensor's quantisation.

    Attributes:
        scale: width of a step.
        zero_point: the integer that stands for 0.
        signed: whether its integers are s8 rather than u8.
    """

    scale: float
    zero_point: int
    signed: bool = False


def unsigned_grid(low: float, high: float) -> Grid:
    """Asymmetric u8 grid that covers [low, high] and holds 0 exactly.

    A range that starts at 0 gets zero point 0, so that the quantiser itself is the Relu.
    """
    low, high = min(low, 0.0), max(high, 0.0)
    scale = max((high - low) / 255.0, _SMALLEST_SCALE)
    zero_point = int(np.clip(np.rint(-low / scale), 0, 255))
    return Grid(float(np.float32(scale)), zero_point)


def signed_grid(low: float, high: float) -> Grid:
    """Symmetric s8 grid, zero point 0, that covers [low, high] with -127..127."""
    scale = max(abs(low), abs(high), 127 * _SMALLEST_SCALE) / 127.0
    return Grid(float(np.float32(scale)), 0, signed=True)


def cpu_grid(low: float, high: float) -> Grid:
    """Zero point 0: u8 for what has no negative values, else symmetric s8."""
    return unsigned_grid(low, high) if low >= 0 else signed_grid(low, high)


def channel_scales(
    weight: NDArray[np.float32], axis: int, top: int = 127, floor: float = _SMALLEST_SCALE
) -> NDArray[np.float32]:
    """Symmetric scale of every channel, float32 [channels].

    Args:
        weight: weights of any rank.
        axis: the output-channel axis.
        top: largest integer used; 127, or 63 for seven-bit weights.
        floor: smallest scale given, also to channels that are all zero.
    """
    others = tuple(i for i in range(weight.ndim) if i != axis)
    largest = np.abs(weight).max(axis=others)
    scales: NDArray[np.float32] = np.maximum(largest / top, floor).astype(np.float32)
    return scales


def quantise_channels(
    weight: NDArray[np.float32], scales: NDArray[np.float32], axis: int, top: int = 127
) -> NDArray[np.int8]:
    """Weights as int8 of the same shape, zero point 0."""
    shape = [1] * weight.ndim
    shape[axis] = -1
    steps = np.rint(weight.astype(np.float64) / scales.astype(np.float64).reshape(shape))
    return np.clip(steps, -top, top).astype(np.int8)


def quantise_bias(bias: NDArray[np.float32], scales: NDArray[np.float32]) -> NDArray[np.int32]:
    """Bias as int32 with scale s_x * s_w[c]; float32 [channels] both."""
    limit = np.iinfo(np.int32)
    steps = np.rint(bias.astype(np.float64) / scales.astype(np.float64))
    return np.clip(steps, limit.min, limit.max).astype(np.int32)

"""The mean face that landmark networks start from: 49 points in a 176x176 crop.

The 49-point order is the 68-point (iBUG) one without the jaw and the inner mouth corners:
points 17-59, 61-63 and 65-67, counted from 0. So brows are 0-9, nose 10-18, eyes 19-30, outer
mouth 31-42, inner mouth 43-48.
"""

from __future__ import annotations

from torch import Tensor, tensor

CROP = 176
"""Side of the picture S3 takes, in pixels: the centre of a 200x200 aligned face."""

DEVIATION = 5.0
"""Standard deviation of a landmark coordinate about the mean face, in pixels of the crop."""

# Mean over 4,777 aligned photographs (eyes at (53.5, 50) and (122.5, 50) of the crop).
# fmt: off
_POINTS = (
    (31.6, 40.1), (40.6, 32.9), (52.6, 30.6), (65.0, 32.0), (76.3, 36.0),
    (104.7, 35.3), (115.8, 31.3), (128.0, 29.7), (139.8, 31.9), (148.7, 38.9),
    (90.6, 51.8), (90.6, 64.5), (90.7, 76.6), (90.9, 89.0),
    (74.5, 100.9), (82.4, 103.6), (91.1, 105.2), (100.0, 103.5), (107.7, 100.7),
    (43.8, 55.2), (52.9, 50.6), (62.4, 50.6), (70.9, 56.5), (62.1, 58.5), (52.7, 58.4),
    (110.4, 56.0), (119.0, 50.0), (128.3, 49.9), (137.1, 54.6), (128.7, 57.8), (119.4, 58.0),
    (61.2, 126.6), (71.8, 121.0), (83.3, 117.8), (90.9, 119.7), (98.9, 117.8), (110.4, 120.9),
    (121.0, 126.1), (111.5, 136.3), (100.5, 142.3), (91.2, 143.4), (82.1, 142.5), (71.0, 136.7),
    (83.0, 124.7), (90.9, 125.6), (99.3, 124.7), (99.8, 132.4), (91.0, 133.4), (82.7, 132.5),
)
# fmt: on

LANDMARKS = len(_POINTS)


def mean_face() -> Tensor:
    """Mean landmarks, float32 [49, 2], x and y in pixels of the crop."""
    return tensor(_POINTS)

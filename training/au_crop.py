"""The 176x176 crop that action-unit networks take, cut from aligned faces and expressions.

Coordinates are pixel indices, x and y, an integer being the centre of a pixel, as in OpenCV.
"""

from __future__ import annotations

import cv2
import numpy as np
from numpy.typing import NDArray

from facedge.errors import InputError
from facedge.models.action_unit_maps import POINTS_49
from facedge.models.mean_face import CROP

FACE, EXPRESSION = 128, 200
"""Sides of the aligned pictures: super-resolved faces, and expressions."""

_EYE_OF_FACE, _EYE_OF_CROP = (39.5, 40.0), (53.5, 50.0)  # the eye on the left of the picture
_SCALE = 69 / 49  # distance of the eyes: (122.5 - 53.5) / (88.5 - 39.5)
_OFFSET = (EXPRESSION - CROP) // 2

FACE_TO_CROP: NDArray[np.float64] = np.array(
    [
        [_SCALE, 0.0, _EYE_OF_CROP[0] - _SCALE * _EYE_OF_FACE[0]],
        [0.0, _SCALE, _EYE_OF_CROP[1] - _SCALE * _EYE_OF_FACE[1]],
    ]
)
"""Similarity from an aligned 128x128 face to the crop: eyes at (39.5, 40) and (88.5, 40) go to
(53.5, 50) and (122.5, 50)."""


def au_crop(pixels: NDArray[np.uint8]) -> NDArray[np.uint8]:
    """Enlarge aligned faces to the crop, bilinear, the last row repeated below the chin.

    Args:
        pixels: uint8 [N, 128, 128, 3].

    Returns:
        uint8 [N, 176, 176, 3].

    Raises:
        InputError: the pictures have another shape or type.
    """
    _expect(pixels, FACE)
    out = np.empty((len(pixels), CROP, CROP, 3), np.uint8)
    for source, target in zip(pixels, out, strict=True):
        target[:] = cv2.warpAffine(
            source,
            FACE_TO_CROP,
            (CROP, CROP),
            flags=cv2.INTER_LINEAR,
            borderMode=cv2.BORDER_REPLICATE,
        )
    return out


def au_points(points68: NDArray[np.floating]) -> NDArray[np.float32]:
    """Landmarks of aligned 128x128 faces in the crop: [N, 68, 2] -> float32 [N, 49, 2]."""
    return (_chosen(points68) @ FACE_TO_CROP[:, :2].T + FACE_TO_CROP[:, 2]).astype(np.float32)


def expression_crop(pixels: NDArray[np.uint8]) -> NDArray[np.uint8]:
    """The centre of aligned expressions: uint8 [N, 200, 200, 3] -> [N, 176, 176, 3], a copy.

    Raises:
        InputError: the pictures have another shape or type.
    """
    _expect(pixels, EXPRESSION)
    inside = slice(_OFFSET, _OFFSET + CROP)
    return np.ascontiguousarray(pixels[:, inside, inside])


def expression_points(points68: NDArray[np.floating]) -> NDArray[np.float32]:
    """Landmarks of aligned 200x200 expressions in the crop: [N, 68, 2] -> float32 [N, 49, 2]."""
    return (_chosen(points68) - _OFFSET).astype(np.float32)


def _chosen(points68: NDArray[np.floating]) -> NDArray[np.float64]:
    if points68.ndim != 3 or points68.shape[1:] != (68, 2):
        raise InputError(f"landmarks [N, 68, 2] were expected; found {list(points68.shape)}")
    return points68[:, POINTS_49].astype(np.float64)


def _expect(pixels: NDArray[np.uint8], side: int) -> None:
    if pixels.dtype != np.uint8 or pixels.ndim != 4 or pixels.shape[1:] != (side, side, 3):
        raise InputError(
            f"uint8 pictures [N, {side}, {side}, 3] were expected; "
            f"found {pixels.dtype} {list(pixels.shape)}"
        )

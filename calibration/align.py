"""Cut faces out in the framing that the models are trained on."""

from __future__ import annotations

from pathlib import Path

import cv2
import numpy as np
import numpy.typing as npt

from facedge.errors import InputError
from facedge.pictures import Rgb

FRAME = 128
RIGHT_EYE, LEFT_EYE = (39.5, 40.0), (88.5, 40.0)
"""Where the person's right and left eye lie in a 128-pixel crop, x and y in pixels."""


def eye_transform(
    right: tuple[float, float], left: tuple[float, float], side: int
) -> npt.NDArray[np.float64]:
    """Similarity that brings two eyes into the framing of a ``side``-pixel crop.

    Args:
        right: x and y of the person's right eye (on the left in the picture), pixels.
        left: the other eye.
        side: side of the crop in pixels.

    Returns:
        float64 [2, 3], source pixels to crop pixels, as ``cv2.warpAffine`` takes it.
    """
    # Complex numbers: a similarity of the plane is z -> a z + b. Pixel centres lie at halves.
    source = np.array([complex(*right), complex(*left)]) + (0.5 + 0.5j)
    target = (np.array([complex(*RIGHT_EYE), complex(*LEFT_EYE)]) + (0.5 + 0.5j)) * side / FRAME
    a = (target[1] - target[0]) / (source[1] - source[0])
    b = target[0] - a * source[0] + (0.5 + 0.5j) * (a - 1.0)
    return np.array([[a.real, -a.imag, b.real], [a.imag, a.real, b.imag]])


def native_side(right: tuple[float, float], left: tuple[float, float]) -> int:
    """Side of the crop at which the face keeps its size in pixels."""
    distance = float(np.hypot(left[0] - right[0], left[1] - right[1]))
    return max(round(FRAME * distance / (LEFT_EYE[0] - RIGHT_EYE[0])), 1)


class FaceAligner:
    """Finds the most certain face of a picture with YuNet and cuts it out at its native size.

    Args:
        model: a YuNet ONNX file (libfacedetection; OpenCV's ``FaceDetectorYN``).
        min_score: detections below are no faces.

    Raises:
        InputError: the file is missing or OpenCV cannot use it.
    """

    def __init__(self, model: Path, min_score: float = 0.7) -> None:
        if not model.is_file():
            raise InputError(f"there is no face detector {model}; give a YuNet ONNX file")
        try:
            self._detector = cv2.FaceDetectorYN.create(str(model), "", (320, 320), min_score)
        except cv2.error as error:
            raise InputError(
                f"{model} is not a face detector OpenCV can use; give a YuNet ONNX file"
            ) from error

    def crop(self, rgb: Rgb) -> Rgb | None:
        """RGB uint8 [H, W, 3] -> the face, uint8 [s, s, 3], or None where there is none."""
        self._detector.setInputSize((rgb.shape[1], rgb.shape[0]))
        faces = self._detector.detect(np.ascontiguousarray(rgb[:, :, ::-1]))[1]
        if faces is None or not len(faces):
            return None
        best = faces[np.argmax(faces[:, 14])]
        right, left = (float(best[4]), float(best[5])), (float(best[6]), float(best[7]))
        side = native_side(right, left)
        matrix = eye_transform(right, left, side)
        face = cv2.warpAffine(
            rgb, matrix, (side, side), flags=cv2.INTER_LINEAR, borderMode=cv2.BORDER_REPLICATE
        )
        return np.asarray(face, np.uint8)

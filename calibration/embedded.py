"""The embedded default: faces from scikit-image's wheel, as a camera would have taken them.

The wheel holds, without a network, one sharp colour portrait (``astronaut``, public domain)
and 100 grey 25x25 faces (``lfw_subset``). Both are brought into the framing of ``align.py``
with random placement, then light, blur, noise and JPEG. Portraits are 128 pixels wide, so
they serve as ground truth; the small faces are real low resolution. It is enough for a first
build; a folder of one's own faces calibrates better.
"""

from __future__ import annotations

from collections.abc import Iterator

import cv2
import numpy as np
import numpy.typing as npt

from facedge.extras import require
from facedge.pictures import Rgb

from .align import FRAME, eye_transform

EMBEDDED_COUNT = 64
EMBEDDED_DESCRIPTION = "embedded faces of scikit-image (astronaut, lfw_subset), degraded"

_PORTRAIT_EYES = (203.4, 103.6), (247.5, 104.4)
_SMALL_EYES = (6.5, 8.8), (15.0, 8.8)
_SMALL_FACES = 100
_PORTRAIT_TURNS = (0, 3, 6)
_SKIN = np.array([1.12, 0.97, 0.86])


def embedded_faces(count: int = EMBEDDED_COUNT, seed: int = 0) -> Iterator[tuple[str, Rgb]]:
    """``count`` face crops: names and RGB uint8 [s, s, 3], s = 128 (3 of 8) or 18..28 (5 of 8).

    Picture ``i`` depends on ``i`` and ``seed`` alone, so that a smaller set is a prefix of a
    larger one.

    Raises:
        BackendError: scikit-image is not installed.
    """
    data = require("skimage.data", "export", "make the embedded calibration pictures")
    portrait: Rgb = data.astronaut()
    small = np.rint(data.lfw_subset()[:_SMALL_FACES] * 255).astype(np.uint8)
    for index in range(count):
        rng = np.random.default_rng([seed, index])
        group, turn = divmod(index, 8)
        if turn in _PORTRAIT_TURNS:
            name, side = f"astronaut-{index:04d}", FRAME
            face = _place(portrait, _PORTRAIT_EYES, side, rng)
            blur = rng.uniform(0.0, 1.0)
        else:
            which = (group * 5 + turn - 1 - (turn > 3) - (turn > 6)) % _SMALL_FACES
            name, side = f"lfw-{which:03d}-{index:04d}", int(rng.integers(18, 29))
            grey = np.repeat(small[which][:, :, None], 3, axis=2)
            face = _place(grey, _SMALL_EYES, side, rng)
            if rng.random() < 0.75:
                face = face * _SKIN
            blur = rng.uniform(0.0, 0.5)
        yield name, _photograph(face, blur, rng)


def _place(
    picture: Rgb,
    eyes: tuple[tuple[float, float], tuple[float, float]],
    side: int,
    rng: np.random.Generator,
) -> npt.NDArray[np.float64]:
    """Bring the face into the framing, a little moved, turned, scaled and perhaps mirrored."""
    matrix = np.vstack([eye_transform(*eyes, side), [0.0, 0.0, 1.0]])
    angle, scale = rng.normal(0.0, 3.0), rng.uniform(0.94, 1.06)
    jitter = np.vstack(
        [cv2.getRotationMatrix2D((side / 2, side / 2), angle, scale), [0.0, 0.0, 1.0]]
    )
    jitter[:2, 2] += rng.normal(0.0, 0.015 * side, 2)
    warped = cv2.warpAffine(
        picture,
        (jitter @ matrix)[:2],
        (side, side),
        flags=cv2.INTER_CUBIC,
        borderMode=cv2.BORDER_REFLECT_101,
    )
    if rng.random() < 0.5:
        warped = warped[:, ::-1]
    return warped.astype(np.float64)


def _photograph(face: npt.NDArray[np.float64], blur: float, rng: np.random.Generator) -> Rgb:
    """Light, lens, sensor and file format of a small camera: float [s, s, 3] -> uint8."""
    light = np.clip(face / 255.0, 0.0, 1.0) ** rng.uniform(0.8, 1.3)
    light = light * rng.uniform(0.7, 1.2) * rng.normal(1.0, 0.04, 3)
    if blur > 0.1:
        light = np.asarray(cv2.GaussianBlur(light, (0, 0), blur), np.float64)
    # Photon noise grows with the light, read-out noise does not.
    photon, readout = rng.uniform(0.0, 0.02), rng.uniform(0.0, 0.01)
    deviation = np.sqrt(photon**2 * np.clip(light, 0.0, 1.0) + readout**2)
    light = light + rng.normal(0.0, 1.0, light.shape) * deviation
    picture = np.rint(np.clip(light, 0.0, 1.0) * 255.0).astype(np.uint8)
    quality = int(rng.integers(70, 98))
    _, encoded = cv2.imencode(".jpg", picture[:, :, ::-1], [cv2.IMWRITE_JPEG_QUALITY, quality])
    decoded = np.asarray(cv2.imdecode(encoded, cv2.IMREAD_COLOR), np.uint8)
    return np.ascontiguousarray(decoded[:, :, ::-1])

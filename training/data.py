"""Face pictures in memory, and training batches that depend on the seed and iteration alone."""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path

import cv2
import numpy as np
import torch
from numpy.typing import NDArray
from torch import Tensor

from facedge.errors import InputError

PICTURES = (".jpg", ".jpeg", ".png", ".bmp", ".webp")


@dataclass(frozen=True)
class Faces:
    """A folder of aligned faces, decoded.

    Attributes:
        names: file names, sorted.
        pixels: uint8 RGB [N, size, size, 3].
    """

    names: tuple[str, ...]
    pixels: NDArray[np.uint8]

    def __len__(self) -> int:
        return len(self.names)


def read_faces(folder: Path, size: int = 128) -> Faces:
    """Decode every picture of a folder (not of its subfolders), in the order of their names.

    Args:
        folder: where the pictures are.
        size: side every picture must have, in pixels.

    Raises:
        InputError: no such folder, no picture in it, or one that cannot be read or has another
            size.
    """
    if not folder.is_dir():
        raise InputError(f"{folder} is not a folder; --data takes a folder of face pictures")
    paths = sorted(p for p in folder.iterdir() if p.suffix.lower() in PICTURES)
    if not paths:
        raise InputError(
            f"{folder} holds no picture; expected {size}x{size} files ending in "
            f"{', '.join(PICTURES)}"
        )
    pixels = np.empty((len(paths), size, size, 3), np.uint8)
    for row, path in zip(pixels, paths, strict=True):
        bgr = cv2.imread(str(path), cv2.IMREAD_COLOR)
        if bgr is None:
            raise InputError(f"{path} is not a readable picture; remove or replace it")
        if bgr.shape != row.shape:
            raise InputError(
                f"{path} is {bgr.shape[1]}x{bgr.shape[0]}; expected {size}x{size} aligned faces"
            )
        row[:] = bgr[:, :, ::-1]
    return Faces(tuple(p.name for p in paths), pixels)


def warp_matrix(size: int, rng: np.random.Generator) -> NDArray[np.float64]:
    """A random small movement: turned by up to 5 degrees, zoomed by 8 %, moved by 4 pixels.

    Returns:
        float64 [2, 3], taking x, y, 1 of a ``size`` x ``size`` picture to x, y of the moved one.
    """
    centre = (size - 1) / 2
    angle, zoom = rng.uniform(-5, 5), rng.uniform(0.92, 1.08)
    matrix = np.asarray(cv2.getRotationMatrix2D((centre, centre), angle, zoom), np.float64)
    matrix[:, 2] += rng.uniform(-4, 4, 2)
    return matrix


def moved(picture: NDArray[np.uint8], matrix: NDArray[np.float64]) -> NDArray[np.uint8]:
    """A picture under a movement: Lanczos, mirrored beyond the border; uint8 [size, size, 3]."""
    size = picture.shape[0]
    result = cv2.warpAffine(
        picture,
        matrix,
        (size, size),
        flags=cv2.INTER_LANCZOS4,
        borderMode=cv2.BORDER_REFLECT_101,
    )
    return np.asarray(result, np.uint8)


def warped(picture: NDArray[np.uint8], rng: np.random.Generator) -> NDArray[np.uint8]:
    """A picture under a random small movement (:func:`warp_matrix`).

    A shift of a few pixels is another phase of the low-resolution grid, so that a network cannot
    know a face by its few pixels.

    Args:
        picture: uint8 RGB [size, size, 3].
    """
    return moved(picture, warp_matrix(picture.shape[0], rng))


@dataclass(frozen=True)
class Drawn:
    """A batch and where it came from.

    Attributes:
        images: float32 RGB [batch, 3, size, size] in [0, 1], at uint8 levels.
        chosen: int64 [batch], rows of the data.
        matrices: float64 [batch, 2, 3], from x, y, 1 of the data's picture to the batch's.
        mirrored: bool [batch], whether left and right were exchanged.
    """

    images: Tensor
    chosen: NDArray[np.int64]
    matrices: NDArray[np.float64]
    mirrored: NDArray[np.bool_]


class Batches:
    """Shuffled, augmented batches; batch ``i`` is a function of the seed and ``i`` alone.

    Nothing needs saving to resume: every epoch's order and every batch's augmentation come from
    generators seeded by the epoch and the iteration.

    Args:
        pixels: uint8 RGB [N, size, size, 3].
        batch: pictures per batch, at most N.
        seed: seed of order and augmentation.
        jitter: largest relative change of gain, and of saturation; offset is a quarter of it.
        warp: share of pictures that are also moved, turned and zoomed a little (:func:`warped`).

    Raises:
        InputError: fewer pictures than a batch takes.
    """

    def __init__(
        self,
        pixels: NDArray[np.uint8],
        batch: int,
        seed: int = 0,
        jitter: float = 0.12,
        warp: float = 0.0,
    ) -> None:
        if len(pixels) < batch:
            raise InputError(
                f"the data holds {len(pixels)} pictures and a batch takes {batch}; "
                "give more pictures or a smaller --batch"
            )
        self.pixels, self.batch, self.seed = pixels, batch, seed
        self.jitter, self.warp = jitter, warp
        self.per_epoch = len(pixels) // batch
        self._epoch = -1
        self._order = np.empty(0, np.int64)

    def __getitem__(self, iteration: int) -> Tensor:
        """Batch for an iteration: float32 RGB [batch, 3, size, size] in [0, 1], at uint8 levels."""
        return self.draw(iteration).images

    def draw(self, iteration: int) -> Drawn:
        """The same batch and how each of its pictures was made."""
        epoch, position = divmod(iteration, self.per_epoch)
        if epoch != self._epoch:
            self._order = np.random.default_rng((self.seed, 0, epoch)).permutation(len(self.pixels))
            self._epoch = epoch
        chosen = self._order[position * self.batch : (position + 1) * self.batch]
        rng = np.random.default_rng((self.seed, 1, iteration))
        pictures = self.pixels[chosen]
        size = pictures.shape[1]
        matrices = np.tile(np.eye(2, 3), (len(pictures), 1, 1))
        if self.warp:
            for picture, matrix in zip(pictures, matrices, strict=True):
                if rng.random() < self.warp:
                    matrix[:] = warp_matrix(size, rng)
                    picture[:] = moved(picture, matrix)
        images, mirrored = self._augment(
            torch.from_numpy(pictures).permute(0, 3, 1, 2).float() / 255, rng
        )
        matrices[mirrored, 0] *= -1
        matrices[mirrored, 0, 2] += size - 1
        return Drawn(images, chosen, matrices, mirrored)

    def _augment(
        self, images: Tensor, rng: np.random.Generator
    ) -> tuple[Tensor, NDArray[np.bool_]]:
        count = len(images)
        mirrored = rng.random(count) < 0.5
        flip = torch.from_numpy(mirrored)[:, None, None, None]
        images = torch.where(flip, images.flip(3), images)
        draw = torch.from_numpy(rng.uniform(-1, 1, (3, count, 1, 1, 1)).astype(np.float32))
        gain, offset, saturation = 1 + self.jitter * draw[0], self.jitter / 4 * draw[1], draw[2]
        grey = images.mean(1, keepdim=True)
        images = grey + (images - grey) * (1 + self.jitter * saturation)
        images = (images - 0.5) * gain + 0.5 + offset
        return torch.round(images.clamp(0, 1) * 255) / 255, mirrored

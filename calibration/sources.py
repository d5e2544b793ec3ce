"""Where calibration pictures come from: a folder, one picture, a video, or the embedded default."""

from __future__ import annotations

import hashlib
import logging
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import NamedTuple

import numpy as np

from facedge.errors import InputError
from facedge.pictures import EXTENSIONS, Rgb, list_pictures, read_tolerantly
from facedge.video import EXTENSIONS as VIDEO_EXTENSIONS

from .align import FaceAligner
from .embedded import EMBEDDED_COUNT, EMBEDDED_DESCRIPTION, embedded_faces
from .video import VIDEO_FRAMES, spread_frames


class Picture(NamedTuple):
    """One picture of a source.

    Attributes:
        name: path inside the folder, or the frame's name.
        rgb: uint8 [H, W, 3].
        sha256: of the file's bytes; of shape and pixels for frames, crops and generated pictures.
    """

    name: str
    rgb: Rgb
    sha256: str


@dataclass(frozen=True)
class Source:
    """Pictures in a fixed order, read one at a time; every iteration starts anew.

    Attributes:
        description: one phrase without absolute paths, for the ranges file and the manifest.
        count: how many pictures it intends to give; unreadable ones and frames without a face
            are left out of the iteration.
        start: begins an iteration.
    """

    description: str
    count: int
    start: Callable[[], Iterator[Picture]]

    def __iter__(self) -> Iterator[Picture]:
        return self.start()

    def __len__(self) -> int:
        return self.count


def open_source(
    path: Path | str | None,
    limit: int | None = None,
    seed: int = 0,
    detector: Path | str | None = None,
    warn: Callable[[str], None] | None = None,
) -> Source:
    """Open a source of calibration pictures.

    Args:
        path: a folder (with the folders below it), one picture, a video; None for the embedded
            default: 64 face crops made from pictures in scikit-image's wheel.
        limit: at most this many pictures: of a folder a pseudo-random subset that depends only
            on the names and ``seed``, of a video evenly spread frames (64 when None), of the
            default the first ones.
        seed: chooses the subset, and the degradations of the default.
        detector: a YuNet ONNX file; faces are then found and cut out in the framing of
            ``align.py``, at their native size. Without it pictures are face crops already.
        warn: receives a sentence when some pictures could not be used; the ``facedge`` logger
            when None.

    Raises:
        InputError: nothing there, no pictures, not a video, a limit below 1; while iterating:
            not one picture is readable, or none holds a face.
    """
    if limit is not None and limit < 1:
        raise InputError(f"the limit on calibration pictures is {limit}; expected 1 or more")
    tell = warn or logging.getLogger("facedge").warning
    if path is None:
        source = _embedded(limit or EMBEDDED_COUNT, seed)
    elif Path(path).is_file() and Path(path).suffix.lower() in VIDEO_EXTENSIONS:
        source = _video(Path(path), limit or VIDEO_FRAMES)
    else:
        source = _folder(Path(path), limit, seed, tell)
    if detector is None or path is None:
        return source
    return _faces_of(source, FaceAligner(Path(detector)), tell)


def pixel_hash(rgb: Rgb) -> str:
    """Hex SHA-256 over shape and pixels of a picture that has no file of its own."""
    digest = hashlib.sha256(repr(rgb.shape).encode())
    digest.update(np.ascontiguousarray(rgb).tobytes())
    return digest.hexdigest()


def _folder(path: Path, limit: int | None, seed: int, warn: Callable[[str], None]) -> Source:
    files = list_pictures(path)
    root = path if path.is_dir() else path.parent
    if path.is_file() and path.suffix.lower() not in EXTENSIONS:
        raise InputError(
            f"{path} is neither a picture nor a video by its extension; expected a folder, one of "
            f"{', '.join(EXTENSIONS)}, or one of {', '.join(VIDEO_EXTENSIONS)}"
        )

    def name(file: Path) -> str:
        return file.relative_to(root).as_posix()

    def draw(file: Path) -> bytes:
        # A hash, not a random generator: the subset survives a change of numpy's generators.
        return hashlib.sha256(f"{seed}:{name(file)}".encode()).digest()

    total = len(files)
    if limit is not None and limit < total:
        files = sorted(sorted(files, key=draw)[:limit], key=name)
    what = "picture" if path.is_file() else "folder"
    subset = (
        f"{len(files)} of {total} pictures, seed {seed}"
        if len(files) < total
        else f"{total} pictures"
    )

    def start() -> Iterator[Picture]:
        for file in read_tolerantly(files, warn):
            yield Picture(name(file.path), file.rgb, file.sha256)

    return Source(f"{what} {path.resolve().name}: {subset}", len(files), start)


def _video(path: Path, limit: int) -> Source:
    frames, total = spread_frames(path, limit)

    def start() -> Iterator[Picture]:
        for index, rgb in frames():
            yield Picture(f"{path.stem}-{index:06d}", rgb, pixel_hash(rgb))

    count = min(limit, total)
    return Source(f"video {path.name}: {count} of {total} frames", count, start)


def _embedded(count: int, seed: int) -> Source:
    def start() -> Iterator[Picture]:
        for name, rgb in embedded_faces(count, seed):
            yield Picture(name, rgb, pixel_hash(rgb))

    return Source(f"{EMBEDDED_DESCRIPTION}: {count} pictures, seed {seed}", count, start)


def _faces_of(source: Source, aligner: FaceAligner, warn: Callable[[str], None]) -> Source:
    def start() -> Iterator[Picture]:
        found = missed = 0
        for picture in source:
            face = aligner.crop(picture.rgb)
            if face is None:
                missed += 1
                continue
            found += 1
            yield Picture(picture.name, face, pixel_hash(face))
        if not found:
            raise InputError(
                f"no face was found in {source.description}; "
                "give pictures that show faces, or face crops and no detector"
            )
        if missed:
            warn(f"no face was found in {missed} of {found + missed} pictures; they are left out")

    return Source(f"{source.description}, faces cut out", source.count, start)

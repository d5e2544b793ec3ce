"""Picture files: find, read and write them; RGB uint8 [H, W, 3] everywhere.

``read_picture`` refuses a broken file by name, for a user's own few pictures; ``read_tolerantly``
skips broken files of a large collection and names them in one warning at its end.
"""

from __future__ import annotations

import hashlib
import logging
import os
import re
from collections.abc import Callable, Iterable, Iterator
from pathlib import Path
from typing import NamedTuple

import cv2
import numpy as np
import numpy.typing as npt

from .errors import InputError
from .files import write_file

Rgb = npt.NDArray[np.uint8]

EXTENSIONS = (".jpg", ".jpeg", ".png", ".webp", ".bmp", ".tif", ".tiff", ".ppm", ".pgm")
_PNG, _PNG_END = b"\x89PNG\r\n\x1a\n", b"IEND\xaeB`\x82"
_JPEG = b"\xff\xd8\xff"
_JPEG_MARKER = re.compile(rb"\xff([^\x00\xd0-\xd7\xff])")


class PictureFile(NamedTuple):
    """A decoded file: its path, RGB uint8 [H, W, 3] and the SHA-256 of the file's bytes."""

    path: Path
    rgb: Rgb
    sha256: str


def list_pictures(path: Path) -> list[Path]:
    """Pictures of a folder and the folders below it, sorted; or the one file ``path`` names.

    A file is taken for a picture by its extension (``EXTENSIONS``, any case) and hidden files
    and folders are left out. A single file is returned whatever its extension.

    Raises:
        InputError: there is nothing at ``path``, or no picture in it.
    """
    if path.is_file():
        return [path]
    if not path.exists():
        raise InputError(f"there is no folder or picture {path}; check the path")
    found: list[Path] = []
    for folder, subfolders, names in os.walk(path, onerror=_refuse):
        subfolders[:] = [name for name in subfolders if not name.startswith(".")]
        found += [
            Path(folder, name)
            for name in names
            if not name.startswith(".") and name.lower().endswith(EXTENSIONS)
        ]
    if not found:
        raise InputError(
            f"{path} holds no pictures; expected files ending in {', '.join(EXTENSIONS)}"
        )
    return sorted(found, key=lambda file: file.relative_to(path).as_posix())


def read_picture(path: Path) -> Rgb:
    """Read one picture as RGB uint8 [H, W, 3].

    Grey becomes three equal channels, 16 bits become 8, transparency is laid on white, and the
    orientation in the EXIF data is applied.

    Raises:
        InputError: the file cannot be read, is truncated, or is not a picture; it is named.
    """
    return read_hashed(path).rgb


def read_hashed(path: Path) -> PictureFile:
    """``read_picture`` with the SHA-256 of the very bytes that were decoded.

    Raises:
        InputError: as ``read_picture``.
    """
    try:
        data = path.read_bytes()
    except OSError as error:
        raise InputError(f"cannot read picture {path}: {error.strerror or error}") from error
    return PictureFile(path, decode(data, str(path)), hashlib.sha256(data).hexdigest())


def read_tolerantly(
    paths: Iterable[Path], warn: Callable[[str], None] | None = None
) -> Iterator[PictureFile]:
    """Read many pictures and skip broken ones.

    Args:
        paths: the files, read one at a time in this order.
        warn: receives one sentence naming the skipped files after the last one; the
            ``facedge`` logger when None.

    Raises:
        InputError: not one file could be read; the first one's cause is told.
    """
    broken: list[InputError] = []
    names: list[str] = []
    readable = 0
    for path in paths:
        try:
            picture = read_hashed(path)
        except InputError as error:
            broken.append(error)
            names.append(path.name)
            continue
        readable += 1
        yield picture
    if broken and not readable:
        raise InputError(
            f"none of {len(broken)} files is a readable picture; the first: {broken[0]}"
        )
    if broken:
        more = f" and {len(names) - 8} more" if len(names) > 8 else ""
        sentence = f"skipped {len(names)} unreadable pictures: {', '.join(names[:8])}{more}"
        (warn or logging.getLogger("facedge").warning)(sentence)


def decode(data: bytes, name: str) -> Rgb:
    """Decode a picture file's bytes to RGB uint8 [H, W, 3]; ``name`` is for the message.

    Raises:
        InputError: the bytes are truncated or not a picture.
    """
    # OpenCV fills the missing part of a cut-off JPEG, BMP or PNG and reports success.
    if _is_truncated(data):
        raise InputError(f"picture {name} is truncated; copy or download it again")
    buffer = np.frombuffer(data, np.uint8)
    try:
        raw = cv2.imdecode(buffer, cv2.IMREAD_UNCHANGED) if buffer.size else None
        has_alpha = raw is not None and raw.ndim == 3 and raw.shape[2] == 4
        # Only IMREAD_COLOR applies the EXIF orientation.
        bgr = None if raw is None else cv2.imdecode(buffer, cv2.IMREAD_COLOR)
    except cv2.error:
        raw, has_alpha, bgr = None, False, None
    if bgr is None:
        raise InputError(
            f"{name} is not a picture OpenCV can read; expected JPEG, PNG, WebP, BMP, TIFF or PNM"
        )
    return _lay_on_white(np.asarray(raw)) if has_alpha else _swap(np.asarray(bgr))


def write_picture(path: Path, rgb: Rgb, quality: int = 95) -> None:
    """Write RGB uint8 [H, W, 3] (or grey [H, W]) as PNG or JPEG; the file appears complete.

    Args:
        path: ends in .png, .jpg or .jpeg; missing folders are made.
        rgb: the picture.
        quality: JPEG quality, 0..100.

    Raises:
        InputError: another extension, or the disk refuses.
    """
    extension = path.suffix.lower()
    if extension not in (".png", ".jpg", ".jpeg"):
        raise InputError(f"cannot write {path}: pictures are written as .png, .jpg or .jpeg")
    if rgb.dtype != np.uint8 or rgb.ndim not in (2, 3):
        raise InputError(f"cannot write {path}: got {rgb.dtype} {rgb.shape}, expected uint8 RGB")
    options = [] if extension == ".png" else [cv2.IMWRITE_JPEG_QUALITY, quality]
    done, encoded = cv2.imencode(extension, _swap(rgb) if rgb.ndim == 3 else rgb, options)
    if not done:
        raise InputError(f"cannot write {path}: OpenCV could not encode {rgb.shape} as {extension}")
    write_file(path, encoded.tobytes())


def _refuse(error: OSError) -> None:
    raise InputError(f"cannot read folder {error.filename}: {error.strerror}") from error


def _swap(picture: npt.NDArray[np.uint8]) -> Rgb:
    return np.ascontiguousarray(picture[:, :, ::-1])


def _lay_on_white(bgra: npt.NDArray[np.uint8] | npt.NDArray[np.uint16]) -> Rgb:
    peak = float(np.iinfo(bgra.dtype).max)
    colour, alpha = bgra[:, :, 2::-1] / peak, bgra[:, :, 3:] / peak
    mixed: Rgb = np.rint((colour * alpha + 1.0 - alpha) * 255.0).astype(np.uint8)
    return mixed


def _is_truncated(data: bytes) -> bool:
    if data.startswith(_JPEG):
        return not _jpeg_ends(data)
    if data.startswith(_PNG):
        return _PNG_END not in data
    if data.startswith(b"RIFF"):
        return len(data) < 8 + int.from_bytes(data[4:8], "little")
    if data.startswith(b"BM"):
        return len(data) < int.from_bytes(data[2:6], "little")
    return False


def _jpeg_ends(data: bytes) -> bool:
    """Whether an end-of-image marker follows the picture's own segments (ITU-T T.81, B.1).

    Segments are stepped over by length, because an EXIF thumbnail has end markers of its own
    and phones append films after the last one.
    """
    position = 2
    while found := _JPEG_MARKER.search(data, position):
        if found[1] == b"\xd9":
            return True
        size = int.from_bytes(data[found.end() : found.end() + 2], "big")
        position = found.end() + max(size, 2)
    return False

"""Video files, through OpenCV."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

import cv2

from .errors import InputError

EXTENSIONS = (".mp4", ".mkv", ".mov", ".avi", ".webm", ".m4v", ".mpg", ".mpeg", ".ts")


@contextmanager
def opened(path: Path) -> Iterator[cv2.VideoCapture]:
    """A video to read frames from, given back after the block.

    Raises:
        InputError: OpenCV cannot read the file as a video.
    """
    capture = cv2.VideoCapture(str(path))
    try:
        if not capture.isOpened():
            raise InputError(f"{path} is not a video OpenCV can read; check the file")
        yield capture
    finally:
        capture.release()

"""Evenly spread frames of a video."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from pathlib import Path

import cv2
import numpy as np

from facedge.errors import InputError
from facedge.pictures import Rgb

VIDEO_EXTENSIONS = (".mp4", ".mkv", ".mov", ".avi", ".webm", ".m4v", ".mpg", ".mpeg", ".ts")
VIDEO_FRAMES = 64
"""Frames taken when no limit is given: neighbouring frames hardly differ."""


def spread_frames(path: Path, limit: int) -> tuple[Callable[[], Iterator[tuple[int, Rgb]]], int]:
    """Up to ``limit`` frames at even distances, each from the middle of its stretch.

    Returns:
        A function that starts an iteration over (frame number, RGB uint8 [H, W, 3]), and the
        number of frames in the video.

    Raises:
        InputError: OpenCV cannot read the file as a video.
    """
    total = _count(path)
    count = min(limit, total)
    wanted = {(2 * i + 1) * total // (2 * count) for i in range(count)}

    def frames() -> Iterator[tuple[int, Rgb]]:
        capture = _open(path)
        try:
            # Seeking lands on key frames in many containers; stepping does not.
            for index in range(max(wanted) + 1):
                if not capture.grab():
                    return
                if index in wanted:
                    done, bgr = capture.retrieve()
                    if done:
                        yield index, np.ascontiguousarray(np.asarray(bgr, np.uint8)[:, :, ::-1])
        finally:
            capture.release()

    return frames, total


def _open(path: Path) -> cv2.VideoCapture:
    capture = cv2.VideoCapture(str(path))
    if not capture.isOpened():
        raise InputError(f"{path} is not a video OpenCV can read; check the file")
    return capture


def _count(path: Path) -> int:
    """Number of frames that can really be read; a container's header may be wrong."""
    capture = _open(path)
    total = 0
    while capture.grab():
        total += 1
    capture.release()
    if not total:
        raise InputError(f"video {path} has no readable frame; check the file")
    return total

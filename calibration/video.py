"""Evenly spread frames of a video."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from pathlib import Path

import numpy as np

from facedge.errors import InputError
from facedge.pictures import Rgb
from facedge.video import opened

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
        with opened(path) as capture:
            # Seeking lands on key frames in many containers; stepping does not.
            for index in range(max(wanted) + 1):
                if not capture.grab():
                    return
                if index in wanted:
                    done, bgr = capture.retrieve()
                    if done:
                        yield index, np.ascontiguousarray(np.asarray(bgr, np.uint8)[:, :, ::-1])

    return frames, total


def _count(path: Path) -> int:
    """Number of frames that can really be read; a container's header may be wrong."""
    total = 0
    with opened(path) as capture:
        while capture.grab():
            total += 1
    if not total:
        raise InputError(f"video {path} has no readable frame; check the file")
    return total

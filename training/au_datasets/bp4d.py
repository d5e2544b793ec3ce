"""BP4D-Spontaneous (Zhang et al., Image and Vision Computing 32(10), 2014).

    AUCoding/AU_OCC/F001_T1.csv       occurrence codes, a file per subject and task
    2D/F001/T1/2440.jpg               the frames; one clip pads its numbers to two digits, another
    2D/F001/T2/0001.jpg               to three or four

The first row of a code file names its columns: something for the frame number (0, in some releases
another number), then AU numbers up to 99. Every further row is a frame's number and a code per AU:
1 active, 0 not, 9 unknown. Only the most expressive part of a clip is coded, so frames without a
row are usual. AUs of ours that a file does not code, such as 25 and 26, are 9 or have no column;
both become -1.
"""

from __future__ import annotations

import re
from pathlib import Path

import numpy as np

from facedge.errors import InputError
from facedge.runtime.action_units import ACTION_UNITS

from .frames import (
    AuFrames,
    clip,
    integers,
    join,
    require_folder,
    require_frames,
    text_lines,
    unexpected,
)

_NAME = re.compile(r"([FM]\d{3})_(T\d+)\.csv")
_CODES = {0: 0, 1: 1, 9: -1}
_HEADER = "a number and then different AU numbers, some of our twelve among them"


def read_bp4d(labels: Path, pictures: Path, *, offset: int | None = None) -> AuFrames:
    """Read all clips of BP4D.

    Args:
        labels: ``AUCoding/AU_OCC``; in some releases the files lie in ``AUCoding`` itself. Files
            with other names than ``F001_T1.csv`` are passed over.
        pictures: folder with ``F001/T1`` and so on.
        offset: number of a frame's picture less that of the frame, 0 or -1: public code takes
            either, so compare a few pictures with their codes. It must be given when a picture
            has number 0.

    Raises:
        InputError: a folder is missing, a header, row length or code differs, frames are not in
            ascending order, or a clip has no picture for any label.
    """
    require_folder(labels, "it has to hold the code files of BP4D, such as F001_T1.csv")
    require_folder(pictures, "it has to hold the frames of BP4D, such as F001/T1/0001.jpg")
    clips = []
    for path in sorted(labels.iterdir()):
        name = _NAME.fullmatch(path.name)
        if name:
            clips.append(_clip(path, pictures / name[1] / name[2], name[1], offset))
    if not clips:
        raise InputError(f"{labels} holds no file such as F001_T1.csv; pass AUCoding/AU_OCC")
    return require_frames(join(clips), labels)


def _clip(path: Path, folder: Path, subject: str, offset: int | None) -> AuFrames:
    header, *lines = text_lines(path)
    units = integers(path, 1, header, _HEADER)[1:]
    columns = [(units.index(unit) + 1, i) for i, unit in enumerate(ACTION_UNITS) if unit in units]
    if not columns or len(set(units)) != len(units):
        raise unexpected(path, 1, header, _HEADER)
    expected = f"a frame number above the last row's and {len(units)} codes 0, 1 or 9"
    frames: list[int] = []
    rows = np.full((len(lines), len(ACTION_UNITS)), -1, np.int8)
    for row, line in enumerate(lines):
        cells = integers(path, row + 2, line, expected)
        if (
            len(cells) != len(units) + 1
            or not _CODES.keys() >= set(cells[1:])
            or cells[0] <= (frames[-1] if frames else -1)
        ):
            raise unexpected(path, row + 2, line, expected)
        frames.append(cells[0])
        for cell, column in columns:
            rows[row, column] = _CODES[cells[cell]]
    return clip(path, folder, subject, frames, rows, offset)

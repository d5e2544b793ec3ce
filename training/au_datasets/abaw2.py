"""Aff-Wild2 as distributed for the second ABAW competition (Kollias et al., arXiv 2106.15318).

    annotations/AU_Set/Train_Set/video.txt             one annotation file per video and face
    annotations/AU_Set/Train_Set/video_left.txt
    annotations/AU_Set/Validation_Set/other.txt
    cropped_aligned/video/00001.jpg                    112x112 faces, numbered from 1; frames
    cropped_aligned/video_left/00001.jpg               where no face was found are not there

The first line of an annotation file is ``AU1,AU2,AU4,AU6,AU7,AU10,AU12,AU15,AU23,AU24,AU25,AU26``;
line n + 1 is frame n, twelve values 1, 0 or -1 (not annotated). Where a video shows two people, the
file's name ends in ``_left`` or ``_right`` for the one it annotates. People have no names.
"""

from __future__ import annotations

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

HEADER = ",".join(f"AU{unit}" for unit in ACTION_UNITS)
_VALUES = frozenset((-1, 0, 1))
_ROW = "12 comma-separated values 1, 0 or -1"


def read_abaw2(labels: Path, pictures: Path, *, partial: bool = False) -> AuFrames:
    """Read one of the annotated sets of ABAW2.

    A frame's subject is its video's name without ``_left`` and ``_right``: the two people of a
    video stay on one side of a split, but one person in two videos is two subjects. The training
    and validation sets have no person in common, say those who made them.

    Args:
        labels: folder of annotation files, ``Train_Set`` or ``Validation_Set``.
        pictures: ``cropped_aligned``, or a folder of the same layout with other crops.
        partial: keep frames of which some AUs are not annotated; the challenge drops them.

    Raises:
        InputError: a folder is missing, a file's header, row length or value differs, or a video
            has no picture for any of its labels.
    """
    require_folder(labels, "it has to hold the annotation files of a set, such as Train_Set")
    require_folder(pictures, "it has to hold a folder of frames per video, as cropped_aligned does")
    files = sorted(path for path in labels.glob("*.txt") if not path.name.startswith("."))
    if not files:
        raise InputError(
            f"{labels} holds no .txt file; expected one annotation file per video; pass Train_Set "
            "or Validation_Set itself"
        )
    videos = [_video(path, pictures / path.stem, partial) for path in files]
    return require_frames(join(videos), labels)


def _video(path: Path, folder: Path, partial: bool) -> AuFrames:
    header, *lines = text_lines(path)
    if ",".join(cell.strip() for cell in header.split(",")) != HEADER:
        raise unexpected(path, 1, header, HEADER)
    rows = np.empty((len(lines), len(ACTION_UNITS)), np.int8)
    for frame, line in enumerate(lines, 1):
        values = integers(path, frame + 1, line, _ROW)
        if len(values) != len(ACTION_UNITS) or not _VALUES.issuperset(values):
            raise unexpected(path, frame + 1, line, _ROW)
        rows[frame - 1] = values
    if not partial:
        rows[(rows < 0).any(1)] = -1
    subject = path.stem.removesuffix("_left").removesuffix("_right")
    return clip(path, folder, subject, range(1, len(rows) + 1), rows)

"""DISFA (Mavadati et al., IEEE Transactions on Affective Computing 4(2), 2013).

    ActionUnit_Labels/SN001/SN001_au1.txt       as distributed: a file per subject and AU
    ActionUnit_Labels/SN001/SN001_au2.txt       (1, 2, 4, 5, 6, 9, 12, 15, 17, 20, 25, 26)
    frames/SN001/1.jpg                          extracted by you from either camera's video,
    frames/SN001/2.jpg                          leading zeros allowed

Every line of a label file is ``frame,intensity``: frames counted from 1, intensities from 0
(absent) to 5. Of our twelve AUs DISFA lacks 7, 10, 23 and 24, which are -1; its own 5, 9, 17 and
20 are not read.
"""

from __future__ import annotations

from pathlib import Path

import numpy as np
from numpy.typing import NDArray

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

UNITS = (1, 2, 4, 5, 6, 9, 12, 15, 17, 20, 25, 26)
MOST = 5
_ROW = f"frame,intensity with an intensity from 0 to {MOST} and frames in ascending order"


def read_disfa(
    labels: Path, pictures: Path, *, threshold: int = 2, offset: int | None = None
) -> AuFrames:
    """Read all subjects of DISFA.

    Args:
        labels: ``ActionUnit_Labels``.
        pictures: a folder of frames per subject.
        threshold: least intensity, 1 to 5, at which an AU counts as active; published detection
            figures use 2.
        offset: number of a frame's picture less that of the frame: -1 where the pictures were
            extracted counting from 0. It must be given when a picture has number 0.

    Raises:
        InputError: a folder or label file is missing, a line is not ``frame,intensity``, a
            subject's files differ in length or frames, or a subject has no picture for any label.
    """
    if not 1 <= threshold <= MOST:
        raise InputError(f"threshold is {threshold}; expected an intensity from 1 to {MOST}")
    require_folder(labels, "it has to hold the label folders SN001 to SN032 of DISFA")
    require_folder(pictures, "it has to hold a folder of extracted frames per subject")
    subjects = sorted(path for path in labels.glob("SN[0-9][0-9][0-9]") if path.is_dir())
    if not subjects:
        raise InputError(
            f"{labels} holds no folder such as SN001; pass ActionUnit_Labels as DISFA has it"
        )
    clips = []
    for folder in subjects:
        frames, intensities = _intensities(folder)
        rows = np.where(intensities < 0, -1, intensities >= threshold).astype(np.int8)
        clips.append(clip(folder, pictures / folder.name, folder.name, frames, rows, offset))
    return require_frames(join(clips), labels)


def _intensities(folder: Path) -> tuple[list[int], NDArray[np.int8]]:
    """Frame numbers and int8 [frames, 12] of one subject, -1 for AUs that DISFA lacks."""
    units = [unit for unit in ACTION_UNITS if unit in UNITS]
    paths = [folder / f"{folder.name}_au{unit}.txt" for unit in units]
    frames, first = _unit(paths[0])
    table = np.full((len(frames), len(ACTION_UNITS)), -1, np.int8)
    table[:, ACTION_UNITS.index(units[0])] = first
    for unit, path in zip(units[1:], paths[1:], strict=True):
        numbers, values = _unit(path)
        if len(numbers) != len(frames):
            raise InputError(
                f"{path} has {len(numbers)} lines and {paths[0].name} has {len(frames)}; expected "
                "a line per frame in both; download the labels of this subject again"
            )
        for line, (number, frame) in enumerate(zip(numbers, frames, strict=True), 1):
            if number != frame:
                raise unexpected(
                    path, line, f"{number},{values[line - 1]}", f"frame {frame} as in {paths[0]}"
                )
        table[:, ACTION_UNITS.index(unit)] = values
    return frames, table


def _unit(path: Path) -> tuple[list[int], list[int]]:
    frames: list[int] = []
    values: list[int] = []
    for number, line in enumerate(text_lines(path), 1):
        cells = integers(path, number, line, _ROW)
        if (
            len(cells) != 2
            or not 0 <= cells[1] <= MOST
            or cells[0] <= (frames[-1] if frames else -1)
        ):
            raise unexpected(path, number, line, _ROW)
        frames.append(cells[0])
        values.append(cells[1])
    return frames, values

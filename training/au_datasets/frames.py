"""Labelled frames of an action-unit data set, and what its readers share."""

from __future__ import annotations

import os
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path

import numpy as np
from numpy.typing import NDArray

from facedge.errors import InputError
from facedge.runtime.action_units import ACTION_UNITS

PICTURES = (".jpg", ".jpeg", ".png", ".bmp", ".webp")


@dataclass(frozen=True, eq=False)
class AuFrames:
    """Pictures and what is known of the twelve action units in each.

    Attributes:
        paths: one picture per frame.
        labels: int8 [N, 12], columns in the order of ``ACTION_UNITS``: 1 active, 0 not, -1 not
            labelled.
        subjects: who is in each frame.
        missing: labelled frames that were left out because they have no picture; 0 in a part.

    Raises:
        InputError: the three differ in length, or labels have another shape, type or value.
    """

    paths: tuple[Path, ...]
    labels: NDArray[np.int8]
    subjects: tuple[str, ...]
    missing: int = 0

    def __post_init__(self) -> None:
        expected = (len(self.paths), len(ACTION_UNITS))
        if self.labels.shape != expected or self.labels.dtype != np.int8:
            raise InputError(
                f"labels are {self.labels.dtype} {list(self.labels.shape)}; expected int8 "
                f"{list(expected)}, a row for each picture"
            )
        if not np.isin(self.labels, (-1, 0, 1)).all():
            raise InputError("labels hold other values than 1, 0 and -1")
        if len(self.subjects) != len(self.paths):
            raise InputError(
                f"{len(self.subjects)} subjects for {len(self.paths)} pictures; expected one each"
            )

    def __len__(self) -> int:
        return len(self.paths)

    def take(self, rows: NDArray[np.intp]) -> AuFrames:
        """The frames with these numbers, counted from 0, in their order."""
        return AuFrames(
            tuple(self.paths[i] for i in rows),
            self.labels[rows],
            tuple(self.subjects[i] for i in rows),
        )

    def folds(self, count: int = 3, seed: int = 0) -> tuple[tuple[AuFrames, AuFrames], ...]:
        """Split for cross-validation so that no subject is in both parts of a fold.

        Subjects, those with most frames first, go to the fold that has fewest frames so far;
        subjects with equally many come in an order drawn from the seed.

        Args:
            count: number of folds, from 2 to the number of subjects.
            seed: seed of that order.

        Returns:
            For each fold the frames to train on and the frames held out; every frame is held
            out once.

        Raises:
            InputError: there cannot be that many folds.
        """
        names, sizes = np.unique(np.array(self.subjects, str), return_counts=True)
        if not 2 <= count <= len(names):
            raise InputError(
                f"{count} folds of {len(names)} subjects cannot be made; choose from 2 to the "
                "number of subjects"
            )
        order = np.random.default_rng(seed).permutation(len(names))
        order = order[np.argsort(-sizes[order], kind="stable")]
        frames = [0] * count
        fold_of: dict[str, int] = {}
        for subject in order:
            fold = frames.index(min(frames))
            fold_of[str(names[subject])] = fold
            frames[fold] += int(sizes[subject])
        fold_per_frame = np.array([fold_of[subject] for subject in self.subjects])
        return tuple(
            (
                self.take(np.flatnonzero(fold_per_frame != fold)),
                self.take(np.flatnonzero(fold_per_frame == fold)),
            )
            for fold in range(count)
        )


def join(parts: Sequence[AuFrames]) -> AuFrames:
    """All frames of several parts, one part behind the other.

    Subjects are told apart by name only; the names of the three data sets never coincide.
    """
    return AuFrames(
        tuple(path for part in parts for path in part.paths),
        np.concatenate([np.empty((0, len(ACTION_UNITS)), np.int8), *(p.labels for p in parts)]),
        tuple(subject for part in parts for subject in part.subjects),
        sum(part.missing for part in parts),
    )


def clip(
    source: Path,
    folder: Path,
    subject: str,
    numbers: Sequence[int],
    labels: NDArray[np.int8],
    offset: int | None = 0,
) -> AuFrames:
    """Match the labels of one clip with its numbered pictures.

    Frames without any label are left out; frames without a picture are left out and counted.

    Args:
        source: where the labels are from, for messages.
        folder: pictures whose names are their numbers, with leading zeros or without.
        subject: who is in the clip.
        numbers: frame numbers.
        labels: int8 [frames, 12].
        offset: number of a frame's picture less that of the frame. None is 0, unless a picture
            has number 0 and no frame has: then both countings are possible and one must be given.

    Raises:
        InputError: no such folder, two pictures of one number, no picture for any label, or an
            offset that must be given.
    """
    require_folder(folder, f"it has to hold the pictures of {source}")
    pictures = _numbered_pictures(folder)
    if offset is None and 0 in pictures and 0 not in numbers:
        raise InputError(
            f"{folder} holds a picture numbered 0 and {source} has no frame 0; pass offset=-1 if "
            "pictures are counted from 0 and frames from 1, offset=0 if their numbers agree"
        )
    wanted = np.asarray(numbers, np.int64) + (offset or 0)
    labelled = (labels >= 0).any(1)
    pictured = np.array([int(n) in pictures for n in wanted], bool)
    rows = np.flatnonzero(labelled & pictured)
    if labelled.any() and not len(rows):
        raise InputError(
            f"{folder} has no picture for any of the {int(labelled.sum())} labelled frames of "
            f"{source}; expected files such as {wanted[labelled][0]}.jpg, leading zeros allowed; "
            "extract the frames there"
        )
    return AuFrames(
        tuple(folder / pictures[int(n)] for n in wanted[rows]),
        labels[rows],
        (subject,) * len(rows),
        int((labelled & ~pictured).sum()),
    )


def _numbered_pictures(folder: Path) -> dict[int, str]:
    found: dict[int, str] = {}
    for name in sorted(os.listdir(folder)):
        stem, suffix = os.path.splitext(name)
        if suffix.lower() not in PICTURES or not (stem.isascii() and stem.isdigit()):
            continue
        number = int(stem)
        if number in found:
            raise InputError(
                f"{folder} holds {found[number]} and {name}, both numbered {number}; expected "
                "one picture per frame; remove one of them"
            )
        found[number] = name
    return found


def require_folder(folder: Path, purpose: str) -> None:
    """Refuse a folder that is not there, with what it is for."""
    if not folder.is_dir():
        raise InputError(f"{folder} is not a folder; {purpose}")


def require_frames(frames: AuFrames, labels: Path) -> AuFrames:
    """Refuse a data set of no frames."""
    if not len(frames):
        raise InputError(
            f"no file in {labels} labels a single frame; download the annotations again"
        )
    return frames


def text_lines(path: Path) -> list[str]:
    """Lines of a text file without blank ones at its end.

    Raises:
        InputError: the file is missing, empty, or not text.
    """
    try:
        lines = path.read_text("utf-8-sig").rstrip().splitlines()
    except FileNotFoundError:
        raise InputError(f"{path} does not exist; download the annotations again") from None
    except (OSError, UnicodeDecodeError) as error:
        raise InputError(f"{path} cannot be read as text: {error}") from error
    if not lines:
        raise InputError(f"{path} is empty; download the annotations again")
    return lines


def integers(path: Path, number: int, line: str, expected: str) -> list[int]:
    """Comma-separated integers of a line; ``number`` and ``expected`` are for the message."""
    try:
        return [int(cell) for cell in line.split(",")]
    except ValueError:
        raise unexpected(path, number, line, expected) from None


def unexpected(path: Path, number: int, line: str, expected: str) -> InputError:
    """The error of a line, counted from 1, that is not what it has to be."""
    shown = line if len(line) <= 60 else line[:57] + "..."
    return InputError(
        f"{path}, line {number} reads {shown!r}; expected {expected}; correct the line or "
        "download the annotations again"
    )

"""What a person wants played: files, folders and videos, each picture with a name of its own."""

from __future__ import annotations

from collections import Counter
from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass, replace
from pathlib import Path

import cv2
import numpy as np

from facedge import video
from facedge.errors import InputError
from facedge.pictures import Rgb, list_pictures, read_picture


@dataclass(frozen=True)
class Source:
    """A picture file or a video.

    Attributes:
        path: the file.
        name: where its result goes, relative to the output folder, without extension.
        listed: found in a folder rather than named by the person.
        frames: pictures in it; for a video what its header says, possibly wrong.
    """

    path: Path
    name: str
    listed: bool
    video: bool = False
    frames: int = 1


@dataclass(frozen=True)
class Picture:
    """One picture to play: its output name, RGB uint8 [H, W, 3], and whether it opens a source."""

    name: str
    rgb: Rgb
    first: bool


def find(paths: Sequence[Path], taken: Sequence[str] = ()) -> list[Source]:
    """Sources in the order given, every one with a name no other has.

    A picture in a folder keeps its path below that folder. Names that meet, such as ``a.jpg`` and
    ``a.png``, or two folders' ``a.jpg``, are told apart by extension, by folder, then by number.

    Args:
        paths: picture files, videos, and folders of pictures.
        taken: names that results may not have.

    Raises:
        InputError: a path does not exist, a folder holds no picture, or a video cannot be read.
    """
    seen: dict[Path, None] = {}
    sources: list[Source] = []
    parents: list[Path] = []
    for given in paths:
        for path in list_pictures(given):
            if path.resolve() in seen:
                continue
            seen[path.resolve()] = None
            is_video = path.suffix.lower() in video.EXTENSIONS
            root = given if given.is_dir() else given.parent
            name = path.relative_to(root).with_suffix("").as_posix()
            frames = _frame_count(path) if is_video else 1
            sources.append(Source(path, name, given.is_dir(), is_video, frames))
            parents.append(root)
    return _tell_apart(sources, parents, taken)


def read(sources: Sequence[Source], skipped: Callable[[str], None]) -> Iterator[Picture]:
    """Pictures one at a time.

    A broken file that was named is an error; one that was found in a folder is skipped.

    Args:
        sources: from :func:`find`.
        skipped: receives the sentence about every file that was skipped.

    Raises:
        InputError: a named file is no picture, or a video gives no frame.
    """
    for source in sources:
        if source.video:
            for index, rgb in enumerate(_frames(source.path)):
                yield Picture(f"{source.name}/frame_{index:06d}", rgb, index == 0)
            continue
        try:
            rgb = read_picture(source.path)
        except InputError as error:
            if not source.listed:
                raise
            skipped(str(error))
            continue
        yield Picture(source.name, rgb, True)


def _tell_apart(
    sources: list[Source], parents: Sequence[Path], taken: Sequence[str]
) -> list[Source]:
    def rename(better: Callable[[int, Source], str]) -> None:
        uses = Counter(source.name.casefold() for source in sources)
        uses.update(name.casefold() for name in taken)
        for index, source in enumerate(sources):
            if uses[source.name.casefold()] > 1:
                sources[index] = replace(source, name=better(index, source))

    rename(lambda _, s: f"{s.name}_{s.path.suffix.lower().lstrip('.')}")
    rename(lambda i, s: f"{parents[i].resolve().name}/{s.name}".lstrip("/"))
    rename(lambda i, s: f"{s.name}-{i + 1}")
    return sources


def _frame_count(path: Path) -> int:
    with video.opened(path) as capture:
        return max(int(capture.get(cv2.CAP_PROP_FRAME_COUNT)), 1)


def _frames(path: Path) -> Iterator[Rgb]:
    found = False
    with video.opened(path) as capture:
        while True:
            done, bgr = capture.read()
            if not done:
                break
            found = True
            yield np.ascontiguousarray(np.asarray(bgr, np.uint8)[:, :, ::-1])
    if not found:
        raise InputError(f"video {path} has no frame that can be read; check the file")

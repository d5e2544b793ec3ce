"""Pictures in, results out: what ``facedge run`` does, for use from Python as well.

session = Session("bundles/fsr-student-int8")
played = play(session, [Path("faces")], Path("restored"))
"""

from __future__ import annotations

import time
from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass
from pathlib import Path
from statistics import median
from typing import Protocol

import numpy as np
from numpy.typing import NDArray

from facedge.errors import InputError
from facedge.pictures import Rgb, write_picture
from facedge.resize import model_input, square_crop

from . import au_table, inputs
from .backends.registry import kind
from .bundle import Bundle
from .overlay import SheetRow, action_unit_overlay, sheet
from .publish import refuse_existing, refuse_inputs, results_into
from .session import AuResult

SHEET = "sheet.png"
SHEET_ROWS = 16

Advance = Callable[[int, int], None]
"""Called with (pictures done, pictures expected)."""


class Player(Protocol):
    """The part of ``Session`` that playing needs."""

    bundle: Bundle
    backend: str

    @property
    def input_shape(self) -> tuple[int, ...]: ...
    def __call__(self, images: NDArray[np.uint8]) -> NDArray[np.uint8] | AuResult: ...
    def reset(self) -> None: ...


@dataclass(frozen=True)
class Played:
    """What was played.

    Attributes:
        out: the folder with the results.
        files: their names relative to ``out``, in the order of the pictures.
        pictures: how many pictures were played.
        skipped: a sentence about every unreadable picture of a folder.
        backend: what played them.
        batch: pictures per call.
        ms_per_face: median milliseconds of a call divided by its pictures; a first call of its
            batch size counts only where there is no other.
        warm: whether such other calls there were.
    """

    out: Path
    files: tuple[str, ...]
    pictures: int
    skipped: tuple[str, ...]
    backend: str
    batch: int
    ms_per_face: float
    warm: bool


@dataclass(frozen=True)
class Prepared:
    """A picture as the model takes it.

    Attributes:
        name: output name without extension.
        input: uint8 RGB [h, h, 3].
        original: uint8 RGB [H, H, 3] at the output's size, or None where the picture is smaller.
        corner: left and top of the centred square in the given picture, in pixels.
        zoom: given pixels per input pixel.
        first: whether it opens a picture file or video.
    """

    name: str
    input: Rgb
    original: Rgb | None
    corner: tuple[int, int]
    zoom: float
    first: bool


@dataclass(frozen=True)
class _Batch:
    pictures: list[Prepared]
    result: NDArray[np.uint8] | AuResult
    seconds: float


def prepare(picture: inputs.Picture, input_side: int, output_side: int) -> Prepared:
    """The centred square of a picture at the model's input size (``resize.model_input``).

    Args:
        picture: uint8 RGB of any size.
        input_side: side of the model's input in pixels.
        output_side: side of the restored picture; 0 for action units.
    """
    square = square_crop(picture.rgb)
    side = square.shape[0]
    given, original = model_input(square, input_side, output_side)
    top, left = ((size - side) // 2 for size in picture.rgb.shape[:2])
    return Prepared(picture.name, given, original, (left, top), side / input_side, picture.first)


def play(
    session: Player,
    paths: Sequence[Path],
    out: Path,
    *,
    batch: int = 8,
    with_sheet: bool = True,
    overwrite: bool = False,
    advance: Advance = lambda done, total: None,
) -> Played:
    """Play pictures, folders and videos; the results appear in ``out`` together or not at all.

    Super-resolution writes ``<name>.png`` per picture and, with ``with_sheet``, ``sheet.png`` with
    the first faces side by side. Action units write ``<name>.png`` overlays,
    ``action_units.csv`` and ``action_units.json``. A bundle with a hidden state carries it from
    frame to frame of a video, one frame per call, and starts anew with every source.

    Args:
        session: an opened bundle.
        paths: picture files, videos, and folders of pictures.
        out: folder for the results; other files in it stay.
        batch: pictures per call; a plan's largest batch is respected.
        with_sheet: write the contact sheet.
        overwrite: replace results of the same name.
        advance: told about progress.

    Raises:
        InputError: nothing to play, an unreadable picture, a name that is taken, a full disk.
    """
    if batch < 1:
        raise InputError(f"the batch is {batch}; it has to be at least 1")
    is_au = session.bundle.manifest.task == "action-units"
    tables = au_table.FILES if is_au else (SHEET,) if with_sheet else ()
    reserved = [] if is_au or not with_sheet else [Path(SHEET).stem]
    sources = inputs.find(paths, reserved)
    known = [f"{s.name}.png" for s in sources if not s.video]
    known += [f"{s.name}/frame_000000.png" for s in sources if s.video]
    refuse_inputs(out, (*known, *tables), (s.path for s in sources))
    refuse_existing(out, (*known, *tables), overwrite)

    skipped: list[str] = []
    size = _batch_size(session, batch)
    total = sum(source.frames for source in sources)
    done, files = 0, list[str]()
    seen: set[int] = set()
    cold, warm = list[float](), list[float]()
    with results_into(out, overwrite) as folder:
        writer = _AuWriter(folder, session) if is_au else _SrWriter(folder, with_sheet)
        for played in _batches(session, inputs.read(sources, skipped.append), size):
            count = len(played.pictures)
            # Backends allocate, and OpenVINO compiles kernels, when a batch size is first played.
            (warm if count in seen else cold).append(played.seconds / count)
            seen.add(count)
            files += [writer.write(played, i) for i in range(count)]
            done += count
            advance(done, max(total, done))
        if not done:
            raise InputError(f"none of {len(skipped)} files is a picture; the first: {skipped[0]}")
        files += writer.finish()
    milliseconds = 1e3 * median(warm or cold)
    return Played(
        out,
        tuple(files),
        done,
        tuple(skipped),
        session.backend,
        size,
        milliseconds,
        bool(warm),
    )


def _batch_size(session: Player, wanted: int) -> int:
    if session.bundle.manifest.stateful:
        return 1
    limits = [a.max_batch for a in session.bundle.artifacts(kind(session.backend)) if a.max_batch]
    return min([wanted, *limits])


def _batches(session: Player, pictures: Iterator[inputs.Picture], size: int) -> Iterator[_Batch]:
    manifest = session.bundle.manifest
    side = session.input_shape[0]
    output_side = side * manifest.scale if manifest.task == "super-resolution" else 0
    pending: list[Prepared] = []
    for picture in pictures:
        pending.append(prepare(picture, side, output_side))
        if len(pending) == size:
            yield _call(session, pending)
            pending = []
    if pending:
        yield _call(session, pending)


def _call(session: Player, pictures: list[Prepared]) -> _Batch:
    if pictures[0].first:
        session.reset()
    images = np.stack([picture.input for picture in pictures])
    start = time.perf_counter()
    result = session(images)
    return _Batch(pictures, result, time.perf_counter() - start)


class _SrWriter:
    """Restored pictures, and the first of them on a sheet."""

    def __init__(self, folder: Path, with_sheet: bool) -> None:
        self._folder, self._room = folder, SHEET_ROWS if with_sheet else 0
        self._rows: list[SheetRow] = []

    def write(self, batch: _Batch, index: int) -> str:
        assert not isinstance(batch.result, AuResult)
        picture, restored = batch.pictures[index], batch.result[index]
        name = f"{picture.name}.png"
        write_picture(self._folder / name, restored)
        if len(self._rows) < self._room:
            self._rows.append(SheetRow(picture.input, restored.copy(), picture.original))
        return name

    def finish(self) -> list[str]:
        if not self._room:
            return []
        write_picture(self._folder / SHEET, sheet(self._rows))
        return [SHEET]


class _AuWriter:
    """Overlays, and the tables at the end."""

    def __init__(self, folder: Path, session: Player) -> None:
        self._folder, self._session = folder, session
        self._faces: list[au_table.Face] = []

    def write(self, batch: _Batch, index: int) -> str:
        assert isinstance(batch.result, AuResult)
        picture = batch.pictures[index]
        points, chances = batch.result.landmarks[index], batch.result.probabilities[index]
        name = f"{picture.name}.png"
        write_picture(self._folder / name, action_unit_overlay(picture.input, points, chances))
        given = (points.astype(np.float64) + 0.5) * picture.zoom - 0.5 + picture.corner
        self._faces.append(au_table.Face(picture.name, chances.astype(np.float64), given))
        return name

    def finish(self) -> list[str]:
        manifest = self._session.bundle.manifest
        au_table.write(self._folder, self._faces, manifest.name, self._session.backend)
        return list(au_table.FILES)

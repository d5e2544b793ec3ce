"""Adds files to a folder that may hold others: all of them, or none."""

from __future__ import annotations

import os
from collections.abc import Iterable, Iterator
from contextlib import contextmanager
from pathlib import Path

from facedge.errors import InputError
from facedge.files import folder_beside


def refuse_existing(out: Path, names: Iterable[str], overwrite: bool) -> None:
    """Stop before any work when a result would replace a file.

    Raises:
        InputError: naming the first such file, or saying that ``out`` is no folder.
    """
    if out.exists() and not out.is_dir():
        raise InputError(f"{out} is a file; --out has to be a folder")
    for name in names:
        target = out / name
        if target.is_dir():
            raise InputError(f"{target} is a folder where a result has to go; choose another --out")
        if target.exists() and not overwrite:
            raise InputError(f"{target} exists already; choose another --out or pass --overwrite")


def refuse_inputs(out: Path, names: Iterable[str], inputs: Iterable[Path]) -> None:
    """Results never replace the pictures they are made from, whatever was asked.

    Raises:
        InputError: naming the picture.
    """
    given = {path.resolve() for path in inputs}
    for name in names:
        if (out / name).resolve() in given:
            raise InputError(f"{out / name} is one of the input pictures; choose another --out")


@contextmanager
def results_into(out: Path, overwrite: bool) -> Iterator[Path]:
    """A temporary folder whose files move into ``out`` when the block succeeds.

    On any exception, Ctrl-C included, ``out`` is as it was.

    Raises:
        InputError: a file of the same name exists and may not be replaced, or the disk refuses.
    """
    with folder_beside(out) as work:
        try:
            fresh = work / "new"
            fresh.mkdir()
            yield fresh
            _move_all(fresh, out, work / "old", overwrite)
        except OSError as error:
            raise InputError(f"cannot write to {out}: {error.strerror or error}") from error


def _move_all(fresh: Path, out: Path, aside: Path, overwrite: bool) -> None:
    """Move every file; replaced ones go aside first, and everything goes back on a failure."""
    names = sorted(p.relative_to(fresh) for p in fresh.rglob("*") if p.is_file())
    refuse_existing(out, (name.as_posix() for name in names), overwrite)
    moved: list[Path] = []
    made: list[Path] = []
    try:
        for name in names:
            _make_folders((out / name).parent, made)
            if (out / name).exists():
                (aside / name).parent.mkdir(parents=True, exist_ok=True)
                os.replace(out / name, aside / name)
            moved.append(name)
            os.replace(fresh / name, out / name)
    except BaseException:
        for name in moved:
            (out / name).unlink(missing_ok=True)
            if (aside / name).exists():
                os.replace(aside / name, out / name)
        for folder in reversed(made):
            folder.rmdir()
        raise


def _make_folders(folder: Path, made: list[Path]) -> None:
    missing = [p for p in (folder, *folder.parents) if not p.exists()]
    for path in reversed(missing):
        path.mkdir()
        made.append(path)

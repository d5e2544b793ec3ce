"""Hashes, and outputs that appear complete or not at all."""

from __future__ import annotations

import hashlib
import os
import shutil
import tempfile
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from pathlib import Path

from .errors import InputError


def sha256_file(path: Path) -> str:
    """Hex SHA-256 of a file's bytes."""
    digest = hashlib.sha256()
    with path.open("rb") as stream:
        while block := stream.read(1 << 20):
            digest.update(block)
    return digest.hexdigest()


def write_file(path: Path, data: bytes | str) -> None:
    """Write a file so that readers see the old content or all of the new, never a part.

    Raises:
        InputError: the disk is full or the folder cannot be written.
    """
    content = data.encode() if isinstance(data, str) else data
    try:
        path.parent.mkdir(parents=True, exist_ok=True)
        handle, name = tempfile.mkstemp(prefix=f".{path.name}.", dir=path.parent)
        try:
            with os.fdopen(handle, "wb") as stream:
                stream.write(content)
                stream.flush()
                os.fsync(stream.fileno())
            os.chmod(name, 0o666 & ~_umask())
            os.replace(name, path)
        except BaseException:
            Path(name).unlink(missing_ok=True)
            raise
    except OSError as error:
        raise InputError(f"cannot write {path}: {error.strerror or error}") from error


@contextmanager
def new_folder(target: Path, overwrite: bool = False) -> Iterator[Path]:
    """A temporary folder beside ``target`` that becomes ``target`` when the block succeeds.

    On any exception, Ctrl-C included, the temporary folder is removed and ``target`` is as it was.

    Args:
        target: the folder to appear; of a link, what it points to.
        overwrite: replace an existing ``target``; without it an existing one is an error.

    Raises:
        InputError: ``target`` exists and may not be replaced, or the disk refuses.
    """
    # Replacing a link would leave what it points to as it was.
    target = target.resolve() if target.is_symlink() else target
    _refuse_existing(target, overwrite)
    with folder_beside(target) as work:
        try:
            yield work
            work.chmod(0o777 & ~_umask())
            _refuse_existing(target, overwrite)
            _replace_folder(work, target)
        except OSError as error:
            raise InputError(f"cannot write {target}: {error.strerror or error}") from error


@contextmanager
def folder_beside(target: Path) -> Iterator[Path]:
    """A temporary folder on ``target``'s file system, gone after the block.

    Folders made above ``target`` for its sake go too where nothing appeared in them.

    Raises:
        InputError: the disk refuses.
    """
    parent = target.absolute().parent
    missing = [p for p in (parent, *parent.parents) if not p.exists()]
    work = None
    try:
        try:
            parent.mkdir(parents=True, exist_ok=True)
            work = Path(tempfile.mkdtemp(prefix=f".{target.name}.", dir=parent))
        except OSError as error:
            raise InputError(f"cannot create {target}: {error.strerror or error}") from error
        yield work
    finally:
        if work is not None:
            shutil.rmtree(work, ignore_errors=True)
        with suppress(OSError):
            for folder in missing:
                folder.rmdir()


def _refuse_existing(target: Path, overwrite: bool) -> None:
    if target.exists() and not overwrite:
        raise InputError(f"{target} exists already; choose another --out or pass --overwrite")


def _replace_folder(work: Path, target: Path) -> None:
    if not target.exists():
        work.rename(target)
        return
    aside = Path(tempfile.mkdtemp(prefix=f".{target.name}.old.", dir=target.parent))
    target.rename(aside / target.name)
    try:
        work.rename(target)
    except BaseException:
        (aside / target.name).rename(target)
        raise
    finally:
        shutil.rmtree(aside, ignore_errors=True)


def _umask() -> int:
    mask = os.umask(0)
    os.umask(mask)
    return mask

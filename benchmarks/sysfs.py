"""Small text files of the system below a root, read without ever failing.

A file that is not there is nothing special: most machines lack most of them. One that is there
and cannot be read or understood is remembered as a sentence, once.
"""

from __future__ import annotations

import re
from pathlib import Path

LIMIT = 1 << 20
"""Bytes read of one file at most; what the system writes is far smaller."""


class Files:
    """Reads below ``root``.

    Args:
        root: ``/``, or a folder with the same files for tests.

    Attributes:
        root: the root.
        notes: what could not be read or understood, one sentence each.
    """

    def __init__(self, root: Path = Path("/")) -> None:
        self.root = root
        self.notes: list[str] = []

    def text(self, path: str, wanted: bool = False) -> str | None:
        """The file's text without surrounding blanks and null bytes; None without one.

        Args:
            path: relative to the root, without a leading slash.
            wanted: its absence is worth a note.
        """
        try:
            with (self.root / path).open("rb") as stream:
                data = stream.read(LIMIT)
        except FileNotFoundError:
            if wanted:
                self.note(f"/{path} is missing")
            return None
        except BlockingIOError:  # a sensor of a part that is powered off, such as an idle GPU
            return None
        except OSError as error:
            self.note(f"/{path} cannot be read: {error.strerror or error}")
            return None
        return data.decode("utf-8", "replace").strip("\0 \t\r\n")

    def number(self, path: str, wanted: bool = False) -> int | None:
        """The whole number in the file; None, with a note, for anything else."""
        text = self.text(path, wanted)
        if text is None:
            return None
        try:
            return int(text)
        except ValueError:
            self.note(f"/{path} is {text[:40]!r}; expected a whole number")
            return None

    def glob(self, pattern: str) -> list[str]:
        """Paths that match, relative to the root, with 2 before 10."""
        try:
            found = [p.relative_to(self.root).as_posix() for p in self.root.glob(pattern)]
        except OSError as error:
            self.note(f"/{pattern} cannot be listed: {error.strerror or error}")
            return []
        return sorted(found, key=_natural)

    def note(self, sentence: str) -> None:
        """Remember a sentence, once."""
        if sentence not in self.notes:
            self.notes.append(sentence)


def _natural(path: str) -> list[tuple[int, str]]:
    parts = re.split(r"(\d+)", path)
    return [(int(p), "") if p.isdigit() else (-1, p) for p in parts]

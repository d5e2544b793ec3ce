"""Results that take minutes and belong to one network and one set of pictures, kept in a file."""

from __future__ import annotations

import io
import zipfile
from collections.abc import Callable, Mapping
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray

from facedge.files import write_file

Arrays = Mapping[str, NDArray[Any]]


def kept(path: Path, owner: str, make: Callable[[], Arrays]) -> Arrays:
    """Arrays of an earlier call, or made now and kept for the next one.

    Args:
        path: ``.npz`` file; one that is damaged or belongs to something else is replaced.
        owner: what the arrays were made from, such as a hash of weights and a count.
        make: makes them; no name may be ``owner``.
    """
    try:
        with np.load(path) as known:
            if str(known["owner"]) == owner:
                return {name: known[name] for name in known.files if name != "owner"}
    except (OSError, ValueError, KeyError, EOFError, zipfile.BadZipFile):
        pass
    made = make()
    stream = io.BytesIO()
    np.savez(stream, owner=owner, **made)  # type: ignore[arg-type]
    write_file(path, stream.getvalue())
    return made

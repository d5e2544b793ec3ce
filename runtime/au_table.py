"""Action units of many pictures as a table (CSV) and as a document (JSON)."""

from __future__ import annotations

import csv
import io
import json
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path

import numpy as np
from numpy.typing import NDArray

from facedge.files import write_file

from .action_units import ACTION_UNITS, NAMES

CSV, JSON = "action_units.csv", "action_units.json"
FILES = (CSV, JSON)
POINTS = 49


@dataclass(frozen=True)
class Face:
    """What a model says of one picture.

    Attributes:
        name: the picture's output name.
        probabilities: float [12], in ABAW2's order.
        landmarks: float [49, 2], x and y in pixels of the given picture.
    """

    name: str
    probabilities: NDArray[np.float64]
    landmarks: NDArray[np.float64]


def write(folder: Path, faces: Sequence[Face], bundle: str, backend: str) -> None:
    """Write ``action_units.csv`` and ``action_units.json`` into ``folder``.

    The CSV has a line per picture: ``picture``, ``AU01`` to ``AU26`` as probabilities, and
    ``x00, y00`` to ``x48, y48`` in pixels of the given picture.

    Raises:
        InputError: the disk refuses.
    """
    write_file(folder / CSV, as_csv(faces))
    write_file(folder / JSON, as_json(faces, bundle, backend))


def as_csv(faces: Sequence[Face]) -> str:
    """The table as text, RFC 4180 with Unix line ends."""
    stream = io.StringIO()
    table = csv.writer(stream, lineterminator="\n")
    points = [f"{axis}{i:02d}" for i in range(POINTS) for axis in "xy"]
    table.writerow(["picture", *(f"AU{unit:02d}" for unit in ACTION_UNITS), *points])
    for face in faces:
        chances = [f"{p:.4f}" for p in face.probabilities]
        table.writerow([face.name, *chances, *(f"{v:.2f}" for v in face.landmarks.reshape(-1))])
    return stream.getvalue()


def as_json(faces: Sequence[Face], bundle: str, backend: str) -> str:
    """The document as text: the units' names, then one object per picture."""
    document = {
        "bundle": bundle,
        "backend": backend,
        "units": {f"AU{unit:02d}": name for unit, name in NAMES.items()},
        "pictures": [_as_object(face) for face in faces],
    }
    return json.dumps(document, indent=1, ensure_ascii=False) + "\n"


def _as_object(face: Face) -> dict[str, object]:
    chances = {
        f"AU{unit:02d}": round(float(p), 4)
        for unit, p in zip(ACTION_UNITS, face.probabilities, strict=True)
    }
    return {
        "picture": face.name,
        "overlay": f"{face.name}.png",
        "active": [unit for unit, p in chances.items() if p > 0.5],
        "probabilities": chances,
        "landmarks": [[round(float(x), 2), round(float(y), 2)] for x, y in face.landmarks],
    }

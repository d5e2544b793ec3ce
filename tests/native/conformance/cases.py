"""A conformance case as it is written: case.hpp describes the files."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, field
from pathlib import Path

import numpy as np
from numpy.typing import NDArray


@dataclass
class Case:
    """A case.txt and its arrays."""

    name: str
    lines: list[str]
    arrays: dict[str, list[NDArray[np.generic]]] = field(default_factory=dict)

    def add(self, **rows: NDArray[np.generic] | None) -> None:
        """Append rows to arrays; None is no row."""
        for name, row in rows.items():
            if row is not None:
                self.arrays.setdefault(name, []).append(row)

    def write(self, folder: Path) -> None:
        folder = folder / self.name
        folder.mkdir()
        (folder / "case.txt").write_text("\n".join(self.lines) + "\n")
        for name, rows in self.arrays.items():
            np.save(folder / f"{name}.npy", np.ascontiguousarray(np.stack(rows)))


def pictures(shape: Sequence[int], count: int, seed: int) -> NDArray[np.uint8]:
    """uint8 [count, h, w, 3]: noise, and smooth from the second on, as faces are."""
    rng = np.random.default_rng(seed)
    made = rng.integers(0, 256, (count, *shape), np.uint8)
    y, x = np.mgrid[: shape[0], : shape[1], :1][:2]
    for i in range(1, count):
        phase, speed = rng.uniform(0, 6, 3), rng.uniform(0.1, 0.5, (2, 3))
        made[i] = 127.5 + 120 * np.sin(x * speed[0] + y * speed[1] + phase)
    return made

"""Results are made once for one owner."""

from __future__ import annotations

from pathlib import Path

import numpy as np

from facedge.training.kept import kept


class Maker:
    def __init__(self) -> None:
        self.calls = 0

    def __call__(self) -> dict[str, np.ndarray]:
        self.calls += 1
        return {"a": np.arange(3), "b": np.full((2, 2), self.calls)}


def test_a_second_call_reads_what_the_first_made(tmp_path: Path) -> None:
    make, path = Maker(), tmp_path / "deep" / "kept.npz"
    first, second = (kept(path, "me", make) for _ in range(2))
    assert make.calls == 1
    assert set(second) == {"a", "b"}
    for name in first:
        np.testing.assert_array_equal(first[name], second[name])


def test_another_owner_or_a_damaged_file_makes_them_anew(tmp_path: Path) -> None:
    make, path = Maker(), tmp_path / "kept.npz"
    kept(path, "me", make)
    assert kept(path, "you", make)["b"][0, 0] == 2
    whole = path.read_bytes()
    for content in (whole[: len(whole) // 2], b"", b"no archive"):
        path.write_bytes(content)
        kept(path, "you", make)
        assert kept(path, "you", Maker())["b"][0, 0] == make.calls
    assert make.calls == 5

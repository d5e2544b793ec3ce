"""Other work beside a measurement, from invented counters."""

from __future__ import annotations

import os

import pytest

from facedge.benchmarks import others
from facedge.benchmarks.others import Others
from facedge.benchmarks.sysfs import Files

TICKS = os.sysconf("SC_CLK_TCK")


@pytest.fixture
def machine(tmp_path, monkeypatch):
    monkeypatch.setattr(others, "usable_cpus", lambda: 2)
    (tmp_path / "proc").mkdir()

    def tell(user: int, idle: int) -> None:
        line = f"cpu {user * TICKS} 0 0 {idle * TICKS} 0 0 0 0 0 0"
        (tmp_path / "proc/stat").write_text(f"{line}\ncpu0 0\ncpu1 0\nintr 1\n")

    tell(100, 1000)
    return Files(tmp_path), tell


def test_busy_time_that_is_not_ours_is_others(machine):
    files, tell = machine
    own = iter([5.0, 9.0])
    counting = Others(files, lambda: next(own))
    tell(112, 1008)  # 12 s busy of 20 on two CPUs, 4 of them ours
    assert counting.share() == pytest.approx(0.4)


def test_it_is_noted_where_it_is_large(machine):
    files, tell = machine
    counting = Others(files, lambda: 0.0)
    tell(101, 1019)
    counting.note()
    assert files.notes == []
    tell(110, 1010)
    counting.note()
    assert files.notes[0].startswith("other work took 50% of the CPUs")


def test_what_the_system_does_not_tell_is_not_known(tmp_path):
    assert Others(Files(tmp_path)).share() is None

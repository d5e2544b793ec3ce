"""Where the native build is, for tests that run its programs.

FACEDGE_NATIVE_BUILD names the build folder (default: build/host), FACEDGE_EMULATOR the command that
runs its programs when they are of another architecture: "qemu-aarch64 -L /usr/aarch64-linux-gnu".
"""

from __future__ import annotations

import os
import shlex
from pathlib import Path

import pytest

ROOT = Path(__file__).resolve().parents[2]


@pytest.fixture(scope="session")
def native_build() -> Path:
    """The native build folder; the test is skipped where nothing was built."""
    folder = Path(os.environ.get("FACEDGE_NATIVE_BUILD", ROOT / "build/host")).absolute()
    if not (folder / "CMakeCache.txt").exists():
        pytest.skip(f"no native build in {folder}: run 'make native'")
    return folder


@pytest.fixture(scope="session")
def emulator() -> list[str]:
    """What to put in front of a native program; empty where it runs by itself."""
    return shlex.split(os.environ.get("FACEDGE_EMULATOR", ""))

"""libfacedge of the native build, for tests that load it into Python."""

from __future__ import annotations

import os
import re
from collections.abc import Mapping
from pathlib import Path

import pytest

from facedge.runtime.native import library, wheels

ROOT = Path(__file__).resolve().parents[2]


def build_folder() -> Path:
    """The native build folder; the test is skipped where nothing was built."""
    folder = Path(os.environ.get("FACEDGE_NATIVE_BUILD", ROOT / "build/host")).absolute()
    if not (folder / "CMakeCache.txt").exists():
        pytest.skip(f"no native build in {folder}: run 'make native'")
    return folder


def is_sanitized() -> bool:
    """Whether the native build has sanitizers in it: Python cannot load it then."""
    cache = (build_folder() / "CMakeCache.txt").read_text()
    return re.search(r"^FACEDGE_SANITIZE:\w+=.", cache, re.MULTILINE) is not None


def loadable_library() -> Path:
    """File of libfacedge; the test is skipped where Python cannot load it."""
    folder = build_folder()
    if os.environ.get("FACEDGE_EMULATOR"):
        pytest.skip("the native build is for another architecture")
    if is_sanitized():
        pytest.skip("a sanitized library does not load into Python")
    found = library.in_build(folder)
    if found is None:
        pytest.skip(f"{folder} has no libfacedge: run 'make native'")
    return found


def inner_backends() -> list[str]:
    """Those of onnxruntime and openvino that the build has a plug-in for."""
    plugins = build_folder() / "plugins"
    names = ("onnxruntime", "openvino")
    return [name for name in names if (plugins / f"libfacedge_backend_{name}.so").exists()]


def program_environment() -> dict[str, str]:
    """This process's variables, and what the build's programs need to play bundles."""
    made = dict(os.environ)
    made["FACEDGE_PLUGIN_PATH"] = str(build_folder() / "plugins")
    for backend, variable in (
        ("onnxruntime", "FACEDGE_ONNXRUNTIME"),
        ("openvino", "FACEDGE_OPENVINO"),
    ):
        if file := wheels.library(backend):
            made[variable] = file
    return made | sanitizer_options(made)


def sanitizer_options(environment: Mapping[str, str]) -> dict[str, str]:
    """What to tell sanitized programs of the back ends' libraries, behind what was said before."""
    here = ROOT / "tests/native/backends"
    options = {
        # LeakSanitizer's guess at the thread storage of libraries loaded late can be wrong, and it
        # then stops at an address that does not exist.
        "ASAN_OPTIONS": "intercept_tls_get_addr=0",
        "LSAN_OPTIONS": f"print_suppressions=0:suppressions={here / 'leak.supp'}",
        "TSAN_OPTIONS": f"print_suppressions=0:suppressions={here / 'thread.supp'}",
    }
    return {name: f"{environment.get(name, '')}:{more}" for name, more in options.items()}

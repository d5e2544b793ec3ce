"""The TensorRT plug-in where Python can judge it: its rules for plans, and its headers.

What it asks of CUDA and TensorRT is tested in tests/native/tensorrt, on stand-ins.
"""

from __future__ import annotations

import itertools
import os
import subprocess
from pathlib import Path
from types import SimpleNamespace

import pytest

from facedge.runtime.backends.plan import PlanMismatch, check_plan
from facedge.runtime.manifest import Artifact

ROOT = Path(__file__).resolve().parents[2]
CHECK_HEADERS = ROOT / "runtime/cmake/check_tensorrt_headers.sh"

VERSIONS = (
    *("10.3.0", "10.3.0.30", "10.3", "10.3.1", "10.16.2", "11.0.0", "9.1.0", "10.3.0rc1"),
    *("10.3.0+", "10.16.2+", "10.3+", "11.4.1+", "", "+", "ten", "v10.3.0"),
)
DEVICES = ("sm_87", "sm_86", "sm_86,sm_89", "sm_8", "ampere+", "ampere", "sm_120", "sm_86,", "")
INSTALLED = ("10.3.0", "10.3.0.30", "10.16.2", "11.4.1")
CAPABILITIES = ((7, 5), (8, 0), (8, 6), (8, 7), (8, 9), (9, 0), (11, 0), (12, 0))


def sentence(version: str, device: str, installed: str, capability: tuple[int, int]) -> str:
    """What the Python runtime says about a plan; "" where it fits."""
    artifact = Artifact(
        backend="tensorrt",
        path="engines/e.plan",
        dialect="tensorrt",
        version=version,
        device=device,
    )
    try:
        check_plan(SimpleNamespace(path=Path("b")), artifact, installed, capability)
    except PlanMismatch as error:
        return str(error)
    return ""


def test_plans_are_accepted_and_refused_with_the_sentences_of_the_python_runtime(
    native_build, emulator
):
    cases = list(itertools.product(VERSIONS, DEVICES, INSTALLED, CAPABILITIES))
    lines = [f"{v}|{d}|{i}|{major}|{minor}" for v, d, i, (major, minor) in cases]
    program = native_build / "tests/native/tensorrt/check_plan"
    done = subprocess.run(
        [*emulator, program], input="\n".join(lines), capture_output=True, text=True, check=True
    )
    said = done.stdout.splitlines()
    assert said == [sentence(*case) for case in cases]
    assert 0 < said.count("") < len(cases)


def test_the_plug_in_compiles_without_a_warning_against_the_headers_at_hand():
    """FACEDGE_TENSORRT_HEADERS: include folders of TensorRT versions, with colons between."""
    folders = os.environ.get("FACEDGE_TENSORRT_HEADERS", "").split(":")
    if folders == [""]:
        pytest.skip("FACEDGE_TENSORRT_HEADERS names no include folder of TensorRT")
    done = subprocess.run([CHECK_HEADERS, *folders], capture_output=True, text=True, check=False)
    assert done.returncode == 0, done.stderr
    assert done.stdout.count("no warning") == len(folders)


@pytest.mark.parametrize("arguments", [[], ["/nowhere"]])
def test_the_header_check_says_what_it_needs(arguments):
    done = subprocess.run([CHECK_HEADERS, *arguments], capture_output=True, text=True, check=False)
    assert done.returncode == 1
    assert "NvInferRuntime.h" in done.stderr

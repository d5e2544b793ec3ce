"""facedge-checkkernels passes the kernels, finds wrong ones, and says what is missing; the CUDA
kernel compiles for the devices without spilling registers."""

from __future__ import annotations

import json
import os
import re
import shutil
import subprocess
from pathlib import Path

import pytest
from native_library import is_sanitized

ROOT = Path(__file__).resolve().parents[2]
PROGRAM = "runtime/tools/checkkernels/facedge-checkkernels"
WRONG = "tests/native/image/checkkernels_wrong"
STANDIN = "tests/native/tensorrt/libcuda_standin.so"


@pytest.fixture
def run(native_build: Path, emulator: list[str]):
    """Runs the program, or another of the build, with arguments and environment variables."""

    def call(*arguments: str, program: str = PROGRAM, **variables: str):
        path = native_build / program
        if not path.exists():
            pytest.skip(f"{path} was not built")
        return subprocess.run(
            [*emulator, str(path), *arguments],
            capture_output=True,
            text=True,
            env={**os.environ, **variables},
        )

    return call


def test_every_implementation_agrees(run):
    done = run("--cases", "40", "--seed", "3", "--json")
    assert done.returncode == 0, done.stderr
    report = json.loads(done.stdout)
    assert (report["exit_code"], report["error"], report["seed"]) == (0, "", 3)
    assert report["cases"] == 40
    names = [found["name"] for found in report["implementations"]]
    assert names[0] == "baseline"
    assert names[-1] == "kernel on the processor"
    for found in report["implementations"]:
        assert found["beyond_one"] == 0
        assert found["worst"] <= 1
        assert found["values"] > 100_000
    assert report["timings"] == []


def test_another_seed_makes_other_cases_and_the_same_one_the_same(run):
    values = [
        json.loads(run("--cases", "8", "--seed", seed, "--json").stdout)["implementations"]
        for seed in ("1", "1", "2")
    ]
    assert values[0] == values[1]
    assert values[0] != values[2]


def test_a_mismatch_is_found_and_its_case_is_named(run):
    done = run("--cases", "3", "--json", program=WRONG)
    assert done.returncode == 3
    assert done.stderr.startswith("facedge-checkkernels: a crop differs from its definition")
    report = json.loads(done.stdout)
    assert report["exit_code"] == 3
    for found in report["implementations"]:
        assert found["beyond_one"] > 0
        assert re.match(r"case 0: \w+ \d+x\d+, strides ", found["first_mismatch"])
    table = run("--cases", "3", program=WRONG)
    assert table.returncode == 3
    assert "case 0: " in table.stdout


def test_a_missing_gpu_is_a_sentence(run):
    done = run("--gpu", "--cases", "1", FACEDGE_CUDA_DRIVER="/nowhere/libcuda.so.1")
    assert done.returncode == 4
    assert done.stdout == ""
    assert done.stderr.count("\n") == 1
    assert "/nowhere/libcuda.so.1" in done.stderr or "built without" in done.stderr


def test_the_gpu_part_checks_the_kernel_on_a_stand_in(run, native_build, emulator):
    """The stand-in of the CUDA driver runs the kernel's arithmetic on the processor, so that what
    the program does with a driver is tested without one."""
    standin = native_build / STANDIN
    if not standin.exists():
        pytest.skip("the stand-in of the CUDA driver was not built")
    done = run("--gpu", "--cases", "10", "--json", FACEDGE_CUDA_DRIVER=str(standin))
    if "built without" in done.stderr:
        pytest.skip("built without the CUDA kernels")
    assert done.returncode == 0, done.stderr
    report = json.loads(done.stdout)
    assert report["gpu"]
    assert report["implementations"][-1]["name"] == "gpu"
    assert report["implementations"][-1]["beyond_one"] == 0


def test_timings_name_every_format_and_size(run, emulator):
    if emulator or is_sanitized():
        pytest.skip("the times of an emulator or a sanitizer say nothing and take minutes")
    report = json.loads(run("--cases", "1", "--bench", "--json").stdout)
    timings = report["timings"]
    assert {timing["format"] for timing in timings} == {
        *("NV12", "NV21", "YUYV", "RGB24", "BGR24", "GRAY8")
    }
    sizes = {(t["filter"], t["crop"], t["face"]) for t in timings if t["format"] == "NV12"}
    crops = (("bicubic", 16), ("bicubic", 32), ("area", 176))
    assert sizes == {(*crop, face) for crop in crops for face in (100, 250, 500)}
    assert all(timing["median_us"] > 0 and timing["faces"] == 4 for timing in timings)


@pytest.mark.parametrize(
    ("arguments", "sentence"),
    [
        (["--cases", "many"], "--cases is many, expected a number of 0 to 10000000"),
        (["--cases", "-1"], "--cases is -1, expected"),
        (["--seed", "99999999999999999999"], "--seed is 99999999999999999999, expected"),
        (["--seed"], "--seed needs a value"),
        (["--fast"], "--fast is no option of facedge-checkkernels"),
        (["-x"], "-x is no option of facedge-checkkernels"),
        (["--bench=1"], "--bench takes no value"),
        (["everything"], "everything is one word too many"),
    ],
)
def test_wrong_command_lines_are_refused(run, arguments, sentence):
    done = run(*arguments)
    assert done.returncode == 2
    assert done.stdout == ""
    assert done.stderr.count("\n") == 1
    assert sentence in done.stderr


def test_a_wrong_command_line_is_json_too(run):
    done = run("--fast", "--json")
    assert done.returncode == 2
    report = json.loads(done.stdout)
    assert report["exit_code"] == 2
    assert report["error"] == "--fast is no option of facedge-checkkernels"


def test_help_and_version(run):
    assert run("--help").stdout.startswith("facedge-checkkernels [--seed N]")
    assert re.fullmatch(r"facedge-checkkernels \d+\.\d+\n", run("--version").stdout)


@pytest.mark.parametrize("architecture", [75, 87, 120])
def test_the_cuda_kernel_keeps_its_values_in_registers(tmp_path: Path, architecture: int):
    nvcc = shutil.which("nvcc") or shutil.which("nvcc", path="/usr/local/cuda/bin")
    if nvcc is None:
        pytest.skip("no nvcc here")
    known = subprocess.run([nvcc, "--list-gpu-code"], capture_output=True, text=True, check=True)
    if f"sm_{architecture}" not in known.stdout.split():
        pytest.skip(f"this nvcc does not know sm_{architecture}")
    done = subprocess.run(
        [
            *(nvcc, "-cubin", f"-arch=sm_{architecture}", "-std=c++17", "-O3"),
            *("--Werror", "all-warnings", "--resource-usage"),
            *("-I", ROOT / "runtime/include", "-I", ROOT / "runtime/src"),
            *("-o", tmp_path / "crop.cubin", ROOT / "runtime/kernels/crop.cu"),
        ],
        capture_output=True,
        text=True,
    )
    said = done.stdout + done.stderr
    assert done.returncode == 0, said
    assert "0 bytes stack frame, 0 bytes spill stores, 0 bytes spill loads" in said
    used = re.search(r"Used (\d+) registers", said)
    # With 64 registers, 1,024 threads share a multiprocessor's 65,536.
    assert used is not None
    assert int(used[1]) <= 64

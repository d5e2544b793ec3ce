"""What is said of the processor a backend was measured on."""

from __future__ import annotations

import pytest

from facedge.runtime.machine import identity, integer_instructions, usable_cpus


@pytest.mark.parametrize(
    ("text", "expected"),
    [
        ("model name\t: Xeon\nflags\t\t: fpu avx2 avx_vnni avx512_vnni amx_int8\n", "AMX"),
        ("model name\t: Xeon\nflags\t\t: fpu avx2 avx_vnni avx512_vnni\n", "AVX-512 VNNI"),
        ("flags\t\t: fpu avx2 avx_vnni\n", "AVX-VNNI"),
        ("flags\t\t: fpu sse avx avx2\n", "AVX2"),
        ("flags\t\t: fpu sse\n", ""),
        ("processor\t: 0\nFeatures\t: fp asimd asimddp\n", "DOTPROD"),
        ("Features\t: fp asimd asimddp i8mm\n", "I8MM"),
        ("nothing to see", ""),
    ],
)
def test_the_fastest_integer_instructions_are_read_from_the_flags(tmp_path, text, expected):
    path = tmp_path / "cpuinfo"
    path.write_text(text)
    assert integer_instructions(path) == expected


def test_without_the_file_nothing_is_claimed(tmp_path):
    assert integer_instructions(tmp_path / "none") == ""


def test_the_line_tells_machines_of_one_name_apart():
    assert identity().endswith(f", {usable_cpus()} CPUs")
    assert integer_instructions() in identity()

"""The install tree: what the library exports and needs, its size, and programs built against it."""

from __future__ import annotations

import json
import os
import re
import shutil
import subprocess
import sys
import zipfile
from collections.abc import Iterator
from pathlib import Path

import pytest
import tomllib
from tiny_bundle import make_bundle

ROOT = Path(__file__).resolve().parents[2]
PACKAGE = Path(__file__).parent / "package"
EXPORTED = ROOT / "runtime/cmake/symbols.txt"

# The C and C++ run-time libraries and the dynamic linker, whatever the architecture.
ALLOWED = re.compile(r"(libc|libm|libdl|libpthread|libstdc\+\+|libgcc_s|ld-linux[\w-]*)\.so\.\d+")
MOST_BYTES = 300_000


def run(*command: str | Path, cwd: Path | None = None, **environment: str) -> str:
    """Standard output of a command; its error output in the assertion when it fails."""
    done = subprocess.run(
        [str(part) for part in command],
        cwd=cwd,
        env={**os.environ, **environment},
        capture_output=True,
        text=True,
    )
    assert done.returncode == 0, f"{command}\n{done.stdout}\n{done.stderr}"
    return done.stdout


def cache_value(build: Path, name: str) -> str:
    """A value of CMake's cache, "" where it has none."""
    found = re.search(rf"(?m)^{name}:\w+=(.*)$", (build / "CMakeCache.txt").read_text())
    return found[1] if found else ""


def c_compiler(build: Path) -> str:
    """The C compiler of a build; a toolchain file's is not in the cache."""
    commands = json.loads((build / "compile_commands.json").read_text())
    return next(c["command"].split()[0] for c in commands if c["file"].endswith(".c"))


def dynamic(library: Path, tag: str) -> list[str]:
    """Entries of the dynamic section, such as the NEEDED libraries."""
    lines = run("readelf", "--dynamic", "--wide", library)
    return re.findall(rf"\({tag}\).*\[(.*)\]", lines)


def exported(library: Path) -> set[str]:
    """Symbols that a program can link, without their version."""
    names = set()
    for line in run("readelf", "--dyn-syms", "--wide", library).splitlines():
        fields = line.split()
        # Num: Value Size Type Bind Vis Ndx Name; the version node itself is an absolute object.
        if len(fields) == 8 and fields[4] in ("GLOBAL", "WEAK") and fields[6] not in ("UND", "ABS"):
            names.add(fields[7].split("@")[0])
    return names


@pytest.fixture(scope="module")
def build(native_build: Path) -> Path:
    if cache_value(native_build, "FACEDGE_SANITIZE"):
        pytest.skip("a sanitized library has its own size, symbols and dependencies")
    if cache_value(native_build, "FACEDGE_INSTALL") != "ON":
        pytest.skip("configured with FACEDGE_INSTALL=OFF")
    return native_build


@pytest.fixture(scope="module")
def tree(build: Path, tmp_path_factory: pytest.TempPathFactory) -> Iterator[Path]:
    """The install tree in a temporary prefix, stripped, and moved away from where it was made."""
    made = tmp_path_factory.mktemp("install") / "made"
    run("cmake", "--install", build, "--prefix", made, "--strip")
    moved = made.with_name("moved to another folder")
    made.rename(moved)
    yield moved
    shutil.rmtree(moved)


@pytest.fixture(scope="module")
def libdir(build: Path, tree: Path) -> Path:
    return tree / cache_value(build, "CMAKE_INSTALL_LIBDIR")


@pytest.fixture(scope="module")
def library(libdir: Path) -> Path:
    return libdir / "libfacedge.so.1.0.0"


@pytest.fixture(scope="module")
def plugins(libdir: Path) -> list[Path]:
    return sorted((libdir / "facedge").glob("*.so"))


def test_library_exports_exactly_the_listed_symbols(library: Path) -> None:
    assert exported(library) == set(EXPORTED.read_text().split())


def test_every_function_of_the_headers_is_listed() -> None:
    declared = set()
    for header in ("facedge.h", "facedge_cuda.h"):
        text = (ROOT / "runtime/include/facedge" / header).read_text()
        declared |= set(re.findall(r"(?m)^FACEDGE_API [^;(\[]*?\b(facedge_\w+)[(\[]", text))
    assert declared == set(EXPORTED.read_text().split())


def test_plugins_export_one_function(plugins: list[Path], build: Path) -> None:
    names = {path.name for path in plugins}
    built = {path.name for path in (build / "plugins").glob("libfacedge_backend_*.so")}
    assert names == built
    for plugin in plugins:
        assert exported(plugin) == {"facedge_backend"}, plugin.name


def test_library_and_plugins_need_only_the_run_time_libraries(
    library: Path, plugins: list[Path]
) -> None:
    for file in [library, *plugins]:
        foreign = [name for name in dynamic(file, "NEEDED") if not ALLOWED.fullmatch(name)]
        assert foreign == [], file.name
        assert dynamic(file, "RUNPATH") + dynamic(file, "RPATH") == [], file.name


def test_soname_is_the_api_version(library: Path, libdir: Path) -> None:
    header = (ROOT / "runtime/include/facedge/facedge.h").read_text()
    major = re.search(r"#define FACEDGE_API_MAJOR (\d+)", header)
    assert major
    assert dynamic(library, "SONAME") == [f"libfacedge.so.{major[1]}"]
    assert (libdir / f"libfacedge.so.{major[1]}").resolve() == library.resolve()
    assert (libdir / "libfacedge.so").resolve() == library.resolve()


def test_stripped_library_is_small(library: Path, build: Path) -> None:
    size = library.stat().st_size
    print(f"libfacedge.so.1.0.0, stripped: {size} bytes")
    if cache_value(build, "CMAKE_BUILD_TYPE") not in ("Release", "MinSizeRel"):
        pytest.skip("the size is promised for release builds")
    assert size <= MOST_BYTES


def check_consumer(
    program: Path, libdir: Path, emulator: list[str], build: Path, bundle: Path
) -> None:
    """Runs a program built against the tree, without a bundle and, where it can play one, with."""
    paths = {"LD_LIBRARY_PATH": str(libdir)}
    if emulator:
        # The emulator itself must not see the target's libraries.
        emulator = [*emulator, "-E", f"LD_LIBRARY_PATH={libdir}"]
        paths = {}
    assert "version 1." in run(*emulator, program, **paths)
    library = os.environ.get("FACEDGE_ONNXRUNTIME", "") or wheel_library("onnxruntime")
    if (build / "plugins/libfacedge_backend_onnxruntime.so").exists() and library:
        # No FACEDGE_PLUGIN_PATH: the back ends are found beside the library.
        assert "on onnxruntime" in run(*emulator, program, bundle, library, **paths)


def wheel_library(name: str) -> str:
    """ONNX Runtime's library inside the wheel of the Python that runs the tests."""
    import onnxruntime

    found = sorted((Path(onnxruntime.__file__).parent / "capi").glob(f"lib{name}.so.*"))
    return str(found[-1]) if found else ""


@pytest.fixture(scope="module")
def bundle(tmp_path_factory: pytest.TempPathFactory) -> Path:
    return make_bundle(tmp_path_factory.mktemp("bundle") / "tiny")


def test_cmake_project_outside_builds_and_runs(
    build: Path, tree: Path, libdir: Path, bundle: Path, emulator: list[str], tmp_path: Path
) -> None:
    toolchain = cache_value(build, "CMAKE_TOOLCHAIN_FILE")
    run(
        "cmake",
        "-S",
        PACKAGE / "consumer_cmake",
        "-B",
        tmp_path,
        f"-Dfacedge_DIR={libdir / 'cmake/facedge'}",
        f"-DCMAKE_C_COMPILER={cache_value(build, 'CMAKE_C_COMPILER')}",
        *([f"-DCMAKE_TOOLCHAIN_FILE={toolchain}"] if toolchain else []),
    )
    run("cmake", "--build", tmp_path)
    check_consumer(tmp_path / "consumer", libdir, emulator, build, bundle)


def test_makefile_with_pkg_config_outside_builds_and_runs(
    build: Path, tree: Path, libdir: Path, bundle: Path, emulator: list[str], tmp_path: Path
) -> None:
    if not shutil.which("pkg-config"):
        pytest.skip("no pkg-config on this machine")
    shutil.copy(PACKAGE / "consumer_make/Makefile", tmp_path)
    run(
        "make",
        f"CC={c_compiler(build)}",
        f"SOURCE={PACKAGE / 'consumer.c'}",
        cwd=tmp_path,
        PKG_CONFIG_PATH=str(libdir / "pkgconfig"),
    )
    check_consumer(tmp_path / "consumer", libdir, emulator, build, bundle)


def test_installed_tools_find_the_library(tree: Path, emulator: list[str]) -> None:
    tools = sorted((tree / "bin").glob("*")) if (tree / "bin").exists() else []
    if not tools:
        pytest.skip("configured with FACEDGE_TOOLS=OFF")
    for tool in tools:
        assert "usage" in run(*emulator, tool, "--help").lower(), tool.name


def test_wheel_holds_no_native_source(tmp_path: Path) -> None:
    mapping = tomllib.loads((ROOT / "pyproject.toml").read_text())["tool"]["setuptools"]
    copy = tmp_path / "checkout"
    for folder in mapping["package-dir"].values():
        shutil.copytree(ROOT / folder, copy / folder, ignore=shutil.ignore_patterns("__pycache__"))
    for name in ("pyproject.toml", "README.md", "LICENSE"):
        shutil.copy(ROOT / name, copy)
    pip = f"{sys.executable} -m pip wheel --quiet --no-deps --no-build-isolation".split()
    run(*pip, "--wheel-dir", tmp_path, copy)
    (wheel,) = tmp_path.glob("*.whl")
    names = zipfile.ZipFile(wheel).namelist()
    suffixes = {Path(name).suffix for name in names if name.startswith("facedge/runtime/")}
    assert suffixes == {".py"}
    assert not [name for name in names if name.endswith((".so", ".h", ".hpp", ".cpp", ".cu"))]

"""docs/embedding.md and docs/jetson-native.md: the code runs, the names and sentences are real."""

from __future__ import annotations

import os
import re
import shutil
import subprocess
import sys
from collections.abc import Callable
from pathlib import Path

import numpy as np
import pytest
from native_library import ROOT, inner_backends, loadable_library
from tiny_bundle import SIDE, au_model, make_bundle, sr_model

from facedge.errors import FacedgeError
from facedge.runtime.native import library, wheels
from facedge.runtime.native import structures as c
from facedge.runtime.native.stream import Model, Stream

EMBEDDING = ROOT / "docs/embedding.md"
PAGES = [EMBEDDING, ROOT / "docs/jetson-native.md"]
FLAGS = ["-std=c11", "-Wall", "-Wextra", "-Werror=implicit-function-declaration"]
BLOCK = re.compile(r"^```(\w+)\n(.*?)^```$", re.MULTILINE | re.DOTALL)


def blocks(language: str, *pages: Path) -> list[str]:
    """Code blocks of a language, in order."""
    text = "\n".join(page.read_text() for page in pages)
    return [code for found, code in BLOCK.findall(text) if found == language]


def prose(page: Path) -> str:
    """A page without its code blocks."""
    return BLOCK.sub("", page.read_text())


@pytest.fixture(scope="module")
def bundle(tmp_path_factory: pytest.TempPathFactory) -> Path:
    return make_bundle(tmp_path_factory.mktemp("bundle") / "tiny")


def programs() -> list[str]:
    return [code for code in blocks("c", EMBEDDING) if "int main(" in code]


class TestCode:
    @pytest.mark.parametrize("compiler", ["cc", "clang"])
    def test_every_piece_compiles(self, compiler: str) -> None:
        if shutil.which(compiler) is None:
            pytest.skip(f"no {compiler}")
        code = blocks("c", EMBEDDING)
        assert len(code) >= 3
        for piece in code:
            # Pieces leave out what the reader has: functions are declared, not defined.
            done = subprocess.run(
                [compiler, *FLAGS, "-fsyntax-only", f"-I{ROOT}/runtime/include", "-x", "c", "-"],
                input=f"#include <facedge/facedge.h>\n#include <stdio.h>\n{piece}",
                text=True,
                capture_output=True,
            )
            assert done.returncode == 0, done.stderr
            if "int main(" in piece:
                assert done.stderr == ""

    def test_the_loop_runs_in_projects_made_of_the_snippets(
        self, native_build: Path, bundle: Path, tmp_path: Path, emulator: list[str]
    ) -> None:
        """The loop, built by the CMake and the Makefile lines against an install tree."""
        cache = (native_build / "CMakeCache.txt").read_text()
        if (
            emulator
            or "FACEDGE_INSTALL:BOOL=ON" not in cache
            or "FACEDGE_SANITIZE:STRING=\n" not in cache
        ):
            pytest.skip("no install tree for programs of this machine")
        if "onnxruntime" not in inner_backends():
            pytest.skip("the native build has no onnxruntime back end")
        prefix = tmp_path / "prefix"
        sh("cmake", "--install", native_build, "--prefix", prefix)
        (tmp_path / "camera.c").write_text(programs()[0])
        (cmake,), (make,) = blocks("cmake", EMBEDDING), blocks("make", EMBEDDING)
        project = "cmake_minimum_required(VERSION 3.22)\nproject(camera C)\n"
        project += "add_executable(camera camera.c)\n"
        (tmp_path / "CMakeLists.txt").write_text(project + cmake)
        (tmp_path / "Makefile").write_text(make + "made: camera\n\tcp camera made\n")
        sh("cmake", "-S", tmp_path, "-B", tmp_path / "cmake", f"-DCMAKE_PREFIX_PATH={prefix}")
        sh("cmake", "--build", tmp_path / "cmake")
        (config,) = prefix.rglob("facedge.pc")
        sh("make", "-C", tmp_path, "made", PKG_CONFIG_PATH=str(config.parent))
        found = {"FACEDGE_ONNXRUNTIME": wheels.library("onnxruntime") or ""}
        for program in (tmp_path / "cmake/camera", tmp_path / "made"):
            libraries = str(config.parent.parent)
            printed = sh(program, bundle, LD_LIBRARY_PATH=libraries, **found)
            frames = re.findall(r"^frame (\d+), track 7: 8 x 8 pixels$", printed, re.MULTILINE)
            assert [int(number) for number in frames] == list(range(len(frames)))
            assert len(frames) >= 2
            assert printed.count("\n") == len(frames)

    def test_wheels_are_found_as_the_page_says(self) -> None:
        lines = next(code for code in blocks("sh", EMBEDDING) if "FACEDGE_OPENVINO=" in code)
        echo = "echo $FACEDGE_ONNXRUNTIME; echo $FACEDGE_OPENVINO"
        printed = sh("sh", "-ec", lines.replace("python3", sys.executable) + echo).split()
        assert list(Path(printed[0]).glob("libonnxruntime.so.*"))
        assert list(Path(printed[1]).glob("libopenvino_c.so*"))


def sh(*command: object, **environment: str) -> str:
    done = subprocess.run(
        [str(part) for part in command],
        env=os.environ | environment,
        capture_output=True,
        text=True,
    )
    assert done.returncode == 0, f"{command}\n{done.stdout}\n{done.stderr}"
    return done.stdout


class TestNames:
    """What the pages name exists."""

    @pytest.mark.parametrize("page", PAGES, ids=lambda page: page.name)
    def test_files_and_links(self, page: Path) -> None:
        text = page.read_text()
        paths = re.findall(r"`((?:runtime|tests|docs)/[\w./]+)`", text)
        assert paths
        missing = [path for path in paths if not (ROOT / path).exists()]
        for name, anchor in re.findall(r"\]\(([\w-]+\.md)?(?:#([\w-]+))?\)", text):
            target = page.with_name(name) if name else page
            if not target.exists():
                missing.append(name)
            elif anchor:
                titles = re.findall(r"^#+ (.*)$", target.read_text(), re.MULTILINE)
                if anchor not in {slug(title) for title in titles}:
                    missing.append(f"{name}#{anchor}")
        assert missing == []

    def test_targets_presets_and_options(self) -> None:
        text = "\n".join(page.read_text() for page in PAGES)
        makefiles = (ROOT / "Makefile").read_text() + (ROOT / "runtime/cmake/native.mk").read_text()
        for target in set(re.findall(r"\bmake (native[\w-]*)", text)):
            assert re.search(rf"^{target}:", makefiles, re.MULTILINE), target
        presets = (ROOT / "CMakePresets.json").read_text()
        for preset in set(re.findall(r"--preset ([\w-]+)", text)):
            assert f'"name": "{preset}"' in presets
        lists = [*(ROOT / "runtime").rglob("CMakeLists.txt"), *(ROOT / "runtime").rglob("*.cmake")]
        options = "\n".join(file.read_text() for file in lists)
        for option in set(re.findall(r"-D(FACEDGE_\w+)", text)):
            assert re.search(rf"(?:option|set|find_path|find_program)\({option}\b", options), option

    def test_names_of_the_interface_and_variables(self) -> None:
        sources = [
            file.read_text()
            for suffix in ("*.h", "*.hpp", "*.cpp", "*.cmake", "CMakeLists.txt")
            for file in (ROOT / "runtime").rglob(suffix)
        ]
        known = set(re.findall(r"\b(?:facedge|FACEDGE|ORT)_\w+", "\n".join(sources)))
        found = re.findall(r"\b((?:facedge|FACEDGE|ORT)_\w+)", "\n".join(map(prose, PAGES)))
        assert len(found) > 50
        assert [n for n in found if n not in known and not n.endswith("_")] == []


def slug(title: str) -> str:
    """A heading's anchor."""
    return re.sub(r"[^\w -]", "", title.lower()).replace(" ", "-")


def table() -> list[re.Pattern[str]]:
    """The sentences of the troubleshooting table as patterns."""
    rows = re.findall(r"^\| `(.*?)` \|", EMBEDDING.read_text().split("## Troubleshooting")[1], re.M)
    return [re.compile(re.escape(row).replace("…", ".*")) for row in rows]


class TestSentences:
    """Every sentence of the troubleshooting table is provoked, and is what the library says."""

    @pytest.fixture
    def said(self, monkeypatch: pytest.MonkeyPatch, bundle: Path, tmp_path: Path) -> list[str]:
        monkeypatch.setenv(library.LIBRARY, str(loadable_library()))
        if "onnxruntime" not in inner_backends():
            pytest.skip("the native build has no onnxruntime back end")
        monkeypatch.setenv("FACEDGE_ONNXRUNTIME", wheels.library("onnxruntime") or "")
        monkeypatch.delenv("FACEDGE_PLUGIN_PATH", raising=False)
        model = Model(bundle, "onnxruntime")
        stream = Stream(sr=model)
        units = Model(make_bundle(tmp_path / "units", au_model()), "onnxruntime")
        sentences = [
            sentence(lambda: Model("nowhere")),
            sentence(lambda: Model(altered(tmp_path))),
            sentence(lambda: Model(bundle, "tensorrt")),
            sentence(lambda: Stream(sr=units)),
            sentence(lambda: stream.submit_faces(np.zeros((5, SIDE, SIDE, 3), np.uint8))),
            sentence(lambda: stream.submit_faces(np.zeros((1, SIDE, 5, 3), np.uint8))),
            sentence(lambda: stream.get_state(0, np.zeros(32, np.float32))),
            sentence(lambda: submit(stream, struct_size=0)),
            sentence(lambda: submit(stream, matrix=0)),
            sentence(lambda: submit(stream, planes=1)),
            sentence(lambda: submit(stream, stride=63)),
            sentence(lambda: submit(stream, face=box(5000, 5000))),
            sentence(lambda: submit(stream, face=c.Roi(kind=c.RoiKind.LANDMARKS))),
            sentence(lambda: submit(stream, face=box(10, 10), more=box(12, 10))),
            reentered(stream),
        ]
        with monkeypatch.context() as patch:
            patch.setattr(library.load(), "plugin_dir", str(tmp_path))
            sentences.append(sentence(lambda: Model(bundle, "openvino")))
        for place in (tmp_path, EMBEDDING):
            monkeypatch.setenv("FACEDGE_ONNXRUNTIME", str(place))
            sentences.append(fresh_process(bundle))
        return sentences

    def test_every_row_is_a_sentence_of_the_library(self, said: list[str]) -> None:
        rows = table()
        assert len(rows) == len(said)
        unmatched = [row.pattern for row in rows if not any(row.match(text) for text in said)]
        strangers = [text for text in said if sum(bool(row.match(text)) for row in rows) != 1]
        assert (unmatched, strangers) == ([], [])


def sentence(call: Callable[[], object]) -> str:
    with pytest.raises(FacedgeError) as caught:
        call()
    return str(caught.value)


def altered(folder: Path) -> Path:
    path = make_bundle(folder / "altered", sr_model())
    graph = path / "onnx/portable.onnx"
    graph.write_bytes(graph.read_bytes()[:-1])
    return path


def box(x: float, y: float) -> c.Roi:
    face = c.Roi(track=3, kind=c.RoiKind.BOX)
    face.box[:] = (x, y, 20, 24)
    return face


def submit(
    stream: Stream,
    *,
    face: c.Roi | None = None,
    more: c.Roi | None = None,
    planes: int = 2,
    stride: int = 64,
    struct_size: int | None = None,
    matrix: int = c.Matrix.BT709,
    release: object = None,
) -> bool:
    """Submit an NV12 frame of 64 x 48 pixels with something wrong in it."""
    frame = c.Frame(format=c.Format.NV12, matrix=matrix, range=c.Range.FULL, memory=1)
    frame.width, frame.height = 64, 48
    pixels = np.zeros((72, 64), np.uint8)
    parts = [pixels[:48], pixels[48:]][:planes]
    if release is not None:
        frame.release = release
    if struct_size is not None:
        frame.struct_size = struct_size
    if stride != 64:
        parts[0] = np.lib.stride_tricks.as_strided(parts[0], strides=(stride, 1))
    faces = [one for one in (face or box(10, 10), more) if one is not None]
    return stream.submit(frame, faces, *parts)


def reentered(stream: Stream) -> str:
    """What is said to a release callback that calls into its stream."""
    said: list[str] = []

    def release(_user: object) -> None:
        said.append(sentence(stream.poll))

    assert submit(stream, release=c.Release(release))
    assert stream.poll() is not None
    return said[0]


def fresh_process(bundle: Path) -> str:
    """The sentence of a process that has not loaded ONNX Runtime yet."""
    code = (
        "import sys; from facedge.runtime.native.stream import Model\n"
        "try: Model(sys.argv[1], 'onnxruntime')\n"
        "except Exception as error: print(error)"
    )
    return sh(sys.executable, "-c", code, bundle).strip()

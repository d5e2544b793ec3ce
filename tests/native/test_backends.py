"""The plug-ins for ONNX Runtime and OpenVINO, alone: same bits as the Python backends, and a
sentence for whatever is wrong. ``backend_player`` opens a plug-in as libfacedge does."""

from __future__ import annotations

import os
import shutil
import subprocess
from collections.abc import Callable, Sequence
from dataclasses import dataclass, field
from pathlib import Path

import numpy as np
import onnx
import pytest
import tiny_bundle
from native_library import sanitizer_options
from onnx import TensorProto, helper

from facedge.runtime.backends import registry
from facedge.runtime.backends.base import Options
from facedge.runtime.bundle import Bundle, load
from facedge.runtime.manifest import TensorSpec
from facedge.runtime.native import wheels

BACKENDS = registry.CPU
BATCHES = (1, 2, 3, 4, 8)
EBUNDLE, EBACKEND, EINVAL = -4, -5, -2
VARIABLES = {"onnxruntime": "FACEDGE_ONNXRUNTIME", "openvino": "FACEDGE_OPENVINO"}
LINKER_NAMES = {"onnxruntime": "libonnxruntime.so.1", "openvino": "libopenvino_c.so"}
OLD = {
    "onnxruntime": ("libonnxruntime.so.1.10.0", "onnxruntime 1.10.0; expected 1.18 or later"),
    "openvino": ("libopenvino_c.so.2460", "openvino 2024.6.0; expected 2025.1 or later"),
}


@dataclass(frozen=True)
class Case:
    """A graph, what a manifest says of it, and inputs of eight rows."""

    model: bytes
    inputs: dict[str, TensorSpec]
    outputs: dict[str, TensorSpec]
    feeds: dict[str, np.ndarray] = field(default_factory=dict)

    def write(self, folder: Path) -> Path:
        folder.mkdir()
        (folder / "model.onnx").write_bytes(self.model)
        lines = [
            f"{side} {spec.name} {spec.dtype} {' '.join(map(str, spec.shape[1:]))}\n"
            for side, specs in (("input", self.inputs), ("output", self.outputs))
            for spec in specs.values()
        ]
        (folder / "tensors.txt").write_text("".join(lines))
        for name, array in self.feeds.items():
            (folder / f"{name}.raw").write_bytes(array.tobytes())
        return folder


def case(model: onnx.ModelProto) -> Case:
    """One of ``tiny_bundle``'s graphs with random inputs."""
    manifest = tiny_bundle.make_manifest(model)
    feeds = {"images": tiny_bundle.pictures(max(BATCHES), seed=5)}
    if manifest.stateful:
        shape = (max(BATCHES), *tiny_bundle.STATE_IN.shape[1:])
        feeds["state_in"] = np.random.default_rng(6).normal(0, 1, shape).astype(np.float32)
    return Case(
        model.SerializeToString(),
        {spec.name: spec for spec in manifest.inputs},
        {spec.name: spec for spec in manifest.outputs},
        feeds,
    )


MODELS: dict[str, Callable[[], onnx.ModelProto]] = {
    "sr": tiny_bundle.sr_model,
    "sr-stateful": lambda: tiny_bundle.sr_model(stateful=True),
    "au": tiny_bundle.au_model,
}


@dataclass(frozen=True)
class Player:
    """Runs ``backend_player`` on one plug-in."""

    backend: str
    build: Path
    emulator: Sequence[str]
    library: str | None

    @property
    def plugin(self) -> Path:
        return self.build / f"plugins/libfacedge_backend_{self.backend}.so"

    def environment(self, **changes: str) -> dict[str, str]:
        """This process's, with the library to drive."""
        named = {VARIABLES[self.backend]: self.library} if self.library else {}
        inherited = {k: v for k, v in os.environ.items() if k != "ORT_DISABLE_TELEMETRY"}
        return inherited | sanitizer_options(inherited) | named | changes

    def run(
        self, folder: Path, *options: str, **environment: str
    ) -> subprocess.CompletedProcess[str]:
        program = self.build / "tests/native/backends/backend_player"
        return subprocess.run(
            [*self.emulator, program, self.plugin, folder, *options],
            env=self.environment(**environment), capture_output=True, text=True, timeout=300,
        )  # fmt: skip

    def refused(
        self, folder: Path, function: str, code: int, *options: str, **environment: str
    ) -> str:
        """The sentence of a call that has to be refused, of one line and without a crash."""
        done = self.run(folder, *options, **environment)
        line = done.stdout.splitlines()[-1] if done.stdout else ""
        assert line.startswith(f"error {function} {code} "), (done.returncode, done.stdout)
        assert done.returncode == 3
        # An emulated ONNX Runtime remarks on its processor; nothing else may be printed.
        assert not done.stderr or self.emulator, done.stderr
        return line.split(" ", 3)[3]


@pytest.fixture(params=BACKENDS)
def player(request: pytest.FixtureRequest, native_build: Path, emulator: list[str]) -> Player:
    """One plug-in with the library of its variable, else the one that the Python backend uses."""
    backend = request.param
    library = os.environ.get(VARIABLES[backend]) or wheels.library(backend)
    made = Player(backend, native_build, emulator, library)
    if not made.plugin.exists():
        pytest.skip(f"this build has no plug-in for {backend}")
    return made


@pytest.fixture
def library(player: Player) -> str:
    """The library the plug-in drives; the test is skipped where there is none."""
    if not player.library:
        pytest.skip(f"no library of {player.backend}: install its wheel")
    return player.library


def python_outputs(
    backend: str, bundle: Bundle, feeds: dict[str, np.ndarray], batch: int
) -> dict[str, np.ndarray]:
    artifact = next(a for a in bundle.manifest.artifacts if a.backend == backend)
    session = registry.get(backend).open(bundle, artifact, Options(threads=1))
    binding = session.bind(batch)
    for name, array in feeds.items():
        binding.inputs[name][...] = array[:batch]
    binding.run()
    return {name: array.copy() for name, array in binding.outputs.items()}


@pytest.mark.parametrize("model", MODELS)
def test_every_lane_gives_the_bits_of_the_python_backend(
    model: str, player: Player, library: str, tmp_path: Path
) -> None:
    if player.emulator:
        pytest.skip("the Python backend here is of another architecture")
    graph = MODELS[model]()
    described = case(graph)
    bundle = load(tiny_bundle.make_bundle(tmp_path / "bundle", graph))
    folder = described.write(tmp_path / "case")
    done = player.run(
        folder, "--threads", "1", "--batches", ",".join(map(str, BATCHES)),
        "--lanes", "2", "--rounds", "20",
    )  # fmt: skip
    assert done.stdout.splitlines()[-1] == f"played 2 x {len(BATCHES)}", done.stdout + done.stderr
    assert not done.stderr
    for batch in BATCHES:
        expected = python_outputs(player.backend, bundle, described.feeds, batch)
        for name, array in expected.items():
            assert array.any()
            for lane in range(2):
                raw = (folder / f"{name}.b{batch}.lane{lane}.raw").read_bytes()
                # Same library, same settings: not one bit may differ.
                assert raw == array.tobytes(), (name, batch, lane)


def test_a_real_bundle_gives_the_bits_of_the_python_backend(
    player: Player, library: str, tmp_path: Path
) -> None:
    if player.emulator:
        pytest.skip("the Python backend here is of another architecture")
    path = Path(__file__).resolve().parents[2] / "bundles/fsr-student-int8"
    if not (path / "manifest.json").exists():
        pytest.skip("bundles/fsr-student-int8 is not built")
    bundle = load(path)
    images = np.load(path / "golden/images.npy")
    rows = np.concatenate([images, images[::-1]])[:5]
    played = next(a.path for a in bundle.manifest.artifacts if a.backend == player.backend)
    described = Case(
        (path / played).read_bytes(),
        {spec.name: spec for spec in bundle.manifest.inputs},
        {spec.name: spec for spec in bundle.manifest.outputs},
        {"images": rows},
    )
    folder = described.write(tmp_path / "case")
    done = player.run(folder, "--threads", "1", "--batches", "1,5", "--lanes", "2")
    assert done.returncode == 0, done.stdout + done.stderr
    for batch in (1, 5):
        expected = python_outputs(player.backend, bundle, described.feeds, batch)["restored"]
        for lane in range(2):
            assert (folder / f"restored.b{batch}.lane{lane}.raw").read_bytes() == expected.tobytes()


def test_the_default_number_of_threads_plays_too(
    player: Player, library: str, tmp_path: Path
) -> None:
    done = player.run(case(tiny_bundle.sr_model()).write(tmp_path / "case"))
    assert done.stdout.splitlines()[-1] == "played 1 x 1", done.stdout


def test_a_missing_library_is_a_sentence_that_names_what_was_tried(
    player: Player, tmp_path: Path
) -> None:
    # An empty variable is as good as none.
    variable, name = VARIABLES[player.backend], LINKER_NAMES[player.backend]
    done = player.run(tmp_path, **{variable: ""})
    if done.stdout.startswith("available "):
        pytest.skip(f"{name} is installed in the system")
    sentence = player.refused(tmp_path, "available", EBACKEND, **{variable: ""})
    assert f"{player.backend} cannot be loaded ({name}: " in sentence
    assert f"install {player.backend} or set {variable} to" in sentence

    missing = str(tmp_path / "none.so")
    sentence = player.refused(tmp_path, "available", EBACKEND, **{variable: missing})
    assert missing in sentence
    assert f"correct {variable}" in sentence
    sentence = player.refused(tmp_path, "available", EBACKEND, "--library", str(tmp_path))
    assert f"{player.backend} is not in {tmp_path}" in sentence


def test_a_file_that_is_not_the_library_is_refused(
    player: Player, library: str, tmp_path: Path
) -> None:
    text = tmp_path / "text.so"
    text.write_text("a text\n")
    sentence = player.refused(tmp_path, "available", EBACKEND, "--library", str(text))
    assert str(text) in sentence
    assert "correct `library`" in sentence
    # A shared object of the right kind that is another library: a plug-in of ours.
    sentence = player.refused(tmp_path, "available", EBACKEND, "--library", str(player.plugin))
    assert f"{player.plugin} has no " in sentence
    half = tmp_path / "half.so"
    source = Path(library)
    source = next(source.glob("lib*.so*")) if source.is_dir() else source
    half.write_bytes(source.read_bytes()[:100_000])
    sentence = player.refused(tmp_path, "available", EBACKEND, "--library", str(half))
    assert str(half) in sentence


def test_a_library_that_is_too_old_is_refused(player: Player, tmp_path: Path) -> None:
    file, words = OLD[player.backend]
    old = player.build / "tests/native/backends/old" / file
    assert words in player.refused(tmp_path, "available", EBACKEND, "--library", str(old))


def test_onnx_runtime_keeps_its_telemetry_off_unless_asked(
    player: Player, library: str, tmp_path: Path
) -> None:
    if player.backend != "onnxruntime":
        pytest.skip("only ONNX Runtime has any")
    folder = case(tiny_bundle.sr_model()).write(tmp_path / "case")
    name = "ORT_DISABLE_TELEMETRY"
    assert f"env {name}=1" in player.run(folder, "--env", name).stdout
    # With the variable at 0 the library is only looked at, not started.
    (folder / "model.onnx").unlink()
    assert f"env {name}=0" in player.run(folder, "--env", name, **{name: "0"}).stdout


@pytest.mark.parametrize(
    "damage",
    [
        pytest.param(lambda data: b"", id="empty"),
        pytest.param(lambda data: data[: len(data) // 2], id="truncated"),
        pytest.param(lambda data: b"\xff" * len(data), id="noise"),
    ],
)
def test_a_damaged_graph_is_refused(
    damage: Callable[[bytes], bytes], player: Player, library: str, tmp_path: Path
) -> None:
    whole = case(tiny_bundle.sr_model())
    folder = Case(damage(whole.model), whole.inputs, whole.outputs).write(tmp_path / "case")
    sentence = player.refused(folder, "engine_open", EBACKEND)
    assert f"refuses the model {folder}/model.onnx: " in sentence


def spec(name: str, dtype: str, *sizes: int) -> TensorSpec:
    return TensorSpec(name=name, dtype=dtype, shape=(-1, *sizes), meaning="")


@pytest.mark.parametrize(
    ("side", "changed", "words"),
    [
        (
            "inputs", spec("images", "uint8", 8, 8, 3),
            "images as uint8 [N, 4, 4, 3], the manifest says uint8 [N, 8, 8, 3]; build the bundle",
        ),
        (
            "inputs", spec("images", "float32", 4, 4, 3),
            "images as uint8 [N, 4, 4, 3], the manifest says float32 [N, 4, 4, 3]",
        ),
        (
            "outputs", spec("restored", "uint8", 8, 8),
            "restored as uint8 [N, 8, 8, 3], the manifest says uint8 [N, 8, 8]",
        ),
        ("outputs", spec("landmarks", "float32", 49, 2), "landmarks as missing, the manifest says"),
        ("inputs", None, "an input images that the manifest does not name"),
    ],
)  # fmt: skip
def test_a_graph_with_other_tensors_than_the_manifest_is_refused(
    side: str, changed: TensorSpec | None, words: str,
    player: Player, library: str, tmp_path: Path,
) -> None:  # fmt: skip
    whole = case(tiny_bundle.sr_model())
    specs = {changed.name: changed} if changed else {}
    sides = {"inputs": whole.inputs, "outputs": whole.outputs} | {side: specs}
    folder = Case(whole.model, sides["inputs"], sides["outputs"]).write(tmp_path / "case")
    sentence = player.refused(folder, "engine_open", EBUNDLE)
    assert sentence.startswith(f"{folder}/model.onnx has {words}")


def test_batches_beyond_the_artifact_and_out_of_order_are_refused(
    player: Player, library: str, tmp_path: Path
) -> None:
    folder = case(tiny_bundle.sr_model()).write(tmp_path / "case")
    options = ("--max-batch", "4", "--batches")
    assert player.run(folder, *options, "1,4").returncode == 0
    sentence = player.refused(folder, "lane_open", EINVAL, *options, "1,8")
    assert sentence.startswith(f"batch is 8 and {folder}/model.onnx was built for at most 4; ")
    assert "batch 0" in player.refused(folder, "lane_open", EINVAL, "--batches", "0")
    assert "ascending" in player.refused(folder, "lane_open", EINVAL, "--batches", "2,1")


def test_a_frozen_batch_is_refused_when_lanes_are_opened(
    player: Player, library: str, tmp_path: Path
) -> None:
    graph = tiny_bundle.sr_model()
    for value in (*graph.graph.input, *graph.graph.output):
        value.type.tensor_type.shape.dim[0].dim_value = 2
    folder = case(graph).write(tmp_path / "case")
    assert player.run(folder, "--batches", "2").returncode == 0
    if player.backend == "onnxruntime":  # OpenVINO reshapes the graph
        player.refused(folder, "lane_open", EBACKEND, "--batches", "2,3")


def test_a_lane_stays_usable_after_the_library_failed_on_it(
    player: Player, library: str, tmp_path: Path
) -> None:
    """A Gather whose indices come from the picture: fine on zeros, out of bounds on others."""
    if player.backend != "onnxruntime":
        pytest.skip("OpenVINO does not check indices")
    image, table = spec("images", "uint8", 4), spec("restored", "float32", 4)
    nodes = [
        helper.make_node("Cast", ["images"], ["index"], to=TensorProto.INT64),
        helper.make_node("Gather", ["table", "index"], ["restored"]),
    ]
    graph = helper.make_graph(
        nodes, "gather",
        [helper.make_tensor_value_info("images", TensorProto.UINT8, ["batch", 4])],
        [helper.make_tensor_value_info("restored", TensorProto.FLOAT, ["batch", 4])],
        [onnx.numpy_helper.from_array(np.arange(8, dtype=np.float32), "table")],
    )  # fmt: skip
    model = helper.make_model(graph, opset_imports=[helper.make_opsetid("", 18)], ir_version=9)
    described = Case(
        model.SerializeToString(), {"images": image}, {"restored": table},
        {"images": np.full((1, 4), 200, np.uint8)},
    )  # fmt: skip
    folder = described.write(tmp_path / "case")
    sentence = player.refused(folder, "enqueue", EBACKEND, "--recover", "1")
    assert f"cannot play {folder}/model.onnx: " in sentence
    assert "recovered\n" in player.run(folder, "--recover", "1").stdout


def test_a_plugin_exports_one_function_and_needs_no_library_it_drives(player: Player) -> None:
    tool = shutil.which("readelf")
    if not tool:
        pytest.skip("readelf is not installed")

    def lines(*options: str) -> list[list[str]]:
        listed = subprocess.run(
            [tool, "--wide", *options, player.plugin], capture_output=True, text=True, check=True
        )
        return [line.split() for line in listed.stdout.splitlines()]

    exported = [w[-1] for w in lines("--dyn-syms") if w[4:5] == ["GLOBAL"] and w[6] != "UND"]
    assert exported == ["facedge_backend"]
    needed = {w[-1].strip("[]").split(".so")[0] for w in lines("--dynamic") if "(NEEDED)" in w}
    allowed = {"libstdc++", "libm", "libgcc_s", "libc", "libdl", "libpthread", "ld-linux-aarch64"}
    sanitizers = {"libasan", "libubsan", "libtsan"}
    assert needed <= allowed | sanitizers

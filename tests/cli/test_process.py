"""The process of a command: signals, what C libraries print, a full stdout, missing packages."""

from __future__ import annotations

import json
import os
import signal
import subprocess
import sys
from pathlib import Path

import cv2
import numpy as np
import pytest
import typer
from child_signals import default_signals
from play_bundle import SIDE, enlarging_bundle

from facedge.cli.main import app, execute
from facedge.pictures import write_picture

WORKING = """
import time, typer
from pathlib import Path
from facedge.cli.main import run_command
from facedge.files import new_folder
app = typer.Typer()
@app.command()
def work():
    with new_folder(Path("out/result")) as folder:
        (folder / "half").write_text("half")
        print("working", flush=True)
        time.sleep(60)
run_command(app)
"""


def facedge(*arguments: object, **options: object) -> subprocess.CompletedProcess[str]:
    command = [sys.executable, "-m", "facedge.cli.main", *(str(a) for a in arguments)]
    return subprocess.run(command, text=True, stderr=subprocess.PIPE, check=False, **options)


@pytest.fixture
def bundle(tmp_path: Path) -> Path:
    return enlarging_bundle(tmp_path / "bundle")


@pytest.mark.parametrize(
    ("number", "code", "words"),
    [
        (signal.SIGINT, 130, "interrupted; nothing was written"),
        (signal.SIGTERM, 143, "ended by SIGTERM; nothing was written"),
        (signal.SIGHUP, 129, "ended by SIGHUP; nothing was written"),
    ],
)
def test_a_stopped_command_leaves_nothing_and_says_so(tmp_path, number, code, words):
    process = subprocess.Popen(
        [sys.executable, "-c", WORKING],
        cwd=tmp_path,
        stdout=subprocess.PIPE,
        stderr=subprocess.PIPE,
        text=True,
        preexec_fn=default_signals,
    )
    assert process.stdout is not None
    assert process.stdout.readline() == "working\n"
    assert list(tmp_path.glob("out/.result.*/half"))
    process.send_signal(number)
    _, said = process.communicate(timeout=30)
    assert said == f"facedge: {words}\n"
    assert process.returncode == code
    assert list(tmp_path.iterdir()) == []


def test_c_libraries_do_not_print_beside_the_sentence(bundle, tmp_path):
    _, encoded = cv2.imencode(".png", np.random.default_rng(0).integers(0, 255, (40, 40, 3)))
    data = bytearray(encoded.tobytes())
    data[200:260] = bytes(60)  # libpng itself complains of the checksum
    (tmp_path / "broken.png").write_bytes(data)
    arguments = ["run", bundle, tmp_path / "broken.png", "--out", tmp_path / "out"]
    plain = facedge(*arguments)
    assert plain.returncode == 2
    assert plain.stderr.startswith("facedge: ")
    assert plain.stderr.count("\n") == 1
    loud = facedge(*arguments, env={**os.environ, "FACEDGE_NATIVE_LOG": "1"})
    assert "libpng" in loud.stderr  # so there was something to silence


def test_a_full_stdout_is_one_sentence(bundle):
    with Path("/dev/full").open("w") as full:
        done = facedge("inspect", bundle, "--json", stdout=full)
    assert done.returncode == 2
    assert done.stderr == "facedge: cannot read or write: No space left on device\n"


def test_nobody_is_told_which_models_are_played(tmp_path):
    clean = {k: v for k, v in os.environ.items() if k not in ("CI", "ORT_DISABLE_TELEMETRY")}
    script = "import facedge, onnxruntime as ort; ort.SessionOptions()"
    home = {"HOME": str(tmp_path), "TMPDIR": str(tmp_path)}
    subprocess.run([sys.executable, "-c", script], env=clean | home, check=True)
    # ONNX Runtime keeps a device id and its reports there before it sends them.
    assert [p for p in tmp_path.rglob("*") if p.is_file()] == []


def failing(error: BaseException) -> typer.Typer:
    application = typer.Typer()

    @application.command()
    def fail() -> None:
        raise error

    return application


@pytest.mark.parametrize(
    ("module", "words"),
    [("jinja2.ext", "facedge[export]"), ("openvino", "facedge[openvino]"), ("cv2", "'facedge'")],
)
def test_a_package_missing_anywhere_is_exit_4_with_its_extra(module, words, capsys):
    error = ModuleNotFoundError(f"No module named '{module}'", name=module)
    assert execute(failing(error), []) == 4
    said = capsys.readouterr().err
    assert words in said
    assert said.count("\n") == 1


def test_a_missing_part_of_facedge_itself_is_not_hidden():
    with pytest.raises(ImportError):
        execute(failing(ImportError("a bug", name="facedge.models")), [])


def test_no_arguments_show_the_help_and_nothing_else(capsys):
    assert execute(app, []) == 2
    shown = capsys.readouterr()
    assert "Compile face models" in shown.out
    assert shown.err == ""


@pytest.mark.parametrize("command", ["run", "verify"])
def test_an_unknown_backend_is_a_usage_error(command, bundle, tmp_path, capsys):
    write_picture(tmp_path / "face.png", np.zeros((SIDE, SIDE, 3), np.uint8))
    more = [str(tmp_path / "face.png"), "--out", str(tmp_path / "out")] if command == "run" else []
    assert execute(app, [command, str(bundle), *more, "--backend", "abacus", "--json"]) == 2
    found = json.loads(capsys.readouterr().out)
    assert "onnxruntime, openvino, tensorrt, tensorrt-rtx" in found["error"]

"""The plain export converted by pnnx and played by ncnn, both with their defaults."""

from __future__ import annotations

import shutil
import subprocess
import sys
import tempfile
from collections import Counter
from pathlib import Path

import numpy as np

from facedge.extras import require

from .contract import Floats, NotHereError, Peer, Run, Work

TIMEOUT_S = 300


def _open(work: Work) -> Run:
    ncnn = require("ncnn", "peers", "play what pnnx converts")
    converter = _converter()
    with tempfile.TemporaryDirectory() as folder:
        source = Path(folder) / "plain.onnx"
        source.write_bytes(work.exported)
        shape = ",".join(map(str, work.face().shape))
        _convert([converter, source.name, f"inputshape=[{shape}]"], source.parent)
        layers, weights = (source.with_name(f"plain.ncnn.{end}") for end in ("param", "bin"))
        if not layers.is_file():
            raise NotHereError("does not convert: pnnx wrote no ncnn model")
        if unknown := unknown_layers(layers.read_text()):
            raise NotHereError(f"does not convert: ncnn has no layer for {', '.join(unknown)}")
        net = ncnn.Net()
        net.opt.num_threads = work.threads
        if net.load_param(str(layers)) or net.load_model(str(weights)):
            raise NotHereError("does not convert: ncnn refuses the model that pnnx wrote")
    inputs, outputs = net.input_names(), net.output_names()

    def run(images: Floats) -> tuple[Floats, ...]:
        extractor = net.create_extractor()
        extractor.input(inputs[0], ncnn.Mat(images[0]))
        return tuple(np.array(extractor.extract(name)[1])[None] for name in outputs)

    return run


def unknown_layers(param: str) -> list[str]:
    """Operators that pnnx left as torch or ONNX has them: ncnn's own have no dot in their names.

    Args:
        param: text of an ``.ncnn.param`` file; a line is a layer, its type the first word, after
            two lines of header.
    """
    kinds = Counter(line.split()[0] for line in param.splitlines()[2:] if line.strip())
    return sorted(kind for kind in kinds if "." in kind or "::" in kind)


def _converter() -> str:
    """The program that the package ``pnnx`` installs beside Python."""
    beside = Path(sys.executable).with_name("pnnx")
    found = str(beside) if beside.is_file() else shutil.which("pnnx")
    if found is None:
        raise NotHereError(
            "pnnx is needed to convert the plain export and was not found; install it with: "
            "pip install 'facedge[peers]'"
        )
    return found


def _convert(command: list[str], folder: Path) -> None:
    try:
        done = subprocess.run(
            command, cwd=folder, capture_output=True, text=True, timeout=TIMEOUT_S
        )
    except (OSError, subprocess.TimeoutExpired) as error:
        raise NotHereError(f"pnnx did not end: {error}") from error
    if done.returncode:
        last = (done.stderr.strip().splitlines() or ["without a word"])[-1]
        raise NotHereError(f"does not convert: pnnx ended with {done.returncode}: {last}")


PEER = Peer("pnnx, ncnn", "ncnn", "own", _open, single=True)

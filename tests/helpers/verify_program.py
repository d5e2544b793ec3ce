"""Runs facedge-verify, and makes bundles that it has to find wrong."""

from __future__ import annotations

import hashlib
import json
import os
import re
import subprocess
from collections.abc import Callable, Sequence
from dataclasses import dataclass, field
from pathlib import Path

import msgspec
import numpy as np
from native_library import is_sanitized, program_environment
from tiny_bundle import make_bundle, write

from facedge.runtime.bundle import encode_manifest, load
from facedge.runtime.manifest import Artifact

PASSED, INPUT, FAILED, NOTHING_PLAYED = 0, 2, 3, 4
"""Exit codes."""


@dataclass(frozen=True)
class Verify:
    """facedge-verify of a native build, with the back ends of a folder."""

    build: Path
    emulator: Sequence[str]
    plugins: Path
    environment: dict[str, str] = field(default_factory=dict)

    def run(self, *arguments: object) -> subprocess.CompletedProcess[str]:
        program = self.build / "runtime/tools/facedge-verify"
        command = [*self.emulator, str(program), *map(str, arguments)]
        environment = os.environ | self.environment
        return subprocess.run(command, capture_output=True, text=True, env=environment)

    def __call__(self, bundle: Path, *options: object) -> tuple[int, dict, str]:
        """Exit code, the JSON object, and the sentence on stderr ("" without)."""
        done = self.run(bundle, "--json", "--plugin-dir", self.plugins, *options)
        sentences = re.findall(r"^facedge-verify: (.*)$", done.stderr, re.MULTILINE)
        assert len(sentences) == (done.returncode != 0), done.stderr
        report = json.loads(done.stdout)
        if done.returncode:
            assert (report["error"], report["exit_code"]) == (sentences[0], done.returncode)
        return done.returncode, report, (sentences or [""])[0]


def with_wheels(build: Path, emulator: Sequence[str]) -> Verify:
    """With the back ends of the build, and the libraries of the wheels for those not named."""
    return Verify(build, emulator, build / "plugins", program_environment())


def playing(verify: Verify) -> list[str]:
    """The back ends that ``with_wheels`` found complete."""
    return [
        name
        for name in ("onnxruntime", "openvino")
        if (verify.plugins / f"libfacedge_backend_{name}.so").exists()
        and f"FACEDGE_{name.upper()}" in os.environ | verify.environment
        # OpenVINO's threads do not load below a sanitizer.
        and not (name == "openvino" and is_sanitized())
    ]


def with_faults(build: Path, emulator: Sequence[str]) -> Verify:
    """With one back end, whose artifact says what goes wrong."""
    return Verify(build, emulator, build / "tests/native/bundle")


def alter_golden(path: Path, name: str, change: Callable[[np.ndarray], np.ndarray]) -> Path:
    """Change a golden array and list its new hash, as a wrong builder would."""
    manifest = load(path).manifest
    file = path / f"golden/{name}.npy"
    np.save(file, change(np.load(file)))
    digest = hashlib.sha256(file.read_bytes()).hexdigest()
    files = manifest.files | {f"golden/{name}.npy": digest}
    renewed = msgspec.structs.replace(manifest, files=files)
    write(path / "manifest.json", encode_manifest(renewed))
    return path


def faulty_bundle(path: Path, fault: str, **changes: object) -> Path:
    """A bundle for the faulty back end, whose golden pictures are black."""
    artifact = Artifact(
        backend="faulty", path="engines/x.plan", dialect="portable", version="1", device="d"
    )
    fields = {"artifacts": (artifact,)} | changes
    bundle = make_bundle(path, extra={"engines/x.plan": fault.encode()}, **fields)
    return alter_golden(bundle, "restored", np.zeros_like)

"""The C++ loader's answers, and the Python loader's in the same form."""

from __future__ import annotations

import hashlib
import json
import os
import re
import subprocess
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from pathlib import Path

import msgspec

from facedge.errors import BundleError
from facedge.runtime.bundle import load


@dataclass(frozen=True)
class Probe:
    """Runs ``bundle_probe`` of the native build."""

    build: Path
    emulator: Sequence[str]

    def __call__(self, mode: str, records: list[bytes]) -> list[str]:
        """One line for each record: "ok ..." or the sentence of the refusal."""
        program = self.build / "tests/native/bundle/bundle_probe"
        data = b"".join(b"%d\n%s" % (len(r), r) for r in records)
        done = subprocess.run(
            [*self.emulator, str(program), mode], input=data, capture_output=True, check=True
        )
        answers = done.stdout.decode("utf-8", "surrogateescape").splitlines()
        assert len(answers) == len(records)
        return answers


def python_says(call: Callable[[], object]) -> str:
    try:
        call()
    except BundleError as error:
        return str(error)
    return "ok"


def comparable(sentence: str) -> str:
    """Without what only the JSON parsers say, and with "ok" for every acceptance."""
    sentence = re.sub(r"^ok .*", "ok", sentence)
    return re.sub(r"is not a manifest \(.*\);", "is not a manifest;", sentence)


def loaded_by_both(probe: Probe, path: Path, hashes: bool = True) -> str:
    """The one sentence of both loaders."""
    (found,) = probe("load" if hashes else "load-unhashed", [os.fsencode(path)])
    expected = python_says(lambda: load(path, verify=hashes))
    assert comparable(found) == comparable(expected)
    return expected


def sealed(text: bytes) -> bytes:
    """Manifest bytes with a right digest in place of whatever stands there."""
    blank = re.sub(rb'"digest": "[0-9a-f]{64}"', b'"digest": "' + b"0" * 64 + b'"', text)
    return blank.replace(b"0" * 64, hashlib.sha256(blank).hexdigest().encode(), 1)


def rewritten(path: Path, change: Callable[[dict], object]) -> bytes:
    """The manifest of a bundle with its document changed, sealed again."""
    document = json.loads((path / "manifest.json").read_bytes())
    change(document)
    return sealed(msgspec.json.format(json.dumps(document).encode(), indent=2))

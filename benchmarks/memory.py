"""Memory of one bundle on one backend, in a process of its own so that nothing else counts.

    python -m facedge.benchmarks.memory BUNDLE BACKEND THREADS

prints one JSON object: ``opened``, ``played`` and ``peak`` in MiB, as in ``result.Memory``.
"""

from __future__ import annotations

import json
import subprocess
import sys
from pathlib import Path

import msgspec

from facedge.errors import BackendError

from .result import Memory

CALLS = 16
TIMEOUT_S = 300


def measure_memory(bundle: Path, backend: str, threads: int) -> Memory:
    """Start a process that opens and plays the bundle, and read its own account.

    Raises:
        BackendError: it ended badly; the sentence has its last line.
    """
    module = f"{__package__}.memory"
    command = [sys.executable, "-m", module, str(bundle), backend, str(threads)]
    try:
        done = subprocess.run(command, capture_output=True, text=True, timeout=TIMEOUT_S)
    except (OSError, subprocess.TimeoutExpired) as error:
        raise BackendError(f"the process that measures memory did not end: {error}") from error
    if done.returncode:
        last = (done.stderr.strip().splitlines() or ["without a word"])[-1]
        raise BackendError(f"the process that measures memory ended with {done.returncode}: {last}")
    return msgspec.json.decode(done.stdout.splitlines()[-1], type=Memory)


def resident(field: str) -> float:
    """``VmRSS`` (now) or ``VmHWM`` (highest so far) of this process, in MiB.

    Raises:
        BackendError: the system does not say.
    """
    try:
        lines = Path("/proc/self/status").read_text().splitlines()
    except OSError as error:
        raise BackendError(f"/proc/self/status cannot be read: {error.strerror}") from error
    for line in lines:
        if line.startswith(f"{field}:"):
            return int(line.split()[1]) / 1024
    raise BackendError(f"/proc/self/status names no {field}")


def main(bundle: str, backend: str, threads: int) -> None:
    """Open, play, and print what it took."""
    import numpy as np

    from facedge.runtime.session import Session

    before = resident("VmRSS")
    session = Session(bundle, backend, threads=threads)
    faces = np.zeros((1, *session.input_shape), np.uint8)
    opened = resident("VmRSS")
    for _ in range(CALLS):
        session(faces)
    found = {
        "opened": round(opened - before, 2),
        "played": round(resident("VmRSS") - before, 2),
        "peak": round(resident("VmHWM"), 2),
    }
    print(json.dumps(found))


if __name__ == "__main__":
    main(sys.argv[1], sys.argv[2], int(sys.argv[3]))

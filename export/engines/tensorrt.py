"""ONNX to a TensorRT plan, in a process of its own.

A compiler of this size can crash; in its own process that is one sentence and not the end of a
build, its messages stay off the terminal, and its memory is given back.
"""

from __future__ import annotations

import dataclasses
import signal
import subprocess
import sys
import tempfile
from pathlib import Path

import msgspec

from facedge.errors import BackendError, InputError

from .compiler import compile_plan
from .layers import Layer
from .plan import Plan, PlanOptions

MODEL, OPTIONS, PLAN, RESULT = "model.onnx", "options.json", "engine.plan", "result.json"


class Outcome(msgspec.Struct):
    """What the building process leaves in ``result.json``; ``error`` is empty on success.

    ``exit_code`` tells what kind of error it was (``facedge.errors``).
    """

    error: str = ""
    exit_code: int = 0
    version: str = ""
    device: str = ""
    layers: tuple[Layer, ...] = ()
    warnings: tuple[str, ...] = ()
    seconds: float = 0.0
    peak_mib: float = 0.0


def build_plan(onnx: bytes, options: PlanOptions | None = None) -> Plan:
    """Build a plan for batch 1 to ``options.max_batch``.

    Args:
        onnx: ONNX bytes, dialect ``tensorrt``, weights inside, batch dynamic.
        options: how; ``PlanOptions()`` when None.

    Raises:
        BackendError: TensorRT is missing, too old, refuses the graph, crashes or takes too long.
        InputError: the timing cache, the log or the temporary folder cannot be written.
    """
    options = options or PlanOptions()
    if not options.isolate:
        return compile_plan(onnx, options)
    try:
        return _build_apart(onnx, options)
    except OSError as error:
        raise InputError(
            f"cannot build a plan in {tempfile.gettempdir()}: {error.strerror or error}; "
            f"free space there or set TMPDIR to another folder"
        ) from error


def _build_apart(onnx: bytes, options: PlanOptions) -> Plan:
    with tempfile.TemporaryDirectory(prefix="facedge-plan-") as name:
        folder = Path(name)
        (folder / MODEL).write_bytes(onnx)
        absolute = dataclasses.replace(
            options,
            timing_cache=options.timing_cache and options.timing_cache.absolute(),
            log=options.log and options.log.absolute(),
        )
        (folder / OPTIONS).write_bytes(msgspec.json.encode(absolute, enc_hook=str))
        code, last_words = _run(folder, options)
        try:
            outcome = msgspec.json.decode((folder / RESULT).read_bytes(), type=Outcome)
        except (FileNotFoundError, msgspec.DecodeError) as error:
            raise BackendError(_obituary(options, code, last_words)) from error
        if outcome.error:
            kind = InputError if outcome.exit_code == InputError.exit_code else BackendError
            raise kind(outcome.error)
        return Plan(
            data=(folder / PLAN).read_bytes(),
            backend=options.backend,
            version=outcome.version,
            device=outcome.device,
            max_batch=options.max_batch,
            layers=outcome.layers,
            warnings=outcome.warnings,
            seconds=outcome.seconds,
            peak_mib=outcome.peak_mib,
        )


def _run(folder: Path, options: PlanOptions) -> tuple[int, str]:
    command = [sys.executable, "-m", "facedge.export.engines.worker", str(folder)]
    try:
        done = subprocess.run(
            command,
            cwd=folder,
            stdin=subprocess.DEVNULL,
            stdout=subprocess.DEVNULL,
            stderr=subprocess.PIPE,
            timeout=options.timeout,
            check=False,
        )
    except subprocess.TimeoutExpired as error:
        raise BackendError(
            f"{options.backend} was still building after {options.timeout:g} s and was stopped; "
            f"raise the timeout or lower the optimization level"
        ) from error
    lines = done.stderr.decode(errors="replace").strip().splitlines()
    return done.returncode, lines[-1].strip() if lines else ""


def _obituary(options: PlanOptions, code: int, last_words: str) -> str:
    if code < 0:
        try:
            how = f"was ended by {signal.Signals(-code).name}"
        except ValueError:
            how = f"was ended by signal {-code}"
        if -code == signal.SIGKILL:
            how += " (often: out of memory)"
    else:
        how = f"ended with code {code} and no result"
    said = f" ({last_words})" if last_words else ""
    return (
        f"the {options.backend} builder {how}{said}; "
        f"the graph triggers a fault of this version: try another, or report it to NVIDIA"
    )

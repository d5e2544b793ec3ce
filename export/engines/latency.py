"""Compare the CPU engines: all contenders in one run, in turns."""

from __future__ import annotations

from collections.abc import Mapping

from facedge.benchmarks.interleave import interleave
from facedge.errors import InputError

from . import onnxruntime, openvino
from .measure import Run

_PER_ROUND = 8
_ENGINES = {"onnxruntime": onnxruntime.bound_run, "openvino": openvino.bound_run}


def measure(
    contenders: Mapping[str, tuple[str, bytes]],
    batch: int = 1,
    seconds: float = 0.5,
    threads: int | None = None,
) -> dict[str, float]:
    """Median latency of each contender, in alternating rounds of a few calls.

    A call right behind another engine's would find cold caches and that engine's threads, which
    spin for a while: up to 1.7 times as long. The engines therefore rest before each round.

    Args:
        contenders: label -> (``onnxruntime`` or ``openvino``, ONNX bytes).
        batch: pictures per inference.
        seconds: time spent on each, after a warm-up.
        threads: CPU threads of each; None for the engines' own choice.

    Returns:
        label -> milliseconds per inference.

    Raises:
        InputError: an engine that does not run on the CPU.
        BackendError: an engine is missing or refuses a model.
    """
    runs = {
        label: bound_run(engine, model, batch, threads)
        for label, (engine, model) in contenders.items()
    }
    timings = interleave(
        runs, calls=2 * _PER_ROUND, seconds=seconds, per_round=_PER_ROUND, warm_up=_PER_ROUND
    )
    return {label: timing.percentile(50) for label, timing in timings.items()}


def bound_run(engine: str, model: bytes, batch: int = 1, threads: int | None = None) -> Run:
    """One inference of a CPU engine on bound arrays, as a function to call.

    Raises:
        InputError: an engine that does not run on the CPU.
        BackendError: the engine is missing or refuses the model.
    """
    if engine not in _ENGINES:
        raise InputError(
            f"{engine} cannot be measured on the CPU; choose from {', '.join(_ENGINES)}"
        )
    return _ENGINES[engine](model, batch, threads)

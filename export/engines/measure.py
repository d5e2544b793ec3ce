"""Arrays and timing shared by the CPU engines."""

from __future__ import annotations

import time
from collections.abc import Callable, Iterable, Sequence

import numpy as np

from facedge.errors import BackendError
from facedge.runtime.backends.base import Array, empty

_TYPES = {"u8": "uint8", "tensor(uint8)": "uint8", "f32": "float32", "tensor(float)": "float32"}
_WARM_UP, _LEAST = 3, 10

Run = Callable[[], None]


def bound_arrays(
    tensors: Iterable[tuple[str, Sequence[object], str]], batch: int
) -> dict[str, Array]:
    """Aligned arrays for (name, shape, element type), bytes filled with fixed noise.

    Raises:
        BackendError: an element type is neither uint8 nor float32, or a size other than the
            batch is not fixed.
    """
    noise = np.random.default_rng(0)
    arrays: dict[str, Array] = {}
    for name, shape, kind in tensors:
        if kind not in _TYPES:
            raise BackendError(f"tensor {name} is of type {kind}, expected uint8 or float32")
        tail = [size for size in shape[1:] if isinstance(size, int) and size > 0]
        if len(tail) != len(shape) - 1:
            raise BackendError(
                f"tensor {name} has shape {list(shape)}, expected only the batch to be dynamic"
            )
        array = empty((batch, *tail), _TYPES[kind])
        array[...] = noise.integers(0, 256, array.shape) if array.dtype == np.uint8 else 0
        arrays[name] = array
    return arrays


def interleaved_ms(runs: Sequence[Run], seconds: float) -> list[float]:
    """Median times in milliseconds of several things, run in turns and in alternating order.

    What else the machine does then falls on all alike.

    Args:
        runs: what to time; each is warmed up first.
        seconds: time for each; at least 10 rounds are made.
    """
    for run in runs:
        for _ in range(_WARM_UP):
            run()
    times: list[list[int]] = [[] for _ in runs]
    order = list(range(len(runs)))
    end = time.perf_counter() + seconds * len(runs)
    while len(times[0]) < _LEAST or time.perf_counter() < end:
        for index in order:
            start = time.perf_counter_ns()
            runs[index]()
            times[index].append(time.perf_counter_ns() - start)
        order.reverse()
    return [float(np.median(found)) / 1e6 for found in times]

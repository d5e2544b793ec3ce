"""Arrays shared by the CPU engines."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Sequence

import numpy as np

from facedge.errors import BackendError
from facedge.runtime.backends.base import Array, empty

_TYPES = {"u8": "uint8", "tensor(uint8)": "uint8", "f32": "float32", "tensor(float)": "float32"}

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

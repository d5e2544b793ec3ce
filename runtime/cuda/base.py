"""The CUDA calls that a plan needs, behind one small interface.

Two libraries offer them: NVIDIA's cuda-python and PyCUDA. Both sit on the device's primary
context, the one TensorRT uses. All addresses are plain integers.
"""

from __future__ import annotations

from typing import Any, Protocol

import numpy as np
import numpy.typing as npt

Bytes = npt.NDArray[np.uint8]


class Cuda(Protocol):
    """One device's memory, streams and graphs. Use from one thread.

    Every method raises BackendError, naming the CUDA call and its error, when CUDA refuses.

    Attributes:
        name: which library, with its version.
    """

    name: str

    def capability(self) -> tuple[int, int]:
        """Compute capability of the current device, such as (8, 7)."""
        ...

    def device_alloc(self, size: int) -> int:
        """Address of ``size`` bytes of device memory."""
        ...

    def device_free(self, address: int) -> None:
        """Give device memory back."""
        ...

    def host_alloc(self, size: int) -> Bytes:
        """``size`` bytes of page-locked host memory, uint8 [size]; freed with its last view."""
        ...

    def stream_create(self) -> Any:
        """A stream that does not wait for the default stream."""
        ...

    def stream_address(self, stream: Any) -> int:
        """The stream's handle as TensorRT takes it."""
        ...

    def stream_destroy(self, stream: Any) -> None:
        """Give a stream back."""
        ...

    def synchronize(self, stream: Any) -> None:
        """Wait until everything queued on the stream is done."""
        ...

    def to_device(self, address: int, array: Bytes, stream: Any) -> None:
        """Queue a copy of a page-locked array to device memory."""
        ...

    def to_host(self, array: Bytes, address: int, stream: Any) -> None:
        """Queue a copy of device memory to a page-locked array."""
        ...

    def capture_begin(self, stream: Any) -> bool:
        """Start recording a CUDA graph; False where the library has no graphs."""
        ...

    def capture_end(self, stream: Any) -> Any:
        """Stop recording: an executable graph, or None when the recording was spoilt."""
        ...

    def graph_launch(self, graph: Any, stream: Any) -> None:
        """Queue a recorded graph."""
        ...

    def graph_destroy(self, graph: Any) -> None:
        """Give a graph back."""
        ...

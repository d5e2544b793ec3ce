"""The parts of a call on a GPU: copy in, compute, copy out; with and without a CUDA graph.

Only TensorRT's backend moves the data itself, so only it can be taken apart. Each part is queued
and waited for, on the host's clock, which adds the wait (some 10 µs) to every part: the sum is a
little more than a whole call. Not yet run on a device; tested on stand-ins.
"""

from __future__ import annotations

from collections.abc import Callable

from facedge.runtime.backends import registry
from facedge.runtime.backends.base import Options
from facedge.runtime.backends.tensorrt import TensorRtBinding
from facedge.runtime.choose import open_backend

from .interleave import Call, interleave
from .result import GpuStages
from .subjects import Subject


def measure_stages(subject: Subject, queries: int, per_round: int) -> GpuStages | str | None:
    """Medians of the parts at batch 1, or one sentence why they cannot be had; None on a CPU."""
    if registry.kind(subject.backend) not in registry.GPU:
        return None
    opened = open_backend(subject.bundle, subject.backend, Options())
    binding = opened.session.bind(1)
    if not isinstance(binding, TensorRtBinding):
        return f"{subject.backend} does not show the parts of a call, only the whole"
    next(iter(binding.inputs.values()))[...] = subject.batch(1)
    timings = interleave(parts(binding), calls=queries, per_round=per_round, settle=0.0)
    medians = {name: round(timing.percentile(50), 5) for name, timing in timings.items()}
    return GpuStages(**medians)


def parts(binding: TensorRtBinding) -> dict[str, Call]:
    """Calls that queue one part and wait for it, by the names of ``GpuStages``."""
    cuda, stream, context = binding._cuda, binding._stream, binding._context
    inputs, outputs = binding._inputs, binding._outputs

    def waited(queue: Callable[[], object]) -> Call:
        def call() -> None:
            queue()
            cuda.synchronize(stream)

        return call

    found = {
        "to_device": waited(lambda: cuda.to_device(inputs.device, inputs.host, stream)),
        "compute": waited(lambda: context.execute_async_v3(binding._handle)),
        "to_host": waited(lambda: cuda.to_host(outputs.host, outputs.device, stream)),
        "enqueued": waited(binding._launch),
    }
    if binding._graph is not None:
        found["graph"] = waited(lambda: cuda.graph_launch(binding._graph, stream))
    return found

"""Measure activation ranges in one pass over the pictures, in memory that does not grow.

The float graph runs in ONNX Runtime with the wanted tensors as outputs; each batch is counted
into one histogram per tensor and forgotten.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable, Iterator
from itertools import islice
from typing import Any

import numpy as np
import numpy.typing as npt
import onnx
import onnxruntime as ort
from onnx import TensorProto

from facedge.errors import InputError

from .graph import activation_tensors, sources_of, weights_hash, with_outputs
from .histogram import Histogram
from .ranges import ImageHash, Ranges, TensorRanges
from .samples import Sample
from .statistics import all_bounds

BATCH_BYTES = 64 << 20
"""A batch is made smaller rather than let its measured tensors take more than this."""

_STATE_IN, _STATE_OUT = "state_in", "state_out"


def collect(
    model: onnx.ModelProto,
    samples: Iterable[Sample],
    tensors: Iterable[str] | None = None,
    batch: int = 8,
    threads: int | None = None,
    progress: Callable[[int], None] | None = None,
    source: str | None = None,
) -> Ranges:
    """Measure the ranges of a graph's tensors on pictures.

    Steps of an unrolled recurrent network have tensors of their own, so every step is measured.
    A graph with ``state_in`` and ``state_out`` sees each batch twice, first with a zero state,
    then with the state it left, as in the second frame of a track.

    Args:
        model: float graph whose first input is ``images``, uint8 NHWC.
        samples: what to feed, read one batch at a time.
        tensors: names of float32 tensors; ``activation_tensors(model)`` when None.
        batch: pictures per run at most; fewer where their tensors would exceed ``BATCH_BYTES``.
        threads: threads of ONNX Runtime; its own choice when None.
        progress: receives the number of pictures done after every batch.
        source: description of the pictures, for the ranges file; ``samples.description`` where
            there is one, when None.

    Raises:
        InputError: no pictures, pictures of another size than the graph's, a tensor that is not
            in the graph, an activation that is NaN or infinite, or a graph that is not float
            with uint8 pictures in.
    """
    wanted = tuple(dict.fromkeys(tensors)) if tensors is not None else activation_tensors(model)
    if not wanted:
        raise InputError("the graph has no float32 activation to calibrate")
    runner = _Runner(model, sources_of(model, wanted), threads)
    histograms = {name: Histogram() for name in runner.measured}
    images: list[ImageHash] = []
    stream = iter(samples)
    size = 1
    while group := list(islice(stream, size)):
        measured_bytes = 0
        for values in runner.run(group):
            measured_bytes = sum(value.nbytes for value in values.values())
            _count(histograms, values, group)
        images += [ImageHash(name=sample.name, sha256=sample.sha256) for sample in group]
        size = max(1, min(batch, BATCH_BYTES * len(group) // max(measured_bytes, 1)))
        if progress:
            progress(len(images))
    if not images:
        raise InputError("there are no pictures to calibrate on; give a folder that holds some")
    bounds = {name: all_bounds(histogram) for name, histogram in histograms.items()}
    return Ranges(
        weights_sha256=weights_hash(model),
        source=source if source is not None else getattr(samples, "description", ""),
        images=tuple(sorted(images, key=lambda image: (image.name, image.sha256))),
        tensors={
            name: TensorRanges(count=histograms[origin].total, methods=bounds[origin])
            for name, origin in runner.sources.items()
        },
    )


def _count(
    histograms: dict[str, Histogram],
    values: dict[str, npt.NDArray[np.float32]],
    group: list[Sample],
) -> None:
    for name, value in values.items():
        try:
            histograms[name].add(value)
        except ValueError as error:
            pictures = ", ".join(sample.name for sample in group)
            raise InputError(
                f"tensor {name} holds NaN or infinity for one of the pictures {pictures}; "
                "the weights are damaged or the graph overflows: check it in FP32"
            ) from error


class _Runner:
    """Runs pictures through the graph and returns the measured tensors.

    Attributes:
        sources: wanted tensor -> the tensor measured in its place.
        measured: the tensors measured, each once.
    """

    def __init__(self, model: onnx.ModelProto, sources: dict[str, str], threads: int | None):
        self.sources = sources
        constants = {tensor.name for tensor in model.graph.initializer}
        inputs = [info for info in model.graph.input if info.name not in constants]
        if not inputs or inputs[0].type.tensor_type.elem_type != TensorProto.UINT8:
            found = ", ".join(info.name for info in inputs) or "none"
            raise InputError(
                f"calibration needs a graph with uint8 NHWC pictures as first input, found "
                f"{found}; apply the pass uint8-nhwc-io first"
            )
        names = [info.name for info in inputs]
        self._images = names[0]
        self._input_tensors = [name for name in dict.fromkeys(sources.values()) if name in names]
        self.measured = tuple(dict.fromkeys(sources.values()))
        shown = [name for name in self.measured if name not in names]
        self._stateful = _STATE_IN in names
        if self._stateful and _STATE_OUT not in shown:
            shown.append(_STATE_OUT)
        self._outputs = shown
        options = ort.SessionOptions()
        options.log_severity_level = 3
        # Its threads would burn the processor while a batch is counted.
        options.add_session_config_entry("session.intra_op.allow_spinning", "0")
        if threads is not None:
            options.intra_op_num_threads = threads
        try:
            self._session = ort.InferenceSession(
                with_outputs(model, shown).SerializeToString(),
                options,
                providers=["CPUExecutionProvider"],
            )
        except Exception as error:
            raise InputError(f"ONNX Runtime refuses the graph to calibrate: {error}") from error

    def run(self, group: list[Sample]) -> Iterator[dict[str, npt.NDArray[np.float32]]]:
        """The measured tensors of one batch: once, or twice where the graph keeps a state."""
        shapes = {sample.input.shape for sample in group}
        want = self._session.get_inputs()[0].shape[1:]
        for sample in group:
            if [*sample.input.shape] != [
                size if isinstance(size, int) else found
                for size, found in zip(want, sample.input.shape, strict=True)
            ]:
                raise InputError(
                    f"picture {sample.name} has shape {sample.input.shape}, the graph expects "
                    f"{tuple(want)}"
                )
        if len(shapes) > 1:
            raise InputError(f"pictures of one batch differ in shape: {sorted(shapes)}")
        images = np.stack([sample.input for sample in group])
        feeds: dict[str, npt.NDArray[Any]] = {self._images: images}
        if not self._stateful:
            yield self._once(feeds)
            return
        shape = next(i.shape for i in self._session.get_inputs() if i.name == _STATE_IN)
        state = np.zeros((len(group), *shape[1:]), np.float32)
        for _ in range(2):
            values = self._once({**feeds, _STATE_IN: state})
            state = values[_STATE_OUT]
            if _STATE_OUT not in self.measured:
                del values[_STATE_OUT]
            yield values

    def _once(self, feeds: dict[str, npt.NDArray[Any]]) -> dict[str, npt.NDArray[np.float32]]:
        values = dict(zip(self._outputs, self._session.run(self._outputs, feeds), strict=True))
        for name in self._input_tensors:
            values[name] = np.asarray(feeds[name], np.float32)
        return values

"""Play a bundle: pictures in, restored pictures or action units out.

    session = Session("bundles/fsr-student-int8")
    restored = session(faces)          # uint8 [N, 16, 16, 3] -> uint8 [N, 128, 128, 3]

One Session belongs to one thread. Threads that work in parallel open one Session each, from one
``Bundle`` if they like, and share the processor with ``threads=``.
"""

from __future__ import annotations

import os
from collections import OrderedDict
from typing import NamedTuple

import numpy as np
import numpy.typing as npt

from facedge.errors import InputError

from .backends.base import Array, Binding, Options
from .bundle import Bundle, load
from .choose import Opened, open_backend
from .tensors import RESTORED, STATE_IN, STATE_OUT

_KEPT = 8
"""Batch sizes whose buffers are kept; more would hold memory nobody asks for."""


class AuResult(NamedTuple):
    """What an action-unit bundle says of N faces.

    Attributes:
        probabilities: float32 [N, 12], in the order of ABAW2 (1, 2, 4, 6, 7, 10, 12, 15, 23, 24,
            25, 26).
        landmarks: float32 [N, 49, 2], x and y in pixels of the input picture.
    """

    probabilities: npt.NDArray[np.float32]
    landmarks: npt.NDArray[np.float32]


class Session:
    """An opened bundle on one backend.

    Args:
        bundle: the bundle's folder, or a loaded ``Bundle``.
        backend: ``auto``, ``onnxruntime``, ``openvino``, ``tensorrt`` or ``tensorrt-rtx``.
            ``auto``: a plan that fits this device; else the fastest CPU backend, as the manifest
            says when it was measured on this very kind of machine, as a short measurement here
            says otherwise.
        device: ``cpu``, ``cuda`` or None for the backend's own.
        threads: CPU threads for one inference; None lets the backend choose.
        batch: pictures per call to prepare for; other batches are prepared when first seen.
        copy: return arrays of the caller's own. Without, results are the session's buffers,
            valid until the next call, and a call allocates nothing.
        verify: hash the bundle's files first, when ``bundle`` is a folder.
        relaxed: see ``Options.relaxed``.

    Attributes:
        bundle: what is played.
        backend: name of the backend that plays it.
        notes: why other backends were passed over, one sentence each.

    Raises:
        BundleError: the bundle is damaged or its plan is for another device or version.
        BackendError: no backend that can play it is available.
        InputError: an option is out of range.
    """

    def __init__(
        self,
        bundle: str | os.PathLike[str] | Bundle,
        backend: str = "auto",
        *,
        device: str | None = None,
        threads: int | None = None,
        batch: int = 1,
        copy: bool = True,
        verify: bool = True,
        relaxed: bool = False,
    ) -> None:
        self.bundle = bundle if isinstance(bundle, Bundle) else load(bundle, verify)
        manifest = self.bundle.manifest
        options = Options(device, threads, relaxed)
        opened: Opened = open_backend(self.bundle, backend, options, batch)
        self.backend, self.notes = opened.backend, opened.notes
        self._opened, self._copy = opened.session, copy
        self._picture = manifest.inputs[0]
        self._is_au = manifest.task == "action-units"
        self._results = AuResult._fields if self._is_au else (RESTORED,)
        self._stateful = manifest.stateful
        self._dtype = np.dtype(self._picture.dtype)
        self._bindings: OrderedDict[int, Binding] = OrderedDict()
        if opened.binding is not None:
            self._bindings[batch] = opened.binding
        self._state: Array | None = None
        self._state_in: Array = np.empty(0, np.float32)
        self._state_out: Array = self._state_in
        self._use(batch)

    def __call__(
        self, images: npt.NDArray[np.uint8], state: Array | None = None
    ) -> npt.NDArray[np.uint8] | AuResult:
        """Play N pictures.

        Args:
            images: uint8 RGB [N, h, w, 3], contiguous or not.
            state: hidden state float32 [N, C, h, w] to start from, for stateful bundles; None
                goes on from the previous call. Slot i of every call is one face's track.

        Returns:
            uint8 RGB [N, H, W, 3] for super-resolution, an ``AuResult`` for action units.

        Raises:
            InputError: wrong type, shape or batch.
        """
        if type(images) is not np.ndarray or images.shape != self._shape:
            self._switch(images)
        if images.dtype != self._dtype:
            self._refuse_dtype(images)
        if state is not None:
            self.state = state
        self._input[...] = images
        self._run()
        if self._stateful:
            self._state_in[...] = self._state_out
        first = self._outputs[0]
        if self._is_au:
            second = self._outputs[1]
            return AuResult(first.copy(), second.copy()) if self._copy else AuResult(first, second)
        return first.copy() if self._copy else first

    @property
    def steps(self) -> int:
        """Recurrent steps in the graph, fixed when the bundle was built (``--steps``)."""
        return self.bundle.manifest.steps

    @property
    def input_shape(self) -> tuple[int, ...]:
        """Shape of one picture: (h, w, 3)."""
        return self._picture.shape[1:]

    @property
    def state(self) -> Array:
        """A copy of the hidden state, float32 [N, C, h, w], of the batch last played.

        Setting it replaces the state that the next call starts from.

        Raises:
            InputError: the bundle has none, or the shape or type differs.
        """
        self._need_state()
        return self._state_in.copy()

    @state.setter
    def state(self, value: Array) -> None:
        self._need_state()
        expected = self._state_in
        value = np.asarray(value)
        if value.shape != expected.shape or value.dtype != expected.dtype:
            raise InputError(
                f"state is {value.dtype} {list(value.shape)}, expected {expected.dtype} "
                f"{list(expected.shape)}"
            )
        expected[...] = value

    def reset(self, slot: int | None = None) -> None:
        """Forget the hidden state of one slot, or of all; without effect on stateless bundles.

        Raises:
            InputError: the slot is not one of the current batch.
        """
        if not self._stateful:
            return
        if slot is None:
            self._state_in.fill(0)
            self._state = None
        elif 0 <= slot < len(self._state_in):
            self._state_in[slot] = 0
        else:
            raise InputError(f"slot is {slot}, expected 0 to {len(self._state_in) - 1}")

    def run_backend(self) -> None:
        """The backend's own I/O-bound call on the buffers as they are, for measurements."""
        self._run()

    def _switch(self, images: object) -> None:
        wanted = ", ".join(str(size) for size in self._picture.shape[1:])
        if not isinstance(images, np.ndarray):
            raise InputError(
                f"images are {type(images).__name__}, expected a numpy array uint8 [N, {wanted}]"
            )
        if images.ndim != 4 or images.shape[1:] != self._picture.shape[1:] or not len(images):
            raise InputError(
                f"images are {images.dtype} {list(images.shape)}, expected {self._picture.dtype} "
                f"[N, {wanted}] with N at least 1; resize the pictures to the model's input"
            )
        if images.dtype != self._dtype:
            self._refuse_dtype(images)
        if images.shape != self._shape:
            self._use(len(images))

    def _refuse_dtype(self, images: Array) -> None:
        raise InputError(
            f"images are {images.dtype} {list(images.shape)}, expected {self._picture.dtype}: "
            f"RGB bytes 0 to 255, not normalised; the graph normalises"
        )

    def _use(self, batch: int) -> None:
        binding = self._bindings.get(batch) or self._opened.bind(batch)
        if self._stateful:
            self._move_state(binding, batch)
        self._bindings[batch] = binding
        self._bindings.move_to_end(batch)
        while len(self._bindings) > _KEPT:
            self._bindings.popitem(last=False)
        self._shape = (batch, *self._picture.shape[1:])
        self._input = binding.inputs[self._picture.name]
        self._outputs = tuple(binding.outputs[name] for name in self._results)
        self._run = binding.run

    def _move_state(self, binding: Binding, batch: int) -> None:
        """Slots keep their state when the batch changes, and while they are left out of a batch."""
        known, current = self._state, self._state_in
        if known is None or len(known) < len(current):
            known = current.copy()
        else:
            known[: len(current)] = current
        self._state = known
        self._state_in, self._state_out = binding.inputs[STATE_IN], binding.outputs[STATE_OUT]
        self._state_in.fill(0)
        slots = min(batch, len(known))
        if slots:
            self._state_in[:slots] = known[:slots]

    def _need_state(self) -> None:
        if not self._stateful:
            raise InputError(
                f"{self.bundle.path} has no hidden state; build it with --state to carry one"
            )

"""Backends ``native`` and ``native:<name>``: the Python runtime's calls, played by libfacedge.

They exist so that both runtimes can be compared on the same bundle, and so that a program in Python
can run what the camera will run. A binding is one stream of one batch size in INLINE mode.
"""

from __future__ import annotations

from facedge.errors import BackendError, InputError

from ..backends.base import Array, Availability, Options, buffers, check_batch
from ..bundle import Bundle
from ..manifest import Artifact, Manifest
from ..tensors import LANDMARKS, PROBABILITIES, RESTORED, STATE_IN, STATE_OUT
from . import structures, wheels
from .library import load
from .stream import Model, Stream, floats, picture
from .structures import ACTION_UNITS, Face, Task

NATIVE = "native"


class Native:
    """Backend ``native:<inner>``, or ``native``, which plays every artifact by its own.

    Args:
        inner: the back end inside libfacedge, such as ``onnxruntime``; empty: the artifact's.
    """

    def __init__(self, inner: str = "") -> None:
        self.name, self._inner = f"{NATIVE}:{inner}" if inner else NATIVE, inner

    def available(self) -> Availability:
        """Whether libfacedge loads; what is inside of it shows when it opens a bundle."""
        try:
            return Availability(load().version)
        except BackendError as error:
            return Availability(None, str(error))

    def open(self, bundle: Bundle, artifact: Artifact, options: Options) -> NativeSession:
        """Open the artifact's bundle in this back end; errors as ``Backend.open``."""
        inner = self._inner or artifact.backend
        on = "cuda" if inner.startswith("tensorrt") else "cpu"
        if options.device not in (None, on):
            raise BackendError(
                f"{NATIVE}:{inner} plays on {on!r} and device {options.device!r} was asked for"
            )
        return _open(bundle, inner, options)


def choose(bundle: Bundle, options: Options) -> tuple[str, NativeSession]:
    """Let libfacedge choose the back end, as it does for a camera.

    Returns:
        The name of what it took, ``native:<inner>``, and the session.

    Raises:
        BundleError: damaged, or its plan is for another device or version.
        BackendError: libfacedge is missing, or nothing in it can play the bundle here.
    """
    if options.device is not None:
        raise InputError(
            f"backend {NATIVE} chooses the device itself; for device {options.device!r} name a "
            f"back end too, such as {NATIVE}:onnxruntime"
        )
    load()
    wheels.offer()
    session = _open(bundle, "", options)
    return f"{NATIVE}:{session.backend}", session


def _open(bundle: Bundle, inner: str, options: Options) -> NativeSession:
    if options.relaxed:
        raise InputError(f"backend {NATIVE} has no relaxed mode; leave relaxed out")
    library = wheels.library(inner)
    model = Model(bundle.path, inner, library=library, threads=options.threads or 0)
    return NativeSession(bundle.manifest, model)


class NativeSession:
    """An open model.

    Attributes:
        backend: the back end inside libfacedge that plays it.
    """

    def __init__(self, manifest: Manifest, model: Model) -> None:
        self._manifest, self._model, self.backend = manifest, model, model.backend
        played = model.info.artifact.decode()
        self._artifact = next(
            a for a in manifest.artifacts if (a.backend, a.path) == (self.backend, played)
        )

    def bind(self, batch: int) -> NativeBinding:
        """Open a stream for ``batch`` faces; errors as ``BackendSession.bind``."""
        check_batch(batch, self._artifact)
        return NativeBinding(self._manifest, self._model, batch)


class NativeBinding:
    """A stream and numpy buffers on both sides of it; slot i of the batch is track i."""

    def __init__(self, manifest: Manifest, model: Model, batch: int) -> None:
        # The batch itself is among the prepared sizes, so nothing is filled up.
        sr, au = (None, model) if model.info.task == Task.AU else (model, None)
        # Results are copied at once, so one set of buffers is enough.
        self._stream = Stream(sr, au, max_faces=batch, max_tracks=batch, depth=0)
        inputs, outputs = buffers(manifest.inputs, batch), buffers(manifest.outputs, batch)
        self.inputs, self.outputs = inputs, outputs
        self._images = inputs[manifest.inputs[0].name]
        self._stateful, self._tracks = manifest.stateful, range(batch)

    def run(self) -> None:
        """Play the inputs; returns when the outputs are complete.

        Raises:
            BackendError: the back end failed.
        """
        stream = self._stream
        if self._stateful:
            for track in self._tracks:
                stream.set_state(track, self.inputs[STATE_IN][track])
        stream.submit_faces(self._images)
        result = stream.poll_in_place()
        if result is None:
            raise BackendError("libfacedge returned no result in INLINE mode; report this")
        for slot in self._tracks:
            for name, values in _results(result.faces[slot]).items():
                self.outputs[name][slot] = values
        if self._stateful:
            for track in self._tracks:
                stream.get_state(track, self.outputs[STATE_OUT][track])


def _results(face: Face) -> dict[str, Array]:
    """What was computed of a face, in the library's own memory."""
    found = {
        RESTORED: picture(face),
        PROBABILITIES: floats(face.probabilities, (ACTION_UNITS,)),
        LANDMARKS: floats(face.landmarks, (structures.LANDMARKS, 2)),
    }
    return {name: values for name, values in found.items() if values is not None}

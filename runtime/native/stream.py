"""A model and a stream of libfacedge, as Python objects that free what they hold.

    model = Model("bundles/fsr-student-int8")
    stream = Stream(sr=model, max_faces=2)
    stream.submit_faces(faces, tracks=[7, 9])
    result = stream.poll()
    result.faces[0].restored           # uint8 [H, W, 3]

As in C, a stream belongs to one thread at a time.
"""

from __future__ import annotations

import ctypes
import os
import weakref
from collections.abc import Sequence
from ctypes import POINTER, byref, c_float, c_size_t, c_uint8, c_void_p
from dataclasses import dataclass
from typing import Any

import numpy as np
from numpy.typing import NDArray

from facedge.errors import InputError

from . import structures as c
from .library import fail, load


class Model:
    """An opened bundle: ``facedge_model``.

    Args:
        bundle: the folder.
        backend: back end to force; empty lets libfacedge choose.
        library: file of the back end's own library; None for libfacedge's search.
        threads: CPU threads of one inference; 0 lets the back end choose.
        device: GPU index.
        verify: hash every file now, not only what is played.

    Attributes:
        info: ``facedge_model_info``.

    Raises:
        BundleError: damaged, or its plan is for another device or version.
        BackendError: libfacedge is missing, or no back end can play it here.
    """

    def __init__(
        self,
        bundle: str | os.PathLike[str],
        backend: str = "",
        *,
        library: str | None = None,
        threads: int = 0,
        device: int = 0,
        verify: bool = False,
    ) -> None:
        self._library = load()
        settings = c.ModelSettings(
            backend=backend.encode() or None,
            plugin_dir=_bytes(self._library.plugin_dir),
            library=_bytes(library),
            threads=threads,
            device=device,
            verify=verify,
        )
        handle = c_void_p()
        self._library.call("model_open", byref(handle), os.fsencode(bundle), byref(settings))
        self.handle = handle.value or 0
        weakref.finalize(self, self._library.close, "model", self.handle)
        self.info = c.ModelInfo()
        self._library.call("model_describe", self.handle, byref(self.info))

    @property
    def backend(self) -> str:
        """Name of the back end that plays it."""
        return str(self.info.backend.decode())


@dataclass(frozen=True)
class Face:
    """One face of a result, in arrays of the caller's own.

    Attributes:
        track: the caller's number.
        fresh: whether the hidden state began at zero.
        restored: uint8 RGB [H, W, 3], or None without super-resolution.
        crop: uint8 RGB [h, w, 3], what the first model was given.
        probabilities: float32 [12], or None without action units.
        landmarks: float32 [49, 2], x and y in the frame, or None.
        restored_to_frame: float32 [2, 3].
    """

    track: int
    fresh: bool
    restored: NDArray[np.uint8] | None
    crop: NDArray[np.uint8]
    probabilities: NDArray[np.float32] | None
    landmarks: NDArray[np.float32] | None
    restored_to_frame: NDArray[np.float32]


@dataclass(frozen=True)
class Result:
    """What became of one frame: its number, its timestamp, its faces in the order of the ROIs."""

    frame: int
    timestamp_us: int
    faces: tuple[Face, ...]


class Stream:
    """``facedge_stream`` over one or two models.

    Args:
        sr: super-resolution model, or None.
        au: action-unit model, or None.
        settings: members of ``facedge_stream_settings``, such as ``max_faces=2``; the mode is
            INLINE unless said otherwise, everything else as in C.

    Raises:
        InputError: a setting that cannot be.
        BackendError: the back end fails.
    """

    def __init__(self, sr: Model | None = None, au: Model | None = None, **settings: int) -> None:
        self._library = load()
        self._models = (sr, au)  # kept: their info is used below
        first = sr or au
        if first is None:
            raise InputError("a stream needs sr, au or both")
        self._crop_shape = (first.info.input_height, first.info.input_width, 3)
        defaults = dict(
            mode=c.Mode.INLINE,
            au_source=c.AuSource.FROM_FRAME,
            batching=c.Batching.POWERS,
            max_faces=4,
            depth=2,
            max_tracks=16,
            max_missed=5,
            max_gap_us=500_000,
        )
        made = c.StreamSettings(**(defaults | settings))
        made.sr, made.au = sr and sr.handle, au and au.handle
        handle = c_void_p()
        self._library.call("stream_open", byref(handle), byref(made))
        self.handle = handle.value or 0
        weakref.finalize(self, self._library.close, "stream", self.handle)
        self._result = c.Result()
        self._kept: list[Any] = []

    def submit_faces(
        self,
        images: NDArray[np.uint8],
        tracks: Sequence[int] | None = None,
        timestamp_us: int = 0,
    ) -> bool:
        """Faces cropped to the first model's input, uint8 RGB [N, h, w, 3].

        Returns:
            False when as many frames as ``depth`` are under way or unpolled.
        """
        images = np.ascontiguousarray(images)
        if images.ndim != 4 or images.shape[3] != 3 or images.dtype != np.uint8:
            raise InputError(f"faces are {images.dtype} {list(images.shape)}, expected uint8 NHW3")
        count, height, width, _ = images.shape
        numbers = None if tracks is None else (ctypes.c_uint64 * count)(*tracks)
        faces = c.Faces(
            pixels=images.ctypes.data,
            count=count,
            width=width,
            height=height,
            tracks=numbers,
            timestamp_us=timestamp_us,
        )
        return self._accepted("submit_faces", (byref(faces),), images)

    def submit(self, frame: c.Frame, rois: Sequence[c.Roi], *pixels: NDArray[np.uint8]) -> bool:
        """A frame and its faces; ``pixels`` are the planes, kept until the result is polled.

        Returns:
            False when as many frames as ``depth`` are under way or unpolled.
        """
        for plane, array in zip(frame.planes, pixels, strict=False):
            plane.data, plane.stride = array.ctypes.data, array.strides[0]
        listed = (c.Roi * len(rois))(*rois)
        return self._accepted("submit", (byref(frame), listed, len(rois)), pixels)

    def poll(self) -> Result | None:
        """The oldest finished frame, or None.

        Raises:
            BackendError: the frame failed after it was accepted; the stream stays usable.
        """
        result = self.poll_in_place()
        if result is None:
            return None
        faces = tuple(self._face(result.faces[i]) for i in range(result.n_faces))
        return Result(result.frame, result.timestamp_us, faces)

    def poll_in_place(self) -> c.Result | None:
        """As ``poll``, the library's own memory: valid until the next call."""
        if self._library.call("poll", self.handle, byref(self._result)) == c.Code.EAGAIN:
            return None
        self._kept.pop(0)
        if self._result.status != c.Code.OK:
            fail(self._result.status, self._result.message.decode(errors="replace"))
        return self._result

    def wait(self, timeout_ms: int = -1) -> bool:
        """Whether a result can be polled; waits for it."""
        return self._library.call("wait", self.handle, timeout_ms) == c.Code.OK

    def reset(self, track: int = 2**64 - 1) -> None:
        """Forget the hidden state of a track, or of all."""
        self._library.call("stream_reset", self.handle, track)

    def get_state(self, track: int, values: NDArray[np.float32]) -> None:
        """Copy the hidden state of a track into ``values``, contiguous."""
        self._state("stream_get_state", track, values)

    def set_state(self, track: int, values: NDArray[np.float32]) -> None:
        """Give a track the hidden state ``values``, contiguous."""
        self._state("stream_set_state", track, values)

    def _state(self, call: str, track: int, values: NDArray[np.float32]) -> None:
        pointer = ctypes.cast(values.ctypes.data, POINTER(c_float))
        if self._library.call(call, self.handle, track, pointer, c_size_t(values.size)):
            raise InputError("frames are under way: poll their results before moving states")

    def _accepted(self, call: str, arguments: tuple[Any, ...], pixels: object) -> bool:
        if self._library.call(call, self.handle, *arguments) == c.Code.EAGAIN:
            return False
        self._kept.append(pixels)
        return True

    def _face(self, face: c.Face) -> Face:
        return Face(
            face.track,
            bool(face.fresh),
            _copy(picture(face)),
            np.ctypeslib.as_array(face.crop, self._crop_shape).copy(),
            _copy(floats(face.probabilities, (c.ACTION_UNITS,))),
            _copy(floats(face.landmarks, (c.LANDMARKS, 2))),
            np.array(face.restored_to_frame, np.float32),
        )


def picture(face: c.Face) -> NDArray[np.uint8] | None:
    """The restored picture in the library's own memory, uint8 [H, W, 3]; None without one."""
    if not face.restored:
        return None
    start = ctypes.cast(face.restored, POINTER(c_uint8))
    rows = np.ctypeslib.as_array(start, (face.height, face.stride))
    return rows[:, : 3 * face.width].reshape(face.height, face.width, 3)


def floats(address: int | None, shape: tuple[int, ...]) -> NDArray[np.float32] | None:
    """Floats in the library's own memory; None without an address."""
    return np.ctypeslib.as_array(ctypes.cast(address, POINTER(c_float)), shape) if address else None


def _copy(values: NDArray[Any] | None) -> NDArray[Any] | None:
    return None if values is None else values.copy()


def _bytes(text: str | None) -> bytes | None:
    return None if text is None else os.fsencode(text)

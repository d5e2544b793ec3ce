"""The structures and codes of facedge.h, member by member; what they mean is said there."""

from __future__ import annotations

import ctypes
from ctypes import (
    POINTER,
    c_char_p,
    c_float,
    c_int32,
    c_int64,
    c_size_t,
    c_ssize_t,
    c_uint8,
    c_uint32,
    c_uint64,
    c_void_p,
)
from enum import IntEnum
from typing import Any

API_MAJOR = 1
ACTION_UNITS, LANDMARKS = 12, 49


class Code(IntEnum):
    """``facedge_code``."""

    OK = 0
    EAGAIN = -1
    EINVAL = -2
    EVERSION = -3
    EBUNDLE = -4
    EBACKEND = -5
    EPLAN = -6
    EFRAME = -7
    EROI = -8
    ETOOMANY = -9
    EBUSY = -10
    EIO = -11
    ENOMEM = -12


class Task(IntEnum):
    """``facedge_task``."""

    SR = 1
    AU = 2


class Format(IntEnum):
    """``facedge_format``."""

    NV12 = 1
    NV21 = 2
    YUYV = 3
    RGB24 = 4
    BGR24 = 5
    GRAY8 = 6


class Matrix(IntEnum):
    """``facedge_matrix``."""

    IDENTITY = 1
    BT601 = 2
    BT709 = 3
    BT2020 = 4


class Range(IntEnum):
    """``facedge_range``."""

    LIMITED = 1
    FULL = 2


class RoiKind(IntEnum):
    """``facedge_roi_kind``."""

    LANDMARKS = 1
    BOX = 2


class Mode(IntEnum):
    """``facedge_mode``."""

    WORKER = 1
    INLINE = 2


class AuSource(IntEnum):
    """``facedge_au_source``."""

    FROM_FRAME = 1
    FROM_RESTORED = 2


class Batching(IntEnum):
    """``facedge_batching``."""

    POWERS = 1
    EVERY = 2


Release = ctypes.CFUNCTYPE(None, c_void_p)


class _Sized(ctypes.Structure):
    """A structure that begins with its own size."""

    struct_size: int

    def __init__(self, **members: Any) -> None:
        super().__init__(**members)
        self.struct_size = ctypes.sizeof(self)


class ModelSettings(_Sized):
    """``facedge_model_settings``."""

    _fields_ = (
        ("struct_size", c_size_t),
        ("backend", c_char_p),
        ("plugin_dir", c_char_p),
        ("library", c_char_p),
        ("threads", c_int32),
        ("device", c_int32),
        ("verify", c_int32),
    )


class ModelInfo(_Sized):
    """``facedge_model_info``."""

    _fields_ = (
        ("struct_size", c_size_t),
        ("name", c_char_p),
        ("precision", c_char_p),
        ("backend", c_char_p),
        ("backend_version", c_char_p),
        ("artifact", c_char_p),
        ("task", c_int32),
        ("steps", c_int32),
        ("scale", c_int32),
        ("stateful", c_int32),
        ("input_width", c_int32),
        ("input_height", c_int32),
        ("output_width", c_int32),
        ("output_height", c_int32),
        ("max_batch", c_int32),
        ("state_floats", c_size_t),
    )


class Plane(ctypes.Structure):
    """``facedge_plane``."""

    _fields_ = (
        ("data", c_void_p),
        ("stride", c_ssize_t),
        ("offset", c_size_t),
        ("fd", c_int32),
    )


class Frame(_Sized):
    """``facedge_frame``."""

    _fields_ = (
        ("struct_size", c_size_t),
        ("format", c_int32),
        ("matrix", c_int32),
        ("range", c_int32),
        ("memory", c_int32),
        ("width", c_int32),
        ("height", c_int32),
        ("planes", Plane * 2),
        ("timestamp_us", c_int64),
        ("release", Release),
        ("user", c_void_p),
        ("ready", c_void_p),
    )


class Roi(ctypes.Structure):
    """``facedge_roi``."""

    _fields_ = (
        ("track", c_uint64),
        ("kind", c_int32),
        ("reserved", c_int32),
        ("points", c_float * 2 * 5),
        ("box", c_float * 4),
    )


class StreamSettings(_Sized):
    """``facedge_stream_settings``."""

    _fields_ = (
        ("struct_size", c_size_t),
        ("sr", c_void_p),
        ("au", c_void_p),
        ("mode", c_int32),
        ("au_source", c_int32),
        ("batching", c_int32),
        ("max_faces", c_int32),
        ("depth", c_int32),
        ("max_tracks", c_int32),
        ("max_missed", c_int32),
        ("max_gap_us", c_int64),
    )


class Faces(_Sized):
    """``facedge_faces``."""

    _fields_ = (
        ("struct_size", c_size_t),
        ("pixels", c_void_p),
        ("count", c_size_t),
        ("width", c_int32),
        ("height", c_int32),
        ("row_stride", c_ssize_t),
        ("face_stride", c_ssize_t),
        ("tracks", POINTER(c_uint64)),
        ("timestamp_us", c_int64),
        ("release", Release),
        ("user", c_void_p),
    )


class Face(ctypes.Structure):
    """``facedge_face``."""

    _fields_ = (
        ("track", c_uint64),
        ("fresh", c_int32),
        ("width", c_int32),
        ("height", c_int32),
        ("reserved", c_int32),
        ("stride", c_ssize_t),
        ("restored", c_void_p),
        ("crop", POINTER(c_uint8)),
        ("probabilities", c_void_p),
        ("landmarks", c_void_p),
        ("restored_to_frame", c_float * 3 * 2),
    )


class Result(_Sized):
    """``facedge_result``."""

    _fields_ = (
        ("struct_size", c_size_t),
        ("status", c_int32),
        ("reserved", c_int32),
        ("message", c_char_p),
        ("frame", c_uint64),
        ("timestamp_us", c_int64),
        ("faces", POINTER(Face)),
        ("n_faces", c_size_t),
        ("wait_us", c_uint32),
        ("crop_us", c_uint32),
        ("sr_us", c_uint32),
        ("au_us", c_uint32),
        ("total_us", c_uint32),
    )

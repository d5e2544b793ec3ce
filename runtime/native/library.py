"""libfacedge as a loaded library: where it is, what its functions take, what its codes mean."""

from __future__ import annotations

import ctypes
import os
from ctypes import POINTER, byref, c_char_p, c_float, c_int, c_size_t, c_uint32, c_uint64, c_void_p
from functools import cache
from pathlib import Path
from typing import Any, NoReturn

from facedge.errors import BackendError, BundleError, FacedgeError, InputError

from ..backends.plan import PlanMismatch
from .structures import (
    API_MAJOR,
    Code,
    Faces,
    Frame,
    ModelInfo,
    ModelSettings,
    Result,
    Roi,
    StreamSettings,
)

LIBRARY = "FACEDGE_LIBRARY"
"""Environment variable with the file of libfacedge."""

SONAME = f"libfacedge.so.{API_MAJOR}"

_CHECKOUT = Path(__file__).resolve().parents[2]
_CALLS: dict[str, tuple[Any, ...]] = {
    "facedge_model_open": (POINTER(c_void_p), c_char_p, POINTER(ModelSettings)),
    "facedge_model_describe": (c_void_p, POINTER(ModelInfo)),
    "facedge_stream_open": (POINTER(c_void_p), POINTER(StreamSettings)),
    "facedge_submit": (c_void_p, POINTER(Frame), POINTER(Roi), c_size_t),
    "facedge_submit_faces": (c_void_p, POINTER(Faces)),
    "facedge_poll": (c_void_p, POINTER(Result)),
    "facedge_wait": (c_void_p, c_int),
    "facedge_stream_reset": (c_void_p, c_uint64),
    "facedge_stream_get_state": (c_void_p, c_uint64, POINTER(c_float), c_size_t),
    "facedge_stream_set_state": (c_void_p, c_uint64, POINTER(c_float), c_size_t),
}
"""Functions that return a facedge_code, with their arguments."""

_ERRORS: dict[int, type[FacedgeError]] = {
    Code.EBUNDLE: BundleError,
    Code.EPLAN: PlanMismatch,
    Code.EINVAL: InputError,
    Code.EFRAME: InputError,
    Code.EROI: InputError,
    Code.ETOOMANY: InputError,
}
"""What the caller can mend by another argument or bundle; every other code is a BackendError."""


class Library:
    """The loaded library.

    Attributes:
        file: where it lies, or its SONAME when the dynamic linker found it.
        version: such as ``1.0``.
        plugin_dir: the folder of its back ends in a build tree; None where it knows it itself.

    Raises:
        BackendError: the file does not load, is not libfacedge, or has another API version.
    """

    def __init__(self, file: Path | str) -> None:
        self.file = file
        try:
            self._dll = ctypes.CDLL(str(file))
            number = self._dll.facedge_version
        except (OSError, AttributeError) as error:
            raise BackendError(f"{file} is not a libfacedge that loads here ({error})") from error
        number.restype = c_uint32
        major, minor = number() >> 16, number() & 0xFFFF
        self.version = f"{major}.{minor}"
        if major != API_MAJOR:
            raise BackendError(
                f"{file} has API version {self.version} and this facedge calls version "
                f"{API_MAJOR}; use a library and a Python package of the same release"
            )
        self.plugin_dir = _plugins_of_build(file)
        self._dll.facedge_last_error.restype = c_char_p
        for name, arguments in _CALLS.items():
            getattr(self._dll, name).argtypes = arguments
        for name in ("facedge_model_close", "facedge_stream_close"):
            getattr(self._dll, name).argtypes = (POINTER(c_void_p),)
            getattr(self._dll, name).restype = None

    def call(self, name: str, *arguments: Any) -> int:
        """Call ``facedge_<name>``; the answer is ``Code.OK`` or ``Code.EAGAIN``.

        Raises:
            FacedgeError: any other code, with the library's sentence: a ``BundleError``,
                ``PlanMismatch``, ``InputError`` or ``BackendError``.
        """
        code = int(getattr(self._dll, f"facedge_{name}")(*arguments))
        if code not in (Code.OK, Code.EAGAIN):
            fail(code, self.last_error())
        return code

    def last_error(self) -> str:
        """The sentence of this thread's last failing call."""
        text: bytes = self._dll.facedge_last_error()
        return text.decode(errors="replace")

    def close(self, kind: str, handle: int) -> None:
        """Give a ``model`` or a ``stream`` up."""
        getattr(self._dll, f"facedge_{kind}_close")(byref(c_void_p(handle)))


def fail(code: int, sentence: str) -> NoReturn:
    """Raise the Python error of a ``facedge_code``."""
    raise _ERRORS.get(code, BackendError)(sentence)


def load() -> Library:
    """libfacedge: ``FACEDGE_LIBRARY``, else ``build/host`` of a checkout, else the linker's search.

    Raises:
        BackendError: there is none; the sentence says how to get one.
    """
    return _load(os.environ.get(LIBRARY, ""))


@cache
def _load(named: str) -> Library:
    if named:
        return Library(Path(named))
    if built := in_build(_CHECKOUT / "build" / "host"):
        return Library(built)
    try:
        return Library(SONAME)
    except BackendError as error:
        raise BackendError(
            f"backend native needs {SONAME}, which is neither named by {LIBRARY} nor in "
            f"{_CHECKOUT / 'build' / 'host'} nor where the dynamic linker searches; build it with "
            f"'make native', or set {LIBRARY} to the file"
        ) from error


def in_build(folder: Path) -> Path | None:
    """The library in a CMake build folder, or None."""
    places = (folder / "runtime" / "src" / SONAME, folder / "lib" / SONAME, folder / SONAME)
    return next((place for place in places if place.exists()), None)


def _plugins_of_build(file: Path | str) -> str | None:
    """In a build tree the back ends lie apart from the library; an installed one knows where."""
    if isinstance(file, str) or os.environ.get("FACEDGE_PLUGIN_PATH"):
        return None
    for folder in file.absolute().parents[:4]:
        if (folder / "CMakeCache.txt").exists():
            return str(folder / "plugins")
    return None

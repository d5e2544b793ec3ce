"""The process a command runs in: its signals, and what libraries print past Python."""

from __future__ import annotations

import os
import signal
import sys
from types import FrameType

NATIVE_LOG = "FACEDGE_NATIVE_LOG"
"""Environment variable that lets C libraries print on stderr again."""


class Stopped(BaseException):
    """The process was told to end; as on Ctrl-C everything unwinds and temporary folders go.

    Attributes:
        code: exit code, 128 and the signal's number.
    """

    def __init__(self, number: int) -> None:
        super().__init__(signal.Signals(number).name)
        self.code = 128 + number


def stop_cleanly() -> None:
    """Let SIGTERM and a lost terminal unwind; a signal the parent ignores (nohup) stays ignored."""
    for number in (signal.SIGTERM, signal.SIGHUP):
        if signal.getsignal(number) is signal.SIG_DFL:
            signal.signal(number, _stop)


def silence_libraries() -> None:
    """Drop what C libraries write to stderr (libpng, libjpeg, FFmpeg, OpenCV, ONNX Runtime).

    Python's own ``sys.stderr`` goes on, on a descriptor of its own: what goes wrong is said there,
    once.
    """
    if os.environ.get(NATIVE_LOG):
        return
    try:
        sys.stderr.flush()
        kept = os.dup(2)
    except (OSError, AttributeError):  # started without a stderr
        return
    sink = os.open(os.devnull, os.O_WRONLY)
    os.dup2(sink, 2)
    os.close(sink)
    stream = os.fdopen(kept, "w", encoding=sys.stderr.encoding, errors="backslashreplace")
    stream.reconfigure(line_buffering=True)
    sys.stderr = stream


def _stop(number: int, _frame: FrameType | None) -> None:
    raise Stopped(number)

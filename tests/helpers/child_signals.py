"""Signals of child processes in tests."""

from __future__ import annotations

import signal


def default_signals() -> None:
    """For ``preexec_fn``: undo what a shell's ``&`` or ``nohup`` makes every child inherit.

    Python leaves an ignored SIGINT ignored, as it should, so that a test run in the background
    would otherwise never be interrupted.
    """
    for number in (signal.SIGINT, signal.SIGHUP, signal.SIGTERM):
        signal.signal(number, signal.SIG_DFL)

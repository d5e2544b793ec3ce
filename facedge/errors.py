"""Errors for the person who must act: what was found, what was expected, what to do.

The command line prints the sentence, never a traceback, and exits with ``exit_code``.
"""

from __future__ import annotations


class FacedgeError(Exception):
    """Base of every error that facedge raises on purpose."""

    exit_code = 2


class InputError(FacedgeError):
    """A file, folder, picture, weight or option is not what it has to be."""


class BundleError(FacedgeError):
    """A bundle is incomplete, altered, of another schema, or not for this device or version."""


class QualityGateError(FacedgeError):
    """A build was stopped because a measured quality is outside its limit.

    Attributes:
        gate: name of the gate.
        subject: tensor, dialect or step it was measured on.
        measured: the measured value.
        limit: the value it had to reach.
    """

    exit_code = 3

    def __init__(
        self, message: str, gate: str, subject: str, measured: float, limit: float
    ) -> None:
        super().__init__(message)
        self.gate, self.subject, self.measured, self.limit = gate, subject, measured, limit


class BackendError(FacedgeError):
    """A backend is not installed, or cannot play this bundle on this machine."""

    exit_code = 4

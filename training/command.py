"""Runs a recipe's command line: one sentence and an exit code instead of a traceback."""

from __future__ import annotations

from collections.abc import Callable

import typer

from facedge.errors import FacedgeError


def command(main: Callable[..., None]) -> None:
    """Parse the arguments of ``main`` and call it.

    Raises:
        SystemExit: with the error's exit code after its sentence was printed, or typer's own.
    """
    try:
        typer.run(main)
    except FacedgeError as error:
        typer.echo(f"error: {error}", err=True)
        raise SystemExit(error.exit_code) from None
    except KeyboardInterrupt:
        typer.echo("interrupted; the last checkpoint is kept", err=True)
        raise SystemExit(130) from None

"""Runs a file of this folder as a command of its own."""

from __future__ import annotations

import sys
from collections.abc import Callable
from pathlib import Path

import typer

from facedge.cli.main import run_command


def run_script(main: Callable[..., None], file: str) -> None:
    """Run ``main`` with this process's arguments and end the process with its exit code.

    Args:
        main: a typer command.
        file: the script's ``__file__``. Python puts its folder first on ``sys.path``, where our
            ``statistics.py`` hides the one of the standard library, which torch imports.
    """
    folder = Path(file).resolve().parent
    sys.path[:] = [path for path in sys.path if not path or Path(path).resolve() != folder]
    loaded = sys.modules.get("statistics")
    if loaded is not None and Path(loaded.__file__ or "").resolve().parent == folder:
        del sys.modules["statistics"]
    application = typer.Typer(
        add_completion=False, pretty_exceptions_enable=False, rich_markup_mode="rich"
    )
    application.command()(main)
    run_command(application)

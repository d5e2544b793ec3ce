"""Stages of a long job on the terminal: a moving line while one runs, a tick when it is done."""

from __future__ import annotations

import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager

from rich.console import Console
from rich.markup import escape
from rich.progress import BarColumn, Progress, SpinnerColumn, TextColumn, TimeElapsedColumn

Advance = Callable[[int, int], None]
"""Called with (done, total) as a stage proceeds."""


class Stages:
    """Reports stages on stderr; silent when ``quiet``.

    Attributes:
        seconds: title -> duration of every finished stage.
    """

    def __init__(self, quiet: bool = False) -> None:
        self._console = Console(stderr=True, quiet=quiet, highlight=False, soft_wrap=True)
        self.seconds: dict[str, float] = {}

    @contextmanager
    def stage(self, title: str) -> Iterator[Stage]:
        """Show ``title`` while the block runs, then a tick, the time and the stage's note."""
        columns = (
            SpinnerColumn(),
            TextColumn("{task.description}"),
            BarColumn(bar_width=24),
            TimeElapsedColumn(),
        )
        start = time.perf_counter()
        idle = not self._console.is_terminal
        with Progress(*columns, console=self._console, transient=True, disable=idle) as bar:
            task = bar.add_task(title, total=None)
            stage = Stage(lambda done, total: bar.update(task, completed=done, total=total))
            yield stage
        took = time.perf_counter() - start
        self.seconds[title] = took
        note = f"  [dim]{escape(stage.note)}[/dim]" if stage.note else ""
        self._console.print(f"[green]✓[/green] {title} [dim]{took:.1f} s[/dim]{note}")

    def say(self, text: str) -> None:
        """A line of its own between stages."""
        self._console.print(text)


class Stage:
    """A running stage: report progress with ``advance``, leave a remark in ``note``."""

    def __init__(self, advance: Advance) -> None:
        self.advance = advance
        self.note = ""

"""Independent work on several CPU threads, results as they come."""

from __future__ import annotations

import itertools
from collections.abc import Callable, Iterable, Iterator
from concurrent.futures import FIRST_COMPLETED, Future, ThreadPoolExecutor, wait
from typing import TypeVar

T = TypeVar("T")
R = TypeVar("R")


def side_by_side(work: Callable[[T], R], items: Iterable[T], workers: int) -> Iterator[R]:
    """``work`` on every item; on any exception, Ctrl-C included, nothing new is begun.

    Sessions of one thread side by side are faster than one session of several, whose threads wait
    for each other at every node.

    Args:
        work: releases the interpreter lock for most of its time.
        items: what to work on, taken as threads come free.
        workers: threads.

    Returns:
        Results in the order they are done.
    """
    waiting = iter(items)
    with ThreadPoolExecutor(workers) as pool:
        running: set[Future[R]] = {
            pool.submit(work, item) for item in itertools.islice(waiting, workers)
        }
        while running:
            done, running = wait(running, return_when=FIRST_COMPLETED)
            running |= {pool.submit(work, item) for item in itertools.islice(waiting, len(done))}
            for future in done:
                yield future.result()

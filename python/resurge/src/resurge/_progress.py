"""How far long work is."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from contextlib import contextmanager
from typing import Any

from resurge._errors import InputError

# Called with what has been done, and with how much there is to do.
Progress = Callable[[int, int], Any]


@contextmanager
def progressing(progress: bool | Progress | None, total: int) -> Iterator[Callable[[int], None] | None]:
    """A function of what has been done: the caller's, or tqdm's bar where that is installed and it is asked for."""
    if progress is None or progress is False:
        yield None
        return
    if callable(progress):
        report = progress
        yield lambda done: report(done, total)
        return
    if progress is not True:
        raise InputError(f"progress is {progress!r}; give True, or a function of what is done and how much there is")
    try:
        from tqdm.auto import tqdm
    except ImportError:
        yield None
        return
    with tqdm(total=total) as bar:

        def to(done: int) -> None:
            bar.update(done - bar.n)

        yield to

"""The refusal of a recording, and how several of them become one."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager
from contextvars import ContextVar
from typing import Any

from resurge._errors import ResurgeError


class Unsupported(ResurgeError, ValueError):
    """What an audit file cannot express: which layer, which attribute of it, why, and what to do.

    `obstacles` has all of them as `(what, why)`; `what` and `why` are those of the first.
    """

    def __init__(self, what: str, why: str, *others: tuple[str, str]) -> None:
        self.obstacles = ((what, why), *others)
        self.what = what
        self.why = why
        lines = [f"{what}: {why}" for what, why in self.obstacles]
        count = f"{len(lines)} things cannot be recorded:\n- "
        super().__init__(lines[0] if len(lines) == 1 else count + "\n- ".join(lines))


class Obstacles:
    """Gathers what cannot be expressed, so that all of it can be said at once."""

    def __init__(self) -> None:
        self.found: list[tuple[str, str]] = []

    def add(self, what: str, why: str) -> None:
        """One more."""
        if (what, why) not in self.found:
            self.found.append((what, why))

    @contextmanager
    def at(self, place: str) -> Iterator[None]:
        """Gathers the refusals of the block, which is about this place; the block ends at one that is raised."""
        here = Obstacles()
        token = _gathering.set(here)
        try:
            yield
        except Unsupported as refusal:
            for what, why in refusal.obstacles:
                here.add(what, why)
        except (TypeError, ValueError, RuntimeError, AttributeError):
            # What was refused before may not even have the type that the rest of the block expects.
            if not here.found:
                raise
        finally:
            _gathering.reset(token)
        for what, why in here.found:
            self.add(f"{place}: {what}", why)

    def check(self) -> None:
        """Raises Unsupported if there is anything."""
        if self.found:
            (what, why), *others = self.found
            raise Unsupported(what, why, *others)


_gathering: ContextVar[Obstacles | None] = ContextVar("gathering", default=None)


def class_name(obj: Any) -> str:
    """The package and the class of an object: `snntorch.Leaky`."""
    cls = obj if isinstance(obj, type) else type(obj)
    return f"{cls.__module__.split('.')[0]}.{cls.__qualname__}"


def require(condition: bool, obj: Any, attribute: str, why: str) -> None:
    """Refuses `obj` for an attribute that cannot be expressed; goes on where refusals are gathered."""
    if condition:
        return
    what, gathering = f"{class_name(obj)}.{attribute}", _gathering.get()
    if gathering is None:
        raise Unsupported(what, why)
    gathering.add(what, why)

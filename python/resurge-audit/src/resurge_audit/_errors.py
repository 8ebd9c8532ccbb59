"""The one error of this package."""

from __future__ import annotations

from typing import Any


class Unsupported(ValueError):
    """Something that an audit file cannot express: which layer, which attribute of it, and why."""

    def __init__(self, what: str, why: str) -> None:
        super().__init__(f"{what}: {why}")
        self.what = what
        self.why = why


def class_name(obj: Any) -> str:
    """The package and the class of an object: `snntorch.Leaky`."""
    cls = obj if isinstance(obj, type) else type(obj)
    return f"{cls.__module__.split('.')[0]}.{cls.__qualname__}"


def require(condition: bool, obj: Any, attribute: str, why: str) -> None:
    """Refuses `obj` for an attribute that cannot be expressed."""
    if not condition:
        raise Unsupported(f"{class_name(obj)}.{attribute}", why)

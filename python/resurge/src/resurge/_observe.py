"""Who wants to see every report that is made: the pytest plugin."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

OBSERVERS: list[Callable[[Any], None]] = []


def made(report: Any) -> None:
    """Shows a report to all of them."""
    for observer in OBSERVERS:
        observer(report)

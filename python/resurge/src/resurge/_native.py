"""The compiled module, loaded where it is needed: a recording alone does without."""

from __future__ import annotations

from types import ModuleType
from typing import Any


def native() -> Any:
    """`resurge._resurge`."""
    from resurge import _resurge

    module: ModuleType = _resurge
    return module

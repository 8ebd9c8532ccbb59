"""Is the surrogate gradient of this spiking network right, and which gradient is it?

    import resurge

    report = resurge.audit(net, x, y, loss, claim="full")
    report.matches, report.code, report.words

No framework is imported before a network of it is given.
"""

from __future__ import annotations

from importlib import import_module
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from resurge._audit import audit, audit_file, save
    from resurge._check import ProgramReport, check
    from resurge._check_function import FunctionReport, check_function
    from resurge._errors import (
        DtypeError,
        FileError,
        GradientMismatch,
        InputError,
        InternalError,
        NondeterminismError,
        NonFiniteError,
        OptionError,
        ResurgeError,
        RunError,
        ShapeError,
        Undecided,
    )
    from resurge._gradcheck import GradReport, gradcheck
    from resurge._report import Report
    from resurge._table import Table
    from resurge._testing import assert_gradients_match
    from resurge._verify import VerifyReport, verify
    from resurge.recording import Loss, Recording, Unsupported

__version__ = "0.1.0"

# Where a name is: an import costs next to nothing, and its first use what it needs.
_WHERE = {
    "DtypeError": "resurge._errors",
    "FileError": "resurge._errors",
    "FunctionReport": "resurge._check_function",
    "GradReport": "resurge._gradcheck",
    "GradientMismatch": "resurge._errors",
    "InputError": "resurge._errors",
    "InternalError": "resurge._errors",
    "Loss": "resurge.recording",
    "NonFiniteError": "resurge._errors",
    "NondeterminismError": "resurge._errors",
    "OptionError": "resurge._errors",
    "ProgramReport": "resurge._check",
    "Recording": "resurge.recording",
    "Report": "resurge._report",
    "ResurgeError": "resurge._errors",
    "RunError": "resurge._errors",
    "ShapeError": "resurge._errors",
    "Table": "resurge._table",
    "Undecided": "resurge._errors",
    "Unsupported": "resurge.recording",
    "VerifyReport": "resurge._verify",
    "assert_gradients_match": "resurge._testing",
    "audit": "resurge._audit",
    "audit_file": "resurge._audit",
    "check": "resurge._check",
    "check_function": "resurge._check_function",
    "gradcheck": "resurge._gradcheck",
    "save": "resurge._audit",
    "verify": "resurge._verify",
}


def __getattr__(name: str) -> Any:
    if name not in _WHERE:
        raise AttributeError(f"module 'resurge' has no attribute {name!r}")
    value = getattr(import_module(_WHERE[name]), name)
    globals()[name] = value
    return value


def __dir__() -> list[str]:
    return sorted({*globals(), *_WHERE})


__all__ = [
    "DtypeError",
    "FileError",
    "FunctionReport",
    "GradReport",
    "GradientMismatch",
    "InputError",
    "InternalError",
    "Loss",
    "NonFiniteError",
    "NondeterminismError",
    "OptionError",
    "ProgramReport",
    "Recording",
    "Report",
    "ResurgeError",
    "RunError",
    "ShapeError",
    "Table",
    "Undecided",
    "Unsupported",
    "VerifyReport",
    "__version__",
    "assert_gradients_match",
    "audit",
    "audit_file",
    "check",
    "check_function",
    "gradcheck",
    "save",
    "verify",
]

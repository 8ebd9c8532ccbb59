"""The exceptions of the package: one type a cause, all of them a `ResurgeError`."""

from __future__ import annotations


class ResurgeError(Exception):
    """Whatever Resurge refuses or finds wrong."""


class FileError(ResurgeError, ValueError):
    """An audit file, or a recording, that is not what docs/audit-format.md says."""


class RunError(ResurgeError, ValueError):
    """A recorded network that cannot be computed again."""


class OptionError(ResurgeError, ValueError):
    """An argument outside its domain, or a name that there is not."""


class ShapeError(ResurgeError, ValueError):
    """An array of another shape than the one it belongs to."""


class DtypeError(ResurgeError, TypeError):
    """An array of a type in which gradients cannot be checked, such as bfloat16."""


class InputError(ResurgeError, TypeError):
    """An argument that is not of the kind that is asked for."""


class NonFiniteError(ResurgeError, ValueError):
    """A value or a gradient that is no finite number, so that nothing can be compared with it."""


class NondeterminismError(ResurgeError, RuntimeError):
    """A function that gives another value when it is evaluated again at the same point."""


class GradientMismatch(ResurgeError, AssertionError):
    """Gradients that are wrong; the message has the table."""


class Undecided(ResurgeError, AssertionError):
    """Gradients of which nothing is known to be wrong, but not all could be tested."""


class InternalError(ResurgeError, RuntimeError):
    """A mistake of Resurge's own, which is to be reported."""

"""Any spiking code of torch, recorded operation by operation and checked."""

from __future__ import annotations

import json
from collections.abc import Callable, Mapping
from typing import Any

from resurge._errors import GradientMismatch, InputError, Undecided
from resurge._native import native
from resurge._table import table_of

GRADIENTS = {"name": str, "shape": object, "norm": float, "error": float, "tolerance": float, "wrong": int}
CUTS = {"kind": str, "place": str, "times": int, "omitted": float, "cosine": float}


class ProgramReport:
    """What the gradient of a run is, whether it is proved, and where it is cut.

    Attributes
    ----------
    matches : bool
        Whether the framework's gradient is that of the program that ran.
    code : str
        `proved`, `trusted` (a function was taken at its word), or what is wrong; see docs/program-format.md.
    words : str
        The verdict in words.
    gradients : Table
        A row for each parameter: the norm of its gradient, its error, the tolerance.
    cuts : Table
        A row for each place where the gradient is cut: its line, how often, and what it leaves out, as the norm of that
        over the norm of the gradient without the cut, and as the cosine between the two gradients.
    notes : list of str
        What the recorder noted.
    data : dict
        Everything.
    recorded : bytes
        The program file, for `resurge audit FILE`.
    """

    def __init__(self, recorded: bytes) -> None:
        self.recorded = recorded
        self._program = native().program(recorded)
        self.data: dict[str, Any] = json.loads(self._program.json())
        self.matches = bool(self.data["matches"])
        self.code = str(self.data["code"])
        self.words = str(self.data["words"])
        self.notes: list[str] = list(self.data["notes"])
        self.gradients = table_of(self.data["gradients"], GRADIENTS)
        self.cuts = table_of(self.data["cuts"], CUTS)

    def raise_unless_matching(self) -> None:
        """Raises where the gradients are not those of the program.

        Raises
        ------
        GradientMismatch
            With the report.
        Undecided
            Where nothing is wrong, but the run cannot tell.
        """
        if self.code == "undecided":
            raise Undecided(str(self))
        if not self.matches:
            raise GradientMismatch(str(self))

    def __bool__(self) -> bool:
        return self.matches

    def __str__(self) -> str:
        return str(self._program.text())

    __repr__ = __str__


def check(
    closure: Callable[[], Any],
    parameters: Any,
    *,
    definitions: Mapping[Any, Callable[..., Any]] | None = None,
    surrogates: Mapping[Any, str] | None = None,
) -> ProgramReport:
    """Records what code of torch does, and checks its gradient: any code, not only layers that are known.

    The closure runs once, forward and backward. Every operation runs again on Resurge's own tape; the gradient there
    is held against every `.grad`, and proved on this input. Parameters, their `.grad`, the state of modules and random
    numbers are left as they were.

    Parameters
    ----------
    closure : callable
        Computes a loss of one number: `lambda: loss(net(x), y)`.
    parameters : torch.nn.Module, dict or list
        A module, or leaf tensors that require a gradient.
    definitions : mapping, optional
        For autograd functions that are not elementwise, a function of the same arguments in plain torch, which defines
        what they compute. Without one they are taken at their word.
    surrogates : mapping, optional
        For elementwise ones, the surrogate that they are meant to be, such as "atan 2".

    Returns
    -------
    ProgramReport

    Raises
    ------
    InputError
        Where the code cannot be recorded, with what to do.
    NonFiniteError
        For a value or a gradient that is no finite number, with the function in which it became so.
    """
    if not callable(closure):
        found = type(closure).__name__
        raise InputError(f"the first argument is {found}, but a function is needed: lambda: loss(net(x), y)")
    from resurge._program_torch import RecordError, record

    given = dict(definitions) if definitions else None
    declared = dict(surrogates) if surrogates else None
    try:
        recorded: bytes = record(closure, parameters, definitions=given, surrogates=declared)
    except RecordError as error:
        raise InputError(str(error)) from error
    return ProgramReport(recorded)

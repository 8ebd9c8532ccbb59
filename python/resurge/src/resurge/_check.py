"""Any spiking code of torch or JAX, recorded operation by operation and checked."""

from __future__ import annotations

import json
import sys
from collections.abc import Callable, Mapping
from typing import Any

from resurge._errors import InputError
from resurge._native import native
from resurge._report import framed
from resurge._table import table_of
from resurge._verdict import Verdict

GRADIENTS = {"name": str, "shape": object, "norm": float, "error": float, "tolerance": float, "wrong": int}
CUTS = {"kind": str, "place": str, "role": str, "times": int, "omitted": float, "cosine": float}
LAGS = {"kind": str, "place": str, "lag": int, "omitted": float}
STEPS = {"function": str, "place": str, "step": int, "adjoint": float}


class ProgramReport(Verdict):
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
        A row for each place where the gradient is cut: its line, what it cuts (the `reset` of a neuron, its `state` of
        the step before, or something `other`), how often, and what it leaves out, as the norm of that over the norm of
        the gradient without the cut, and as the cosine between the two gradients.
    by_lag : Table
        A row for each cut of a recurrence and each time lag: what the cut leaves out of the gradient that comes back
        from a spike to the potential so many steps before, as the norm of that over the norm of the gradient without
        the cut.
    by_step : Table
        A row for each surrogate and each of its calls, which are the steps of a layer: the norm of the loss's gradient
        by its result. Where that vanishes or explodes, the text says so.
    reset : str or None
        How the reset is differentiated: `full`, `detached`, `spatial-only` or `mixed`; None where no reset is seen.
    claim : str or None
        What the gradient was said to be.
    claim_holds : bool or None
        Whether it is that; None without a claim, and where this input cannot tell.
    explanations : list of str
        Where the framework's gradient is not the program's: which gradient it is instead.
    notes : list of str
        What the recorder noted.
    data : dict
        Everything.
    recorded : bytes
        The program file, for `resurge audit FILE`.
    """

    def __init__(self, recorded: bytes, claim: str | None = None) -> None:
        self.recorded = recorded
        self._program = native().program(recorded, claim=claim)
        self.data: dict[str, Any] = json.loads(self._program.json())
        self.matches = bool(self.data["matches"])
        self.code = str(self.data["code"])
        self.words = str(self.data["words"])
        self.notes: list[str] = list(self.data["notes"])
        self.gradients = table_of(self.data["gradients"], GRADIENTS)
        self.cuts = table_of(self.data["cuts"], CUTS)
        self.by_lag = table_of(long(self.data["cuts"], "by_lag", "lag", "omitted"), LAGS)
        self.by_step = table_of(long(self.data["surrogates"], "adjoints", "step", "adjoint"), STEPS)
        self.reset: str | None = self.data["reset_gradient"]
        made: dict[str, Any] = self.data["claim"] or {}
        self.claim: str | None = made.get("claim")
        self.claim_holds: bool | None = made.get("holds")
        self.explanations = [str(found["words"]) for found in self.data["explanations"] if found["explains"]]

    def __str__(self) -> str:
        return str(self._program.text())

    __repr__ = __str__

    def html(self) -> str:
        """The report as one HTML page: the verdict, the parameters, each cut with its source lines, and a picture.

        The picture shows the adjoint over time, as it is and with each cut attached.

        Returns
        -------
        str
            The page, without external resources.
        """
        return str(self._program.html("program"))

    def _repr_html_(self) -> str:
        return framed(self.html())


def long(rows: list[dict[str, Any]], series: str, index: str, name: str) -> list[dict[str, Any]]:
    """A row for each number of a list in rows."""
    return [row | {index: place, name: number} for row in rows for place, number in enumerate(row[series])]


def claim_text(claim: str | float | Mapping[str, str | float] | None) -> str | None:
    """A claim in the words of the engine; a number is how much of a reset term there is."""

    def word(value: Any) -> str:
        number = isinstance(value, int | float) and not isinstance(value, bool)
        if not number and not isinstance(value, str):
            raise InputError(f"the claim is {type(value).__name__}, but it is a name, a number or a dict of places")
        return f"scaled:{float(value)}" if number else str(value)

    if isinstance(claim, Mapping):
        if not claim:
            raise InputError("the claim names no place: {'neurons.py:106': 'detached'}")
        return ",".join(f"{place}={word(value)}" for place, value in claim.items())
    return None if claim is None else word(claim)


def _of_jax(parameters: Any) -> bool:
    """Whether these are parameters of JAX: a tree of its arrays, or of numpy's where torch is not in use."""
    torch, jax = sys.modules.get("torch"), sys.modules.get("jax")
    if jax is None or (torch is not None and isinstance(parameters, torch.nn.Module)):
        return False
    leaves = jax.tree_util.tree_leaves(parameters)
    if any(isinstance(leaf, jax.Array) for leaf in leaves):
        return True
    return torch is None or not any(isinstance(leaf, torch.Tensor) for leaf in leaves)


def check(
    function: Callable[..., Any],
    parameters: Any,
    *args: Any,
    gradient: Any = None,
    definitions: Mapping[Any, Callable[..., Any]] | None = None,
    surrogates: Mapping[Any, str] | None = None,
    claim: str | float | Mapping[str, str | float] | None = None,
) -> ProgramReport:
    """Records what code of torch or JAX does, and checks its gradient: any code, not only layers that are known.

    The function runs once, forward and backward. Every operation runs again on Resurge's own tape; the gradient there
    is held against the framework's, and proved on this input. Parameters, their `.grad`, the state of modules and
    random numbers are left as they were.

    Parameters
    ----------
    function : callable
        Computes a loss of one number. In torch, without arguments: `lambda: loss(net(x), y)`. In JAX, a function of the
        parameters and `args`, as for `jax.grad`.
    parameters : torch.nn.Module, dict or list; in JAX any tree of arrays, or a module of Flax or Equinox
        What gradients are taken by. In torch, a module, or leaf tensors that require a gradient.
    args
        The other arguments of a function of JAX.
    gradient : callable or tree, optional
        In JAX, your own gradient: a function of the same arguments, or arrays in a tree like that of the parameters. By
        default it is `jax.grad` of the function.
    definitions : mapping, optional
        For autograd functions that are not elementwise, a function of the same arguments in plain torch, which defines
        what they compute. Without one they are taken at their word. In JAX, for functions with a `custom_vjp` or a
        `custom_jvp`.
    surrogates : mapping, optional
        For elementwise ones, the surrogate that they are meant to be, such as "atan 2".
    claim : str, float or mapping, optional
        What the gradient should be: "full" (every reset is differentiated, and no state is cut), "detached" (no reset
        is, all else is), "spatial-only" (nor is anything through the potential before), or a number, how much of the
        reset term there is. A mapping says it of places, by file and line: `{"neurons.py:106": "detached"}`, or
        "attached", or a number. A claim that is wrong is the verdict `claim`.

    Returns
    -------
    ProgramReport

    Raises
    ------
    InputError
        Where the code cannot be recorded, with what to do.
    OptionError
        For a claim that there is not, or of a place where nothing is cut.
    NonFiniteError
        For a value or a gradient that is no finite number, with the function in which it became so.
    """
    if not callable(function):
        found = type(function).__name__
        raise InputError(f"the first argument is {found}, but a function is needed: lambda: loss(net(x), y)")
    from resurge._program_file import RecordError

    said = claim_text(claim)
    given = dict(definitions) if definitions else None
    declared = dict(surrogates) if surrogates else None
    recorded: bytes
    try:
        if _of_jax(parameters):
            from resurge._program_jax import record as record_jax

            options: dict[str, Any] = {"definitions": given, "surrogates": declared}
            recorded = record_jax(function, parameters, args, gradient=gradient, **options)
        else:
            if args or gradient is not None:
                what = "other arguments" if args else "gradient"
                raise InputError(f"{what}: in torch the function has no arguments, and its gradient is that of .grad")
            from resurge._program_torch import record

            recorded = record(function, parameters, definitions=given, surrogates=declared)
    except RecordError as error:
        raise InputError(str(error)) from error
    return ProgramReport(recorded, said)

"""Any spiking code of torch or JAX, recorded operation by operation and checked."""

from __future__ import annotations

import json
import sys
from collections.abc import Callable, Mapping
from typing import Any

from resurge._errors import InputError
from resurge._native import native
from resurge._table import table_of
from resurge._verdict import Verdict

GRADIENTS = {"name": str, "shape": object, "norm": float, "error": float, "tolerance": float, "wrong": int}
CUTS = {"kind": str, "place": str, "times": int, "omitted": float, "cosine": float}


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

    def __str__(self) -> str:
        return str(self._program.text())

    __repr__ = __str__


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
    if not callable(function):
        found = type(function).__name__
        raise InputError(f"the first argument is {found}, but a function is needed: lambda: loss(net(x), y)")
    from resurge._program_file import RecordError

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
    return ProgramReport(recorded)

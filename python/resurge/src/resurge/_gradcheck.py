"""`resurge.gradcheck`: any function of arrays, by differences of its values."""

from __future__ import annotations

import html
import json
import sys
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np
from numpy.typing import NDArray

from resurge._arrays import Kind, floating, kind_of, number, to_numpy, whole
from resurge._errors import GradientMismatch, InputError, OptionError, ShapeError, Undecided
from resurge._native import native
from resurge._observe import made
from resurge._progress import Progress, progressing
from resurge._table import table_of

Floats = NDArray[np.float64]
COLUMNS = {
    "input": object,
    "index": object,
    "output": object,
    "claimed": float,
    "reference": float,
    "allowed": float,
    "hint": str,
}
# What a difference can show of a function in a type.
RTOL = {"float64": 1e-6, "float32": 1e-3}
ROUNDOFF = {"float64": 2.0**-53, "float32": 2.0**-24}
# Directions of random signs for each input in the fast mode.
DIRECTIONS = 8
# About as many evaluations as an entry takes.
EVALUATIONS = 30


class GradReport:
    """What `gradcheck` found. It is true where the gradient is right, and all of it could be tested.

    Attributes
    ----------
    verdict : {"passed", "failed", "undecided"}
        The outcome.
    passed : bool
        Whether it is `passed`.
    failures : int
        How many entries are wrong.
    compared, conclusive : int
        How many entries were compared, and of how many the differences could decide.
    table : Table
        The wrong entries, the worst first: which, the claim, the reference, and what would explain it.
    data : dict
        Everything.
    """

    def __init__(self, data: dict[str, Any], text: str) -> None:
        self.data = data
        self.verdict = str(data["verdict"])
        self.passed = self.verdict == "passed"
        self.failures = int(data["failures"])
        self.compared = int(data["compared"])
        self.conclusive = int(data["conclusive"])
        self._text = text
        self.table = table_of([row_of(mismatch) for mismatch in data["mismatches"]], COLUMNS)
        made(self)

    def html(self) -> str:
        """The report as HTML."""
        page = f"<h1>Resurge gradcheck: {self.verdict}</h1>{self._repr_html_()}"
        head = '<!DOCTYPE html>\n<html lang="en"><head><meta charset="utf-8"><title>Resurge gradcheck</title></head>'
        return f"{head}<body>{page}</body></html>\n"

    def __bool__(self) -> bool:
        return self.passed

    def __str__(self) -> str:
        return self._text

    __repr__ = __str__

    def _repr_html_(self) -> str:
        return f"<pre>{html.escape(self._text)}</pre>"


def row_of(mismatch: dict[str, Any]) -> dict[str, Any]:
    """A row of the table."""
    place = mismatch["place"]
    at = place.get("Entry") or place.get("Direction")
    index = at.get("index", at.get("number"))
    where = {"input": at.get("input"), "index": tuple(index) if isinstance(index, list) else index}
    output = {"output": tuple(at.get("output", ()))}
    numbers = {key: mismatch[key] for key in ("claimed", "reference", "allowed")}
    return where | output | numbers | {"hint": "; ".join(mismatch["hints"])}


@dataclass
class Argument:
    """One input: its values, and whether its gradient is checked."""

    value: Any
    kind: Kind
    array: NDArray[Any]
    checked: bool


def gradcheck(
    func: Callable[..., Any],
    inputs: Any,
    *,
    eps: float | None = None,
    atol: float = 0.0,
    rtol: float | None = None,
    gradient: Callable[..., Any] | Sequence[Any] | None = None,
    raise_exception: bool = True,
    nondet_tol: float = 0.0,
    fast_mode: bool = False,
    seed: int = 1,
    progress: bool | Progress | None = None,
) -> GradReport:
    """Checks the gradient of a function against differences of its values, as `torch.autograd.gradcheck` does.

    Steps are found by a scan, the noise of the function is measured, and the tolerance follows both. At a kink, a
    valid subgradient is right. What cannot be decided is not passed.

    Parameters
    ----------
    func : callable
        A function of arrays of numpy, torch or JAX that returns one, or a tuple of them.
    inputs : array or sequence of array
        Where it is checked. Of torch tensors those that require a gradient are checked, or all where none does.
    eps : float, optional
        The step of central differences. By default steps are found.
    atol, rtol : float
        A claim may be off by the larger of `atol` and `rtol` times its size. By default `rtol` is 1e-6 in float64
        and 1e-3 in float32.
    gradient : callable or sequence of array, optional
        The gradient that is checked: one array an input (or None for zero) of the shape of the output followed by that
        of the input, or a function of the inputs that returns them. By default that of torch or JAX; a function of
        numpy arrays has none of its own.
    raise_exception : bool
        Whether a wrong or undecided gradient raises.
    nondet_tol : float
        By how much values may differ from call to call.
    fast_mode : bool
        Looks along random directions instead of at every entry.
    seed : int
        Draws directions. The same seed gives the same report.
    progress : bool or callable, optional
        True for a bar of tqdm where that is installed, or a function of the evaluations so far and about how many
        there will be.

    Returns
    -------
    GradReport
        What was found; true where it passed.

    Raises
    ------
    GradientMismatch
        For a wrong gradient, with its worst entries and hints.
    Undecided
        For a gradient that could not be tested as a whole.
    NondeterminismError
        For a function that gives different values at one point.
    NonFiniteError
        For a value or a gradient that is not finite.
    DtypeError, InputError, ShapeError, OptionError
        For an argument that is none.

    Examples
    --------
    >>> import numpy as np
    >>> import resurge
    >>> x = np.array([0.5, 2.0])
    >>> resurge.gradcheck(np.sin, x, gradient=lambda x: np.diag(np.cos(x))).passed
    True
    >>> report = resurge.gradcheck(np.prod, x, gradient=lambda x: np.array([2.0, -0.5]), raise_exception=False)
    >>> report.table["hint"][0]
    np.str_('the reference with the opposite sign')
    """
    if not callable(func):
        raise InputError(f"func is a {type(func).__name__}; give a function")
    seed = whole("seed", seed)
    arguments = arguments_of(inputs)
    numbers(eps=eps, atol=atol, rtol=rtol, nondet_tol=nondet_tol)
    outputs = outputs_of(func(*(argument.value for argument in arguments)))
    names = {array.dtype.name for array in outputs} | {a.array.dtype.name for a in arguments if a.checked}
    single = "float32" if "float32" in names else "float64"
    shape = outputs[0].shape if len(outputs) == 1 else (sum(array.size for array in outputs),)
    count = sum(array.size for array in outputs)
    claim = claimed(func, arguments, gradient, [array.shape for array in outputs])
    at = flat([argument.array for argument in arguments if argument.checked])
    done = 0
    with progressing(progress, EVALUATIONS * at.size) as report:

        def evaluate(point: Floats) -> Floats:
            nonlocal done
            done += 1
            if report is not None:
                report(done)
            values = flat(outputs_of(func(*placed(arguments, point))))
            if values.size != count:
                raise ShapeError(f"the function returned {values.size} numbers, and {count} before")
            return values

        found, text = native().check(
            evaluate,
            [list(argument.array.shape) if argument.checked else [0] for argument in arguments],
            at,
            list(shape),
            np.ascontiguousarray(claim.reshape(-1)),
            eps=eps,
            rtol=RTOL[single] if rtol is None else float(rtol),
            atol=float(atol),
            seed=seed,
            roundoff=ROUNDOFF[single],
            projections=DIRECTIONS if fast_mode else None,
            nondet_tol=float(nondet_tol),
        )
    made_report = GradReport(json.loads(found), text)
    if raise_exception and made_report.verdict == "failed":
        raise GradientMismatch(text)
    if raise_exception and made_report.verdict == "undecided":
        raise Undecided(text)
    return made_report


def numbers(**options: Any) -> None:
    """Refuses what is no number of at least 0."""
    for name, value in options.items():
        found = 0.0 if value is None else number(value)
        if found is None or found < 0:
            raise OptionError(f"{name} is {value!r}; give a number from 0 on")


def arguments_of(inputs: Any) -> list[Argument]:
    """The inputs, and which of them are checked."""
    listed = list(inputs) if isinstance(inputs, tuple | list) else [inputs]
    arrays = [to_numpy(value, f"input {k}") for k, value in enumerate(listed)]
    kinds = [kind_of(value) for value in listed]
    if len({"torch", "jax"} & set(kinds)) > 1:
        raise InputError("inputs of torch and of JAX in one function; give all as arrays of one")
    floats = [array.dtype.kind == "f" for array in arrays]
    wanted = [kind == "torch" and bool(value.requires_grad) for value, kind in zip(listed, kinds, strict=True)]
    checked = wanted if any(wanted) else floats
    if not any(checked):
        raise InputError("no input is float32 or float64: there is no gradient to check")
    rows = zip(listed, kinds, arrays, checked, strict=True)
    for k, (_, _, array, this) in enumerate(rows):
        if this and not np.all(np.isfinite(array)):
            raise InputError(f"input {k} holds a NaN or an infinity; check at another point")
    return [Argument(*row) for row in zip(listed, kinds, arrays, checked, strict=True)]


def outputs_of(returned: Any) -> list[NDArray[Any]]:
    """The floating arrays that a function returned."""
    listed = list(returned) if isinstance(returned, tuple | list) else [returned]
    arrays = [to_numpy(value, "the output" if len(listed) == 1 else f"output {k}") for k, value in enumerate(listed)]
    found = [array for array in arrays if array.dtype.kind == "f"]
    if not found:
        raise InputError("the function returned no array of float32 or float64: there is no gradient to check")
    return found


def flat(arrays: list[NDArray[Any]]) -> Floats:
    """All numbers in a row."""
    return np.concatenate([array.astype(np.float64).reshape(-1) for array in arrays] or [np.zeros(0)])


def placed(arguments: list[Argument], point: Floats) -> list[Any]:
    """The inputs with these numbers in the place of those that are checked."""
    start, values = 0, []
    for argument in arguments:
        if not argument.checked:
            values.append(argument.value)
            continue
        stop = start + argument.array.size
        array = point[start:stop].reshape(argument.array.shape).astype(argument.array.dtype)
        values.append(like(argument, array))
        start = stop
    return values


def like(argument: Argument, array: NDArray[Any]) -> Any:
    """An array as one of the input's framework, on its device."""
    if argument.kind == "torch":
        torch: Any = sys.modules["torch"]
        return torch.from_numpy(array.copy()).to(argument.value.device)
    if argument.kind == "jax":
        jax: Any = sys.modules["jax"]
        return jax.numpy.asarray(array)
    return array


def claimed(
    func: Callable[..., Any], arguments: list[Argument], gradient: Any, shapes: list[tuple[int, ...]]
) -> Floats:
    """The Jacobian that is checked: a row for each number of the output, a column for each of the inputs."""
    count = sum(int(np.prod(shape)) for shape in shapes)
    checked = [argument for argument in arguments if argument.checked]
    if gradient is not None:
        return given(gradient, arguments, shapes, count)
    if any(argument.kind == "torch" for argument in arguments):
        return of_torch(func, arguments, count)
    if any(argument.kind == "jax" for argument in checked):
        return of_jax(func, arguments, count)
    raise InputError("a function of numpy arrays has no gradient of its own; give it as gradient=")


def given(gradient: Any, arguments: list[Argument], shapes: list[tuple[int, ...]], count: int) -> Floats:
    """A gradient of the caller's."""
    values = gradient(*(argument.value for argument in arguments)) if callable(gradient) else gradient
    checked = [(k, argument) for k, argument in enumerate(arguments) if argument.checked]
    listed = list(values) if isinstance(values, tuple | list) else [values]
    if len(listed) == len(arguments) != len(checked):
        listed = [listed[k] for k, _ in checked]
    if len(listed) != len(checked):
        raise ShapeError(f"there are {len(listed)} gradients for {len(checked)} inputs")
    output = shapes[0] if len(shapes) == 1 else (count,)
    columns = []
    for (k, argument), value in zip(checked, listed, strict=True):
        wanted = (*output, *argument.array.shape)
        array = np.zeros(wanted) if value is None else floating(value, f"the gradient of input {k}")
        if array.shape != wanted:
            why = "the output's shape followed by the input's"
            raise ShapeError(f"the gradient of input {k} has the shape {array.shape}, expected {wanted}: {why}")
        columns.append(array.reshape(count, argument.array.size).astype(np.float64))
    return np.concatenate(columns, axis=1)


def of_torch(func: Callable[..., Any], arguments: list[Argument], count: int) -> Floats:
    """The Jacobian by torch's backward pass."""
    import torch

    leaves, values = [], []
    for argument in arguments:
        value = argument.value
        if argument.checked:
            value = value.detach().clone().requires_grad_(True)
            leaves.append(value)
        values.append(value)
    with torch.enable_grad():
        returned = func(*values)
        listed = list(returned) if isinstance(returned, tuple | list) else [returned]
        floats = [tensor for tensor in listed if isinstance(tensor, torch.Tensor) and tensor.is_floating_point()]
        rows = []
        for tensor in floats:
            for number in tensor.reshape(-1):
                found: Any = [None] * len(leaves)
                if number.requires_grad:
                    found = torch.autograd.grad(number, leaves, retain_graph=True, allow_unused=True)
                each = [torch.zeros_like(x) if g is None else g for x, g in zip(leaves, found, strict=True)]
                rows.append(flat([to_numpy(g, "the gradient") for g in each]))
    columns = sum(leaf.numel() for leaf in leaves)
    return np.array(rows).reshape(count, columns)


def of_jax(func: Callable[..., Any], arguments: list[Argument], count: int) -> Floats:
    """The Jacobian by JAX's backward pass."""
    import jax

    checked = [argument for argument in arguments if argument.checked]

    def of_checked(*values: Any) -> Any:
        rest = iter(values)
        returned = func(*(next(rest) if argument.checked else argument.value for argument in arguments))
        listed = list(returned) if isinstance(returned, tuple | list) else [returned]
        floats = [value for value in map(jax.numpy.asarray, listed) if value.dtype.kind == "f"]
        return jax.numpy.concatenate([value.reshape(-1) for value in floats])

    values, pull = jax.vjp(of_checked, *(jax.numpy.asarray(argument.value) for argument in checked))
    rows = [flat([np.asarray(g) for g in pull(unit)]) for unit in jax.numpy.eye(count, dtype=values.dtype)]
    return np.array(rows).reshape(count, sum(argument.array.size for argument in checked))

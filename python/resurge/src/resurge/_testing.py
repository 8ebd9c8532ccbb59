"""Assertions in the style of numpy.testing."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

import numpy as np
from numpy.typing import NDArray

from resurge._arrays import to_numpy
from resurge._errors import GradientMismatch, InputError, Undecided
from resurge._gradcheck import GradReport, flat, numbers
from resurge._native import native
from resurge._report import Report
from resurge._table import Table


def assert_gradients_match(
    actual: Any, desired: Any = None, rtol: float = 1e-7, atol: float = 0.0, *, err_msg: str = "", verbose: bool = True
) -> None:
    """Raises an AssertionError unless gradients are the desired ones.

    Parameters
    ----------
    actual : array, sequence, mapping, Report or GradReport
        The gradients: one, several, or several by name. Or what `audit` or `gradcheck` found, which has what is
        desired in itself.
    desired : array, sequence or mapping
        What they should be, in the same form. None in it stands for zero.
    rtol, atol : float
        An entry may be off by `atol + rtol * size`; its size is that of the desired entry, or, where that is far
        smaller, what 64 bits of the largest one hold.
    err_msg : str
        Goes before the table.
    verbose : bool
        Whether the table is in the message.

    Raises
    ------
    GradientMismatch
        An AssertionError with a row for each gradient, and what would explain the difference.
    Undecided
        An AssertionError for a report that is undecided.
    InputError
        For forms that are not the same.

    Examples
    --------
    >>> import numpy as np
    >>> import resurge
    >>> g = {"weight": np.array([1.0, 2.0]), "bias": np.array([3.0])}
    >>> resurge.assert_gradients_match(g, g)
    >>> resurge.assert_gradients_match({"weight": -g["weight"], "bias": g["bias"]}, g)
    Traceback (most recent call last):
    ...
    resurge._errors.GradientMismatch: 1 of 2 gradients is not the desired one (rtol 1e-07, atol 0)
    name    shape  wrong  largest difference  relative  explained by
    weight  (2,)       2                   4         2  every entry is -1.000000000 times the reference; \
every entry is the reference with the opposite sign
    bias    (1,)       0                   0         0
    """
    if isinstance(actual, Report | GradReport):
        return of_report(actual, err_msg)
    numbers(rtol=rtol, atol=atol)
    names, ours, theirs = paired(actual, desired)
    rows: dict[str, list[Any]] = {key: [] for key in COLUMNS}
    for name, a, d in zip(names, ours, theirs, strict=True):
        size = np.maximum(np.abs(d), np.finfo(np.float64).eps * np.max(np.abs(d), initial=0.0))
        with np.errstate(invalid="ignore"):
            difference = np.abs(a - d)
            wrong = ~(difference <= atol + rtol * size)
        largest = float(np.max(difference, initial=0.0))
        norm = float(np.linalg.norm(d))
        hints = []
        if wrong.any() and np.all(np.isfinite(a)) and norm > 0:
            hints = native().explain(flat([a]), flat([d]), [list(a.shape)], max(rtol, 1e-9))
        relative = float(np.linalg.norm(a - d)) / norm if norm > 0 else (0.0 if largest == 0 else np.inf)
        values = (name, str(a.shape), int(wrong.sum()), largest, relative, "; ".join(hints))
        for key, value in zip(COLUMNS, values, strict=True):
            rows[key].append(value)
    bad = sum(1 for wrong in rows["wrong"] if wrong)
    if bad:
        verb = "is not the desired one" if bad == 1 else "are not the desired ones"
        head = f"{bad} of {len(names)} gradients {verb} (rtol {rtol:g}, atol {atol:g})"
        table = f"\n{Table({key: np.array(values) for key, values in rows.items()})}" if verbose else ""
        raise GradientMismatch((f"{err_msg}\n" if err_msg else "") + head + table)


COLUMNS = ("name", "shape", "wrong", "largest difference", "relative", "explained by")


def of_report(report: Report | GradReport, err_msg: str) -> None:
    """Raises for a report that is no match."""
    before = f"{err_msg}\n" if err_msg else ""
    undecided = report.undecided is not None if isinstance(report, Report) else report.verdict == "undecided"
    if undecided:
        raise Undecided(before + str(report))
    if not report:
        raise GradientMismatch(before + str(report))


def paired(actual: Any, desired: Any) -> tuple[list[str], list[NDArray[Any]], list[NDArray[Any]]]:
    """The names and both sides, gradient by gradient."""
    if desired is None:
        raise InputError("desired is None; give what the gradients should be")
    if isinstance(actual, Mapping) != isinstance(desired, Mapping):
        raise InputError("one side has names and the other has not; give both as dictionaries, or neither")
    if isinstance(actual, Mapping):
        odd = set(actual) ^ set(desired)
        if odd:
            raise InputError(f"{sorted(map(str, odd))[0]!r} is on one side only")
        names = [str(name) for name in actual]
        pairs = [(actual[name], desired[name]) for name in actual]
    elif isinstance(actual, tuple | list) or isinstance(desired, tuple | list):
        if not (isinstance(actual, tuple | list) and isinstance(desired, tuple | list)) or len(actual) != len(desired):
            raise InputError("one side has another number of gradients than the other")
        names = [str(k) for k in range(len(actual))]
        pairs = list(zip(actual, desired, strict=True))
    else:
        names, pairs = ["gradient"], [(actual, desired)]
    ours, theirs = [], []
    for name, (a, d) in zip(names, pairs, strict=True):
        one = None if a is None else to_numpy(a, name).astype(np.float64)
        two = None if d is None else to_numpy(d, f"the desired {name}").astype(np.float64)
        zero = np.zeros_like(one if two is None else two) if one is not None or two is not None else np.zeros(0)
        one, two = zero if one is None else one, zero if two is None else two
        if one.shape != two.shape:
            raise GradientMismatch(f"{name} has the shape {one.shape}, desired is {two.shape}")
        ours.append(one)
        theirs.append(two)
    return names, ours, theirs

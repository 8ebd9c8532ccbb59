"""`resurge.verify`: the reset-term matrix."""

from __future__ import annotations

import json
from collections.abc import Sequence
from typing import Any

from resurge._arrays import whole
from resurge._errors import OptionError
from resurge._native import native
from resurge._observe import made
from resurge._progress import Progress, progressing
from resurge._table import table_of

COLUMNS = {
    "reset": str,
    "reset_gradient": str,
    "surrogate": str,
    "verdict": str,
    "firing_rate": float,
    "finite_difference": float,
    "complex_step": float,
    "dual": float,
    "closed_form": float,
    "missing_term": float,
    "cosine": float,
}


class VerifyReport:
    """What `verify` found. It is true where every combination passed.

    Attributes
    ----------
    passed : bool
        Whether every combination passed.
    table : Table
        A row for each combination of reset, gradient of the reset and surrogate: its verdict, its errors by each means,
        and the reset term's part in the gradient with its cosine.
    data : dict
        Everything, as `resurge verify --json` writes it.
    """

    def __init__(self, data: dict[str, Any]) -> None:
        self.data = data
        self.passed = bool(data["summary"]["verdict"] == "passed")
        self.table = table_of([row_of(case) for case in data["cases"]], COLUMNS)
        made(self)

    def html(self) -> str:
        """The report as HTML."""
        head = '<!DOCTYPE html>\n<html lang="en"><head><meta charset="utf-8"><title>Resurge verify</title></head>'
        return f"{head}<body>{self._repr_html_()}</body></html>\n"

    def __bool__(self) -> bool:
        return bool(self.passed)

    def __str__(self) -> str:
        summary = self.data["summary"]
        return f"{self.table}\n{summary['passed']} of {summary['cases']} passed"

    __repr__ = __str__

    def _repr_html_(self) -> str:
        return self.table._repr_html_()


def row_of(case: dict[str, Any]) -> dict[str, Any]:
    """A row of the table."""
    missing: dict[str, Any] = case["missing_term"]
    numbers: dict[str, Any] = case["errors"]
    return case | numbers | {"missing_term": missing["relative_norm"], "cosine": missing["cosine"]}


def verify(
    reset: str | Sequence[str] = (),
    reset_gradient: str | Sequence[str] = (),
    surrogate: str | Sequence[str] = (),
    *,
    steps: int = 25,
    hidden: int = 32,
    batch: int = 4,
    seed: int = 1,
    seeds: int = 1,
    reset_grad: str | Sequence[str] = (),
    progress: bool | Progress | None = None,
) -> VerifyReport:
    """Proves the gradient of a spiking network that sees digits, by finite differences, complex step and dual numbers.

    Parameters
    ----------
    reset, reset_gradient, surrogate : str or sequence of str
        Which resets (`"zero"`), gradients of the reset (`"full"`, `"detached"`, `"scaled:0.5"`) and surrogates
        (`"sigmoid:0.2"`); all by default.
    steps, hidden, batch : int
        The size of the network's run.
    seed, seeds : int
        From which seed on, and how many: the worst of each combination is reported.
    reset_grad : str or sequence of str
        An earlier name of `reset_gradient`.
    progress : bool or callable, optional
        True for a bar of tqdm, or a function of the seeds that are done and how many there are.

    Returns
    -------
    VerifyReport
        The matrix.

    Raises
    ------
    OptionError
        For a name that there is not, or a size that cannot be.

    Examples
    --------
    >>> import resurge
    >>> report = resurge.verify(reset="zero", surrogate="sigmoid:0.2", steps=8, hidden=4, batch=1)
    >>> report.passed, len(report.table)
    (True, 4)
    """
    sizes = {"steps": steps, "hidden": hidden, "batch": batch, "seed": seed, "seeds": seeds}
    for name, size in sizes.items():
        whole(name, size)
    with progressing(progress, max(seeds, 1)) as report:
        text = native().verify(
            listed(reset),
            listed(reset_gradient) + listed(reset_grad),
            listed(surrogate),
            steps=steps,
            hidden=hidden,
            batch=batch,
            seed=seed,
            seeds=seeds,
            progress=report,
        )
    return VerifyReport(json.loads(text))


def listed(names: str | Sequence[str]) -> list[str]:
    """One name, or several."""
    found = [names] if isinstance(names, str) else list(names)
    for name in found:
        if not isinstance(name, str):
            raise OptionError(f"{name!r} is no name")
    return found

"""What an audit found, as Python has it."""

from __future__ import annotations

import html
import json
import math
import shutil
from typing import TYPE_CHECKING, Any

from resurge._errors import GradientMismatch, Undecided
from resurge._native import native
from resurge._observe import made
from resurge._table import Table, table_of

if TYPE_CHECKING:
    from resurge.recording import Recording

COLUMNS = {
    "name": str,
    "shape": object,
    "norm": float,
    "error": float,
    "tolerance": float,
    "difference": float,
    "allowed": float,
    "wrong": int,
    "matches": bool,
}


class Report:
    """The verdict about the gradients of a network, with what it rests on.

    In a terminal it is shown as the table of `resurge audit`, in a notebook as its page. It is true where the
    gradients are those of the claim, and could be told from others.

    Attributes
    ----------
    name : str
        What the report calls the run.
    matches : bool
        Whether the gradients are those of the claim, and could have been others.
    code : str
        `match`, or what the gradients are instead: `detached`, `gradient-scale 1.01`; see docs/audit-format.md.
    words : str
        The verdict in words.
    claim : str
        What the gradients were held against: the rule of the reset.
    claimed : bool
        Whether that was the caller's claim; otherwise it is what the modules' own settings say.
    undecided : str or None
        Why this run cannot tell the claim from another.
    relative_weight : float
        The norm of what the claimed gradient has and the others have not, over that of the claimed one.
    table : Table
        A row for each gradient: its norm, its error, the tolerance.
    by_lag, by_step : Table
        The reset term by time lag, the gradient by step.
    notes : list of str
        What the recording left out or did in another way.
    data : dict
        Everything, as `resurge audit --json` writes it.
    recording : Recording
        What was audited; `resurge.save` writes it.
    """

    def __init__(self, recording: Recording, name: str, claimed: bool, proof: bool, search: bool, seed: int) -> None:
        self.name = name
        self.claimed = claimed
        self.recording = recording
        self._options = (proof, search, seed)
        self._full = False
        self._audit = native().audit(recording.to_bytes(), proof=proof, search=search, profiles=False, seed=seed)
        self.data: dict[str, Any] = json.loads(self._audit.json())
        self.matches = bool(self.data["matches"])
        self.code = str(self.data["code"])
        self.undecided: str | None = self.data.get("undecided")
        self.claim = claim_of(recording.description)
        weight = self.data["relative_weight"]
        self.relative_weight = math.inf if weight is None else float(weight)
        self.notes: list[str] = list(self.data["notes"])
        self.words = str(self.data["words"])
        if self.matches and not claimed:
            self.words += " (which is what the modules' own settings say; no other claim was given)"
        self.table = table_of(self.data["gradients"], COLUMNS)
        made(self)

    @property
    def by_lag(self) -> Table:
        """By layer and time lag: the norm of the gradient that reaches back so many steps, and of its reset term."""
        return long(self._with_profiles()["by_lag"], "lag", ("full", "reset_term"))

    @property
    def by_step(self) -> Table:
        """By layer and step: the norm of the claimed gradient, and of what the recorded one differs by."""
        return long(self._with_profiles()["by_step"], "step", ("claimed", "difference"))

    def html(self) -> str:
        """The report as one HTML page.

        Returns
        -------
        str
            The page, without external resources.
        """
        self._with_profiles()
        return str(self._audit.html(self.name))

    def raise_unless_matching(self) -> None:
        """Raises where the gradients are not those of the claim.

        Raises
        ------
        GradientMismatch
            With the table, where they are others.
        Undecided
            Where nothing is wrong, but the run cannot tell.
        """
        if self.undecided is not None:
            raise Undecided(f"{self.undecided}\n\n{self}")
        if not self.matches:
            raise GradientMismatch(f"{self.words}\n\n{self}")

    def __bool__(self) -> bool:
        return self.matches

    def __str__(self) -> str:
        text = str(self._audit.text(self.name, shutil.get_terminal_size((100, 24)).columns))
        mine = f"{self.code}\n  {self.words}"
        return mine_first(text, mine)

    __repr__ = __str__

    def _repr_html_(self) -> str:
        return framed(self.html())

    def _with_profiles(self) -> dict[str, Any]:
        """The data with the profiles, which take time of their own."""
        if not self._full:
            proof, search, seed = self._options
            data = self.recording.to_bytes()
            self._audit = native().audit(data, proof=proof, search=search, profiles=True, seed=seed)
            self.data = json.loads(self._audit.json())
            self._full = True
        return self.data


def framed(page: str) -> str:
    """A page as a cell of a notebook shows it."""
    return f'<iframe srcdoc="{html.escape(page, quote=True)}" style="width:100%;height:40em;border:0"></iframe>'


def mine_first(text: str, first: str) -> str:
    """The report with these words in the place of its own, which are the lines before the one of the framework."""
    lines = text.rstrip().split("\n")
    rest = next((k for k, line in enumerate(lines) if " step" in line and " sample" in line and k > 1), 2)
    return "\n".join([first, *lines[rest:]])


def long(rows: list[dict[str, Any]], index: str, values: tuple[str, ...]) -> Table:
    """A table with a row for each layer and place of lists."""
    made_rows = [
        {"layer": row["layer"], index: place} | {name: number(row[name], place) for name in values}
        for row in rows
        for place in range(len(row[values[0]]))
    ]
    return table_of(made_rows, {"layer": int, index: int} | dict.fromkeys(values, float))


def number(values: list[float], place: int) -> float:
    """A number of a list that may be shorter."""
    return values[place] if place < len(values) else math.nan


def claim_of(description: dict[str, Any]) -> str:
    """The claim of a description in words: the rules of all its neurons."""
    rules = [layer["reset_gradient"] for layer in description["layers"] if layer["kind"] == "neuron"]
    names = [rule if isinstance(rule, str) else f"scaled {next(iter(rule.values())):g}" for rule in rules]
    return ", ".join(dict.fromkeys(names)) or "none"

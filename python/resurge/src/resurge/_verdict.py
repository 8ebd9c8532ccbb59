"""What the reports of programs and of functions have in common."""

from __future__ import annotations

from resurge._errors import GradientMismatch, Undecided


class Verdict:
    """A verdict by its `code`, and whether it is the good one."""

    code: str
    matches: bool

    def raise_unless_matching(self) -> None:
        """Raises where `matches` is false.

        Raises
        ------
        GradientMismatch
            With the report.
        Undecided
            Where nothing is wrong, but not all could be told.
        """
        if self.code == "undecided":
            raise Undecided(str(self))
        if not self.matches:
            raise GradientMismatch(str(self))

    def __bool__(self) -> bool:
        return self.matches

"""Tables of arrays."""

from __future__ import annotations

import html
import math
from collections.abc import Iterator, Mapping
from typing import Any

import numpy as np
from numpy.typing import NDArray


class Table:
    """Columns of equal length, by name.

    Parameters
    ----------
    columns : mapping of str to array
        The columns.

    Examples
    --------
    >>> import numpy as np
    >>> from resurge import Table
    >>> table = Table({"name": np.array(["a", "b"]), "error": np.array([0.5, 1e-9])})
    >>> table["error"].max()
    np.float64(0.5)
    >>> print(table)
    name  error
    a       0.5
    b     1e-09
    """

    def __init__(self, columns: Mapping[str, NDArray[Any]]) -> None:
        self.columns = dict(columns)

    def __getitem__(self, name: str) -> NDArray[Any]:
        return self.columns[name]

    def __iter__(self) -> Iterator[dict[str, Any]]:
        """The rows, each a dictionary."""
        names = list(self.columns)
        return (dict(zip(names, row, strict=True)) for row in zip(*self.columns.values(), strict=True))

    def __len__(self) -> int:
        return len(next(iter(self.columns.values()), np.zeros(0)))

    def to_pandas(self) -> Any:
        """The table as a `pandas.DataFrame`; needs pandas.

        Returns
        -------
        pandas.DataFrame
            A column for each.
        """
        import pandas as pd

        return pd.DataFrame({name: list(values) for name, values in self.columns.items()})

    def to_polars(self) -> Any:
        """The table as a `polars.DataFrame`; needs polars.

        Returns
        -------
        polars.DataFrame
            A column for each.
        """
        import polars as pl

        return pl.DataFrame({name: values.tolist() for name, values in self.columns.items()})

    def __repr__(self) -> str:
        rows = [list(self.columns), *([shown(value) for value in row.values()] for row in self)]
        widths = [max(len(row[k]) for row in rows) for k in range(len(self.columns))]
        numbers = [values.dtype.kind in "fiu" for values in self.columns.values()]
        lines = (
            "  ".join(
                cell.rjust(width) if number else cell.ljust(width)
                for cell, width, number in zip(row, widths, numbers, strict=True)
            )
            for row in rows
        )
        return "\n".join(line.rstrip() for line in lines)

    def _repr_html_(self) -> str:
        def row(cells: list[str], tag: str) -> str:
            return "<tr>" + "".join(f"<{tag}>{html.escape(cell)}</{tag}>" for cell in cells) + "</tr>"

        body = "".join(row([shown(value) for value in line.values()], "td") for line in self)
        return f"<table>{row(list(self.columns), 'th')}{body}</table>"


def shown(value: Any) -> str:
    """A value as a table has it."""
    if isinstance(value, float | np.floating):
        return "nan" if math.isnan(value) else f"{float(value):.4g}"
    return str(value)


def table_of(rows: list[dict[str, Any]], columns: Mapping[str, type]) -> Table:
    """The columns of these names of rows; a number that JSON has no word for is infinite."""

    def cell(row: dict[str, Any], name: str, kind: type) -> Any:
        value = row.get(name)
        return math.inf if value is None and kind is float else value

    made: dict[str, NDArray[Any]] = {}
    for name, kind in columns.items():
        values = [cell(row, name, kind) for row in rows]
        if kind is object:
            column = np.empty(len(values), dtype=object)
            column[:] = values
            made[name] = column
        else:
            made[name] = np.array(values, dtype=np.str_ if kind is str else kind)
    return Table(made)

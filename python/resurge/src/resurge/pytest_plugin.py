"""The pytest plugin: tables of failures, reports kept as HTML, and checks at several seeds, dtypes and shapes.

pytest --resurge-report=reports

@pytest.mark.resurge(seeds=3, dtypes=["float32", "float64"], shapes=[(2, 3), (5,)])
def test_mine(seed, dtype, shape): ...
"""

from __future__ import annotations

import os
import re
import tempfile
from collections.abc import Generator
from pathlib import Path
from typing import Any

import pytest

REPORTS = pytest.StashKey[list[Any]]()
# The arguments of the marker, and the argument of a test that each fills.
FILLS = {"seeds": "seed", "dtypes": "dtype", "shapes": "shape"}
# The longest name of a file that systems take, and room for an ending.
LONGEST = 180


def pytest_addoption(parser: pytest.Parser) -> None:
    """Adds `--resurge-report`."""
    group = parser.getgroup("resurge")
    group.addoption(
        "--resurge-report", metavar="DIR", default=None, help="keep the Resurge reports of every test in DIR, as HTML"
    )


def pytest_configure(config: pytest.Config) -> None:
    """Registers the marker."""
    config.addinivalue_line(
        "markers",
        "resurge(seeds=3, dtypes=[...], shapes=[...]): runs a check for each seed, dtype and shape; the test takes "
        "them as its arguments seed, dtype and shape",
    )


def pytest_generate_tests(metafunc: pytest.Metafunc) -> None:
    """Runs a marked test for each value of its marker."""
    marker = metafunc.definition.get_closest_marker("resurge")
    if marker is None:
        return
    unknown = [name for name in marker.kwargs if name not in FILLS]
    if marker.args or unknown:
        what = repr(unknown[0]) if unknown else "an argument without a name"
        raise pytest.UsageError(f"the marker resurge has {what}; it takes {', '.join(FILLS)}")
    for name, values in marker.kwargs.items():
        fixture = FILLS[name]
        if fixture not in metafunc.fixturenames:
            raise pytest.UsageError(
                f"{metafunc.definition.nodeid}: the marker has {name}, the test no argument {fixture}"
            )
        listed = list(range(1, values + 1)) if name == "seeds" and isinstance(values, int) else list(values)
        metafunc.parametrize(fixture, listed, ids=[f"{fixture}={value}".replace(" ", "") for value in listed])


@pytest.hookimpl(wrapper=True)  # type: ignore[untyped-decorator]
def pytest_runtest_call(item: pytest.Item) -> Generator[None, Any, Any]:
    """Gathers the reports that a test makes."""
    from resurge._observe import OBSERVERS

    found = item.stash.setdefault(REPORTS, [])
    OBSERVERS.append(found.append)
    try:
        return (yield)
    finally:
        OBSERVERS.remove(found.append)


@pytest.hookimpl(wrapper=True)  # type: ignore[untyped-decorator]
def pytest_runtest_makereport(item: pytest.Item, call: pytest.CallInfo[Any]) -> Generator[None, Any, Any]:
    """Shows the reports of a failure, and keeps all where that is asked for."""
    outcome = yield
    found = item.stash.get(REPORTS, [])
    if call.when != "call" or not found:
        return outcome
    if outcome.failed:
        wrong = [report for report in found if not report] or found
        outcome.sections.append(("Resurge", "\n\n".join(str(report) for report in wrong)))
    folder = item.config.getoption("--resurge-report")
    if folder:
        keep(Path(folder), item.nodeid, found)
    return outcome


def keep(folder: Path, test: str, reports: list[Any]) -> None:
    """Writes the reports of a test, each whole or not at all."""
    folder.mkdir(parents=True, exist_ok=True)
    name = re.sub(r"[^A-Za-z0-9._=-]+", "-", test).strip("-")[-LONGEST:]
    for number, report in enumerate(reports):
        target = folder / (f"{name}.html" if number == 0 else f"{name}-{number + 1}.html")
        handle, temporary = tempfile.mkstemp(prefix=".resurge-", suffix=".tmp", dir=folder)
        with os.fdopen(handle, "w", encoding="utf-8") as file:
            file.write(report.html())
        os.replace(temporary, target)

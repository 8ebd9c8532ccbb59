"""The pytest plugin, in pytests of its own."""

from __future__ import annotations

from pathlib import Path

import pytest

pytest_plugins = ["pytester"]

TESTS = """
import numpy as np, pytest, resurge

@pytest.mark.resurge(seeds=2, dtypes=["float32", "float64"], shapes=[(2, 3), (4,)])
def test_right(seed, dtype, shape):
    x = np.random.default_rng(seed).random(shape).astype(dtype)
    assert resurge.gradcheck(lambda x: (x * x).sum(), x, gradient=2 * x)

def test_wrong():
    x = np.array([1.0, 2.0])
    assert resurge.gradcheck(lambda x: (x * x).sum(), x, gradient=np.array([2.0, -4.0]), raise_exception=False).passed

def test_without():
    pass
"""


def test_marker_tables_and_reports(pytester: pytest.Pytester) -> None:
    pytester.makepyfile(test_mine=TESTS)
    result = pytester.runpytest("--resurge-report=kept", "-p", "no:cacheprovider")
    result.assert_outcomes(passed=9, failed=1)
    result.stdout.fnmatch_lines(["*Resurge*", "FAILED: 2 of 2 comparisons conclusive*", "*opposite sign*"])
    kept = sorted(path.name for path in Path(pytester.path, "kept").iterdir())
    assert len(kept) == 9 and "test_mine.py-test_wrong.html" in kept
    assert "FAILED" in Path(pytester.path, "kept/test_mine.py-test_wrong.html").read_text()


@pytest.mark.parametrize(
    ("marker", "words"),
    [("seed=1", "*has 'seed'; it takes seeds*"), ("dtypes=[1]", "*no argument dtype*"), ("3", "*without a name*")],
)
def test_a_marker_that_is_none(pytester: pytest.Pytester, marker: str, words: str) -> None:
    pytester.makepyfile(f"import pytest\n@pytest.mark.resurge({marker})\ndef test_it(): pass")
    result = pytester.runpytest("-p", "no:cacheprovider")
    assert result.ret != 0
    result.stdout.fnmatch_lines([words])

"""`resurge.gradcheck` with numpy alone."""

from __future__ import annotations

from typing import Any

import numpy as np
import pytest

import resurge


def quadratic(a: Any, b: Any) -> Any:
    return (a * a * b).sum()


def gradient(a: Any, b: Any) -> Any:
    return 2 * a * b, a * a


POINT = (np.array([[0.5, -1.5], [2.0, 0.25]]), np.array([[1.0, 2.0], [-1.0, 3.0]]))


def test_a_right_gradient_passes_and_a_wrong_one_names_its_entry() -> None:
    report = resurge.gradcheck(quadratic, POINT, gradient=gradient)
    assert report and report.verdict == "passed" and report.compared == report.conclusive == 8

    def flipped(a: Any, b: Any) -> Any:
        first, second = gradient(a, b)
        second[1, 0] *= -1
        return first, second

    with pytest.raises(resurge.GradientMismatch, match=r"input 1, entry \[1, 0\].*opposite sign"):
        resurge.gradcheck(quadratic, POINT, gradient=flipped)
    wrong = resurge.gradcheck(quadratic, POINT, gradient=flipped, raise_exception=False)
    row = next(iter(wrong.table))
    assert (not wrong, wrong.failures, row["input"], row["index"]) == (True, 1, 1, (1, 0))
    assert "opposite sign" in row["hint"]


@pytest.mark.parametrize("factor", [1.01, -1.0, 0.0, 2.0, 1 + 1e-4])
def test_no_factor_passes(factor: float) -> None:
    for k in (0, 1):

        def scaled(a: Any, b: Any, k: int = k) -> Any:
            found = list(gradient(a, b))
            found[k] = factor * found[k]
            return found

        with pytest.raises(resurge.GradientMismatch):
            resurge.gradcheck(quadratic, POINT, gradient=scaled)


def test_the_names_of_torch_are_taken() -> None:
    assert resurge.gradcheck(quadratic, POINT, eps=1e-6, atol=1e-5, rtol=1e-3, gradient=gradient, nondet_tol=0.0)
    assert resurge.gradcheck(quadratic, POINT, fast_mode=True, gradient=gradient)
    with pytest.raises(resurge.GradientMismatch):
        resurge.gradcheck(quadratic, POINT, eps=1e-6, atol=1e-5, rtol=1e-3, gradient=lambda a, b: (3 * a * b, a * a))


def test_the_same_seed_gives_the_same_report() -> None:
    first, second = (resurge.gradcheck(quadratic, POINT, gradient=gradient, seed=3) for _ in range(2))
    assert first.data == second.data and str(first) == str(second)


def test_arrays_of_every_kind_are_taken() -> None:
    a, b = POINT
    read_only = a.copy()
    read_only.setflags(write=False)
    strided = np.repeat(np.repeat(a, 2, 0), 3, 1)[::2, ::3]
    assert not strided.flags.c_contiguous
    for first in (read_only, strided, np.asfortranarray(a), a.astype(">f8")):
        before = first.copy()
        assert resurge.gradcheck(quadratic, (first, b), gradient=gradient)
        assert np.array_equal(first, before)
    single = tuple(value.astype(np.float32) for value in POINT)
    assert resurge.gradcheck(quadratic, single, gradient=gradient)
    with pytest.raises(resurge.GradientMismatch):
        resurge.gradcheck(quadratic, single, gradient=lambda a, b: (2.1 * a * b, a * a))
    # Whole numbers are no inputs whose gradient is asked for.
    assert resurge.gradcheck(lambda a, k: (a**k).sum(), (a, np.array(2)), gradient=lambda a, k: [2 * a])


def test_nothing_passes_untested() -> None:
    with pytest.raises(resurge.Undecided, match="nothing was tested"):
        resurge.gradcheck(lambda x: x.sum(), np.zeros(0), gradient=lambda x: x)
    with pytest.raises(resurge.Undecided):
        resurge.gradcheck(lambda x: 0.0 * x.sum(), np.ones(3), gradient=lambda x: 0 * x)
    with pytest.raises(resurge.Undecided, match="input 1"):
        resurge.gradcheck(lambda x, y: x.sum(), (np.ones(3), np.ones(2)), gradient=lambda x, y: (np.ones(3), 0 * y))


def test_kinks_take_a_subgradient() -> None:
    def relu(x: Any) -> Any:
        return np.maximum(x, 0).sum()

    at = np.array([0.0, 1.0])
    for slope in (0.0, 0.5, 1.0):
        report = resurge.gradcheck(relu, at, gradient=[np.array([slope, 1.0])], raise_exception=False)
        assert report.failures == 0
    with pytest.raises(resurge.GradientMismatch, match="one-sided"):
        resurge.gradcheck(relu, at, gradient=[np.array([1e6, 1.0])])


@pytest.mark.parametrize(
    ("call", "error", "words"),
    [
        (lambda f, x: resurge.gradcheck(f, x), resurge.InputError, "no gradient of its own"),
        (lambda f, x: resurge.gradcheck(3, x), resurge.InputError, "func is a int"),
        (lambda f, x: resurge.gradcheck(f, "text"), resurge.InputError, "no array"),
        (lambda f, x: resurge.gradcheck(f, None), resurge.InputError, "no array"),
        (lambda f, x: resurge.gradcheck(f, np.array([1, 2])), resurge.InputError, "float32 or float64"),
        (lambda f, x: resurge.gradcheck(f, x.astype(np.float16)), resurge.DtypeError, "float16"),
        (lambda f, x: resurge.gradcheck(f, x + 1j), resurge.DtypeError, "real and its imaginary"),
        (lambda f, x: resurge.gradcheck(f, x * np.nan, gradient=f), resurge.InputError, "NaN"),
        (lambda f, x: resurge.gradcheck(f, x, gradient=np.ones(5)), resurge.ShapeError, r"\(5,\), expected \(3,\)"),
        (lambda f, x: resurge.gradcheck(f, x, gradient=[x, x]), resurge.ShapeError, "2 gradients for 1"),
        (lambda f, x: resurge.gradcheck(f, x, gradient=np.full(3, np.nan)), resurge.NonFiniteError, "not finite"),
        (lambda f, x: resurge.gradcheck(f, x, gradient=x, rtol=-1), resurge.OptionError, "rtol is -1"),
        (lambda f, x: resurge.gradcheck(f, x, gradient=x, eps=0), resurge.OptionError, "0"),
        (lambda f, x: resurge.gradcheck(f, x, gradient=x, atol="a"), resurge.OptionError, "atol is 'a'"),
        (lambda f, x: resurge.gradcheck(lambda x: "text", x, gradient=x), resurge.InputError, "no array"),
        (lambda f, x: resurge.gradcheck(lambda x: np.log(-x).sum(), x, gradient=x), resurge.NonFiniteError, "value"),
        (lambda f, x: resurge.gradcheck(f, x, gradient=x, seed=-1), resurge.OptionError, "seed is -1"),
        (lambda f, x: resurge.gradcheck(f, x, gradient=x, progress=3), resurge.InputError, "progress is 3"),
    ],
)
@pytest.mark.filterwarnings("ignore::RuntimeWarning")
def test_bad_input_is_one_clear_exception(call: Any, error: type[Exception], words: str) -> None:
    with pytest.raises(error, match=words) as raised:
        call(lambda x: (x * x).sum(), np.array([1.0, 2.0, 3.0]))
    assert isinstance(raised.value, resurge.ResurgeError) and not isinstance(raised.value, resurge.InternalError)


def test_what_the_function_raises_is_raised() -> None:
    def broken(x: Any) -> Any:
        raise KeyError("mine")

    with pytest.raises(KeyError, match="mine"):
        resurge.gradcheck(broken, np.ones(2), gradient=np.ones(2))
    calls = 0

    def interrupted(x: Any) -> Any:
        nonlocal calls
        calls += 1
        if calls > 20:
            raise KeyboardInterrupt
        return (x * x).sum()

    with pytest.raises(KeyboardInterrupt):
        resurge.gradcheck(interrupted, np.ones(2), gradient=np.full(2, 2.0))
    assert calls == 21


def test_a_random_function_is_none() -> None:
    draws = np.random.default_rng(1)
    with pytest.raises(resurge.NondeterminismError):
        resurge.gradcheck(lambda x: (x * draws.random(3)).sum(), np.ones(3), gradient=np.ones(3))


def test_progress_is_told() -> None:
    seen: list[tuple[int, int]] = []
    resurge.gradcheck(quadratic, POINT, gradient=gradient, progress=lambda done, total: seen.append((done, total)))
    assert [done for done, _ in seen] == list(range(1, len(seen) + 1)) and len(seen) > 16 and seen[0][1] > 0


def test_reports_are_shown() -> None:
    report = resurge.gradcheck(quadratic, POINT, gradient=gradient)
    assert str(report).startswith("passed: 8 of 8") and repr(report) == str(report)
    assert "<pre>passed" in report._repr_html_() and report.html().startswith("<!DOCTYPE html>")


def test_assertions() -> None:
    good = {"w": np.array([1.0, 2.0]), "b": np.array(3.0)}
    resurge.assert_gradients_match(good, {"w": [1.0, 2.0], "b": 3.0})
    resurge.assert_gradients_match([np.zeros(2), None], [None, None])
    with pytest.raises(AssertionError, match=r"of mine\n1 of 2 gradients is not.*\n(.|\n)*every entry is 2.0"):
        resurge.assert_gradients_match({"w": 2 * good["w"], "b": good["b"]}, good, err_msg="of mine")
    with pytest.raises(resurge.GradientMismatch, match="shape"):
        resurge.assert_gradients_match(np.ones(2), np.ones(3))
    with pytest.raises(resurge.GradientMismatch):
        resurge.assert_gradients_match(np.array([1.0, np.nan]), np.ones(2))
    for wrong in ([1.0], {"w": 1.0}, 1.0, None):
        with pytest.raises(resurge.InputError):
            resurge.assert_gradients_match(good, wrong)
    resurge.assert_gradients_match(resurge.gradcheck(quadratic, POINT, gradient=gradient))
    bad = resurge.gradcheck(quadratic, POINT, gradient=lambda a, b: (a, b), raise_exception=False)
    with pytest.raises(resurge.GradientMismatch, match="FAILED"):
        resurge.assert_gradients_match(bad)

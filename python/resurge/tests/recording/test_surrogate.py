"""Surrogates are found from their values."""

from __future__ import annotations

import numpy as np
import pytest

from resurge.recording import Unsupported
from resurge.recording._surrogate import GRID, derivative_of, identify

CASES = [
    {"kind": "sigmoid", "width": 0.2, "scale": "unit-area"},
    # Of the two names that are right for it, the peak is taken.
    {"kind": "sigmoid", "width": 0.25, "scale": "peak-one"},
    {"kind": "sigmoid", "width": 0.04, "scale": "unit-area"},
    {"kind": "sigmoid", "width": 0.5, "scale": "peak-one"},
    {"kind": "atan", "slope": 2.0, "scale": "peak-one"},
    {"kind": "atan", "slope": 5.0, "scale": "unit-area"},
    {"kind": "fast-sigmoid", "slope": 25.0, "scale": "peak-one"},
    {"kind": "fast-sigmoid", "slope": 1.0, "scale": {"peak": 0.3}},
    {"kind": "triangle", "width": 0.5, "scale": "peak-one"},
    {"kind": "rectangle", "width": 1.5, "scale": {"peak": 0.5}},
    {"kind": "gaussian", "width": 0.4, "scale": "unit-area"},
    {"kind": "exponential", "width": 0.5, "scale": {"peak": 2.0}},
    {"kind": "algebraic", "width": 0.7, "scale": "peak-one"},
    {"kind": "straight-through", "scale": "peak-one"},
    {"kind": "heaviside", "width": 0.7, "scale": {"peak": 1.25}},
]


@pytest.mark.parametrize("case", CASES, ids=lambda case: case["kind"])
def test_every_family_is_found_with_its_parameter(case: dict) -> None:  # type: ignore[type-arg]
    assert identify("f", lambda x: derivative_of(case, x)) == case


def test_a_parameter_that_is_no_round_number() -> None:
    case = {"kind": "atan", "slope": np.pi / 1.7, "scale": "unit-area"}
    found = identify("f", lambda x: derivative_of(case, x))
    assert found["kind"] == "atan" and abs(found["slope"] - case["slope"]) < 1e-12
    difference = derivative_of(found, GRID) - derivative_of(case, GRID)
    assert np.max(np.abs(difference)) < 1e-12


def test_a_hint_is_taken_only_if_it_is_true() -> None:
    hint = {"kind": "multi-gaussian", "width": 0.5, "wings": 0.15, "ratio": 6.0}
    assert identify("f", lambda x: derivative_of(hint, x), [hint]) == hint
    assert identify("f", lambda x: np.exp(-np.abs(x)), [hint])["kind"] == "exponential"


def test_a_periodic_one_is_taken_from_its_hint_only_if_it_is_true() -> None:
    right = {"kind": "periodic-exponential", "width": 0.5, "period": 1.0, "scale": {"peak": 0.7}}
    assert identify("f", lambda x: derivative_of(right, x), [right]) == right
    for wrong in (right | {"period": 1.1}, right | {"width": 0.4}, right | {"scale": {"peak": 0.6}}):
        with pytest.raises(Unsupported):
            identify("f", lambda x: derivative_of(right, x), [wrong])


def test_what_is_none_of_them_is_named() -> None:
    rng = np.random.default_rng(0)
    bad = {
        "none of the surrogates": lambda x: np.exp(-(np.abs(x) ** 1.5)),
        "at the threshold is -1.*-1 at 0.1": lambda x: -np.ones_like(x),
        "is x = u - threshold itself": lambda x: x,
        "is 2.5 times x = u - threshold itself": lambda x: 2.5 * x,
        r"is 1 \+ 2 x in x = u - threshold": lambda x: 1 + 2 * x,
        r"is -0.1 \+ 1 x in x = u - threshold": lambda x: x - 0.1,
        "not finite": lambda x: np.where(np.abs(x) > 1, np.nan, 1.0),
        "call to call": lambda x: rng.random(x.shape),
    }
    for message, function in bad.items():
        with pytest.raises(Unsupported, match=f"mine: .*{message}"):
            identify("mine", function)


def test_one_sided_and_shifted_bells_are_not_taken_for_a_family() -> None:
    for function in (
        lambda x: np.where(x < 0, 1 / (1 + 5 * np.abs(x)) ** 2, 1 / (1 + 4 * np.abs(x)) ** 2),
        lambda x: np.exp(-((x - 0.01) ** 2)),
        lambda x: np.where(np.abs(x) < 3, np.exp(-np.abs(x)), 0.0),
    ):
        with pytest.raises(Unsupported):
            identify("f", function)

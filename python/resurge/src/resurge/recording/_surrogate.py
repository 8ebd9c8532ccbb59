"""Finding out which surrogate a function is, from its values alone."""

from __future__ import annotations

import math
from collections.abc import Callable, Iterable
from typing import Any

import numpy as np

from resurge.recording._errors import Unsupported
from resurge.recording._file import Array

# The derivative of the spike at x = u - threshold, on an array.
Derivative = Callable[[Array], Array]
Description = dict[str, Any]

TOLERANCE = 1e-10
_POSITIVE = np.concatenate([np.geomspace(1e-3, 20.0, 160), np.linspace(0.01, 4.0, 201) + 0.00137])
GRID = np.concatenate([-_POSITIVE[::-1], [0.0], _POSITIVE])


def shape_of(kind: str, p: dict[str, float], x: Array) -> Array:
    """The shape of a surrogate, 1 at 0 (but for the multi-Gaussian, which stands as it is)."""
    a = np.abs(x)
    match kind:
        case "sigmoid":
            e = np.exp(-a / p["width"])
            return np.asarray(4 * e / (1 + e) ** 2)
        case "atan":
            return np.asarray(1 / (1 + (math.pi * p["slope"] * x / 2) ** 2))
        case "fast-sigmoid":
            return np.asarray(1 / (1 + p["slope"] * a) ** 2)
        case "triangle":
            return np.maximum(0.0, 1 - a / p["width"])
        case "rectangle":
            return np.where(a < p["width"] / 2, 1.0, 0.0)
        case "gaussian":
            return np.exp(-(x**2) / (2 * p["width"] ** 2))
        case "exponential":
            return np.exp(-a / p["width"])
        case "algebraic":
            return np.asarray((1 + (x / p["width"]) ** 2) ** -1.5)
        case "multi-gaussian":
            s, h, side = p["width"], p["wings"], p["ratio"] * p["width"]
            return np.asarray((1 + h) * _normal(x, 0.0, s) - h * (_normal(x, s, side) + _normal(x, -s, side)))
        case "straight-through":
            return np.ones_like(x)
        case "heaviside":
            return np.where(x >= -p["width"], 1.0, 0.0)
        case "periodic-exponential":
            near = np.abs(x - p["period"] * np.round(x / p["period"]))
            return np.where(x < 0, np.exp(-a / p["width"]), np.exp(-2 * near / p["width"]))
    raise ValueError(kind)


def _normal(x: Array, mean: float, deviation: float) -> Array:
    z = (x - mean) / deviation
    return np.asarray(np.exp(-(z**2) / 2) / (deviation * math.sqrt(2 * math.pi)))


def area_of(kind: str, p: dict[str, float]) -> float:
    """The integral of `shape_of`; not a number where there is none."""
    match kind:
        case "sigmoid":
            return 4 * p["width"]
        case "atan" | "fast-sigmoid":
            return 2 / p["slope"]
        case "triangle" | "rectangle":
            return p["width"]
        case "gaussian":
            return p["width"] * math.sqrt(2 * math.pi)
        case "exponential" | "algebraic":
            return 2 * p["width"]
    return math.nan


def parameter_from(kind: str, x: float, r: float) -> dict[str, float]:
    """The parameter of a shape whose value at x > 0 is 0 < r < 1."""
    match kind:
        case "sigmoid":
            return {"width": x / (2 * math.acosh(r**-0.5))}
        case "atan":
            return {"slope": 2 * math.sqrt(1 / r - 1) / (math.pi * x)}
        case "fast-sigmoid":
            return {"slope": (r**-0.5 - 1) / x}
        case "triangle":
            return {"width": x / (1 - r)}
        case "gaussian":
            return {"width": x / math.sqrt(-2 * math.log(r))}
        case "exponential":
            return {"width": -x / math.log(r)}
        case "algebraic":
            return {"width": x / math.sqrt(r ** (-2 / 3) - 1)}
    raise ValueError(kind)


SOLVED = ("sigmoid", "atan", "fast-sigmoid", "triangle", "gaussian", "exponential", "algebraic")


def identify(
    what: str, derivative: Derivative, hints: Iterable[Description] = (), tolerance: float = TOLERANCE
) -> Description:
    """The surrogate whose derivative this is, as the format describes it.

    `hints` are tried before the families of one parameter. `what` names the function in the error.

    Raises Unsupported where no family agrees on the grid to `tolerance` of the value at 0.
    """
    values = derivative(GRID)
    peak = float(values[GRID.size // 2])
    if not np.all(np.isfinite(values)):
        raise Unsupported(what, "its derivative is not finite everywhere")
    line = np.polynomial.polynomial.polyfit(GRID, values, 1)
    if abs(line[1]) > 0 and _close(values / line[1], GRID + line[0] / line[1], tolerance):
        if abs(line[0]) > tolerance * abs(line[1]):
            why = "a surrogate of the format is constant, or falls off"
            raise Unsupported(what, f"its derivative is {line[0]:.6g} + {line[1]:.6g} x in x = u - threshold; {why}")
        slope = "" if abs(line[1] - 1) < tolerance else f"{line[1]:.6g} times "
        raise Unsupported(
            what,
            f"its derivative is {slope}x = u - threshold itself, so that it is 0 at the threshold and negative below; "
            "a straight-through estimator has the derivative 1 (Spyx 1.0.0's axn.custom() is documented as one, and is "
            "this: give it bwd=jnp.ones_like)",
        )
    if not peak > 0:
        there = ", ".join(f"{float(derivative(np.array([x]))[0]):.4g} at {x:g}" for x in (-1.0, -0.1, 0.0, 0.1, 1.0))
        raise Unsupported(
            what,
            f"its derivative at the threshold is {peak:g}, but a surrogate of the format is positive there; in "
            f"x = u - threshold it is {there}",
        )
    if not np.array_equal(values, derivative(GRID)):
        raise Unsupported(what, "its derivative differs from call to call: it is random, or has a state")
    for hint in hints:
        if _agrees(hint, values, peak, tolerance):
            return hint
    relative = values / peak
    if _close(relative, np.ones_like(GRID), tolerance):
        return _described("straight-through", {}, peak)
    for guess in (_rectangle, _heaviside):
        found = guess(derivative, relative, peak)
        if found is not None and _agrees(found, values, peak, tolerance):
            return found
    middle = int(np.argmin(np.abs(relative - 0.5) + (GRID <= 0)))
    if GRID[middle] > 0 and 0 < relative[middle] < 1:
        for kind in SOLVED:
            exact = parameter_from(kind, float(GRID[middle]), float(relative[middle]))
            # Round numbers where they fit as well as the exact ones.
            for digits in (6, 10, 17):
                parameters = {name: float(f"{value:.{digits}g}") for name, value in exact.items()}
                limit = tolerance if digits == 17 else min(tolerance, 1e-13)
                for height in (float(f"{peak:.6g}"), 1 / area_of(kind, parameters), peak):
                    candidate = _described(kind, parameters, height)
                    if _agrees(candidate, values, peak, limit):
                        return candidate
    raise Unsupported(
        what,
        "its derivative is none of the surrogates of the format; take one of docs/audit-format.md",
    )


def _close(found: Array, expected: Array, tolerance: float) -> bool:
    return bool(np.max(np.abs(found - expected)) <= tolerance)


def _agrees(candidate: Description, values: Array, peak: float, tolerance: float) -> bool:
    return _close(derivative_of(candidate, GRID) / peak, values / peak, tolerance)


def _described(kind: str, parameters: dict[str, float], peak: float) -> Description:
    """With the scale by name where it has one."""
    area = peak * area_of(kind, parameters)
    scale: Any = {"peak": peak}
    if peak == 1.0:
        scale = "peak-one"
    elif abs(area - 1) < 1e-14:
        scale = "unit-area"
    return {"kind": kind, **parameters, "scale": scale}


def _rectangle(derivative: Derivative, relative: Array, peak: float) -> Description | None:
    if not bool(np.all((relative == 0) | (np.abs(relative - 1) < 1e-14))) or bool(relative[-1] > 0):
        return None
    return _described("rectangle", {"width": float(f"{2 * _edge(derivative, 1.0):.15g}")}, peak)


def _heaviside(derivative: Derivative, relative: Array, peak: float) -> Description | None:
    """A step that is not at the threshold, but below it."""
    if not bool(np.all((relative == 0) | (np.abs(relative - 1) < 1e-14))) or bool(relative[0] > 0):
        return None
    width = float(f"{_edge(derivative, -1.0):.15g}")
    # One that begins at the threshold has no length on which it varies, and is not in the format.
    return _described("heaviside", {"width": width}, peak) if width > 1e-9 else None


def _edge(derivative: Derivative, side: float) -> float:
    """Where a derivative that is constant around 0 becomes 0, on one side."""
    low, high = 0.0, float(GRID[-1])
    while (middle := (low + high) / 2) not in (low, high):
        if float(derivative(np.array([side * middle]))[0]) > 0:
            low = middle
        else:
            high = middle
    return high


def derivative_of(description: Description, x: Array) -> Array:
    """The derivative that the format means by a description."""
    kind = description["kind"]
    p = {name: value for name, value in description.items() if name not in ("kind", "scale")}
    shape = shape_of(kind, p, x)
    peaks = ("fast-sigmoid", "algebraic", "straight-through", "heaviside", "periodic-exponential")
    default = dict.fromkeys(peaks, "peak-one")
    scale = description.get("scale", None if kind == "multi-gaussian" else default.get(kind, "unit-area"))
    if scale is None:
        return shape
    at_zero = float(shape_of(kind, p, np.zeros(1))[0])
    if scale == "unit-area":
        area = 1 - p["wings"] if kind == "multi-gaussian" else area_of(kind, p)
        return np.asarray(shape / area)
    peak = 1.0 if scale == "peak-one" else float(scale["peak"])
    return np.asarray(shape * (peak / at_zero))

"""Surrogates by name, with their slopes as torch code: the table of docs/surrogates.md."""

from __future__ import annotations

import math
from collections.abc import Callable
from dataclasses import dataclass
from typing import Any

from resurge._errors import OptionError


def _sigmoid(x: Any, a: float) -> Any:
    s = (x / a).sigmoid()
    return 4 * s * (1 - s)


def _periodic(x: Any, w: float, p: float) -> Any:
    away = (x - p * (x / p).round()).abs()
    return (x < 0) * (x.clamp(max=0) / w).exp() + (x >= 0) * (-2 * away / w).exp()


def _normal(x: Any, mean: float, deviation: float) -> Any:
    z = (x - mean) / deviation
    if isinstance(z, float):
        return math.exp(-z * z / 2) / (deviation * math.sqrt(2 * math.pi))
    return (-z * z / 2).exp() / (deviation * math.sqrt(2 * math.pi))


def _multi(x: Any, s: float, h: float, r: float) -> Any:
    return (1 + h) * _normal(x, 0.0, s) - h * _normal(x, s, r * s) - h * _normal(x, -s, r * s)


ROOT = math.sqrt(math.pi)
# The form, the numbers of those that may be left out, the slope over its peak, the peak, and the area over the peak.
Row = tuple[str, tuple[float, ...], Callable[..., Any], Callable[..., float], Callable[..., float] | None]
TABLE: dict[str, Row] = {
    "sigmoid": ("WIDTH", (), _sigmoid, lambda a: 1 / (4 * a), lambda a: 4 * a),
    "tanh": ("SLOPE", (), lambda x, k: 1 - (k * x).tanh() ** 2, lambda k: 1.0, lambda k: 2 / k),
    "atan": ("SLOPE", (), lambda x, a: 1 / (1 + (math.pi * a / 2 * x) ** 2), lambda a: a / 2, lambda a: 2 / a),
    "fast-sigmoid": ("SLOPE", (), lambda x, k: 1 / (1 + k * x.abs()) ** 2, lambda k: 1.0, lambda k: 2 / k),
    "superspike-asymptotic": ("SLOPE", (), lambda x, b: 1 / (1 + b * x.abs()) ** 2, lambda b: b, lambda b: 2 / b),
    "triangle": ("WIDTH", (), lambda x, w: (1 - x.abs() / w).clamp(min=0), lambda w: 1 / w, lambda w: w),
    "rectangle": ("WIDTH", (), lambda x, w: (x.abs() < w / 2).to(x.dtype), lambda w: 1 / w, lambda w: w),
    "gaussian": (
        "WIDTH",
        (),
        lambda x, s: (-((x / s) ** 2) / 2).exp(),
        lambda s: 1 / (s * math.sqrt(2 * math.pi)),
        lambda s: s * math.sqrt(2 * math.pi),
    ),
    "erf": ("SLOPE", (), lambda x, a: (-((a * x) ** 2)).exp(), lambda a: a / ROOT, lambda a: ROOT / a),
    "exponential": ("WIDTH", (), lambda x, w: (-x.abs() / w).exp(), lambda w: 1 / (2 * w), lambda w: 2 * w),
    "algebraic": ("WIDTH", (), lambda x, w: (1 + (x / w) ** 2) ** -1.5, lambda w: 1.0, lambda w: 2 * w),
    "multi-gaussian": (
        "WIDTH [WINGS] [RATIO]",
        (0.15, 6.0),
        lambda x, s, h, r: _multi(x, s, h, r) / _multi(0.0, s, h, r),
        lambda s, h, r: _multi(0.0, s, h, r),
        lambda s, h, r: (1 - h) / _multi(0.0, s, h, r),
    ),
    "heaviside": ("WIDTH", (), lambda x, w: (x >= -w).to(x.dtype), lambda w: 1.0, None),
    "periodic-exponential": ("WIDTH PERIOD", (), _periodic, lambda w, p: 1.0, None),
    "straight-through": ("", (), lambda x: x * 0 + 1, lambda: 1.0, None),
}
FORMS = ", ".join(f"{name} {row[0]}".strip() for name, row in TABLE.items())


@dataclass
class Shape:
    """A surrogate of this text; `slope` takes the distance to the threshold."""

    text: str
    slope: Callable[[Any], Any]


def parsed(text: str) -> Shape:
    """A surrogate from its text, such as `atan 2` or `fast-sigmoid 25 scale unit-area`.

    Raises
    ------
    OptionError
        For a name that is not known, with all that are, and for a number that is not positive.
    """
    words = text.split()
    stop = words.index("scale") if "scale" in words else len(words)
    name = words[0] if words else ""
    if name not in TABLE:
        raise OptionError(f"the surrogate {text!r} is not known; it is one of {FORMS}")
    form, left_out, shape, peak, width = TABLE[name]
    try:
        numbers = [float(word) for word in words[1:stop]]
    except ValueError:
        numbers = [math.nan]
    count = len(form.split())
    numbers += left_out[len(left_out) - (count - len(numbers)) :] if len(numbers) < count else ()
    if len(numbers) != count or not all(math.isfinite(n) and n > 0 for n in numbers):
        wanted = f"{name} {form}".strip()
        raise OptionError(f"the surrogate {text!r} is written {wanted!r}, each a positive number")
    height = peak(*numbers)
    match words[stop + 1 :]:
        case [] if stop == len(words):
            pass
        case ["peak-one"]:
            height = 1.0
        case ["unit-area"] if width is not None:
            height = 1 / width(*numbers)
        case ["peak", given] if given.replace(".", "", 1).replace("e-", "", 1).isdigit() and float(given) > 0:
            height = float(given)
        case _:
            known = "peak-one or peak HEIGHT" + ("" if width is None else " or unit-area")
            raise OptionError(f"the scale of the surrogate {text!r} is {known}")
    return Shape(" ".join(words), lambda x: height * shape(x, *numbers))

"""Arrays of numpy, torch and JAX as numpy has them; no framework is imported here."""

from __future__ import annotations

import math
import sys
from typing import Any, Literal

import numpy as np
from numpy.typing import NDArray

from resurge._errors import DtypeError, InputError, OptionError

Kind = Literal["numpy", "torch", "jax"]


def kind_of(value: Any) -> Kind:
    """Of which framework an array is; a number or a list of numbers is numpy's."""
    torch = sys.modules.get("torch")
    if torch is not None and isinstance(value, torch.Tensor):
        return "torch"
    jax = sys.modules.get("jax")
    if jax is not None and isinstance(value, jax.Array):
        return "jax"
    return "numpy"


def to_numpy(value: Any, what: str) -> NDArray[Any]:
    """An array's numbers, on the host.

    Raises
    ------
    DtypeError
        For a type that is neither float32 nor float64 nor a whole number.
    InputError
        For what is no array.
    """
    kind = kind_of(value)
    if kind == "torch":
        name = str(value.dtype).removeprefix("torch.")
        if name not in SUPPORTED:
            raise DtypeError(refusal(what, name))
        if value.is_sparse or value.layout is not sys.modules["torch"].strided:
            raise InputError(f"{what} is sparse; give it as a dense tensor (.to_dense())")
        return np.asarray(value.detach().resolve_conj().resolve_neg().cpu().numpy())
    if kind == "jax" and str(value.dtype) not in SUPPORTED:
        raise DtypeError(refusal(what, str(value.dtype)))
    try:
        array = np.asarray(value)
    except (TypeError, ValueError) as error:
        raise InputError(f"{what} is a {type(value).__name__}, which is no array: {error}") from error
    if array.dtype.name not in SUPPORTED:
        if array.dtype.kind in "OUSV":
            raise InputError(f"{what} is a {type(value).__name__} of {array.dtype}, which is no array of numbers")
        raise DtypeError(refusal(what, array.dtype.name))
    return array


SUPPORTED = frozenset(
    ["float32", "float64", "bool", *(f"{sign}int{bits}" for sign in ("", "u") for bits in (8, 16, 32, 64))]
)


def refusal(what: str, name: str) -> str:
    """Why a type is refused."""
    if name in ("bfloat16", "float16"):
        return f"{what} is {name}, too coarse to compare; convert it, and what computes with it, to float32"
    if name.startswith("complex"):
        return f"{what} is {name}; give its real and its imaginary part as two inputs"
    return f"{what} is {name}, and gradients are checked in float32 or float64; convert it"


def floating(value: Any, what: str) -> NDArray[Any]:
    """An array's numbers in float32 or float64.

    Raises
    ------
    DtypeError
        For whole numbers, which have no gradient.
    """
    array = to_numpy(value, what)
    if array.dtype.kind != "f":
        raise DtypeError(f"{what} is {array.dtype}, which has no gradient; convert it to float64")
    return array


def number(value: Any) -> float | None:
    """A finite number, or None for what is none."""
    if isinstance(value, bool) or not isinstance(value, int | float | np.number):
        return None
    try:
        found = float(value)
    except (OverflowError, TypeError):
        return None
    return found if math.isfinite(found) else None


def whole(name: str, value: Any, least: int = 0) -> int:
    """A whole number from `least` on that 32 bits hold.

    Raises
    ------
    OptionError
        For what is none.
    """
    if isinstance(value, bool) or not isinstance(value, int | np.integer) or not least <= value < 2**32:
        raise OptionError(f"{name} is {value!r}; give a whole number from {least} on")
    return int(value)

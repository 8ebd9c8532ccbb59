"""The compiled module: what it takes and gives. `resurge` is what to import."""

import os
from collections.abc import Callable, Sequence
from typing import Any, final

import numpy as np
from numpy.typing import NDArray

__all__ = ["Audit", "Program", "__version__", "audit", "check", "explain", "program", "run", "verify"]

__version__: str

@final
class Audit:
    """What an audit found."""

    def json(self) -> str: ...
    def text(self, name: str, width: int | None = None) -> str: ...
    def html(self, name: str) -> str: ...

def audit(data: bytes, *, proof: bool, search: bool, profiles: bool, seed: int) -> Audit: ...
def check(
    function: Callable[[NDArray[np.float64]], NDArray[np.float64]],
    shapes: Sequence[Sequence[int]],
    at: NDArray[np.float64],
    output: Sequence[int],
    claim: NDArray[np.float64],
    *,
    eps: float | None,
    rtol: float,
    atol: float,
    seed: int,
    roundoff: float,
    projections: int | None,
    nondet_tol: float,
) -> tuple[str, str]: ...
def explain(
    claimed: NDArray[np.float64],
    reference: NDArray[np.float64],
    shapes: Sequence[Sequence[int]],
    tolerance: float,
) -> list[str]: ...

@final
class Program:
    """What was found of a recorded program."""

    def json(self) -> str: ...
    def text(self) -> str: ...
    def html(self, name: str) -> str: ...

def program(data: bytes, *, claim: str | None = None) -> Program: ...
def run(arguments: Sequence[str | os.PathLike[str]]) -> int: ...
def verify(
    resets: Sequence[str],
    reset_gradients: Sequence[str],
    surrogates: Sequence[str],
    *,
    steps: int,
    hidden: int,
    batch: int,
    seed: int,
    seeds: int,
    progress: Callable[[int], Any] | None = None,
) -> str: ...

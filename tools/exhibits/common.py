"""What an exhibit is, and the tiny networks that they share."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass


@dataclass
class Finding:
    """Whether the check passed, and what it said."""

    passed: bool
    text: str


@dataclass
class Exhibit:
    """A fault of a released version.

    `needs` are the words by which the report must name it. `mended` is a version without the fault, where one installs;
    `also` are packages that the version needs and the environment has not.
    """

    name: str
    package: str
    wrong: str
    mended: str | None
    link: str
    fault: str
    needs: tuple[str, ...]
    run: Callable[[], Finding]
    also: tuple[str, ...] = ()


@dataclass
class Absent:
    """A fault that cannot be shown here: what was tried, and why not."""

    package: str
    version: str
    link: str
    fault: str
    why: str
    # The package is asked for again, and must still not install.
    installs: bool | None = None


EXHIBITS: list[Exhibit] = []
ABSENT: list[Absent] = []


def found(report: object) -> Finding:
    """Of a report of `resurge.check` or `resurge.check_function`."""
    return Finding(bool(report), str(report))


def refused(action: Callable[[], object]) -> Finding:
    """Of a check that may find a gradient that is no number."""
    import resurge

    try:
        return found(action())
    except resurge.NonFiniteError as error:
        return Finding(False, f"{type(error).__name__}: {error}")


def elementwise(spike: Callable[..., object], declared: dict[type, str], scale: float = 3.0) -> Finding:
    """A surrogate on potentials on both sides of the threshold, held against what it is meant to be."""
    import resurge
    import torch

    generator = torch.Generator().manual_seed(1)
    u = (scale * torch.randn(8, 40, generator=generator, dtype=torch.float64)).requires_grad_()
    weights = torch.randn(8, 40, generator=generator, dtype=torch.float64)
    return found(resurge.check(lambda: (spike(u) * weights).sum(), {"u": u}, surrogates=declared))


def primitive(values: Callable[..., object], spike: Callable[..., object]) -> Finding:
    """A surrogate's slope against differences of the function that its documentation says it is the slope of.

    The report of `check` goes before, which names the function, its place and what its slopes are.
    """
    import numpy as np
    import resurge
    import torch

    u = np.linspace(-1.87, 2.09, 41)

    def slope(at: np.ndarray) -> np.ndarray:
        x = torch.tensor(at, requires_grad=True)
        spike(x).sum().backward()
        return np.diag(x.grad.numpy())

    report = resurge.gradcheck(values, u, gradient=slope, raise_exception=False)
    x = torch.tensor(u, requires_grad=True)
    recorded = resurge.check(lambda: (spike(x) * torch.cos(torch.arange(41.0))).sum(), {"x": x})
    lines = str(recorded).splitlines()
    named = [line.strip() for line in lines if line.strip().startswith(("surrogate", "trusted", "fault"))] or lines[:1]
    return Finding(report.passed, "\n".join([*named, str(report)]))


def alone(package: str, file: str) -> object:
    """A module from its file, without its package, which wants more than is installed."""
    import importlib.util
    import pathlib
    import sys

    path = next(p / package / file for p in map(pathlib.Path, sys.path) if (p / package / file).is_file())
    spec = importlib.util.spec_from_file_location(path.stem, path)
    module = importlib.util.module_from_spec(spec)
    spec.loader.exec_module(module)
    return module

"""What functions of torch are: the surrogate, and where the spike begins."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager
from typing import Any

import numpy as np

from resurge.recording._errors import Unsupported
from resurge.recording._file import Array
from resurge.recording._surrogate import Description, identify


@contextmanager
def doubles(enabled: bool) -> Iterator[None]:
    """Makes `Tensor.float` mean double, and f64 the default type.

    snnTorch and Sinabs cast their spikes with `.float()`, which would round every gradient of a network in f64.
    """
    import torch

    if not enabled:
        yield
        return
    cast, default = torch.Tensor.float, torch.get_default_dtype()
    torch.Tensor.float = torch.Tensor.double
    torch.set_default_dtype(torch.float64)
    try:
        yield
    finally:
        torch.Tensor.float = cast
        torch.set_default_dtype(default)


def probe(what: str, function: Callable[[Any], Any], hints: Sequence[Description] = ()) -> Description:
    """The surrogate that a function of torch has: x = u - threshold to the spike."""
    import torch

    def derivative(x: Array) -> Array:
        with doubles(True), torch.enable_grad():
            at = torch.tensor(x, dtype=torch.float64, requires_grad=True)
            spikes = function(at)
            if not spikes.requires_grad:
                raise Unsupported(what, "has no gradient")
            (slope,) = torch.autograd.grad(spikes.sum(), at)
        return np.asarray(slope.numpy(), dtype=np.float64)

    return identify(what, derivative, hints)


def firing_of(what: str, function: Callable[[Any], Any]) -> str:
    """`above` or `at-or-above`, from the spikes at and around the threshold.

    Raises Unsupported for anything but a step there.
    """
    import torch

    with torch.no_grad(), doubles(True):
        spikes = function(torch.tensor([-1.0, -1e-12, 0.0, 1e-12, 1.0, 3.0], dtype=torch.float64)).tolist()
    match spikes:
        case [0.0, 0.0, 0.0, 1.0, 1.0, 1.0]:
            return "above"
        case [0.0, 0.0, 1.0, 1.0, 1.0, 1.0]:
            return "at-or-above"
    raise Unsupported(what, f"its spikes around the threshold are {spikes}, not a step from 0 to 1")

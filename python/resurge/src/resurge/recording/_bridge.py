"""What a forward does between two layers by a function, where it can be told from what it gave and took."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any

from resurge.recording._as_it_ran import Factors, equal
from resurge.recording._walk import Place, same

# A factor is the same everywhere to this.
CONSTANT = {8: 1e-12, 4: 1e-5}
# The largest layer of vectors whose factor is written as a matrix.
LARGEST = 4096


def bridged(before: Any, taken: Any, factors: Any | None, name: str) -> list[Place] | None:
    """The layers that make of `before` what was `taken`, both `[T, B, ...]`; None where none do.

    A pool, a factor, numbers by which the forward multiplied, and a flattening after them. `factors` are the
    derivatives of what was taken by what was given. That their gradients are those of the forward is found out later,
    as for every layer.
    """
    import torch

    if before.ndim == 3 and taken.ndim == 5:
        return None
    last = [Place(f"flatten before {name}", None)] if taken.ndim == 3 < before.ndim else []
    if factors is not None and factors.shape == before.shape and equal(factors * before, taken):
        if bool((factors == 1).all()):
            return last
        if not bool((factors == factors.flatten()[0]).all()):
            return [Place(f"mask before {name}", Factors(factors)), *last]
    if same(taken.flatten(2), before.flatten(2)):
        return last
    if before.ndim == 5:
        for pool in pools(before, taken):
            made = pool(before.detach().flatten(0, 1)).unflatten(0, before.shape[:2])
            if made.numel() == taken.numel() and torch.equal(made.flatten(2), taken.detach().flatten(2)):
                flat = [Place(f"flatten before {name}", None)] if taken.ndim == 3 else []
                return [Place(f"{type(pool).__name__} before {name}", pool), *flat]
    if before.flatten(2).shape != taken.flatten(2).shape:
        return None if factors is None else grouped(before, taken, factors, name)
    factor = factor_of(before.detach().flatten(2), taken.detach().flatten(2))
    if factor is None:
        return None
    return [Place(f"times {factor:.6g} before {name}", times(factor, before)), *last]


def grouped(before: Any, taken: Any, factors: Any, name: str) -> list[Place] | None:
    """Sums of neighbouring features, each times its factor: of a pool of vectors, the largest has the factor 1."""
    import torch
    from torch import nn

    count, groups = before.shape[2:].numel(), taken.shape[2:].numel()
    if before.ndim != 3 or taken.ndim != 3 or count % groups or count > LARGEST or factors.shape != before.shape:
        return None
    size = count // groups
    if not equal((factors * before).unflatten(2, (groups, size)).sum(3), taken):
        return None
    layer = nn.Linear(count, groups, bias=False)
    weight = torch.eye(groups, dtype=before.dtype).repeat_interleave(size, 1)
    layer.weight = nn.Parameter(weight, requires_grad=False)
    return [Place(f"mask before {name}", Factors(factors)), Place(f"sums before {name}", layer)]


def pools(before: Any, taken: Any) -> Iterator[Any]:
    """The pools that give so many numbers."""
    from torch import nn

    channels, height, width = before.shape[2:]
    extent = taken.shape[3:] if taken.ndim == 5 else None
    for size in range(2, min(height, width) + 1):
        for stride in sorted({size, 1, 2}):
            for padding in {0, size // 2}:
                rows, columns = ((n + 2 * padding - size) // stride + 1 for n in (height, width))
                fits = (
                    (rows, columns) == tuple(extent)
                    if extent is not None
                    else channels * rows * columns == taken.shape[2]
                )
                if fits and rows > 0 and columns > 0:
                    yield nn.MaxPool2d(size, stride, padding)
                    yield nn.AvgPool2d(size, stride, padding)


def factor_of(before: Any, taken: Any) -> float | None:
    """The number by which one is multiplied to become the other."""
    there = before != 0
    if not bool(there.any()) or bool(taken[~there].any()):
        return None
    ratios = taken[there] / before[there]
    # That of the largest number is the most exact.
    ratio = ratios[before[there].abs().argmax()]
    limit = CONSTANT[before.element_size()] * abs(float(ratio))
    return float(ratio) if float((ratios - ratio).abs().max()) <= limit and float(ratio) != 0 else None


def times(factor: float, like: Any) -> Any:
    """A layer that multiplies: of images one of each channel, of vectors a diagonal matrix."""
    import torch
    from torch import nn

    count = like.shape[2]
    if like.ndim == 5:
        layer: Any = nn.Conv2d(count, count, 1, groups=count, bias=False)
        weight = torch.full((count, 1, 1, 1), factor, dtype=like.dtype)
    else:
        if count > LARGEST:
            return nn.Identity()
        layer = nn.Linear(count, count, bias=False)
        weight = factor * torch.eye(count, dtype=like.dtype)
    layer.weight = nn.Parameter(weight, requires_grad=False)
    return layer

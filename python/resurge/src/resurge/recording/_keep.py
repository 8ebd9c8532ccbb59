"""What a recording must leave as it was: states, buffers, modes and random numbers."""

from __future__ import annotations

import random
from collections.abc import Iterable, Iterator
from contextlib import contextmanager
from typing import Any

import numpy as np


@contextmanager
def kept(modules: Iterable[Any]) -> Iterator[None]:
    """Puts back every attribute, buffer and state of torch modules, and the states of the random generators.

    Tensors that were written in place get their values back; `.grad` is among the attributes of parameters, which
    are put back as well.
    """
    every = list({id(inner): inner for module in modules for inner in module.modules()}.values())
    attributes = [(module, Attributes(module)) for module in every]
    generators = Generators()
    try:
        yield
    finally:
        for _, before in attributes:
            before.restore()
        generators.restore()


class Generators:
    """The states of all random generators."""

    def __init__(self) -> None:
        import torch

        self.states = random.getstate(), np.random.get_state(), torch.get_rng_state()
        self.devices = [torch.cuda.get_rng_state_all()] if torch.cuda.is_initialized() else []

    def restore(self) -> None:
        """Puts them back, so that the same numbers are drawn again."""
        import torch

        random.setstate(self.states[0])
        np.random.set_state(self.states[1])
        torch.set_rng_state(self.states[2])
        for states in self.devices:
            torch.cuda.set_rng_state_all(states)


class Attributes:
    """The attributes of a module, one level deep: dictionaries, such as those of buffers, by their entries."""

    def __init__(self, module: Any) -> None:
        self.own = vars(module)
        self.before = dict(self.own)
        self.inner = [(value, dict(value)) for value in self.before.values() if isinstance(value, dict)]
        self.values = [
            (value, value.detach().clone(), value.grad if value.is_leaf else None) for value in self._tensors()
        ]
        # Frameworks reset and detach states in place; it is copies that they are given.
        for name in ("_buffers", "_memories"):
            for key, value in list(self.own.get(name, {}).items()):
                if hasattr(value, "detach"):
                    self.own[name][key] = value.detach().clone()

    def _tensors(self) -> list[Any]:
        import torch

        found = [*self.before.values(), *(value for _, entries in self.inner for value in entries.values())]
        return list({id(value): value for value in found if isinstance(value, torch.Tensor)}.values())

    def restore(self) -> None:
        """Puts all back."""
        import torch

        self.own.clear()
        self.own.update(self.before)
        for holder, entries in self.inner:
            holder.clear()
            holder.update(entries)
        for tensor, values, grad in self.values:
            if tensor.shape != values.shape or not torch.equal(tensor.detach(), values):
                tensor.data = values
            if tensor.is_leaf and tensor.grad is not grad:
                tensor.grad = grad

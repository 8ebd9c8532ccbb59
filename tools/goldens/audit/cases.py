"""One golden of the audit: a network of a framework, and how it is made to spike."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np
import resurge.recording as audit

GAINS = (1.0, 1.5, 2.0, 3.0, 4.0, 6.0, 8.0, 12.0)
CLASSES = 3
WEIGHTED = audit.Loss("weighted-sum")


@dataclass(frozen=True)
class Case:
    framework: str
    name: str
    make: Callable[..., Any]
    record: Callable[..., Path]
    bits: int = 64
    steps: int = 20
    batch: int = 2
    image: bool = False
    loss: audit.Loss = WEIGHTED
    output: str = "spikes"
    currents: bool = False

    @property
    def stem(self) -> str:
        return f"{self.framework}-{self.name}"

    def data(self, seed: int, features: int) -> tuple[np.ndarray, np.ndarray]:
        """Input and target, of the case's type; the input is 0 or 1."""
        rng = np.random.default_rng([seed, 1])
        float_type = np.float64 if self.bits == 64 else np.float32
        shape = (self.steps, self.batch, *((1, 6, 6) if self.image else (features,)))
        x = (rng.random(shape) < 0.45).astype(float_type)
        match self.loss.kind:
            case "cross-entropy":
                return x, rng.integers(0, CLASSES, self.batch)
            case "mse":
                rates = rng.random((self.batch, CLASSES))
                return x, (rates * (self.steps if self.loss.readout == "sum" else 1)).astype(float_type)
        return x, rng.normal(size=(self.steps, self.batch, CLASSES)).astype(float_type)

    def attempt(self, seed: int, path: Path) -> audit.Recording:
        """Records the network of this seed: its weights, their gain and its data."""
        if self.framework == "spyx":
            self.attempt_spyx(seed, path)
        else:
            self.attempt_torch(seed, path)
        return audit.read(path)

    def attempt_torch(self, seed: int, path: Path) -> None:
        import torch

        torch.manual_seed(seed)
        net = self.make()
        net = net.double() if self.bits == 64 else net
        first = None
        for parameter in net.parameters():
            # Those of neurons, such as a decay [C, 1, 1] of each channel, stay.
            if parameter.ndim < 2 or parameter.numel() == parameter.shape[0]:
                continue
            first = parameter if first is None else first
            with torch.no_grad():
                parameter += 0.15 / parameter[0].numel() ** 0.5
                parameter *= GAINS[seed % len(GAINS)]
        x, y = self.data(seed, 0 if self.image else first.shape[1])
        more = {} if self.output == "spikes" else {"output": self.output}
        target = torch.from_numpy(y)
        if self.loss.kind == "weighted-sum" and self.last_width(net) != CLASSES:
            target = target[..., : self.last_width(net)]
        self.record(net, torch.from_numpy(x), target, self.loss, path, record_currents=self.currents, **more)

    @staticmethod
    def last_width(net: Any) -> int:
        return [p for p in net.parameters() if p.ndim >= 2][-1].shape[0]

    def attempt_spyx(self, seed: int, path: Path) -> None:
        import jax
        import jax.numpy as jnp
        from flax import nnx

        from networks_spyx import dtype_of, weights_of

        with jax.enable_x64(self.bits == 64):
            net = self.make(dtype_of(self.bits), nnx.Rngs(seed))
            for kernel in weights_of(net):
                shifted = kernel[...] + 0.15 / np.prod(kernel.shape[:-1]) ** 0.5
                kernel[...] = (shifted * GAINS[seed % len(GAINS)]).astype(kernel.dtype)
            x, y = self.data(seed, 0 if self.image else weights_of(net)[0].shape[0])
            x = np.moveaxis(x, 2, -1) if self.image else x
            self.record(net, jnp.asarray(x), jnp.asarray(y), self.loss, path, record_currents=self.currents)

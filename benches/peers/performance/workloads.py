"""The workloads: their sizes, and their tensors drawn from fixed seeds.

Every cell is u[t] = DECAY * u[t-1] * (1 - o[t-1]) + I[t], o = H(u - THRESHOLD), with the surrogate derivative
1 / (1 + (pi x)^2), which is snnTorch's atan(alpha=2). No layer has a bias.

A10, A2, A50  784-512-10, T = 100, batch 128, inputs 0/1 of density 10, 2, 50 %. Loss: the mean over the batch of the cross
              entropy of sum_t o2[t]. Gradients to both weights, none to the input.
C             a layer of 2^18 cells alone, T = 32, loss = sum(o * c). Gradient to the current.
D             15C5-P2-40C5-P2-300-10, T = 5, batch 64, a static analog image at each step. Gradients to the four weights.
G<T>          A10 with T steps, for Resurge's growth with T.

The scale of each weight matrix was set by trial, so that hidden layers fire at about 10 % and the last at more than 1 %; the
firing rates are part of the report.
"""

from __future__ import annotations

from dataclasses import dataclass, field
from pathlib import Path

import numpy as np
from numpy.typing import NDArray
from safetensors.numpy import save_file

DECAY, THRESHOLD, ATAN_SLOPE = 0.9, 1.0, 2.0
INPUTS, HIDDEN, CLASSES, MLP_BATCH = 784, 512, 10, 128
LIF_STEPS, LIF_CELLS = 32, 2**18
CONV_STEPS, CONV_BATCH = 5, 64
GROWTH_STEPS = (25, 100, 400, 1600)
TIMED = ("A10", "A2", "A50", "C", "D")

# density of the input -> (scale of w0, scale of w1), in units of 1 / sqrt(expected number of active inputs)
MLP_SCALES = {0.10: (0.81, 0.64), 0.02: (1.01, 0.86), 0.50: (0.51, 0.44)}
CONV_SCALES = (0.83, 2.4, 3.86, 0.81)  # in units of 1 / sqrt(fan-in)
LIF_SCALE = 1.0

Array = NDArray[np.generic]


@dataclass(frozen=True)
class Workload:
    """One workload; `tensors` are named as in the file that Resurge's server reads."""

    name: str
    kind: str  # "mlp", "lif" or "conv"
    steps: int
    tensors: dict[str, Array]
    density: float = field(default=1.0)

    @property
    def weights(self) -> list[Array]:
        return [self.tensors[key] for key in sorted(self.tensors) if key.startswith("w")]

    def save(self, path: Path) -> None:
        """Writes the file that Resurge's server reads."""
        metadata = {
            "workload": self.kind,
            "steps": str(self.steps),
            "decay": f"{DECAY:g}",
            "threshold": f"{THRESHOLD:g}",
            "atan_slope": f"{ATAN_SLOPE:g}",
        }
        save_file({k: np.ascontiguousarray(v) for k, v in self.tensors.items()}, path, metadata)


def normal(rng: np.random.Generator, shape: tuple[int, ...], deviation: float) -> Array:
    return rng.standard_normal(shape, dtype=np.float32) * np.float32(deviation)


def make_mlp(name: str, density: float, steps: int = 100) -> Workload:
    rng = np.random.default_rng([784, round(density * 100)])
    first, second = MLP_SCALES[density]
    tensors = {
        "w0": normal(rng, (HIDDEN, INPUTS), first / (INPUTS * density) ** 0.5),
        "w1": normal(rng, (CLASSES, HIDDEN), second / (HIDDEN * 0.1) ** 0.5),
        "labels": rng.integers(0, CLASSES, MLP_BATCH, dtype=np.int64),
        "x": (rng.random((steps, MLP_BATCH, INPUTS), dtype=np.float32) < density).astype(np.uint8),
    }
    return Workload(name, "mlp", steps, tensors, density)


def make_lif() -> Workload:
    rng = np.random.default_rng(18)
    shape = (LIF_STEPS, LIF_CELLS)
    tensors = {
        "current": normal(rng, shape, LIF_SCALE),
        # Not centred: the loss is then a large sum, and a spike flipped by rounding does not matter to it.
        "cotangent": rng.random(shape, dtype=np.float32),
    }
    return Workload("C", "lif", LIF_STEPS, tensors)


def make_conv() -> Workload:
    rng = np.random.default_rng(28)
    shapes = ((15, 1, 5, 5), (40, 15, 5, 5), (300, 640), (10, 300))
    tensors: dict[str, Array] = {
        f"w{i}": normal(rng, shape, scale / float(np.prod(shape[1:])) ** 0.5)
        for i, (shape, scale) in enumerate(zip(shapes, CONV_SCALES, strict=True))
    }
    tensors["images"] = rng.random((CONV_BATCH, 1, 28, 28), dtype=np.float32)
    tensors["labels"] = rng.integers(0, CLASSES, CONV_BATCH, dtype=np.int64)
    return Workload("D", "conv", CONV_STEPS, tensors)


def make(name: str) -> Workload:
    """The workload of that name: A10, A2, A50, C, D, or G followed by a number of steps."""
    if name == "C":
        return make_lif()
    if name == "D":
        return make_conv()
    if name.startswith("G"):
        return make_mlp(name, 0.10, int(name[1:]))
    return make_mlp(name, {"A10": 0.10, "A2": 0.02, "A50": 0.50}[name])

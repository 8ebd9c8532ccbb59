"""The peers that run on torch: snnTorch, SpikingJelly, Norse, and a loop written by hand.

All of them multiply [T * B, n] by the weights at once (the input of a layer is known for all steps), and convolve [T * B, ...]
at once, so they differ only in how they run the cell. A peer is a class with one method, `spikes`, that answers a layer's
currents [T, B, ...] with its spikes; a fresh state is part of every call.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from typing import Protocol

import snntorch
import torch
from norse.torch.functional.lif_box import LIFBoxParameters
from norse.torch.module.lif_box import LIFBoxCell
from snntorch import surrogate as snntorch_surrogate
from spikingjelly.activation_based import neuron as jelly_neuron
from spikingjelly.activation_based import surrogate as jelly_surrogate
from torch import Tensor
from torch.nn import functional

from workloads import ATAN_SLOPE, DECAY, THRESHOLD, Workload

CurrentsToSpikes = Callable[[Tensor], Tensor]


class Cell(Protocol):
    """A layer of cells as one framework has it."""

    current_scale: float  # what the framework's currents are multiples of; folded into the weights outside the timed region

    def spikes(self, currents: Tensor) -> Tensor: ...


class SnnTorch:
    """`Leaky` with the reset "zero", stepped by a loop over time as in snnTorch's tutorials.

    As it comes (`reset_delay=True`) its reset is detached. With `reset_delay=False` the forward pass is the same and the reset
    is attached: that is the nearest to the full gradient that snnTorch has.
    """

    current_scale = 1.0

    def __init__(self, detached: bool) -> None:
        self.leaky = snntorch.Leaky(
            beta=DECAY,
            threshold=THRESHOLD,
            spike_grad=snntorch_surrogate.atan(alpha=ATAN_SLOPE),
            reset_mechanism="zero",
            reset_delay=detached,
        )

    def spikes(self, currents: Tensor) -> Tensor:
        mem = torch.zeros_like(currents[0])
        record = []
        for current in currents:
            spk, mem = self.leaky(current, mem)
            record.append(spk)
        return torch.stack(record)


class SpikingJelly:
    """`LIFNode` in multi-step mode: on the CPU its own loop over time with a backward pass written by hand."""

    current_scale = 1.0

    def __init__(self, detached: bool) -> None:
        self.node = jelly_neuron.LIFNode(
            tau=round(1 / (1 - DECAY), 6),
            decay_input=False,
            v_threshold=THRESHOLD,
            v_reset=0.0,
            surrogate_function=jelly_surrogate.ATan(alpha=ATAN_SLOPE),
            detach_reset=detached,
            step_mode="m",
        )

    def spikes(self, currents: Tensor) -> Tensor:
        self.node.reset()
        return self.node(currents)


class Norse:
    """`LIFBoxCell`, which is u = m + 0.1 (10 I - m): equal to our cell but for rounding. Its reset is attached.

    Norse has no arctan among its surrogates; "super" is 1 / (1 + |x|)^2. So the forward pass can be compared and the gradient
    cannot.
    """

    current_scale = 1 / (1 - DECAY)

    def __init__(self) -> None:
        parameters = LIFBoxParameters(tau_mem_inv=torch.as_tensor(100.0), v_th=torch.as_tensor(THRESHOLD), method="super")
        self.cell = LIFBoxCell(parameters, dt=(1 - DECAY) / 100.0)

    def spikes(self, currents: Tensor) -> Tensor:
        state = None
        record = []
        for current in currents:
            z, state = self.cell(current, state)
            record.append(z)
        return torch.stack(record)


class HandWrittenLif(torch.autograd.Function):
    """The cell by hand, with as few passes over memory as torch without a compiler allows; all buffers made in advance."""

    @staticmethod
    def forward(ctx, currents: Tensor, detached: bool) -> Tensor:
        potentials, spikes = torch.empty_like(currents), torch.empty_like(currents)
        torch.gt(currents[0], THRESHOLD, out=spikes[0])
        potentials[0].copy_(currents[0])
        kept = torch.empty_like(currents[0])
        for t in range(1, currents.shape[0]):
            torch.addcmul(potentials[t - 1], potentials[t - 1], spikes[t - 1], value=-1, out=kept)
            torch.add(currents[t], kept, alpha=DECAY, out=potentials[t])
            torch.gt(potentials[t], THRESHOLD, out=spikes[t])
        ctx.save_for_backward(potentials, spikes)
        ctx.detached = detached
        return spikes

    @staticmethod
    def backward(ctx, cotangent: Tensor) -> tuple[Tensor, None]:
        potentials, spikes = ctx.saved_tensors
        delta = torch.empty_like(potentials)
        slope, factor = torch.empty_like(delta[0]), torch.empty_like(delta[0])
        last = len(delta) - 1
        for t in range(last, -1, -1):
            torch.sub(potentials[t], THRESHOLD, out=slope).mul_(torch.pi * ATAN_SLOPE / 2).square_().add_(1).reciprocal_()
            torch.mul(cotangent[t], slope, out=delta[t])
            if t < last:  # delta[t] += DECAY * (1 - o - u g) * delta[t + 1], without u g if detached
                torch.sub(1, spikes[t], out=factor)
                if not ctx.detached:
                    factor.addcmul_(potentials[t], slope, value=-1)
                delta[t].addcmul_(factor, delta[t + 1], value=DECAY)
        return delta, None


class PlainTorch:
    """`HandWrittenLif`: what a careful user of torch alone would write."""

    current_scale = 1.0

    def __init__(self, detached: bool) -> None:
        self.detached = detached

    def spikes(self, currents: Tensor) -> Tensor:
        return HandWrittenLif.apply(currents, self.detached)


def linear(o: Tensor, w: Tensor) -> Tensor:
    """[T, B, n] by [m, n]: one product for all steps."""
    return functional.linear(o.flatten(0, 1), w).unflatten(0, o.shape[:2])


def merged(operation: Callable[[Tensor], Tensor], o: Tensor) -> Tensor:
    """Runs an operation on [T * B, ...], which is what SpikingJelly's SeqToANNContainer does."""
    return operation(o.flatten(0, 1)).unflatten(0, o.shape[:2])


def mlp(cells: list[CurrentsToSpikes], weights: list[Tensor], x: Tensor) -> Tensor:
    for spikes, w in zip(cells, weights, strict=True):
        x = spikes(linear(x, w))
    return x


def conv(cells: list[CurrentsToSpikes], weights: list[Tensor], images: Tensor, steps: int) -> Tensor:
    """The image is the same at every step, so its convolution is computed once; every peer is given this."""
    still = functional.conv2d(images, weights[0])
    o = cells[0](still.expand(steps, *still.shape))
    o = merged(lambda a: functional.conv2d(functional.avg_pool2d(a, 2), weights[1]), o)
    o = merged(lambda a: functional.avg_pool2d(a, 2), cells[1](o)).flatten(2)
    return mlp(cells[2:], weights[2:], o)


@dataclass
class Result:
    """What one run computed; `numbers` reads it outside the timed region."""

    loss: float
    gradients: list[Tensor]
    current_scale: float

    def grad_norms(self) -> list[float]:
        return [self.current_scale * g.double().norm().item() for g in self.gradients]


def make_run(cell: Callable[[], Cell], workload: Workload) -> Callable[[], Result]:
    """Prepares the inputs of one peer; what is returned is what is timed."""
    tensors = {key: torch.from_numpy(array) for key, array in workload.tensors.items()}
    scale = cell().current_scale
    if workload.kind == "lif":
        leaves = [(tensors["current"] * scale).requires_grad_()]
    else:
        leaves = [(torch.from_numpy(w) * scale).requires_grad_() for w in workload.weights]
    cells = [cell().spikes for _ in leaves]
    del tensors["current" if workload.kind == "lif" else "w0"]
    x = tensors["x"].float() if workload.kind == "mlp" else None

    def loss() -> Tensor:
        if workload.kind == "lif":
            return (cells[0](leaves[0]) * tensors["cotangent"]).sum()
        if workload.kind == "conv":
            o = conv(cells, leaves, tensors["images"], workload.steps)
        else:
            assert x is not None
            o = mlp(cells, leaves, x)
        return functional.cross_entropy(o.sum(0), tensors["labels"])

    def run() -> Result:
        value = loss()
        return Result(value.item(), list(torch.autograd.grad(value, leaves)), scale)

    return run


def firing_rates(workload: Workload) -> list[float]:
    """Of each layer, from the loop by hand."""
    seen: list[float] = []
    cell = PlainTorch(detached=True)

    def spikes(currents: Tensor) -> Tensor:
        o = cell.spikes(currents)
        seen.append(o.mean().item())
        return o

    tensors = {key: torch.from_numpy(array) for key, array in workload.tensors.items()}
    weights = [torch.from_numpy(w) for w in workload.weights]
    with torch.no_grad():
        if workload.kind == "lif":
            spikes(tensors["current"])
        elif workload.kind == "conv":
            conv([spikes] * 4, weights, tensors["images"], workload.steps)
        else:
            mlp([spikes] * 2, weights, tensors["x"].float())
    return seen


CELLS: dict[str, Callable[[], Cell]] = {
    "torch": lambda: PlainTorch(detached=False),
    "torch detached": lambda: PlainTorch(detached=True),
    "spikingjelly": lambda: SpikingJelly(detached=False),
    "spikingjelly detached": lambda: SpikingJelly(detached=True),
    "snntorch attached": lambda: SnnTorch(detached=False),
    "snntorch detached": lambda: SnnTorch(detached=True),
    "norse": Norse,
}

"""JAX: jit of value_and_grad over lax.scan, as Spyx runs its networks, with Spyx's `axn.custom` for the surrogate.

Spyx's own cells do not reset to zero and answer one step late, so the cell is written out; everything around it is as in
`spyx.nn.run`. Every workload is compiled in several forms, the input matmul hoisted out of the scan or inside it; the caller
keeps the fastest.
"""

from __future__ import annotations

import time
from collections.abc import Callable
from dataclasses import dataclass
from functools import partial

import jax
import jax.numpy as jnp
import numpy as np
from spyx.axn import custom

from workloads import CONV_STEPS, DECAY, THRESHOLD, Workload

Arrays = tuple[jax.Array, ...]
spike = custom(bwd=lambda x: 1 / (1 + (jnp.pi * x) ** 2))


def cell(state: tuple[jax.Array, jax.Array], current: jax.Array, detach: bool) -> tuple[jax.Array, jax.Array]:
    u, o = state
    reset = jax.lax.stop_gradient(o) if detach else o
    u = DECAY * u * (1 - reset) + current
    return u, spike(u - THRESHOLD)


def lif(currents: jax.Array, detach: bool, unroll: int) -> jax.Array:
    """Spikes [T, ...] of a layer whose currents are all known."""

    def step(state, current):
        state = cell(state, current, detach)
        return state, state[1]

    zero = jnp.zeros_like(currents[0])
    return jax.lax.scan(step, (zero, zero), currents, unroll=unroll)[1]


def cross_entropy(counts: jax.Array, labels: jax.Array) -> jax.Array:
    return -jnp.take_along_axis(jax.nn.log_softmax(counts), labels[:, None], 1).mean()


def mlp_hoisted(weights: Arrays, x: jax.Array, labels: jax.Array, *, detach: bool, unroll: int) -> jax.Array:
    for w in weights:
        x = lif(x @ w.T, detach, unroll)
    return cross_entropy(x.sum(0), labels)


def mlp_in_scan(weights: Arrays, x: jax.Array, labels: jax.Array, *, detach: bool, unroll: int) -> jax.Array:
    """All layers in one scan, and their products with it."""

    def step(carry, o):
        states, counts = carry
        new = []
        for w, state in zip(weights, states, strict=True):
            state = cell(state, o @ w.T, detach)
            o = state[1]
            new.append(state)
        return (tuple(new), counts + o), None

    zeros = [jnp.zeros((x.shape[1], w.shape[0]), x.dtype) for w in weights]
    start = (tuple((z, z) for z in zeros), zeros[-1])
    (_, counts), _ = jax.lax.scan(step, start, x, unroll=unroll)
    return cross_entropy(counts, labels)


def lif_loss(weights: Arrays, cotangent: jax.Array, *, detach: bool, unroll: int) -> jax.Array:
    return (lif(weights[0], detach, unroll) * cotangent).sum()


def convolve(o: jax.Array, w: jax.Array) -> jax.Array:
    """NHWC by OIHW: XLA's CPU convolutions are faster with the channels last."""
    return jax.lax.conv_general_dilated(o, w, (1, 1), "VALID", dimension_numbers=("NHWC", "OIHW", "NHWC"))


def pool(o: jax.Array) -> jax.Array:
    n, h, w, c = o.shape
    return o.reshape(n, h // 2, 2, w // 2, 2, c).mean((2, 4))


def flatten(o: jax.Array) -> jax.Array:
    """[..., H, W, C] to [..., C * H * W], the order of the weights."""
    return jnp.moveaxis(o, -1, -3).reshape(*o.shape[:-3], -1)


def conv_hoisted(weights: Arrays, images: jax.Array, labels: jax.Array, *, detach: bool, unroll: int) -> jax.Array:
    """Layer by layer, over [T * B, ...] at once; the image's own convolution is computed once."""
    still = convolve(images, weights[0])
    o = lif(jnp.broadcast_to(still, (CONV_STEPS, *still.shape)), detach, unroll)
    current = convolve(pool(o.reshape(-1, *o.shape[2:])), weights[1])
    o = lif(current.reshape(CONV_STEPS, -1, *current.shape[1:]), detach, unroll)
    pooled = pool(o.reshape(-1, *o.shape[2:]))
    o = flatten(pooled).reshape(CONV_STEPS, o.shape[1], -1)
    return mlp_hoisted(weights[2:], o, labels, detach=detach, unroll=unroll)


def conv_in_scan(weights: Arrays, images: jax.Array, labels: jax.Array, *, detach: bool, unroll: int) -> jax.Array:
    still = convolve(images, weights[0])
    batch = images.shape[0]

    def step(carry, _):
        states, counts = carry
        first = cell(states[0], still, detach)
        second = cell(states[1], convolve(pool(first[1]), weights[1]), detach)
        third = cell(states[2], flatten(pool(second[1])) @ weights[2].T, detach)
        fourth = cell(states[3], third[1] @ weights[3].T, detach)
        return ((first, second, third, fourth), counts + fourth[1]), None

    shapes = (still.shape, (batch, 8, 8, weights[1].shape[0]), (batch, weights[2].shape[0]), (batch, weights[3].shape[0]))
    zeros = [jnp.zeros(shape, still.dtype) for shape in shapes]
    start = (tuple((z, z) for z in zeros), zeros[-1])
    (_, counts), _ = jax.lax.scan(step, start, None, length=CONV_STEPS, unroll=unroll)
    return cross_entropy(counts, labels)


# For each kind of workload: name -> (loss, steps of the scan unrolled into one). Unrolling was slower for mlp and is not tried.
FORMS: dict[str, dict[str, tuple[Callable[..., jax.Array], int]]] = {
    "mlp": {"hoisted": (mlp_hoisted, 1), "in scan": (mlp_in_scan, 1)},
    "lif": {"scan": (lif_loss, 1), "scan, unrolled by 4": (lif_loss, 4)},
    "conv": {"hoisted": (conv_hoisted, 1), "hoisted, unrolled": (conv_hoisted, CONV_STEPS), "in scan": (conv_in_scan, 1)},
}


@dataclass
class Result:
    """What one run computed; already waited for."""

    loss: float
    gradients: Arrays

    def grad_norms(self) -> list[float]:
        return [float(np.linalg.norm(np.asarray(g, np.float64))) for g in self.gradients]


def arguments(workload: Workload) -> tuple[Arrays, list[jax.Array]]:
    """What the gradient is taken by, and the rest."""
    tensors = workload.tensors
    if workload.kind == "lif":
        return (jnp.asarray(tensors["current"]),), [jnp.asarray(tensors["cotangent"])]
    weights, labels = tuple(jnp.asarray(w) for w in workload.weights), jnp.asarray(tensors["labels"], jnp.int32)
    if workload.kind == "conv":
        return weights, [jnp.asarray(tensors["images"].transpose(0, 2, 3, 1)), labels]
    return weights, [jnp.asarray(tensors["x"], jnp.float32), labels]


def make_run(workload: Workload, form: str, detach: bool) -> Callable[[], Result]:
    """Compiles one form ahead of time; what is returned is what is timed."""
    loss, unroll = FORMS[workload.kind][form]
    by, rest = arguments(workload)
    compiled = jax.jit(jax.value_and_grad(partial(loss, detach=detach, unroll=unroll))).lower(by, *rest).compile()

    def run() -> Result:
        value, gradients = jax.block_until_ready(compiled(by, *rest))
        return Result(float(value), gradients)

    return run


def fastest_form(workload: Workload, trials: int = 3) -> str:
    """The form with the least time for the full gradient, the forms tried in turn.

    The detached gradient is then taken in the same form, so that their ratio has one difference and not two.
    """
    runs = {form: make_run(workload, form, detach=False) for form in FORMS[workload.kind]}
    least = dict.fromkeys(runs, float("inf"))
    for trial in range(trials + 1):
        for form, run in runs.items():
            start = time.perf_counter()
            run()
            if trial > 0:
                least[form] = min(least[form], time.perf_counter() - start)
    return min(least, key=lambda form: least[form])

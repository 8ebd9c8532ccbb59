"""Neurons as users of JAX write them, and wrong rules of theirs. A mark in a comment says which line is looked for."""

from __future__ import annotations

import os
import tempfile
from collections.abc import Callable
from pathlib import Path
from typing import Any

import jax
import jax.numpy as jnp
import numpy as np

# Most of the time goes into compiling, and much of that is the same in one test and the next.
_CACHE = tempfile.TemporaryDirectory()
jax.config.update("jax_compilation_cache_dir", _CACHE.name)
jax.config.update("jax_persistent_cache_min_compile_time_secs", 0.0)
jax.config.update("jax_persistent_cache_min_entry_size_bytes", -1)

LAM, THETA, WIDTH = 0.9, 1.0, 0.5
STEPS, BATCH, INPUTS, HIDDEN = 12, 4, 6, 5


def seeds(few: int, many: int) -> range:
    """One of each kind; with RESURGE_CASES=all, which takes some minutes, as many as there are."""
    return range(many if os.environ.get("RESURGE_CASES") == "all" else few)


def line_of(mark: str) -> int:
    """The line of this file that ends with a mark."""
    lines = Path(__file__).read_text().splitlines()
    (found,) = [i for i, text in enumerate(lines, 1) if text.endswith(f"# {mark}")]
    return found


def slope(u: Any, width: float = WIDTH) -> Any:
    """Of unit area: a sigmoid whose scale is a part of the width."""
    s = jax.nn.sigmoid(u / width)
    return s * (1 - s) / width


def spike_jvp(how: Callable[[Any], Any] = slope) -> Any:
    """A step with a custom_jvp."""

    @jax.custom_jvp
    def spike(u):
        return (u > 0).astype(u.dtype)

    @spike.defjvp  # rule of spike_jvp
    def rule(primals, tangents):
        (u,), (t,) = primals, tangents
        return spike(u), t * how(u)

    return spike


def spike_vjp(back: Callable[[Any, Any], Any] = lambda u, g: g * slope(u)) -> Any:
    """A step with a custom_vjp."""

    @jax.custom_vjp
    def spike(u):
        return (u > 0).astype(u.dtype)

    def backward(u, g):  # rule of spike_vjp
        return (back(u, g),)

    spike.defvjp(lambda u: (spike(u), u), backward)
    return spike


def parameters(seed: int = 0, dtype: Any = np.float64) -> dict[str, Any]:
    r = np.random.default_rng(seed)
    return {
        "hidden": {"w": jnp.asarray(r.standard_normal((INPUTS, HIDDEN)).astype(dtype))},
        "out": {
            "w": jnp.asarray(r.standard_normal((HIDDEN, 3)).astype(dtype)),
            "b": jnp.asarray(r.standard_normal(3).astype(dtype)),
        },
    }


def data(seed: int = 0, dtype: Any = np.float64) -> tuple[Any, Any]:
    r = np.random.default_rng(seed + 1000)
    x = jnp.asarray(r.uniform(0, 1, (STEPS, BATCH, INPUTS)).astype(dtype))
    return x, jnp.asarray([0, 2, 1, 0])


def network(spike: Callable[[Any], Any], detached: bool = True) -> Callable[..., Any]:
    """A loss of a layer of leaky neurons and a readout, in a scan."""

    def loss(params, x, y):
        def step(state, at):
            u, o, v = state
            held = jax.lax.stop_gradient(o) if detached else o  # reset
            u = LAM * u * (1 - held) + at @ params["hidden"]["w"]
            o = spike(u - THETA)  # call
            v = 0.8 * v + o @ params["out"]["w"] + params["out"]["b"]
            return (u, o, v), v

        u = jnp.zeros((x.shape[1], HIDDEN), x.dtype)
        _, v = jax.lax.scan(step, (u, u, jnp.zeros((x.shape[1], 3), x.dtype)), x)
        scores = jax.nn.log_softmax(v.mean(0))
        return -jnp.take_along_axis(scores, y[:, None], 1).mean()

    return loss


def smooth(name: str, right: bool) -> Any:
    """Functions without a jump, whose forward pass says what their gradient is."""
    forwards = {
        "tanh": lambda x, w: jnp.tanh(x @ w),
        "matmul": lambda x, w: x @ w,
        "square": lambda x, w: (x @ w) ** 2,
        "norm": lambda x, w: x @ w - (x @ w).mean(1, keepdims=True),
        "softmax": lambda x, w: jax.nn.softmax(x @ w),
    }

    @jax.custom_vjp
    def function(x, w):
        return forwards[name](x, w)

    def backward(kept, g):  # rule of smooth
        x, w = kept
        y = x @ w
        if name == "tanh":
            g = g * (1 - jnp.tanh(y) ** 2) if right else g * (1 - jnp.tanh(y))
        elif name == "square":
            g = g * y * (2 if right else 1)
        elif name == "norm":
            g = g - g.mean(1, keepdims=True) if right else g
        elif name == "softmax":
            s = jax.nn.softmax(y)
            g = s * (g - (g * s).sum(1, keepdims=True)) if right else s * g
        dw = x.T @ g
        return g @ w.T, (dw if right or name != "matmul" else dw.T)

    function.defvjp(lambda x, w: (function(x, w), (x, w)), backward)
    return function


def stepwise(reset: str, detached: bool = False) -> Callable[[Any], Any]:
    """The definition of `fused`: a leaky neuron, step by step."""
    spike = spike_jvp()

    def run(x):
        def step(state, at):
            u, o = state
            held = jax.lax.stop_gradient(o) if detached else o
            u = LAM * u * (1 - held) + at if reset == "zero" else LAM * u + at - THETA * held
            o = spike(u - THETA)
            return (u, o), o

        return jax.lax.scan(step, (jnp.zeros_like(x[0]), jnp.zeros_like(x[0])), x)[1]

    return run


def fused(fault: str, reset: str = "subtract", detached: bool = False) -> Any:
    """The same of a whole sequence, with a backward of its own, which has a fault."""

    def forward(x):
        def step(state, at):
            u, o = state
            u = LAM * u * (1 - o) + at if reset == "zero" else LAM * u + at - THETA * o
            o = (u > THETA).astype(u.dtype)
            return (u, o), (u, o)

        return jax.lax.scan(step, (jnp.zeros_like(x[0]), jnp.zeros_like(x[0])), x)[1]

    @jax.custom_vjp
    def lif(x):
        return forward(x)[1]

    def backward(kept, g):  # rule of fused
        us, os = kept
        theta, lam = (1.5 if fault == "theta" else THETA), (1.0 if fault == "missing lambda" else LAM)
        at = jnp.concatenate([us[1:], us[-1:]]) if fault == "u[t+1]" else us
        slopes = slope(at - THETA) * (WIDTH if fault == "missing 1/width" else 1.0)

        def step(du, inputs):
            g, u, o, s = inputs
            into = g
            if not (detached and fault != "a detach too few") and fault != "missing reset":
                into = into - (LAM * u * du if reset == "zero" else theta * du)
            keep = 1.0 if reset != "zero" else (o if fault == "o for 1 - o" else 1 - o)
            du = into * s + lam * keep * du
            return du, du

        out = jax.lax.scan(step, jnp.zeros_like(us[0]), (g, us, os, slopes), reverse=True)[1]
        if fault == "scaled":
            out = out * 1.01
        elif fault == "sign":
            out = -out
        elif fault == "one step late":
            out = jnp.concatenate([jnp.zeros_like(out[:1]), out[:-1]])
        elif fault == "one sample":
            out = out.at[:, 1].multiply(1.5)
        elif fault == "f32":
            out = out * (1.1 if out.dtype == jnp.float32 else 1.0)
        elif fault == "1 + 1e-6":
            out = out * (1 + 1e-6)
        return (out,)

    lif.defvjp(lambda x: (forward(x)[1], forward(x)), backward)
    return lif

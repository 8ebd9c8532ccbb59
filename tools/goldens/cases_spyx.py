"""Spyx: IF, LIF, CuBaLIF, ALIF; each answers one step late."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass, replace
from typing import Any

import numpy as np

import reference as ref
from common import BATCH, Array, Case, Data, Param, Result
from reference import Adaptation, Cell, Synapse


@dataclass(frozen=True)
class SpyxLayer:
    make: Callable[[tuple[int, ...]], Any]
    learned: tuple[str, ...] = ()


def run_spyx(case: Case, data: Data) -> Result:
    import jax
    import jax.numpy as jnp
    from flax import nnx

    spec: SpyxLayer = case.layer
    widths = [w.w.shape[0] for w in data.weights]
    split = [nnx.split(spec.make((n,))) for n in widths]

    def evaluate(leaves: dict[str, Any]) -> tuple[Any, Any]:
        h, spikes, potentials = leaves["x"], [], []
        for k, ((graph, _), n) in enumerate(zip(split, widths)):
            neuron = nnx.merge(graph, leaves["cells"][k])
            state = neuron.initial_state(BATCH)
            outs, us = [], []
            for x in h:
                current = x @ leaves["w"][k].T
                if leaves["b"]:
                    current = current + leaves["b"][k]
                out, state = neuron(current, state)
                outs.append(out)
                us.append(state[..., :n])
            h = jnp.stack(outs)
            spikes.append(h)
            potentials.append(jnp.stack(us))
        loss = jnp.sum(data.c * spikes[-1])
        if data.d is not None:
            loss = loss + jnp.sum(data.d * potentials[-1])
        return loss, (spikes, potentials)

    leaves = {
        "x": jnp.asarray(data.x),
        "w": [jnp.asarray(w.w) for w in data.weights],
        "b": [jnp.asarray(w.b) for w in data.weights if w.b is not None],
        "cells": [state for _, state in split],
    }
    (loss, (spikes, potentials)), g = jax.value_and_grad(evaluate, has_aux=True)(leaves)

    def array(a: Any) -> Array:
        assert a.dtype == jnp.float64, a.dtype
        return np.array(a)

    grads = {"x": array(g["x"])}
    for k in range(len(widths)):
        grads[f"w.{k}"] = array(g["w"][k])
        if g["b"]:
            grads[f"b.{k}"] = array(g["b"][k])
        for name in spec.learned:
            grads[f"{name}.{k}"] = array(g["cells"][k][name][...]).reshape(1)
    return Result([array(s) for s in spikes], [array(u) for u in potentials], [], float(loss), grads)


def spyx_cases() -> list[Case]:
    import jax

    jax.config.update("jax_enable_x64", True)
    from flax import nnx
    from spyx import axn, nn

    def layer(cls: Any, learned: tuple[str, ...] = (), **options: Any) -> SpyxLayer:
        return SpyxLayer(lambda shape: cls(shape, rngs=nnx.Rngs(0), **options), learned)

    fires = "y[t] = 1[V[t-1] > threshold]: the output of step t is the spike of the potential that step t - 1 left"
    base = Cell(
        ref.fast_sigmoid(25.0),
        decay=0.85,
        reset="subtract",
        attached=True,
        fires_at=">",
        timing="after_decay",
        output_delay=True,
    )
    beta = Param("beta", 0.85, {"decay": 1.0})
    common = dict(source="spyx/nn.py, spyx/axn.py")
    return [
        Case(
            "lif",
            cls="spyx.nn.LIF",
            settings={"beta": 0.85, "threshold": 1.0, "activation": "superspike(k=25)"},
            equation=f"{fires}; V[t] = beta V[t-1] + I[t] - threshold y[t], ATTACHED",
            cell=base,
            layer=layer(nn.LIF, ("beta",), beta=0.85),
            params=(beta,),
            bias=True,
            **common,
        ),
        Case(
            "lif-arctan",
            cls="spyx.nn.LIF",
            settings={"beta": 0.85, "threshold": 1.0, "activation": "arctan(k=2)"},
            equation=f"{fires}; V[t] = beta V[t-1] + I[t] - threshold y[t], ATTACHED",
            cell=replace(base, surrogate=ref.atan_peak_inv_pi(2.0)),
            layer=layer(nn.LIF, ("beta",), beta=0.85, activation=axn.arctan()),
            params=(beta,),
            potential_loss=False,
            **common,
        ),
        Case(
            "if",
            cls="spyx.nn.IF",
            settings={"threshold": 1.0, "activation": "triangular(k=0.5)"},
            equation=f"{fires}; V[t] = V[t-1] + I[t] - threshold y[t], ATTACHED",
            cell=replace(base, surrogate=ref.triangle(1.0, 0.5), decay=1.0),
            layer=layer(nn.IF, activation=axn.triangular(0.5)),
            **common,
        ),
        Case(
            "cubalif",
            cls="spyx.nn.CuBaLIF",
            settings={"alpha": 0.6, "beta": 0.85, "threshold": 1.0, "activation": "tanh(k=1)"},
            equation=f"{fires}; i[t] = alpha i[t-1] + I[t]; V[t] = beta (V[t-1] - threshold y[t]) + i[t], ATTACHED",
            cell=replace(base, surrogate=ref.tanh_peak1(1.0), timing="before_decay", synapse=Synapse(0.6)),
            layer=layer(nn.CuBaLIF, ("alpha", "beta"), alpha=0.6, beta=0.85, activation=axn.tanh()),
            params=(Param("alpha", 0.6, {"synapse_decay": 1.0}), beta),
            **common,
        ),
        Case(
            "alif",
            cls="spyx.nn.ALIF",
            settings={"beta": 0.85, "gamma": 0.7, "threshold": 1.0, "activation": "boxcar(width=1, height=0.5)"},
            equation="thr[t] = threshold + T[t]; y[t+1] = 1[V[t] > thr[t]]; V[t+1] = beta V[t] + I[t+1] - thr[t] y[t+1]; "
            "T[t+1] = gamma T[t] + (1 - gamma) y[t+1]; everything ATTACHED, thr in the spike too",
            cell=replace(base, surrogate=ref.rectangle(0.5, 0.5), adaptation=Adaptation(0.7, 1.0, in_spike=True)),
            layer=layer(nn.ALIF, ("beta", "gamma"), beta=0.85, gamma=0.7, activation=axn.boxcar(1.0, 0.5)),
            params=(beta, Param("gamma", 0.7, {"rho": 1.0})),
            **common,
        ),
        Case(
            "cubalif-threshold",
            cls="spyx.nn.CuBaLIF",
            settings={"alpha": 0.6, "beta": 0.85, "threshold": 0.75, "activation": "tanh(k=1)"},
            equation=f"{fires}; i[t] = alpha i[t-1] + I[t]; V[t] = beta (V[t-1] - threshold y[t]) + i[t], ATTACHED",
            cell=replace(
                base, theta=0.75, surrogate=ref.tanh_peak1(1.0), timing="before_decay", synapse=Synapse(0.6)
            ),
            layer=layer(nn.CuBaLIF, alpha=0.6, beta=0.85, threshold=0.75, activation=axn.tanh()),
            **common,
        ),
        Case(
            "alif-threshold",
            cls="spyx.nn.ALIF",
            settings={"beta": 0.85, "gamma": 0.7, "threshold": 0.75, "activation": "tanh(k=1)"},
            equation="thr[t] = threshold + T[t]; y[t+1] = 1[V[t] > thr[t]]; V[t+1] = beta V[t] + I[t+1] - thr[t] y[t+1]; "
            "T[t+1] = gamma T[t] + (1 - gamma) y[t+1]; everything ATTACHED, thr in the spike too",
            cell=replace(
                base, theta=0.75, surrogate=ref.tanh_peak1(1.0), adaptation=Adaptation(0.7, 1.0, in_spike=True)
            ),
            layer=layer(nn.ALIF, beta=0.85, gamma=0.7, threshold=0.75, activation=axn.tanh()),
            **common,
        ),
    ]

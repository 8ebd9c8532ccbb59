"""The networks of the audit goldens in Spyx."""

from __future__ import annotations

from collections.abc import Callable
from itertools import pairwise
from typing import Any

import jax.numpy as jnp
import resurge.recording as audit
from flax import nnx
from spyx import axn, nn

from cases import Case

COUNT = audit.Loss("cross-entropy", "sum")
MEAN = audit.Loss("cross-entropy", "mean")
MSE = audit.Loss("mse", "mean", "batch-mean")


def spyx_cases() -> list[Case]:
    def case(name: str, make: Callable[[Any, Any], Any], **more: Any) -> Case:
        return Case("spyx", name, make, audit.record_spyx, **more)

    def dense(neuron: Callable[[int, Any], Any], *sizes: int) -> Callable[[Any, Any], Any]:
        def make(dtype: Any, rngs: Any) -> Any:
            pairs = pairwise(sizes)
            layers = [(nnx.Linear(a, b, param_dtype=dtype, rngs=rngs), neuron(b, rngs)) for a, b in pairs]
            return nn.Sequential(*(layer for both in layers for layer in both))

        return make

    def images(dtype: Any, rngs: Any) -> Any:
        return nn.Sequential(
            nnx.Conv(1, 2, (3, 3), padding="SAME", use_bias=False, param_dtype=dtype, rngs=rngs),
            nn.LIF((6, 6, 2), 0.8, activation=axn.superspike(5), rngs=rngs),
            nn.SumPool((2, 2), (2, 2), "VALID"),
            nn.Flatten(),
            nnx.Linear(18, 3, param_dtype=dtype, rngs=rngs),
            nn.LI((3,), 0.9, rngs=rngs),
        )

    def lif(**options: Any) -> Callable[[int, Any], Any]:
        return lambda n, rngs: nn.LIF((n,), 0.85, rngs=rngs, **options)

    def cuba(n: int, rngs: Any) -> Any:
        return nn.CuBaLIF((n,), 0.6, 0.85, activation=axn.tanh(), rngs=rngs)

    def alif(n: int, rngs: Any) -> Any:
        return nn.ALIF((n,), 0.85, 0.7, threshold=0.8, activation=axn.boxcar(1.0, 0.5), rngs=rngs)

    return [
        case("lif-default", dense(lif(), 6, 5, 3)),
        case("lif-arctan", dense(lif(activation=axn.arctan()), 6, 5, 3), bits=32, loss=COUNT),
        case("lif-long", dense(lif(activation=axn.superspike(10)), 5, 5, 3), bits=32, steps=100, batch=1, loss=MSE),
        case("if-triangle", dense(lambda n, rngs: nn.IF((n,), activation=axn.triangular(0.5)), 6, 5, 3)),
        case("cubalif", dense(cuba, 6, 5, 3), bits=32, steps=30),
        case("cubalif-three-layers", dense(cuba, 6, 5, 4, 3), loss=COUNT),
        case("alif", dense(alif, 6, 5, 3), steps=30),
        case("lif-conv", images, bits=32, steps=10, image=True, loss=MEAN),
    ]


def weights_of(net: Any) -> list[Any]:
    """The kernels of a network."""
    return [layer.kernel for layer in net.layers if hasattr(layer, "kernel")]


def dtype_of(bits: int) -> Any:
    """The type of JAX."""
    return jnp.float64 if bits == 64 else jnp.float32

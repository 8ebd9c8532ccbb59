"""Spyx: functions of JAX, held against differences."""

from __future__ import annotations

from common import EXHIBITS, Exhibit, Finding, alone

PLACE = "https://github.com/kmheckel/spyx"


def against(values, activation) -> Finding:
    import jax
    import numpy as np
    import resurge

    jax.config.update("jax_enable_x64", True)
    u = np.linspace(-1.87, 2.09, 41)
    slope = jax.vmap(jax.grad(lambda x: activation(x)))
    report = resurge.gradcheck(values, u, gradient=lambda at: np.diag(np.asarray(slope(at))), raise_exception=False)
    return Finding(report.passed, str(report))


def straight() -> Finding:
    axn = alone("spyx", "axn.py")

    return against(lambda u: 0.5 + u, axn.custom())


EXHIBITS += [
    Exhibit(
        "spyx-straight", "spyx", "1.0.0", None, PLACE,
        "the straight-through estimator of custom() has the slope x, and documents 1",
        ("FAILED",), straight,
    ),
]

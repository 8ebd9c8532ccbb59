"""SpikingJelly and packages that took their surrogates from it."""

from __future__ import annotations

from common import ABSENT, EXHIBITS, Absent, Exhibit, Finding, alone, elementwise, primitive

PLACE = "https://github.com/fangwei123456/spikingjelly"


def piecewise() -> Finding:
    from spikingjelly.activation_based import surrogate

    function = surrogate.PiecewiseLeakyReLU(w=0.5, c=0.0)
    return elementwise(lambda u: function(u), {surrogate.piecewise_leaky_relu: "rectangle 1"}, scale=1.0)


def gate() -> Finding:
    module = alone("braincog", "base/strategy/surrogate.py")
    return primitive(logarithm, lambda x: module.gate.apply(x, 2.0))


def gate_spaic() -> Finding:
    module = alone("spaic", "Learning/surrogate.py")
    return primitive(logarithm, lambda x: module.gate.apply(x, 2.0))


def logarithm(u):
    """What both document."""
    import numpy as np

    return np.sign(u) * np.log1p(np.abs(2 * u))


EXHIBITS += [
    Exhibit(
        "spikingjelly-piecewise", "spikingjelly", "0.0.0.0.14", "2.0.0", f"{PLACE}/pull/412",
        "PiecewiseLeakyReLU has the slope 1/w within w of the threshold; its primitive rises by 1/(2w)",
        ("piecewise_leaky_relu at surrogate.py", "scaled by 2"), piecewise,
    ),
    Exhibit(
        "braincog-gate", "braincog", "0.2.7.19", None,
        "https://github.com/BrainCog-X/Brain-Cog",
        "GateGrad is a rectangle; its documentation has the slope alpha / (1 + |alpha x|)",
        ("FAILED", "surrogate.gate at", "rectangle 1"), gate,
    ),
    Exhibit(
        "spaic-gate", "spaic", "0.6.3.0.0", None, 
        "https://github.com/zju-bmi-lab/SPAIC/blob/9555f522a60d620ab4144ecde070f6859d8fb19c/spaic/Learning/surrogate.py",
        "gate is a rectangle; its documentation has the slope alpha / (1 + |alpha x|)",
        ("FAILED", "surrogate.gate at", "rectangle 1"), gate_spaic,
    ),
]
ABSENT += [
    Absent("spikingjelly", "0.0.0.0.8", f"{PLACE}/issues/151",
           "MultiStepParametricLIFNode sums the gradient of its constant over one block of threads only",
           "its CuPy kernels need a GPU"),
    Absent("spikingjelly", "0.0.0.0.14", f"{PLACE}/issues/564", "a threshold that is learned has no gradient",
           "not a fault of the package: with the issue's own node the threshold has its gradient"),
]

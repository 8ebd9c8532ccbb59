"""Sinabs and sinabs-exodus."""

from __future__ import annotations

from common import ABSENT, EXHIBITS, Absent, Exhibit, Finding, primitive

PLACE = "https://github.com/synsense/sinabs"


def periodic() -> Finding:
    import numpy as np
    from sinabs.activation import MultiSpike, PeriodicExponential

    theta, width = 0.5, 0.4

    def values(v):
        """The primitive of docs/surrogates.md: peaks of height 1 at every multiple of the threshold."""
        x = v - theta
        n = np.round(x / theta)
        away = x - n * theta
        rise = width * (1 - np.exp(-theta / width))
        above = width + n * rise + np.sign(away) * width / 2 * (1 - np.exp(-2 * np.abs(away) / width))
        return np.where(x < 0, width * np.exp(np.minimum(x, 0) / width), above)

    return primitive(values, lambda v: MultiSpike.apply(v, theta, PeriodicExponential(grad_width=width)))


def recorded() -> Finding:
    """A loss on the recorded potentials: the weights should have a gradient by them."""
    import numpy
    import resurge
    import torch

    numpy.product = numpy.prod  # which this version takes from numpy, and numpy 2 has not
    import sinabs.layers as layers

    torch.manual_seed(0)
    weight = torch.randn(6, 4, requires_grad=True)
    x = torch.randn(5, 12, 6)

    def loss():
        lif = layers.LIF(tau_mem=10.0, record_states=True)
        spikes = lif(x @ weight)
        potentials = lif.recordings["v_mem"]
        return (potentials**2).sum() + 1e-3 * spikes.sum()

    report = resurge.check(loss, {"weight": weight})
    cut = [row for row in report.cuts if row["kind"] == "detach" and row["omitted"] > 0.1]
    lines = [f"detach at {row['place']} omits {100 * row['omitted']:.0f} % of the attached gradient" for row in cut]
    text = "; ".join(lines)
    return Finding(bool(report) and not cut, text or str(report))


EXHIBITS += [
    Exhibit(
        "sinabs-periodic", "sinabs", "1.2.4", "3.1.3", f"{PLACE}/issues/97",
        "PeriodicExponential decays and does not peak at 1 unless the threshold is 1",
        ("FAILED", "MultiSpike at", "of no family that is known"), periodic,
    ),
    Exhibit(
        "sinabs-recorded", "sinabs", "1.1.2", "1.2.10", f"{PLACE}/issues/66",
        "recorded potentials are detached, so that a loss on them trains nothing",
        ("detach at lif.py",), recorded,
    ),
]
ABSENT += [
    Absent("sinabs-exodus", "1.0.0", "https://github.com/synsense/sinabs-exodus/issues/3",
           "wrong gradients of a loss over several calls",
           "it is built with CUDA, which this machine has not", installs=False),
    Absent("lava-dl", "0.5.0", "https://github.com/lava-nc/lava-dl/issues/70", "the spike function of ALIF",
           "it is not on the package index"),
]

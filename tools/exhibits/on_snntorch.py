"""snnTorch."""

from __future__ import annotations

from common import EXHIBITS, Exhibit, Finding, found, primitive, refused

PLACE = "https://github.com/jeshraghian/snntorch"
SOURCE = f"{PLACE}/blob/634fc22385ec5581998e62787bbe39b53662140f/snntorch/surrogate.py"


def leaky(spike_grad, declared, threshold=1.0):
    """One layer of Leaky in a loop, its surrogate held against the declared one."""
    import resurge
    import snntorch as snn
    import torch

    torch.manual_seed(0)
    weight = torch.randn(6, 4, requires_grad=True)
    x = torch.randn(12, 5, 6)

    def loss():
        cell = snn.Leaky(beta=0.9, spike_grad=spike_grad, threshold=threshold)
        mem, total = torch.zeros(5, 4), 0
        for step in x:
            spikes, mem = cell(step @ weight, mem)
            total = total + (spikes * torch.arange(4.0)).sum()
        return total

    return resurge.check(loss, {"weight": weight}, surrogates=declared)


def sigmoid() -> Finding:
    from snntorch import surrogate

    return refused(lambda: leaky(surrogate.sigmoid(slope=25), {surrogate.Sigmoid: "sigmoid 0.04"}))


def triangular() -> Finding:
    from snntorch import surrogate

    return found(leaky(surrogate.triangular(), {surrogate.Triangular: "triangle 1"}))


def lso() -> Finding:
    import numpy as np
    from snntorch import surrogate

    make = getattr(surrogate, "LSO", None) or surrogate.LLSO
    return primitive(lambda u: np.where(u >= 0, u, 0.1 * u), make(slope=0.1))


def escape() -> Finding:
    import numpy as np
    from snntorch import surrogate

    beta, slope = 2.0, 3.0

    def values(u):
        x = u - 1
        return slope / beta * np.sign(x) * (1 - np.exp(-beta * np.abs(x)))

    return primitive(values, surrogate.spike_rate_escape(beta=beta, slope=slope))


def synaptic() -> Finding:
    import resurge
    import snntorch as snn
    import torch

    def layer(current):
        cell = snn.Synaptic(alpha=0.7, beta=0.8, threshold=1.0, spike_grad=snn.surrogate.fast_sigmoid(25))
        syn, mem = (torch.zeros(current.shape[1:], dtype=current.dtype) for _ in range(2))
        out = []
        for step in current:
            spikes, syn, mem = cell(step, syn, mem)
            out.append(spikes)
        return torch.stack(out)

    torch.manual_seed(0)
    # snnTorch computes in f32.
    x = 0.8 * torch.rand(12, 4, 3)
    line = "lif decay 0.8 synapse 0.7 reset subtract detached surrogate fast-sigmoid 25"
    sweep = {"steps": [2, 7], "batch": [1, 3], "dtype": [], "use": []}
    return found(resurge.check_function(layer, line, x, sweep=sweep))


def recurrent() -> Finding:
    import copy

    import resurge
    import snntorch as snn
    import torch

    torch.manual_seed(0)
    options = dict(alpha=0.7, beta=0.8, all_to_all=False, V=0.5, init_hidden=True, reset_mechanism="zero")
    cell = snn.RSynaptic(**options, spike_grad=snn.surrogate.fast_sigmoid(25))
    new = copy.deepcopy(cell)

    def steps(one, current):
        return torch.stack([one(step) for step in current])

    def layer(current):
        if cell.mem.numel():
            snn.RSynaptic.reset_hidden()
        return steps(cell, current)

    x = 2 * torch.rand(9, 4, 3)
    sweep = {"steps": [], "batch": [], "dtype": [], "layout": [], "use": ["second call"]}
    return found(resurge.check_function(layer, lambda current: steps(copy.deepcopy(new), current), x, sweep=sweep))


EXHIBITS += [
    Exhibit(
        "snntorch-sigmoid", "snntorch", "0.9.4", None, f"{PLACE}/issues/427",
        "sigmoid(slope=25) is NaN some 3.5 below the threshold; mended in pull request 433, in no release yet",
        ("snntorch.surrogate.Sigmoid", "surrogate.py:318", "gives nan"), sigmoid,
    ),
    Exhibit(
        "snntorch-triangular", "snntorch", "1.0.0", None, SOURCE,
        "triangular is constant, and negative above the threshold: the derivative of the triangle, not the triangle",
        ("snntorch.surrogate.Triangular at surrogate.py", "not that of the declared surrogate"), triangular,
    ),
    Exhibit(
        "snntorch-lso", "snntorch", "0.3.0", None, f"{PLACE}/issues/347",
        "LSO calls another function, whose slope is random; in later versions it raises; mended in pull request 418",
        ("FAILED", "StochasticSpikeOperator", "surrogate.py"), lso,
    ),
    Exhibit(
        "snntorch-escape", "snntorch", "0.6.4", "0.9.4", SOURCE,
        "spike_rate_escape(beta, slope) hands on its slope as beta",
        ("FAILED", "SpikeRateEscape", "surrogate.py"), escape,
    ),
    Exhibit(
        "snntorch-synaptic", "snntorch", "0.9.1", "0.9.4", f"{PLACE}/issues/358",
        "Synaptic puts the current where the potential belongs",
        ("the output",), synaptic,
    ),
    Exhibit(
        "snntorch-recurrent", "snntorch", "0.9.4", None, f"{PLACE}/issues/323",
        "reset_hidden() of RSynaptic leaves the spikes of the sequence before",
        ("second call: the",), recurrent,
    ),
]

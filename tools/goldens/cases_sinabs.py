"""Sinabs: LIF with each reset and spike function, ALIF; and EXODUS, the same layer with CUDA kernels."""

from __future__ import annotations

from dataclasses import replace
from pathlib import Path
from typing import Any

import numpy as np

import reference as ref
from common import Case, LayerRun, Param, TorchLayer, linear
from reference import Adaptation, Cell, Synapse


class SpikeRecorder:
    """Stands before a sinabs spike function and keeps the potentials given to it."""

    required_states = ["v_mem"]

    def __init__(self, base: Any) -> None:
        self.base, self.seen = base, []

    def apply(self, v_mem: Any, threshold: Any, surrogate: Any) -> Any:
        self.seen.append(v_mem)
        return self.base.apply(v_mem, threshold, surrogate)


def alpha_and_slope(tau: float) -> tuple[float, float]:
    """exp(-1/tau) and its derivative by tau."""
    alpha = float(np.exp(-1 / tau))
    return alpha, alpha / tau**2


def membrane_param(tau: float, norm_input: bool) -> Param:
    slope = alpha_and_slope(tau)[1]
    return Param("tau_mem", tau, {"decay": slope, "gain": -slope if norm_input else 0.0})


def synapse_param(tau: float) -> Param:
    slope = alpha_and_slope(tau)[1]
    return Param("tau_syn", tau, {"synapse_decay": slope, "synapse_gain": slope})


MULTI = "o[t] = floor(u[t] / threshold) where u[t] > 0, else 0 (several spikes a step)"
SINGLE = "o[t] = 1[u[t] >= threshold]"


def sinabs_equation(norm_input: bool, tau_syn: bool, fires: str, reset: str) -> str:
    drive = "(1 - a) " if norm_input else ""
    first = "i[t] = s (i[t-1] + I[t]), s = exp(-1/tau_syn); " if tau_syn else ""
    return f"{first}u[t] = a v[t-1] + {drive}{'i' if tau_syn else 'I'}[t], a = exp(-1/tau_mem); {fires}; {reset}"


def sinabs_cases() -> list[Case]:
    import sinabs.activation as act
    import sinabs.layers as layers
    import torch

    def layer(cls: Any, spike_fn: Any, learned: tuple[str, ...], **options: Any) -> TorchLayer:
        def run(h: Any, w: Any, b: Any, _: Any) -> LayerRun:
            recorder = SpikeRecorder(spike_fn)
            neuron = cls(spike_fn=recorder, **options).double()
            spikes = neuron(linear(h, w, b).movedim(0, 1)).movedim(1, 0)
            return LayerRun(spikes, torch.stack(recorder.seen), None, {name: getattr(neuron, name) for name in learned})

        return run

    a4 = alpha_and_slope(4.0)[0]
    a6 = alpha_and_slope(6.0)[0]
    s2 = alpha_and_slope(2.0)[0]
    exponential = ref.single_exponential(0.5, 1.0)
    subtract = "v[t] = u[t] - o[t] threshold, ATTACHED"
    common = dict(
        cls="sinabs.layers.LIF",
        source="sinabs/layers/functional/lif.py, sinabs/activation/reset_mechanism.py, "
        "sinabs/activation/spike_generation.py",
    )
    base = Cell(exponential, decay=a4, gain=1 - a4, reset="subtract", attached=True, fires_at=">=")
    default = "SingleExponential(grad_width=0.5, grad_scale=1)"
    adapt_a = alpha_and_slope(8.0)[0]
    return [
        Case(
            "lif-default",
            settings={
                "tau_mem": 4.0,
                "spike_fn": "MultiSpike",
                "reset_fn": "MembraneSubtract()",
                "surrogate_grad_fn": default,
                "norm_input": True,
            },
            equation=sinabs_equation(True, False, MULTI, subtract),
            cell=replace(base, multi_spike=True),
            layer=layer(layers.LIF, act.MultiSpike, ("tau_mem",), tau_mem=4.0),
            params=(membrane_param(4.0, True),),
            accept=lambda traces: all((tr.o >= 2).sum() >= 2 for tr in traces),
            **common,
        ),
        Case(
            "lif-single",
            settings={
                "tau_mem": 6.0,
                "spike_fn": "SingleSpike",
                "reset_fn": "MembraneSubtract()",
                "surrogate_grad_fn": "Gaussian(mu=0, sigma=0.5, grad_scale=1)",
                "norm_input": False,
            },
            equation=sinabs_equation(False, False, SINGLE, subtract),
            cell=replace(base, surrogate=ref.gaussian(0.0, 0.5, 1.0), decay=a6, gain=1.0),
            layer=layer(
                layers.LIF, act.SingleSpike, ("tau_mem",), tau_mem=6.0, norm_input=False, surrogate_grad_fn=act.Gaussian()
            ),
            params=(membrane_param(6.0, False),),
            bias=True,
            **common,
        ),
        Case(
            "lif-reset",
            settings={
                "tau_mem": 4.0,
                "spike_fn": "SingleSpike",
                "reset_fn": "MembraneReset(reset_value=0)",
                "surrogate_grad_fn": "MultiGaussian(mu=0, sigma=0.5, h=0.15, s=6, grad_scale=1)",
                "norm_input": True,
            },
            equation=sinabs_equation(True, False, SINGLE, "v[t] = u[t] 1[o[t] = 0], which no gradient of o passes"),
            cell=replace(base, surrogate=ref.multi_gaussian(0.15, 0.5, 6.0, 1.0), reset="zero", attached=False),
            layer=layer(
                layers.LIF,
                act.SingleSpike,
                (),
                tau_mem=4.0,
                reset_fn=act.MembraneReset(),
                surrogate_grad_fn=act.MultiGaussian(),
            ),
            **common,
        ),
        Case(
            "lif-reset-value",
            settings={
                "tau_mem": 4.0,
                "spike_fn": "SingleSpike",
                "reset_fn": "MembraneReset(reset_value=0.125)",
                "surrogate_grad_fn": default,
                "norm_input": True,
            },
            equation=sinabs_equation(
                True,
                False,
                SINGLE,
                "v[t] = u[t] 1[o[t] = 0] + reset_value, added to EVERY neuron at every step; no gradient of o passes",
            ),
            cell=replace(base, reset="zero_then_add", v_reset=0.125, attached=False),
            layer=layer(layers.LIF, act.SingleSpike, (), tau_mem=4.0, reset_fn=act.MembraneReset(0.125)),
            potential_loss=False,
            **common,
        ),
        Case(
            "lif-synapse",
            settings={
                "tau_mem": 6.0,
                "tau_syn": 2.0,
                "spike_fn": "SingleSpike",
                "reset_fn": "MembraneSubtract()",
                "surrogate_grad_fn": default,
                "norm_input": True,
            },
            equation=sinabs_equation(True, True, SINGLE, subtract),
            cell=replace(base, decay=a6, gain=1 - a6, synapse=Synapse(s2, s2)),
            layer=layer(layers.LIF, act.SingleSpike, ("tau_mem", "tau_syn"), tau_mem=6.0, tau_syn=2.0),
            params=(membrane_param(6.0, True), synapse_param(2.0)),
            **common,
        ),
        Case(
            "alif",
            cls="sinabs.layers.ALIF",
            source="sinabs/layers/functional/alif.py",
            settings={
                "tau_mem": 4.0,
                "tau_adapt": 8.0,
                "adapt_scale": 1.8,
                "spike_fn": "SingleSpike",
                "reset_fn": "MembraneSubtract()",
                "surrogate_grad_fn": default,
                "norm_input": True,
            },
            equation="thr[t] = threshold + adapt_scale b[t-1]; u[t] = a v[t-1] + (1 - a) I[t]; o[t] = 1[u[t] >= thr[t]], "
            "the surrogate's width is 0.5 thr[t] and thr[t] gets NO gradient from the firing; v[t] = u[t] - o[t] thr[t], "
            "o and thr ATTACHED; b[t] = r b[t-1] + (1 - r) o[t], o attached; a = exp(-1/tau_mem), r = exp(-1/tau_adapt)",
            cell=replace(base, adaptation=Adaptation(adapt_a, 1.8, in_spike=False)),
            layer=layer(layers.ALIF, act.SingleSpike, ("tau_mem", "tau_adapt"), tau_mem=4.0, tau_adapt=8.0),
            params=(membrane_param(4.0, True), Param("tau_adapt", 8.0, {"rho": alpha_and_slope(8.0)[1]})),
        ),
        Case(
            "lif-threshold",
            settings={
                "tau_mem": 4.0,
                "spike_threshold": 0.75,
                "spike_fn": "MultiSpike",
                "reset_fn": "MembraneSubtract()",
                "surrogate_grad_fn": default,
                "norm_input": True,
            },
            equation=sinabs_equation(True, False, MULTI, subtract) + "; the surrogate's width is 0.5 threshold",
            cell=replace(base, theta=0.75, multi_spike=True),
            layer=layer(layers.LIF, act.MultiSpike, ("tau_mem",), tau_mem=4.0, spike_threshold=torch.tensor(0.75)),
            params=(membrane_param(4.0, True),),
            accept=lambda traces: all((tr.o >= 2).sum() >= 2 for tr in traces),
            **common,
        ),
        Case(
            "lif-gaussian-threshold",
            settings={
                "tau_mem": 4.0,
                "spike_threshold": 1.5,
                "spike_fn": "SingleSpike",
                "reset_fn": "MembraneSubtract()",
                "surrogate_grad_fn": "Gaussian(mu=0, sigma=0.4, grad_scale=0.8)",
                "norm_input": True,
            },
            equation=sinabs_equation(True, False, SINGLE, subtract) + "; sigma does not scale with the threshold",
            cell=replace(base, theta=1.5, surrogate=ref.gaussian(0.0, 0.4, 0.8)),
            layer=layer(
                layers.LIF,
                act.SingleSpike,
                (),
                tau_mem=4.0,
                spike_threshold=torch.tensor(1.5),
                surrogate_grad_fn=act.Gaussian(sigma=0.4, grad_scale=0.8),
            ),
            **common,
        ),
        Case(
            "alif-threshold",
            cls="sinabs.layers.ALIF",
            source="sinabs/layers/functional/alif.py",
            settings={
                "tau_mem": 4.0,
                "tau_adapt": 8.0,
                "adapt_scale": 1.8,
                "spike_threshold": 0.75,
                "spike_fn": "SingleSpike",
                "reset_fn": "MembraneSubtract()",
                "surrogate_grad_fn": default,
                "norm_input": False,
            },
            equation="thr[t] = threshold + adapt_scale b[t-1]; u[t] = a v[t-1] + I[t]; o[t] = 1[u[t] >= thr[t]], "
            "the surrogate's width is 0.5 thr[t] and thr[t] gets NO gradient from the firing; v[t] = u[t] - o[t] thr[t], "
            "o and thr ATTACHED; b[t] = r b[t-1] + (1 - r) o[t], o attached; a = exp(-1/tau_mem), r = exp(-1/tau_adapt)",
            cell=replace(base, theta=0.75, gain=1.0, adaptation=Adaptation(adapt_a, 1.8, in_spike=False)),
            layer=layer(
                layers.ALIF,
                act.SingleSpike,
                (),
                tau_mem=4.0,
                tau_adapt=8.0,
                norm_input=False,
                spike_threshold=torch.tensor(0.75),
            ),
        ),
    ]


def exodus_cases(cache: Path) -> list[Case]:
    import sinabs.activation as act

    import exodus_cpu

    module = exodus_cpu.load(cache)

    def layer(spike_fn: Any, learned: tuple[str, ...], **options: Any) -> TorchLayer:
        def run(h: Any, w: Any, b: Any, _: Any) -> LayerRun:
            seen: list[Any] = []
            original = module.IntegrateAndFire

            class Recorder:
                @staticmethod
                def apply(*arguments: Any) -> Any:
                    spikes, v_mem = original.apply(*arguments)
                    seen.append(v_mem)
                    return spikes, v_mem

            neuron = module.LIF(spike_fn=spike_fn, record_states=True, **options).double()
            module.IntegrateAndFire = Recorder
            try:
                spikes = neuron(linear(h, w, b).movedim(0, 1)).movedim(1, 0)
            finally:
                module.IntegrateAndFire = original
            potentials = seen[0].reshape(h.shape[1], w.shape[0], h.shape[0]).movedim(-1, 0)
            states = neuron.recordings["v_mem"].movedim(1, 0)
            return LayerRun(spikes, potentials, states, {name: getattr(neuron, name) for name in learned})

        return run

    a4 = alpha_and_slope(4.0)[0]
    a6 = alpha_and_slope(6.0)[0]
    s2 = alpha_and_slope(2.0)[0]
    base = Cell(ref.single_exponential(0.5, 1.0), decay=a4, gain=1 - a4, reset="subtract", attached=True, fires_at=">=")
    subtract = "v[t] = u[t] - o[t] threshold, ATTACHED (the backward kernel's factor is a (1 - threshold g[t]))"
    common = dict(
        cls="sinabs.exodus.layers.LIF",
        source="sinabs/exodus/layers/lif.py, sinabs/exodus/spike.py, "
        "cuda/lif_kernels.h (compiled for the CPU in f64, see exodus_cpu.py)",
        state="recordings['v_mem'], after the reset",
    )
    default = "SingleExponential(grad_width=0.5, grad_scale=1)"
    return [
        Case(
            "lif-default",
            settings={
                "tau_mem": 4.0,
                "spike_fn": "MultiSpike",
                "reset_fn": "MembraneSubtract()",
                "surrogate_grad_fn": default,
                "norm_input": True,
            },
            equation=sinabs_equation(True, False, MULTI, subtract),
            cell=replace(base, multi_spike=True),
            layer=layer(act.MultiSpike, ("tau_mem",), tau_mem=4.0),
            params=(membrane_param(4.0, True),),
            accept=lambda traces: all((tr.o >= 2).sum() >= 2 for tr in traces),
            **common,
        ),
        Case(
            "lif-single-synapse",
            settings={
                "tau_mem": 6.0,
                "tau_syn": 2.0,
                "spike_fn": "SingleSpike",
                "reset_fn": "MembraneSubtract()",
                "surrogate_grad_fn": default,
                "norm_input": False,
            },
            equation=sinabs_equation(False, True, SINGLE, subtract),
            cell=replace(base, decay=a6, gain=1.0, synapse=Synapse(s2, s2)),
            layer=layer(act.SingleSpike, ("tau_mem", "tau_syn"), tau_mem=6.0, tau_syn=2.0, norm_input=False),
            params=(membrane_param(6.0, False), synapse_param(2.0)),
            bias=True,
            **common,
        ),
    ]

"""snnTorch: Leaky and Synaptic, with each reset and with reset_delay."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import replace
from typing import Any

import reference as ref
from common import Case, LayerRun, Param, TorchLayer, linear
from reference import Cell, Synapse


def snntorch_cases() -> list[Case]:
    import snntorch as snn
    import torch
    from snntorch import surrogate

    def scalar(value: float) -> Any:
        return torch.tensor(value, dtype=torch.float64)

    def recorder(spike_grad: Callable[[Any], Any]) -> tuple[Callable[[Any], Any], list[Any]]:
        """snntorch asks twice a step: for the (detached) reset of the state it has, then for the spike of the new one."""
        seen: list[Any] = []

        def record(shifted: Any) -> Any:
            seen.append(shifted)
            return spike_grad(shifted)

        return record, seen

    def layer(
        make: Callable[[Callable[[Any], Any]], Any], spike_grad: Callable[[Any], Any], learned: bool = False
    ) -> TorchLayer:
        def run(h: Any, w: Any, b: Any, _: Any) -> LayerRun:
            record, seen = recorder(spike_grad)
            neuron = make(record)
            spikes, states, hidden = [], [], ()
            for current in linear(h, w, b):
                spike, *hidden = neuron(current, *hidden)
                spikes.append(spike)
                states.append(hidden[-1])
            potentials = torch.stack(seen[1::2]) + neuron.threshold
            params = {"beta": neuron.beta, "threshold": neuron.threshold} if learned else {}
            return LayerRun(torch.stack(spikes), potentials, torch.stack(states), params)

        return run

    def leaky(
        reset: str, spike_grad: Callable[[Any], Any], beta: float, threshold: float = 1.0, **options: Any
    ) -> TorchLayer:
        make = lambda record: snn.Leaky(  # noqa: E731
            beta=scalar(beta), threshold=scalar(threshold), spike_grad=record, reset_mechanism=reset, **options
        )
        return layer(make, spike_grad, learned="learn_beta" in options)

    def synaptic(
        reset: str, spike_grad: Callable[[Any], Any], alpha: float, beta: float, threshold: float = 1.0
    ) -> TorchLayer:
        make = lambda record: snn.Synaptic(  # noqa: E731
            alpha=scalar(alpha),
            beta=scalar(beta),
            threshold=scalar(threshold),
            spike_grad=record,
            reset_mechanism=reset,
        )
        return layer(make, spike_grad)

    common = dict(cls="snntorch.Leaky", source="snntorch/_neurons/leaky.py")
    after = "the returned mem, after the reset"
    base = Cell(ref.atan(2.0), decay=0.9, reset="zero", attached=False, fires_at=">")
    fires = "o[t] = 1[u[t] > threshold]"
    return [
        Case(
            "leaky-zero",
            settings={"beta": 0.9, "reset_mechanism": "zero", "spike_grad": "atan(alpha=2)"},
            equation=f"u[t] = beta u[t-1] (1 - o[t-1]) + I[t]; {fires}; o detached in the reset",
            cell=base,
            layer=leaky("zero", surrogate.atan(), 0.9),
            bias=True,
            **common,
        ),
        Case(
            "leaky-subtract-learned",
            settings={
                "beta": 0.85,
                "reset_mechanism": "subtract",
                "spike_grad": "fast_sigmoid(slope=5)",
                "learn_beta": True,
                "learn_threshold": True,
            },
            equation=f"u[t] = beta u[t-1] - threshold o[t-1] + I[t]; {fires}; o detached in the reset, threshold is not",
            cell=replace(base, surrogate=ref.fast_sigmoid(5.0), decay=0.85, reset="subtract", timing="after_decay"),
            layer=leaky("subtract", surrogate.fast_sigmoid(5), 0.85, learn_beta=True, learn_threshold=True),
            params=(Param("beta", 0.85, {"decay": 1.0}), Param("threshold", 1.0, {"theta": 1.0})),
            **common,
        ),
        Case(
            "leaky-none",
            settings={"beta": 0.8, "reset_mechanism": "none", "spike_grad": "sigmoid(slope=5)"},
            equation=f"u[t] = beta u[t-1] + I[t]; {fires}",
            cell=replace(base, surrogate=ref.sigmoid(5.0), decay=0.8, reset="none"),
            layer=leaky("none", surrogate.sigmoid(5), 0.8),
            differs=False,
            **common,
        ),
        Case(
            "leaky-zero-nodelay",
            settings={"beta": 0.9, "reset_mechanism": "zero", "spike_grad": "atan(alpha=2)", "reset_delay": False},
            equation=f"u[t] = beta m[t-1] + I[t]; {fires}; m[t] = (1 - o[t]) u[t], ATTACHED",
            cell=replace(base, attached=True),
            layer=leaky("zero", surrogate.atan(), 0.9, reset_delay=False),
            state=after,
            **common,
        ),
        Case(
            "leaky-subtract-nodelay",
            settings={"beta": 0.9, "reset_mechanism": "subtract", "spike_grad": "atan(alpha=2)", "reset_delay": False},
            equation=f"R[t] = 1[m[t-1] > threshold], detached; u[t] = beta m[t-1] - threshold R[t] + I[t]; {fires}; "
            "m[t] = u[t] - threshold (o[t] - R[t]), o ATTACHED",
            cell=replace(base, reset="subtract", attached=True, residual=True),
            layer=leaky("subtract", surrogate.atan(), 0.9, reset_delay=False),
            accept=lambda traces: traces[0].r.sum() >= 3,
            state=after,
            **common,
        ),
        Case(
            "synaptic-zero",
            settings={"alpha": 0.6, "beta": 0.9, "reset_mechanism": "zero", "spike_grad": "atan(alpha=2)"},
            equation=f"syn[t] = alpha syn[t-1] + I[t]; u[t] = (1 - o[t-1]) (beta u[t-1] + syn[t]); {fires}; o detached in "
            "the reset, which GATES the input; syn is never reset",
            cell=replace(base, timing="after_input", synapse=Synapse(0.6)),
            layer=synaptic("zero", surrogate.atan(), 0.6, 0.9),
            **{**common, "cls": "snntorch.Synaptic", "source": "snntorch/_neurons/synaptic.py"},
        ),
        Case(
            "synaptic-subtract",
            settings={"alpha": 0.6, "beta": 0.9, "reset_mechanism": "subtract", "spike_grad": "fast_sigmoid(slope=25)"},
            equation=f"syn[t] = alpha syn[t-1] + I[t]; u[t] = beta u[t-1] + syn[t] - threshold o[t-1]; {fires}; o detached "
            "in the reset",
            cell=replace(
                base, surrogate=ref.fast_sigmoid(25.0), reset="subtract", timing="after_decay", synapse=Synapse(0.6)
            ),
            layer=synaptic("subtract", surrogate.fast_sigmoid(25), 0.6, 0.9),
            potential_loss=False,
            **{**common, "cls": "snntorch.Synaptic", "source": "snntorch/_neurons/synaptic.py"},
        ),
        Case(
            "leaky-zero-threshold",
            settings={"beta": 0.9, "threshold": 0.75, "reset_mechanism": "zero", "spike_grad": "atan(alpha=2)"},
            equation=f"u[t] = beta u[t-1] (1 - o[t-1]) + I[t]; {fires}; o detached in the reset",
            cell=replace(base, theta=0.75),
            layer=leaky("zero", surrogate.atan(), 0.9, threshold=0.75),
            **common,
        ),
        Case(
            "leaky-subtract-nodelay-threshold",
            settings={
                "beta": 0.9,
                "threshold": 0.75,
                "reset_mechanism": "subtract",
                "spike_grad": "atan(alpha=2)",
                "reset_delay": False,
            },
            equation=f"R[t] = 1[m[t-1] > threshold], detached; u[t] = beta m[t-1] - threshold R[t] + I[t]; {fires}; "
            "m[t] = u[t] - threshold (o[t] - R[t]), o ATTACHED",
            cell=replace(base, theta=0.75, reset="subtract", attached=True, residual=True),
            layer=leaky("subtract", surrogate.atan(), 0.9, threshold=0.75, reset_delay=False),
            accept=lambda traces: traces[0].r.sum() >= 3,
            state=after,
            **common,
        ),
        Case(
            "synaptic-subtract-threshold",
            settings={
                "alpha": 0.6,
                "beta": 0.9,
                "threshold": 1.5,
                "reset_mechanism": "subtract",
                "spike_grad": "atan(alpha=2)",
            },
            equation=f"syn[t] = alpha syn[t-1] + I[t]; u[t] = beta u[t-1] + syn[t] - threshold o[t-1]; {fires}; o detached "
            "in the reset",
            cell=replace(base, theta=1.5, reset="subtract", timing="after_decay", synapse=Synapse(0.6)),
            layer=synaptic("subtract", surrogate.atan(), 0.6, 0.9, threshold=1.5),
            **{**common, "cls": "snntorch.Synaptic", "source": "snntorch/_neurons/synaptic.py"},
        ),
    ]

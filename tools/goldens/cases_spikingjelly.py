"""SpikingJelly: IFNode, LIFNode, ParametricLIFNode, CUBALIFNode, with each reset, detached and not."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import reference as ref
from common import Case, LayerRun, Param, TorchLayer, linear
from reference import Cell, Synapse


def spikingjelly_cases() -> list[Case]:
    import math

    import torch
    from spikingjelly.activation_based import neuron, surrogate

    def layer(make: Callable[[], Any], learned: bool = False) -> TorchLayer:
        def run(h: Any, w: Any, b: Any, _: Any) -> LayerRun:
            node = make().double()
            seen: list[Any] = []
            node.surrogate_function.register_forward_pre_hook(lambda _, inputs: seen.append(inputs[0]))
            spikes, states = [], []
            for current in linear(h, w, b):
                spikes.append(node(current))
                states.append(node.v)
            params = {"node_w": node.w} if learned else {}
            return LayerRun(torch.stack(spikes), torch.stack(seen) + node.v_threshold, torch.stack(states), params)

        return run

    surrogates = {
        "sigmoid": (surrogate.Sigmoid, ref.sigmoid(4.0), "Sigmoid(alpha=4)"),
        "atan": (surrogate.ATan, ref.atan(2.0), "ATan(alpha=2)"),
        "triangle": (surrogate.PiecewiseQuadratic, ref.triangle(1.0, 1.0), "PiecewiseQuadratic(alpha=1)"),
        "rect": (surrogate.Rect, ref.rectangle(1.0, 0.5), "Rect(alpha=1)"),
    }

    def reset_of(v_reset: float | None) -> dict[str, Any]:
        if v_reset is None:
            return {"reset": "subtract"}
        return {"reset": "zero"} if v_reset == 0 else {"reset": "to_value", "v_reset": v_reset, "v0": v_reset}

    def equation(charge: str, v_reset: float | None, detach: bool) -> str:
        kept = "h[t] - v_threshold o[t]" if v_reset is None else "(1 - o[t]) h[t] + o[t] v_reset"
        way = "o detached in the reset" if detach else "ATTACHED"
        return f"h[t] = {charge}; o[t] = 1[h[t] >= v_threshold]; v[t] = {kept}, {way}; v[-1] = v_reset (0 if None)"

    def case(
        name: str,
        kind: str,
        v_reset: float | None,
        detach: bool,
        *,
        tau: float = 2.0,
        decay_input: bool = True,
        shape: str = "sigmoid",
        threshold: float = 1.0,
        **more: Any,
    ) -> Case:
        """kind: IFNode, LIFNode or ParametricLIFNode."""
        make_surrogate, ref_surrogate, label = surrogates[shape]
        options = {"v_threshold": threshold, "v_reset": v_reset, "detach_reset": detach}
        target = v_reset or 0.0
        rate = 1 / tau
        params: tuple[Param, ...] = ()
        if kind == "IFNode":
            cell = Cell(
                ref_surrogate, decay=1.0, theta=threshold, attached=not detach, fires_at=">=", **reset_of(v_reset)
            )
            charge = "v[t-1] + I[t]"
        else:
            options |= {"tau" if kind == "LIFNode" else "init_tau": tau, "decay_input": decay_input}
            cell = Cell(
                ref_surrogate,
                decay=1 - rate,
                gain=rate if decay_input else 1.0,
                constant=rate * target,
                theta=threshold,
                attached=not detach,
                fires_at=">=",
                **reset_of(v_reset),
            )
            leak = "(1 - 1/tau) v[t-1] + v_reset/tau" if target else "(1 - 1/tau) v[t-1]"
            charge = f"{leak} + I[t]{'/tau' if decay_input else ''}"
        if kind == "ParametricLIFNode":
            charge += ", 1/tau = sigmoid(w)"
            slope = rate * (1 - rate)
            jacobian = {"decay": -slope, "gain": slope if decay_input else 0.0, "constant": slope * target}
            params = (Param("node_w", -math.log(tau - 1), jacobian),)  # its `w`; the weights are w.0 and w.1
        files = {"IFNode": ("integrate_and_fire", "if_"), "LIFNode": ("lif", "lif"), "ParametricLIFNode": ("plif", "plif")}
        module, operator = files[kind]
        make = lambda: getattr(neuron, kind)(surrogate_function=make_surrogate(), **options)  # noqa: E731
        return Case(
            name,
            cls=f"spikingjelly.activation_based.neuron.{kind}",
            source=f"spikingjelly/activation_based/neuron/{module}.py, spikingjelly/_ops/{operator}/reference.py",
            settings={**options, "surrogate_function": label},
            equation=equation(charge, v_reset, detach),
            cell=cell,
            layer=layer(make, learned=bool(params)),
            params=params,
            state="the node's v, after the reset",
            **more,
        )

    cuba_options = {"c_decay": 0.5, "v_decay": 0.75, "v_threshold": 0.5, "v_reset": 0.0}
    cuba = Case(
        "cubalif-zero",
        cls="spikingjelly.activation_based.neuron.CUBALIFNode",
        source="spikingjelly/activation_based/neuron/lif_variants.py, spikingjelly/activation_based/functional/neuron.py",
        settings={**cuba_options, "surrogate_function": surrogates["rect"][2]},
        equation="c[t] = c_decay c[t-1] + I[t]; h[t] = v_decay v[t-1] + c[t]; o[t] = 1[h[t] >= v_threshold]; "
        "v[t] = (1 - o[t]) h[t], ATTACHED",
        cell=Cell(
            surrogates["rect"][1], decay=0.75, theta=0.5, reset="zero", attached=True, fires_at=">=", synapse=Synapse(0.5)
        ),
        layer=layer(lambda: neuron.CUBALIFNode(**cuba_options)),
        state="the node's v, after the reset",
    )
    return [
        case("if-zero", "IFNode", 0.0, False),
        case("if-soft-detached", "IFNode", None, True, shape="atan", potential_loss=False),
        case("lif-zero", "LIFNode", 0.0, False, decay_input=False, shape="atan", bias=True),
        case("lif-zero-detached", "LIFNode", 0.0, True, decay_input=False, shape="atan", bias=True),
        case("lif-decayinput-zero", "LIFNode", 0.0, False),
        case("lif-decayinput-zero-detached", "LIFNode", 0.0, True, potential_loss=False),
        case("lif-decayinput-vreset", "LIFNode", -0.25, False, tau=3.0),
        case("lif-vreset-detached", "LIFNode", -0.25, True, tau=3.0, decay_input=False, shape="triangle"),
        case("lif-soft", "LIFNode", None, False, tau=4.0, decay_input=False, shape="atan"),
        case("lif-decayinput-soft-detached", "LIFNode", None, True, tau=4.0, shape="atan"),
        case("plif-decayinput-zero", "ParametricLIFNode", 0.0, False, tau=3.0),
        case("plif-soft-detached", "ParametricLIFNode", None, True, tau=3.0, decay_input=False, shape="atan"),
        case("plif-decayinput-vreset", "ParametricLIFNode", 0.125, False, tau=2.5, shape="atan"),
        cuba,
        case("if-soft-threshold", "IFNode", None, False, threshold=0.75),
        case("lif-vreset-threshold", "LIFNode", -0.25, True, tau=3.0, threshold=0.75),
        case("plif-soft-threshold", "ParametricLIFNode", None, False, tau=3.0, decay_input=False, threshold=1.5),
    ]

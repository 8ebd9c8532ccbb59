"""Norse: lif_step (detached), the feed-forward, box and integrate-and-fire cells (attached)."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import replace
from typing import Any

import reference as ref
from common import Case, LayerRun, Param, TorchLayer, linear
from reference import Cell, Synapse


def norse_cases() -> list[Case]:
    import norse.torch as norse
    import norse.torch.functional.iaf as iaf
    import norse.torch.functional.lif as lif
    import norse.torch.functional.lif_box as lif_box
    import torch
    from norse.torch.functional.reset import reset_subtract, reset_value

    dt, mem, syn = 0.001, 100.0, 200.0

    def scalar(value: float, grad: bool = False) -> Any:
        return torch.tensor(value, dtype=torch.float64, requires_grad=grad)

    @contextmanager
    def recording(module: Any) -> Iterator[list[Any]]:
        """Notes what the module gives to its threshold function: u - v_th."""
        seen: list[Any] = []
        original = module.threshold

        def record(shifted: Any, method: str, alpha: Any) -> Any:
            seen.append(shifted)
            return original(shifted, method, alpha)

        module.threshold = record
        try:
            yield seen
        finally:
            module.threshold = original

    def cell_layer(module: Any, make: Callable[[], Any], learned: tuple[str, ...] = ()) -> TorchLayer:
        def run(h: Any, w: Any, b: Any, _: Any) -> LayerRun:
            cell, state, spikes, states = make(), None, [], []
            with recording(module) as seen:
                for current in linear(h, w, b):
                    spike, state = cell(current, state)
                    spikes.append(spike)
                    states.append(state.v)
            params = {name: getattr(cell.p, name) for name in learned}
            return LayerRun(torch.stack(spikes), torch.stack(seen) + cell.p.v_th, torch.stack(states), params)

        return run

    def lif_parameters(
        method: str = "super", alpha: float = 100.0, v_th: float = 1.0, v_reset: float = 0.0, v_leak: float = 0.0
    ) -> Any:
        return lif.LIFParameters(
            tau_syn_inv=scalar(syn),
            tau_mem_inv=scalar(mem),
            v_leak=scalar(v_leak),
            v_th=scalar(v_th),
            v_reset=scalar(v_reset),
            method=method,
            alpha=scalar(alpha),
        )

    def step_layer(recurrent: bool) -> TorchLayer:
        def run(h: Any, w: Any, _: Any, rec: Any) -> LayerRun:
            p = lif_parameters()
            zeros = torch.zeros(h.shape[1], w.shape[0])
            state, spikes, states = lif.LIFState(z=zeros, v=zeros, i=zeros), [], []
            square = rec if recurrent else torch.zeros(w.shape[0], w.shape[0])
            with recording(lif) as seen:
                for x in h:
                    spike, state = lif.lif_step(x, state, w, square, p, dt)
                    spikes.append(spike)
                    states.append(state.v)
            return LayerRun(torch.stack(spikes), torch.stack(seen) + p.v_th, torch.stack(states))

        return run

    def box_layer(
        reset_method: Any, method: str, alpha: float, v_reset: float, v_leak: float, learned: tuple[str, ...] = ()
    ) -> TorchLayer:
        def make() -> Any:
            p = lif_box.LIFBoxParameters(
                tau_mem_inv=scalar(250.0, "tau_mem_inv" in learned),
                v_leak=scalar(v_leak),
                v_th=scalar(1.0, "v_th" in learned),
                v_reset=scalar(v_reset, "v_reset" in learned),
                method=method,
                alpha=scalar(alpha),
                reset_method=reset_method,
            )
            return norse.LIFBoxCell(p, dt=dt)

        return cell_layer(lif_box, make, learned)

    state = "the state's v, after the reset"
    lif_settings = {"tau_syn_inv": syn, "tau_mem_inv": mem, "v_leak": 0.0, "v_th": 1.0, "v_reset": 0.0, "dt": dt}
    box_settings = {"tau_mem_inv": 250.0, "v_th": 1.0, "dt": dt}
    current = (
        "i[t] = (1 - dt tau_syn_inv) i[t-1] + I[t]; "
        "u[t] = v[t-1] + dt tau_mem_inv (v_leak - v[t-1] + i[t]); o[t] = 1[u[t] > v_th]"
    )
    box = "u[t] = v[t-1] + dt tau_mem_inv (I[t] + v_leak - v[t-1]); o[t] = 1[u[t] > v_th]"
    value = "v[t] = (1 - o[t]) u[t] + o[t] v_reset"
    superspike = ref.fast_sigmoid(1.0)
    cuba = Cell(
        superspike,
        decay=1 - dt * mem,
        gain=dt * mem,
        reset="zero",
        attached=True,
        fires_at=">",
        synapse=Synapse(1 - dt * syn),
    )
    boxed = Cell(superspike, decay=0.75, gain=0.25, reset="subtract", attached=True, fires_at=">")
    return [
        Case(
            "lif-feedforward",
            cls="norse.torch.LIFCell (lif_feed_forward_step)",
            source="norse/torch/functional/lif.py",
            settings={**lif_settings, "method": "super", "alpha": 100.0, "note": "SuperSpike's backward ignores alpha"},
            equation=f"{current}; {value}, ATTACHED",
            cell=cuba,
            layer=cell_layer(lif, lambda: norse.LIFCell(lif_parameters(), dt=dt)),
            bias=True,
            state=state,
        ),
        Case(
            "lif-feedforward-circ",
            cls="norse.torch.LIFCell (lif_feed_forward_step)",
            source="norse/torch/functional/lif.py",
            settings={**lif_settings, "method": "circ", "alpha": 0.5},
            equation=f"{current}; {value}, ATTACHED",
            cell=replace(cuba, surrogate=ref.circ(0.5)),
            layer=cell_layer(lif, lambda: norse.LIFCell(lif_parameters("circ", 0.5), dt=dt)),
            potential_loss=False,
            state=state,
        ),
        Case(
            "lif-step",
            cls="norse.torch.functional.lif.lif_step",
            source="norse/torch/functional/lif.py",
            settings={**lif_settings, "method": "super", "alpha": 100.0, "recurrent_weights": "zero"},
            equation=f"{current}; {value}, o detached in the reset",
            cell=replace(cuba, attached=False),
            layer=step_layer(False),
            state=state,
        ),
        Case(
            "lif-step-recurrent",
            cls="norse.torch.functional.lif.lif_step",
            source="norse/torch/functional/lif.py",
            settings={**lif_settings, "method": "super", "alpha": 100.0},
            equation=f"I[t] = W x[t] + R o[t-1], o attached; {current}; {value}, o detached in the reset",
            cell=replace(cuba, attached=False),
            layer=step_layer(True),
            recurrent=True,
            state=state,
        ),
        Case(
            "lif-box-value-learned",
            cls="norse.torch.LIFBoxCell (lif_box_feed_forward_step)",
            source="norse/torch/functional/lif_box.py, norse/torch/functional/reset.py",
            settings={
                **box_settings,
                "v_leak": 0.125,
                "v_reset": -0.25,
                "method": "tanh",
                "alpha": 2.0,
                "reset_method": "reset_value",
            },
            equation=f"{box}; {value}, ATTACHED; v[-1] = v_leak",
            cell=replace(
                boxed, surrogate=ref.tanh_peak1(2.0), constant=0.25 * 0.125, v0=0.125, reset="to_value", v_reset=-0.25
            ),
            layer=box_layer(reset_value, "tanh", 2.0, -0.25, 0.125, ("tau_mem_inv", "v_th", "v_reset")),
            params=(
                Param("tau_mem_inv", 250.0, {"decay": -dt, "gain": dt, "constant": dt * 0.125}),
                Param("v_th", 1.0, {"theta": 1.0}),
                Param("v_reset", -0.25, {"v_reset": 1.0}),
            ),
            state=state,
        ),
        Case(
            "lif-box-subtract",
            cls="norse.torch.LIFBoxCell (lif_box_feed_forward_step)",
            source="norse/torch/functional/lif_box.py, norse/torch/functional/reset.py",
            settings={
                **box_settings,
                "v_leak": 0.0,
                "v_reset": 0.0,
                "method": "triangle",
                "alpha": 0.5,
                "reset_method": "reset_subtract",
            },
            equation=f"{box}; v[t] = u[t] - o[t] v_th, ATTACHED",
            cell=replace(boxed, surrogate=ref.triangle(0.5, 1.0)),
            layer=box_layer(reset_subtract, "triangle", 0.5, 0.0, 0.0),
            state=state,
        ),
        Case(
            "iaf",
            cls="norse.torch.IAFCell (iaf_feed_forward_step)",
            source="norse/torch/functional/iaf.py",
            settings={"v_th": 1.0, "v_reset": 0.0, "method": "heavi_erfc", "alpha": 1.5},
            equation=f"u[t] = v[t-1] + I[t]; o[t] = 1[u[t] > v_th]; {value}, ATTACHED",
            cell=Cell(ref.erfc(1.5), decay=1.0, reset="zero", attached=True, fires_at=">"),
            layer=cell_layer(
                iaf,
                lambda: norse.IAFCell(
                    iaf.IAFParameters(v_th=scalar(1.0), v_reset=scalar(0.0), method="heavi_erfc", alpha=scalar(1.5))
                ),
            ),
            state=state,
        ),
        Case(
            "lif-feedforward-threshold",
            cls="norse.torch.LIFCell (lif_feed_forward_step)",
            source="norse/torch/functional/lif.py",
            settings={
                **lif_settings,
                "v_leak": 0.125,
                "v_th": 0.75,
                "v_reset": -0.25,
                "method": "super",
                "alpha": 100.0,
                "note": "SuperSpike's backward ignores alpha",
            },
            equation=f"{current}; {value}, ATTACHED; v[-1] = v_leak",
            cell=replace(cuba, theta=0.75, constant=dt * mem * 0.125, v0=0.125, reset="to_value", v_reset=-0.25),
            layer=cell_layer(
                lif, lambda: norse.LIFCell(lif_parameters(v_th=0.75, v_reset=-0.25, v_leak=0.125), dt=dt)
            ),
            state=state,
        ),
    ]

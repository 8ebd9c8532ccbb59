"""SpikingJelly."""

from __future__ import annotations

import importlib.metadata
import os
from collections.abc import Callable
from pathlib import Path
from typing import Any

from resurge_audit._errors import Unsupported, class_name, require
from resurge_audit._loss import Loss, LossFunction
from resurge_audit._recorder import (
    Options,
    Output,
    Ran,
    Step,
    firing_of,
    passes_through,
    probe,
    record,
    sequence_layers,
    stateless,
)


def record_spikingjelly(
    net: Any,
    x: Any,
    y: Any,
    loss: Loss | LossFunction,
    path: str | os.PathLike[str],
    *,
    steps: int | None = None,
    output: Output = "spikes",
    record_potentials: bool = True,
    record_currents: bool = False,
) -> Path:
    """Runs a Sequential of torch or `layer` modules and `IFNode`, `LIFNode`, `ParametricLIFNode`, `CUBALIFNode`.

    Every neuron runs in its own `step_mode`; potentials are recorded in the single-step mode only, as the
    multi-step mode does not show them. The rest is as in `record_snntorch`.

    Raises Unsupported for what the format cannot express, by class and attribute.
    """
    layers = [layer for layer in sequence_layers(net) if not passes_through(layer)]
    found = [stateless(layer, single_step(layer)) or neuron(layer) for layer in layers]
    version = importlib.metadata.version("spikingjelly")
    options = Options(steps, output, record_potentials, record_currents)
    return record(("spikingjelly", version), found, x, y, loss, path, options)


def single_step(module: Any) -> Callable[[Any], Any]:
    """A layer's own call on one step, whatever its mode: images of all steps go through it at once."""

    def call(x: Any) -> Any:
        mode = getattr(module, "step_mode", None)
        if mode is None:
            return module(x)
        module.step_mode = "s"
        try:
            return module(x)
        finally:
            module.step_mode = mode

    return call


def neuron(module: Any) -> Step:
    """The step of a neuron.

    Raises Unsupported for a module that is none of the four.
    """
    import torch
    from spikingjelly.activation_based import neuron as nodes

    known = (nodes.IFNode, nodes.LIFNode, nodes.ParametricLIFNode, nodes.CUBALIFNode)
    if type(module) not in known:
        names = ", ".join(cls.__name__ for cls in known)
        raise Unsupported(class_name(module), f"is no layer of the format, nor one of {names}")
    surrogate = module.surrogate_function
    what = f"{class_name(module)}.surrogate_function"
    require(getattr(surrogate, "spiking", True), module, "surrogate_function.spiking", "is False: nothing spikes")
    v_reset = module.v_reset
    target = 0.0 if v_reset is None else float(v_reset)
    reset: dict[str, Any] = {"kind": "subtract" if v_reset is None else "value" if target else "zero"}
    if reset["kind"] == "value":
        reset["value"] = target
    description: dict[str, Any] = {
        "kind": "neuron",
        "class": class_name(module),
        "decay": 1.0,
        "threshold": float(module.v_threshold),
        "initial_potential": target,
        "firing": firing_of(what, surrogate),
        "surrogate": probe(what, surrogate),
        "reset": reset | {"timing": "before-decay"},
        "reset_gradient": "detached" if module.detach_reset else "full",
    }
    learned: dict[str, Any] = {}
    if isinstance(module, nodes.CUBALIFNode):
        description["decay"] = float(module.v_decay)
        description["synapse"] = {"decay": float(module.c_decay), "gain": 1.0}
    elif not isinstance(module, nodes.IFNode):
        parametric = isinstance(module, nodes.ParametricLIFNode)
        rate = float(torch.sigmoid(module.w.detach())) if parametric else 1 / float(module.tau)
        description["decay"] = 1 - rate
        description["input_gain"] = rate if module.decay_input else 1.0
        description["drive"] = rate * target
        if parametric and module.w.requires_grad:
            slope = rate * (1 - rate)
            gain = {"input_gain": slope} if module.decay_input else {}
            drive = {"drive": slope * target} if target else {}
            description["learned"] = {"w": {"decay": -slope} | gain | drive}
            learned["w"] = module.w
    return Step(description, runner(module), learned=learned)


def runner(module: Any) -> Callable[[Any], Ran]:
    """Runs the neuron in its mode, noting what it gives to the surrogate in the single-step one."""
    import torch

    def run(current: Any) -> Ran:
        module.reset()
        seen: list[Any] = []
        hook = module.surrogate_function.register_forward_pre_hook(lambda _, inputs: seen.append(inputs[0]))
        try:
            multi = module.step_mode == "m"
            spikes = module(current) if multi else torch.stack([module(step) for step in current])
        finally:
            hook.remove()
            module.reset()
        whole = len(seen) == current.shape[0]
        return Ran(spikes, torch.stack(seen) + module.v_threshold if whole else None)

    return run

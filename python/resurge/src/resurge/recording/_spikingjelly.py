"""SpikingJelly."""

from __future__ import annotations

import os
from collections.abc import Callable
from pathlib import Path
from typing import Any

from resurge.recording._constants import constant
from resurge.recording._errors import Unsupported, class_name, require
from resurge.recording._layers import Called, Ran, Step, passes_through, stateless, untouched
from resurge.recording._loss import Loss, LossFunction
from resurge.recording._probe import firing_of, probe
from resurge.recording._recorder import Framework, Options, Output, record
from resurge.recording._walk import Habits


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
    options = Options(steps, output, record_potentials, record_currents)
    return record(SPIKINGJELLY, net, x, y, loss, path, options)


def layers(module: Any, called: Called) -> list[Step]:
    """The layer of the format that a module is."""
    if passes_through(module):
        return []
    plain = stateless(module, single_step(module), called)
    return [plain] if plain is not None else neurons(module)


def reset(module: Any) -> None:
    """Forgets the state."""
    if hasattr(module, "reset"):
        module.reset()


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


def neurons(module: Any) -> list[Step]:
    """The steps of a node, of a readout, or of a container that feeds a node its own spikes."""
    from spikingjelly.activation_based import layer
    from spikingjelly.activation_based import neuron as nodes

    if type(module) in (nodes.NonSpikingLIFNode, nodes.NonSpikingIFNode):
        return [readout(module)]
    if type(module) is layer.LinearRecurrentContainer:
        return recurrent(module)
    if type(module) is layer.VotingLayer:
        return [voting(module)]
    return [neuron(module)]


def readout(module: Any) -> Step:
    """An integrator.

    Raises Unsupported for one that hands on one number of all steps.
    """
    import torch

    why = f"is {module.decode!r}, which makes one number of all steps; take None, and do that in the forward"
    require(module.decode is None, module, "decode", why)
    rate = 1 / float(module.tau) if hasattr(module, "tau") else None
    constants = {"decay": 1.0} if rate is None else {"decay": 1 - rate, "input_gain": rate}

    def run(current: Any) -> Ran:
        potentials = torch.stack(list(module(current)))
        return Ran(potentials, potentials)

    return Step({"kind": "integrator", "class": class_name(module), **constants}, run)


def voting(module: Any) -> Step:
    """Averages of groups of neurons, as a matrix that is not learned."""
    import torch

    size = int(module.voting_size)
    step = Step({"kind": "linear", "bias": False, "class": class_name(module)}, lambda x: Ran(x))

    def run(x: Any) -> Ran:
        groups = x.shape[-1] // size
        weight = torch.zeros(groups, x.shape[-1], dtype=x.dtype)
        for group in range(groups):
            weight[group, group * size : (group + 1) * size] = 1 / size
        step.parameters["weight"] = weight
        return Ran(torch.nn.functional.linear(x, weight))

    step.run = run
    return step


def recurrent(module: Any) -> list[Step]:
    """The weights of the input and the node with those of its own spikes, of which the container has one matrix.

    Raises Unsupported where more than a node is in it.
    """
    import torch

    untouched(module)
    node = module.sub_module
    count = module.rc.out_features
    square = module.rc.in_features == 2 * count
    require(square, module, "sub_module", "has not as many outputs as inputs; a node alone is in the format")
    step = neuron(node)
    step.description["recurrent"] = True
    parts = {"weight": module.rc.weight[:, :count], "recurrent": module.rc.weight[:, count:]}
    leaves = {name: part.detach().clone().requires_grad_(part.requires_grad) for name, part in parts.items()}
    dense: dict[str, Any] = {"weight": leaves["weight"]}
    linear = {"kind": "linear", "bias": module.rc.bias is not None, "class": f"{class_name(module)}.rc"}
    if module.rc.bias is not None:
        dense["bias"] = module.rc.bias
    before = Step(linear, lambda x: Ran(torch.nn.functional.linear(x, leaves["weight"], dense.get("bias"))), dense)
    before.derived, before.owners = {"weight": parts["weight"]}, (module.rc.weight,)

    def run(current: Any) -> Ran:
        node.reset()
        seen: list[Any] = []
        hook = node.surrogate_function.register_forward_pre_hook(lambda _, inputs: seen.append(inputs[0]))
        spikes: list[Any] = [torch.zeros_like(current[0])]
        try:
            for one in current:
                spikes.append(node(one + torch.nn.functional.linear(spikes[-1], leaves["recurrent"])))
        finally:
            hook.remove()
            node.reset()
        return Ran(torch.stack(spikes[1:]), torch.stack(seen) + node.v_threshold)

    step.run, step.parameters = run, {"recurrent": leaves["recurrent"]}
    step.derived, step.owners = {"recurrent": parts["recurrent"]}, (module.rc.weight,)
    return [before, step]


def neuron(module: Any) -> Step:
    """The step of a neuron.

    Raises Unsupported for a module that is none of the four.
    """
    import torch
    from spikingjelly.activation_based import neuron as nodes

    known = (nodes.IFNode, nodes.LIFNode, nodes.ParametricLIFNode, nodes.CUBALIFNode)
    if type(module) not in known:
        names = ", ".join(cls.__name__ for cls in known)
        raise Unsupported(
            class_name(module), f"is no layer of the format, nor one of {names}; replace it by one of these"
        )
    untouched(module)
    surrogate = module.surrogate_function
    what = f"{class_name(module)}.surrogate_function"
    require(
        getattr(surrogate, "spiking", True), module, "surrogate_function.spiking", "is False: nothing spikes; take True"
    )
    v_reset = module.v_reset
    target = 0.0 if v_reset is None else constant(module, "v_reset")
    valued = not (isinstance(target, float) and target == 0.0)
    reset: dict[str, Any] = {"kind": "subtract" if v_reset is None else "value" if valued else "zero"}
    if valued:
        reset["value"] = target
    description: dict[str, Any] = {
        "kind": "neuron",
        "class": class_name(module),
        "decay": 1.0,
        "threshold": constant(module, "v_threshold"),
        "initial_potential": initial_potential(module),
        "firing": firing_of(what, surrogate),
        "surrogate": probe(what, surrogate),
        "reset": reset | {"timing": "before-decay"},
        "reset_gradient": "detached" if module.detach_reset else "full",
    }
    learned: dict[str, Any] = {}
    description["learned"] = {}
    gains: dict[str, Any] = {}
    if isinstance(module, nodes.CUBALIFNode):
        description["decay"] = constant(module, "v_decay")
        description["synapse"] = {"decay": constant(module, "c_decay"), "gain": 1.0}
    elif not isinstance(module, nodes.IFNode):
        parametric = isinstance(module, nodes.ParametricLIFNode)
        rate = float(torch.sigmoid(module.w.detach())) if parametric else 1 / constant(module, "tau")
        description["decay"] = 1 - rate
        description["input_gain"] = rate if module.decay_input else 1.0
        description["drive"] = rate * target
        gains = {"drive": rate}
        if parametric and module.w.requires_grad:
            slope = rate * (1 - rate)
            gain = {"input_gain": slope} if module.decay_input else {}
            drive = {"drive": slope * target} if valued else {}
            description["learned"] |= {"w": {"decay": -slope} | gain | drive}
            learned["w"] = module.w
    for name, constants in {"v_threshold": {"threshold": 1.0}, "v_reset": {"reset_value": 1.0} | gains}.items():
        if getattr(getattr(module, name), "requires_grad", False):
            why = "is learned and 0, and a reset to a learned value must not be 0 at first; begin with another value"
            require(name != "v_reset" or reset["kind"] == "value", module, name, why)
            why = "is computed from other parameters; make it a parameter of its own"
            require(getattr(module, name).is_leaf, module, name, why)
            learned[name] = getattr(module, name)
            description["learned"][name] = constants
    return Step(description, runner(module), learned=learned)


def initial_potential(module: Any) -> Any:
    """The potential that `reset()` leaves: the v_reset with which the node was made, whatever it is now."""
    module.reset()
    left = module.v
    if hasattr(left, "detach"):
        require(not left.requires_grad, module, "v", "is learned after a reset, which is not in the format")
        return left.detach() if left.numel() > 1 else float(left.detach())
    return float(left)


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


def takes_all_steps(module: Any) -> bool:
    """Whether a node is in the multi-step mode, which is the only one of a readout."""
    return getattr(module, "step_mode", "s") == "m" or type(module).__name__.startswith("NonSpiking")


def is_stateful(module: Any) -> bool:
    """Whether a module is a node, or a container that feeds one its own spikes."""
    from spikingjelly.activation_based import layer, neuron

    return isinstance(module, neuron.BaseNode | neuron.NonSpikingBaseNode | layer.LinearRecurrentContainer)


SPIKINGJELLY = Framework("spikingjelly", layers, Habits(reset, takes_all_steps), is_stateful)

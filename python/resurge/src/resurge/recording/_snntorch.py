"""snnTorch."""

from __future__ import annotations

import os
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

from resurge.recording._constants import constant, scalar
from resurge.recording._errors import Unsupported, class_name, require
from resurge.recording._layers import Called, Ran, Step, passes_through, stateless, untouched
from resurge.recording._loss import Loss, LossFunction
from resurge.recording._probe import firing_of, probe
from resurge.recording._recorder import Framework, Options, Output, record
from resurge.recording._walk import Habits

RESETS = {0: "_base_sub", 1: "_base_zero", 2: "_base_int"}


def record_snntorch(
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
    """Runs a Sequential of torch layers, `Leaky` and `Synaptic` on `x` and writes what it did and its gradients.

    `x` is `[T, B, N]` or `[T, B, C, H, W]`, or one step of it with `steps`. `loss` is a `Loss`, or any function of
    the output `[T, B, N]` and `y`, which is recorded by its gradient at the output. With `output="potential"` it
    is a function of the last layer's potential instead. The states are reset before the run.

    Raises Unsupported for what the format cannot express, by class and attribute.
    """
    options = Options(steps, output, record_potentials, record_currents)
    return record(SNNTORCH, net, x, y, loss, path, options)


def layers(module: Any, called: Called) -> list[Step]:
    """The layer of the format that a module is."""
    if passes_through(module):
        return []
    plain = stateless(module, called=called)
    return [plain] if plain is not None else neurons(module)


def reset(module: Any) -> None:
    """Forgets the state."""
    if hasattr(module, "reset_mem"):
        module.reset_mem()


def neurons(module: Any) -> list[Step]:
    """The steps of a neuron: of one that sees its own spikes, the bias of that connection comes before it.

    Raises Unsupported for another module than `Leaky`, `Synaptic`, `RLeaky` or `RSynaptic`.
    """
    import snntorch as snn

    if type(module) in (snn.RLeaky, snn.RSynaptic):
        return recurrent(module)
    if type(module) not in (snn.Leaky, snn.Synaptic):
        why = "is no layer of the format, nor Leaky, Synaptic, RLeaky or RSynaptic; replace it by one of these"
        raise Unsupported(class_name(module), why)
    return [neuron(module)]


def neuron(module: Any) -> Step:
    """The step of the neuron itself."""
    import snntorch as snn

    untouched(module)
    require(not module.inhibition, module, "inhibition", "is not in the format; take inhibition=False")
    require(not module.state_quant, module, "state_quant", "is not in the format; take state_quant=False")
    require(
        not module.surrogate_disable,
        module,
        "surrogate_disable",
        "there is no gradient to audit; take surrogate_disable=False",
    )
    graded = module.graded_spikes_factor
    require(
        scalar(module, "graded_spikes_factor") == 1.0,
        module,
        "graded_spikes_factor",
        "is not 1; multiply the next weights by it instead",
    )
    require(not graded.requires_grad, module, "learn_graded_spikes_factor", "is not in the format; do not learn it")
    is_synaptic = type(module) in (snn.Synaptic, snn.RSynaptic)
    learned = {"beta": "decay", "threshold": "threshold"} | ({"alpha": "synapse_decay"} if is_synaptic else {})
    parameters = {name: getattr(module, name) for name in learned if getattr(module, name).requires_grad}
    description: dict[str, Any] = {
        "kind": "neuron",
        "class": class_name(module),
        "decay": clamped(module, "beta"),
        "threshold": constant(module, "threshold"),
        "firing": firing_of(f"{class_name(module)}.spike_grad", module.spike_grad),
        "surrogate": probe(f"{class_name(module)}.spike_grad", module.spike_grad),
        "learned": {name: {learned[name]: 1.0} for name in parameters},
        **reset_of(module, type(module) is not snn.Leaky),
    }
    if is_synaptic:
        description["synapse"] = {"decay": clamped(module, "alpha"), "gain": 1.0}
    return Step(description, runner(module), learned=parameters)


def clamped(module: Any, attribute: str) -> Any:
    """A decay as the neuron uses it: clamped to 0..=1, where it has no gradient beyond."""
    value = constant(module, attribute)
    given = getattr(module, attribute)
    low, high = (value, value) if isinstance(value, float) else (float(value.min()), float(value.max()))
    require(
        (low >= 0.0 and high <= 1.0) or not given.requires_grad,
        module,
        attribute,
        f"{low if low < 0 else high} is learned and clamped, so that it has no gradient; put it between 0 and 1",
    )
    return min(1.0, max(0.0, value)) if isinstance(value, float) else value.clamp(0, 1)


def reset_of(module: Any, erases_input: bool) -> dict[str, Any]:
    """The reset, from the function that the neuron calls.

    Raises Unsupported where `reset_mechanism` was changed after the function had been chosen.
    """
    mechanism = int(module.reset_mechanism_val)
    chosen = module.state_function.__name__
    require(
        chosen == RESETS[mechanism],
        module,
        "reset_mechanism",
        f"says {module.reset_mechanism!r}, but the neuron still calls {chosen}; make a new neuron with this mechanism",
    )
    match mechanism, bool(module.reset_delay):
        case 0, True:
            kind, timing, gradient = "subtract", "after-decay", "detached"
        case 1, True:
            kind, timing, gradient = "zero", "after-input" if erases_input else "before-decay", "detached"
        case 2, _:
            kind, timing, gradient = "none", "before-decay", "full"
        case 0, False:
            kind, timing, gradient = "subtract", "before-decay", "full"
        case _:
            kind, timing, gradient = "zero", "before-decay", "full"
    reset = {"kind": kind, "timing": timing}
    residual = (mechanism, bool(module.reset_delay)) == (0, False)
    return {"reset": reset, "reset_gradient": gradient, "residual_reset": residual}


def recurrent(module: Any) -> list[Step]:
    """The bias of the connection from its own spikes, which acts at every step, and the neuron with its weights.

    Raises Unsupported for a connection that is a convolution.
    """
    import torch
    from torch import nn

    connection = module.recurrent
    one_to_one = type(connection).__name__ == "RecurrentOneToOne"
    fine = one_to_one or type(connection) is nn.Linear
    require(fine, module, "recurrent", "is a convolution, which is not in the format; take linear_features")
    step = neuron(module)
    step.description["recurrent"] = True
    plain = step.run
    if one_to_one:
        weights = connection.V

        def diagonal(current: Any) -> Ran:
            count = current.shape[-1]
            made = torch.diag(weights.reshape(-1).expand(count))
            leaf = made.detach().clone().requires_grad_(made.requires_grad)
            step.parameters, step.derived, step.owners = {"recurrent": leaf}, {"recurrent": made}, (weights,)
            with connected(module, leaf):
                return plain(current)

        step.run = diagonal
        return [step]
    inner = connection.weight.detach().clone().requires_grad_(connection.weight.requires_grad)

    def dense(current: Any) -> Ran:
        with connected(module, inner):
            return plain(current)

    step.run, step.parameters = dense, {"recurrent": inner}
    step.own = {"recurrent": (connection.weight, lambda gradient: gradient)}
    if connection.bias is None:
        return [step]
    bias = connection.bias.detach().clone().requires_grad_(connection.bias.requires_grad)
    identity = torch.eye(len(bias), dtype=bias.dtype)
    description = {"kind": "linear", "bias": True, "class": f"{class_name(module)}.recurrent.bias"}
    before = Step(description, lambda x: Ran(x + bias), {"weight": identity, "bias": bias})
    before.own = {"bias": (connection.bias, lambda gradient: gradient)}
    return [before, step]


@contextmanager
def connected(module: Any, weight: Any) -> Iterator[None]:
    """Puts these weights, without a bias, in the place of the connection."""
    import torch

    own = module._modules.pop("recurrent")
    module.recurrent = lambda spikes: torch.nn.functional.linear(spikes, weight)
    try:
        yield
    finally:
        del module.recurrent
        module._modules["recurrent"] = own


def runner(module: Any) -> Callable[[Any], Ran]:
    """Runs the neuron step by step, noting the potential that it compares with the threshold."""
    import torch

    def run(current: Any) -> Ran:
        potentials: list[Any] = []
        fire = module.fire

        def noting(mem: Any) -> Any:
            potentials.append(mem)
            return fire(mem)

        module.reset_mem()
        module.fire = noting
        try:
            outputs = [module(step) for step in current]
        finally:
            del module.fire
            module.reset_mem()
        spikes = [out[0] if isinstance(out, tuple) else out for out in outputs]
        return Ran(torch.stack(spikes), torch.stack(potentials))

    return run


def is_stateful(module: Any) -> bool:
    """Whether a module is a neuron."""
    from snntorch._neurons.neurons import SpikingNeuron

    return isinstance(module, SpikingNeuron)


SNNTORCH = Framework("snntorch", layers, Habits(reset, lambda module: False), is_stateful)

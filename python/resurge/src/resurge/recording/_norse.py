"""Norse."""

from __future__ import annotations

import importlib
import os
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

from resurge.recording._constants import constant
from resurge.recording._errors import Unsupported, class_name, require
from resurge.recording._layers import Called, Ran, Step, passes_through, stateless, untouched
from resurge.recording._loss import Loss, LossFunction
from resurge.recording._probe import firing_of, probe
from resurge.recording._recorder import Framework, Options, Output, record
from resurge.recording._walk import Habits

# The step function of a class, by name, and whether the class steps through time itself.
CLASSES = {
    "LIFCell": ("lif_feed_forward_step", False),
    "LIF": ("lif_feed_forward_step", True),
    "LIFRecurrentCell": ("lif_step", False),
    "LIFRecurrent": ("lif_step", True),
    "LSNNCell": ("lsnn_feed_forward_step", False),
    "LSNN": ("lsnn_feed_forward_step", True),
    "LSNNRecurrentCell": ("lsnn_step", False),
    "LSNNRecurrent": ("lsnn_step", True),
    "LIFBoxCell": ("lif_box_feed_forward_step", False),
    "IAFCell": ("iaf_feed_forward_step", False),
    "IAF": ("iaf_feed_forward_step", True),
    "LICell": ("li_feed_forward_step", False),
    "LI": ("li_feed_forward_step", True),
    "LILinearCell": ("li_step", False),
    "LIBoxCell": ("li_box_feed_forward_step", False),
}
AUTAPSES = (
    "autapses=False zeroes the diagonal of Norse's recurrent gradient in a hook; the claim is a gradient without it"
)


def record_norse(
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
    """Runs a SequentialState (or Sequential) of torch layers, `Lift` and Norse's LIF, box, IAF and LI modules.

    A recurrent module becomes two layers, its input weights and its neurons. The rest is as in `record_snntorch`.

    Raises Unsupported for what the format cannot express, by class and attribute.
    """
    options = Options(steps, output, record_potentials, record_currents)
    return record(NORSE, net, x, y, loss, path, options)


def lowered(module: Any) -> Any:
    """The module that a `Lift` applies to every step."""
    import norse.torch as norse

    return lowered(module.lifted_module) if isinstance(module, norse.Lift) else module


def layers(module: Any, called: Called) -> list[Step]:
    """The layers of the format that a module of a network is."""
    inner = lowered(module)
    return [] if passes_through(inner) else layer_steps(inner, called if inner is module else "whole")


def layer_steps(module: Any, called: Called = "whole") -> list[Step]:
    """The layers of the format that a module is.

    Raises Unsupported for one that is none.
    """
    plain = stateless(module, called=called)
    if plain is not None:
        return [plain]
    name = type(module).__name__
    if type(module).__module__.split(".")[0] != "norse" or name not in CLASSES:
        raise Unsupported(class_name(module), f"is no layer of the format, nor one of {', '.join(CLASSES)}")
    untouched(module)
    function, over_time = CLASSES[name]
    if name == "LILinearCell":
        return weighted_readout(module)
    found = getattr(module.activation, "__name__", repr(module.activation))
    require(found == function, module, "activation", f"is {found}, not {function}; take the parameters' default method")
    if "Recurrent" in name:
        return recurrent(module, over_time)
    if name.startswith("LI") and not name.startswith("LIF"):
        description = {"kind": "integrator", "class": class_name(module), **membrane(module)}
        run = integrator_runner(module, over_time)
    else:
        description, run = neuron(module), runner(module, over_time)
    learned = learned_of(module, description)
    return [Step(description, run, learned=learned)]


def learned_of(module: Any, description: dict[str, Any]) -> dict[str, Any]:
    """What is learned among the parameters; by what it changes the constants goes into the description.

    `v_leak`, and the `v_reset` of an IAF, are initial potentials too: the format has no gradient of these.
    """
    p, dt = module.p, float(module.dt)
    derivatives: dict[str, dict[str, Any]] = {}
    if "threshold" in description:
        # Where the threshold adapts to it, it is not the threshold alone that v_th makes.
        derivatives["v_th"] = {} if "adaptation" in description else {"threshold": 1.0}
    if "drive" in description:
        leak = constant(p, "v_leak")
        drive = {} if isinstance(leak, float) and leak == 0.0 else {"drive": dt * leak}
        derivatives["tau_mem_inv"] = {"decay": -dt, "input_gain": dt} | drive
        if description.get("reset", {}).get("kind") == "value":
            derivatives["v_reset"] = {"reset_value": 1.0}
    if "synapse" in description:
        derivatives["tau_syn_inv"] = {"synapse_decay": -dt}
    found = {name: getattr(p, name) for name, by in derivatives.items() if by}
    learned = {name: value for name, value in found.items() if getattr(value, "requires_grad", False)}
    for name, value in learned.items():
        require(value.is_leaf, module, f"p.{name}", "is computed from other parameters; make it a parameter of its own")
    if learned:
        description["learned"] = {name: derivatives[name] for name in learned}
    return learned


def rate(module: Any, name: str) -> Any:
    """`dt` times an inverse time constant, in the arithmetic of the step function."""
    product = module.dt * getattr(module.p, name)
    if not hasattr(product, "detach"):
        return float(product)
    return float(product.detach()) if product.numel() == 1 else product.detach()


def membrane(module: Any) -> dict[str, Any]:
    """The constants of the membrane and the synapse."""
    name = type(module).__name__
    if name.startswith("IAF"):
        return {"decay": 1.0, "initial_potential": constant(module.p, "v_reset")}
    r = rate(module, "tau_mem_inv")
    leak = constant(module.p, "v_leak")
    constants: dict[str, Any] = {
        "decay": 1 - r,
        "input_gain": r,
        "drive": r * leak,
        "initial_potential": leak,
    }
    if "Box" not in name:
        constants["synapse"] = {"decay": 1 - rate(module, "tau_syn_inv"), "gain": 1.0}
    return constants


def neuron(module: Any) -> dict[str, Any]:
    """The description of a spiking module."""
    from norse.torch.functional import reset as resets
    from norse.torch.functional.threshold import threshold

    p = module.p
    what = f"{class_name(module)}.p.method {p.method!r}"

    def spike(x: Any) -> Any:
        try:
            return threshold(x, p.method, p.alpha)
        except ValueError as error:
            raise Unsupported(what, str(error)) from error

    v_reset = constant(p, "v_reset")
    many = not isinstance(v_reset, float)
    reset: dict[str, Any] = {"kind": "value", "value": v_reset} if many or v_reset else {"kind": "zero"}
    method = getattr(p, "reset_method", resets.reset_value)
    if method is resets.reset_subtract:
        reset = {"kind": "subtract"}
    elif method is not resets.reset_value:
        raise Unsupported(f"{class_name(module)}.p.reset_method", "is neither reset_value nor reset_subtract")
    return {
        "kind": "neuron",
        "class": class_name(module),
        "threshold": constant(p, "v_th"),
        "firing": firing_of(what, spike),
        "surrogate": probe(what, spike),
        "reset": reset | {"timing": "before-decay"},
        "reset_gradient": "detached" if "Recurrent" in type(module).__name__ else "full",
        **membrane(module),
        **adapting(module),
    }


def adapting(module: Any) -> dict[str, Any]:
    """An LSNN's threshold; and that its currents act one step later, so that its spikes are those of the step before.

    b[t] = (1 - r) b[t-1] + r v_th, raised by beta with each spike: of b - v_th, the part that decays is the format's A.
    """
    if "LSNN" not in type(module).__name__:
        return {}
    decay = 1 - rate(module, "tau_adapt_inv")
    scale = decay * constant(module.p, "beta") / (1 - decay)
    adaptation = {"decay": decay, "scale": scale, "detached": "Recurrent" in type(module).__name__}
    return {"output_delay": True, "adaptation": adaptation}


def functional(module: Any) -> Any:
    """The module of norse.torch.functional whose `threshold` the step function calls."""
    return importlib.import_module(module.activation.__module__)


@contextmanager
def noting_thresholds(module: Any) -> Iterator[list[Any]]:
    """Notes what the step function gives to `threshold`: u - v_th."""
    source, seen = functional(module), []
    original = source.threshold

    def noting(shifted: Any, method: str, alpha: Any) -> Any:
        seen.append(shifted)
        return original(shifted, method, alpha)

    source.threshold = noting
    try:
        yield seen
    finally:
        source.threshold = original


def call(module: Any, over_time: bool, current: Any) -> Any:
    """The module's output for a sequence, from its initial state."""
    import torch

    if over_time:
        return module(current)[0]
    state, outputs = None, []
    for step in current:
        out, state = module(step, state)
        outputs.append(out)
    return torch.stack(outputs)


def runner(module: Any, over_time: bool) -> Callable[[Any], Ran]:
    """Runs a spiking module."""
    import torch

    def run(current: Any) -> Ran:
        with noting_thresholds(module) as seen:
            spikes = call(module, over_time, current)
        # Of a threshold that adapts, the spike's argument does not tell the potential.
        return Ran(spikes, None if "LSNN" in type(module).__name__ else torch.stack(seen) + module.p.v_th)

    return run


def integrator_runner(module: Any, over_time: bool) -> Callable[[Any], Ran]:
    """Runs a readout."""

    def run(current: Any) -> Ran:
        potentials = call(module, over_time, current)
        return Ran(potentials, potentials)

    return run


def weighted_readout(module: Any) -> list[Step]:
    """The weights and the integrator of a cell that holds both."""
    import torch

    weight = module.input_weights
    linear = {"kind": "linear", "bias": False, "class": f"{class_name(module)}.input_weights"}
    identity = torch.eye(weight.shape[0], dtype=weight.dtype)

    def integrate(current: Any) -> Ran:
        own = module._parameters["input_weights"]
        module._parameters["input_weights"] = torch.nn.Parameter(identity, requires_grad=False)
        try:
            potentials = call(module, False, current)
        finally:
            module._parameters["input_weights"] = own
        return Ran(potentials, potentials)

    description = {"kind": "integrator", "class": class_name(module), **membrane(module)}
    learned = learned_of(module, description)
    before = Step(linear, lambda x: Ran(torch.nn.functional.linear(x, weight)), {"weight": weight})
    return [before, Step(description, integrate, learned=learned)]


def recurrent(module: Any, over_time: bool) -> list[Step]:
    """The input weights and the neurons of a recurrent module, which the module itself runs together."""
    import torch

    # The module's own weights have a hook that zeroes the diagonal of their gradient.
    inner = torch.nn.Parameter(module.recurrent_weights.detach().clone())
    weight = module.input_weights
    linear = {"kind": "linear", "bias": False, "class": f"{class_name(module)}.input_weights"}
    identity = torch.eye(weight.shape[0], dtype=weight.dtype)

    def neurons(current: Any) -> Ran:
        own = module._parameters["recurrent_weights"], module._parameters["input_weights"]
        # The currents are made by the layer before, so that the gradient at them can be had.
        module._parameters["recurrent_weights"] = inner
        module._parameters["input_weights"] = torch.nn.Parameter(identity, requires_grad=False)
        try:
            return runner(module, over_time)(current)
        finally:
            module._parameters["recurrent_weights"], module._parameters["input_weights"] = own

    own_weights = module.recurrent_weights

    def as_theirs(gradient: Any) -> Any:
        # Norse's hook zeroes the diagonal.
        return gradient if module_has_autapses(module) else gradient * (1 - identity_like(gradient))

    description = neuron(module) | {"recurrent": True}
    if not module_has_autapses(module):
        description["autapses"] = False
    notes = () if module_has_autapses(module) else (AUTAPSES,)
    return [
        Step(linear, lambda x: Ran(torch.nn.functional.linear(x, weight)), {"weight": weight}),
        Step(description, neurons, {"recurrent": inner}, notes=notes, own={"recurrent": (own_weights, as_theirs)}),
    ]


def module_has_autapses(module: Any) -> bool:
    """Whether a recurrent module leaves the diagonal alone."""
    return not module.recurrent_weights._backward_hooks


def identity_like(matrix: Any) -> Any:
    """The identity of the size of a matrix."""
    import torch

    return torch.eye(matrix.shape[0], dtype=matrix.dtype)


def takes_all_steps(module: Any) -> bool:
    """Whether a module steps through time itself."""
    inner = lowered(module)
    return inner is not module or CLASSES.get(type(inner).__name__, ("", False))[1]


def is_stateful(module: Any) -> bool:
    """Whether a module is a cell, or steps through time itself."""
    from norse.torch.module.snn import SNN, SNNCell, SNNRecurrent, SNNRecurrentCell

    return (
        isinstance(lowered(module), SNN | SNNCell | SNNRecurrent | SNNRecurrentCell) or type(module).__name__ in CLASSES
    )


NORSE = Framework("norse", layers, Habits(lambda module: None, takes_all_steps, passes_state=True), is_stateful)

"""Sinabs."""

from __future__ import annotations

import math
import os
from collections.abc import Callable
from pathlib import Path
from typing import Any

import numpy as np

from resurge.recording._as_it_ran import mask
from resurge.recording._constants import constant, scalar
from resurge.recording._errors import Unsupported, class_name, require
from resurge.recording._file import Array
from resurge.recording._layers import Called, Ran, Step, pair, passes_through, stateless, untouched
from resurge.recording._loss import Loss, LossFunction
from resurge.recording._probe import doubles
from resurge.recording._recorder import Framework, Options, Output, record
from resurge.recording._surrogate import Description, identify
from resurge.recording._walk import Habits

SUMS = (
    "sinabs.SumPool2d is LPPool2d, whose gradient is 0 wherever the sum is 0, which is not the gradient of a sum; it "
    "is in the file as what it is, a sum and a mask"
)


def record_sinabs(
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
    """Runs a Sequential of torch layers and Sinabs's `LIF`, `IAF`, `ALIF`, their `Squeeze` forms and `ExpLeak`.

    `x` is `[T, B, ...]` here too; the layers are given `[B, T, ...]`, as they want it. A
    `sinabs.network.Network` stands for its `spiking_model`. The rest is as in `record_snntorch`.

    Raises Unsupported for what the format cannot express, by class and attribute.
    """
    import sinabs.network

    if isinstance(net, sinabs.network.Network):
        net = net.spiking_model
    options = Options(steps, output, record_potentials, record_currents)
    return record(SINABS, net, x, y, loss, path, options)


def layers(module: Any, called: Called) -> list[Step]:
    """The layer of the format that a module is."""
    inner = unwrapped(module)
    if shape_only(inner):
        return []
    if is_sum_pool(inner):
        return sum_pool(inner)
    plain = stateless(inner, called=called if inner is module else "whole")
    return [plain or neuron(inner)]


def is_sum_pool(module: Any) -> bool:
    """Whether a module is Sinabs's pool of sums."""
    import sinabs.layers as layers

    return isinstance(module, layers.SumPool2d)


def sum_pool(module: Any) -> list[Step]:
    """A sum over windows, and a mask that is 0 where the sum is, as the gradient of LPPool2d is."""
    from torch import nn

    untouched(module)
    require(not module.ceil_mode, module, "ceil_mode", "is not in the format; take ceil_mode=False")
    kernel = pair(module.kernel_size)
    stride = pair(module.kernel_size if module.stride is None else module.stride)

    def run(x: Any) -> Ran:
        means = nn.functional.avg_pool2d(x.flatten(0, 1), kernel, stride)
        return Ran((means * (kernel[0] * kernel[1])).unflatten(0, x.shape[:2]))

    description = {"kind": "sum-pool2d", "class": class_name(module), "kernel": kernel, "stride": stride}
    zeros = mask(lambda sums: (sums.detach() != 0).to(sums.dtype), class_name(module), SUMS)
    return [Step(description, run), zeros]


def unwrapped(module: Any) -> Any:
    """The layer that a `Repeat` applies to every step."""
    import sinabs.layers as layers

    return unwrapped(module.module) if isinstance(module, layers.Repeat) else module


def shape_only(module: Any) -> bool:
    """Whether a layer does nothing but join or part the axes of time and batch."""
    import sinabs.layers as layers

    return isinstance(module, layers.FlattenTime | layers.UnflattenTime) or passes_through(module)


def neuron(module: Any) -> Step:
    """The step of a neuron or of a readout.

    Raises Unsupported for another module, and for what the format lacks.
    """
    import sinabs.activation as act
    import sinabs.layers as layers

    leak = type(module) in (layers.ExpLeak, layers.ExpLeakSqueeze)
    adaptive = type(module) is layers.ALIF
    plain = type(module) in (layers.LIF, layers.IAF, layers.LIFSqueeze, layers.IAFSqueeze)
    if not (leak or adaptive or plain):
        raise Unsupported(
            class_name(module), "is no layer of the format, nor LIF, IAF, ALIF, ExpLeak; take one of these"
        )
    untouched(module)
    description, learned = membrane(module, adaptive)
    if module.min_v_mem is not None:
        description["min_potential"] = scalar(module, "min_v_mem")
    description = {"kind": "integrator" if leak else "neuron", "class": class_name(module)} | description
    if leak:
        return Step(description, integrator_runner(module), learned=learned)
    require(
        module.spike_fn in (act.SingleSpike, act.MultiSpike),
        module,
        "spike_fn",
        "is neither Single- nor MultiSpike; take one of these",
    )
    multi = module.spike_fn is act.MultiSpike
    reset = module.reset_fn
    if isinstance(reset, act.MembraneSubtract):
        fine = reset.subtract_value is None
        require(fine, module, "reset_fn.subtract_value", "subtracts something else than the threshold; take None")
        description |= {"reset": {"kind": "subtract", "timing": "before-decay"}, "reset_gradient": "full"}
    elif isinstance(reset, act.MembraneReset):
        require(not multi, module, "reset_fn", "MembraneReset with MultiSpike is not in the format; take SingleSpike")
        value = float(reset.reset_value)
        kind: dict[str, Any] = {"kind": "zero-then-add", "value": value} if value else {"kind": "zero"}
        description |= {"reset": kind | {"timing": "before-decay"}, "reset_gradient": "detached"}
    else:
        raise Unsupported(
            f"{class_name(module)}.reset_fn", f"{reset!r} is not in the format; take MembraneSubtract or MembraneReset"
        )
    theta = scalar(module, "b0") if adaptive else scalar(module, "spike_threshold")
    description |= {"threshold": theta, "firing": "repeatedly" if multi else "at-or-above"}
    if adaptive:
        decay = number(module.alpha_adapt_calculated)
        description["adaptation"] = {"decay": decay, "scale": constant(module, "adapt_scale")}
        if not module.train_alphas and module.tau_adapt.requires_grad:
            slope = decay / number(module.tau_adapt) ** 2
            description["learned"]["tau_adapt"] = {"adaptation_decay": slope}
            learned["tau_adapt"] = module.tau_adapt
    description |= surrogate(module, theta, multi, adaptive)
    return Step(description, runner(module), learned=learned)


def membrane(module: Any, adaptive: bool) -> tuple[dict[str, Any], dict[str, Any]]:
    """The constants of the membrane and the synapse, and the parameters that they depend on."""
    a = number(module.alpha_mem_calculated)
    gain = 1 - a if module.norm_input else 1.0
    normalised = -1.0 if module.norm_input else 0.0
    alpha_syn = module.alpha_syn_calculated
    s = 0.0 if alpha_syn is None else number(alpha_syn)
    description: dict[str, Any] = {"decay": a, "learned": {}}
    # d / d a and d / d s of the constants.
    by_mem: dict[str, Any] = {"decay": 1.0}
    by_syn: dict[str, Any] = {}
    if alpha_syn is None:
        description["input_gain"] = gain
        by_mem["input_gain"] = normalised
    else:
        if adaptive:
            description["synapse"] = {"decay": gain * s, "gain": gain * s}
            by_mem |= {"synapse_decay": normalised * s, "synapse_gain": normalised * s}
            by_syn = {"synapse_decay": gain, "synapse_gain": gain}
        else:
            description |= {"synapse": {"decay": s, "gain": s}, "input_gain": gain}
            by_mem["input_gain"] = normalised
            by_syn = {"synapse_decay": 1.0, "synapse_gain": 1.0}
    learned: dict[str, Any] = {}
    for suffix, derivatives, alpha in (("mem", by_mem, a), ("syn", by_syn, s)):
        name = f"alpha_{suffix}" if module.train_alphas else f"tau_{suffix}"
        parameter = getattr(module, name)
        if parameter is None or not parameter.requires_grad:
            continue
        value = number(parameter)
        slope = 1.0 if module.train_alphas else alpha / value**2
        # An infinite time constant is none.
        if not (isinstance(slope, float) and slope == 0.0):
            learned[name] = parameter
            wanted = {k: d for k, d in derivatives.items() if not (isinstance(d, float) and d == 0.0)}
            description["learned"][name] = {k: slope * d for k, d in wanted.items()}
    return description, learned


def number(value: Any) -> Any:
    """A tensor's number, or the tensor where it has more than one."""
    value = value.detach()
    return float(value) if value.numel() == 1 else value


def surrogate(module: Any, theta: float, multi: bool, adaptive: bool) -> dict[str, Any]:
    """The surrogate, and how the threshold enters the spike.

    The function has two arguments; whether its width follows the threshold is found out by asking for two.
    """
    import torch

    function = module.surrogate_grad_fn
    what = f"{class_name(module)}.surrogate_grad_fn {function!r}"

    def at(threshold: float) -> Callable[[Array], Array]:
        def derivative(x: Array) -> Array:
            with doubles(True), torch.no_grad():
                t = torch.tensor(threshold, dtype=torch.float64)
                values = function(torch.tensor(x, dtype=torch.float64) + t, t)
            return np.asarray(values.numpy(), dtype=np.float64)

        return derivative

    def in_units(threshold: float) -> Callable[[Array], Array]:
        return lambda x: at(threshold)(x * threshold) * threshold

    # The sum x + t rounds, which moves steep functions by some 1e-15 / width.
    probe = np.linspace(-2.0, 2.0, 101) + 0.00137
    follows = bool(np.allclose(in_units(1.0)(probe), in_units(2.0)(probe), rtol=1e-12, atol=1e-13))
    if adaptive and multi and not follows:
        raise Unsupported(what, "ALIF with MultiSpike and a surrogate whose width does not follow the threshold")
    relative = multi or (adaptive and follows)
    if adaptive and not relative and not np.allclose(at(1.0)(probe), at(2.0)(probe), rtol=1e-12, atol=1e-13):
        why = "follows the adapting threshold otherwise than by its width, which is not in the format; take another"
        raise Unsupported(what, why)
    derivative = in_units(theta) if relative else at(theta)
    return {
        "surrogate": identify(what, derivative, hints(function, theta, theta if relative else 1.0)),
        "threshold_in_spike": "relative" if relative else "detached",
    }


def hints(function: Any, theta: float, unit: float) -> list[Description]:
    """What the function says that it is, for potentials in this unit."""
    kind = type(function).__name__
    if kind == "Heaviside":
        return [{"kind": "heaviside", "width": float(function.window) / unit} | peak_of(unit / theta)]
    if kind == "PeriodicExponential":
        shape = {"width": float(function.grad_width) / unit, "period": theta / unit}
        return [{"kind": "periodic-exponential"} | shape | peak_of(float(function.grad_scale) * unit)]
    if kind != "MultiGaussian":
        return []
    h, s, scale = float(function.h), float(function.s), float(function.grad_scale)
    hint: Description = {"kind": "multi-gaussian", "width": function.sigma / unit, "wings": h, "ratio": s}
    if scale == 1.0:
        return [hint]
    sigma = function.sigma / unit
    side = 2 * h * math.exp(-1 / (2 * s * s)) / s
    return [hint | peak_of(scale * (1 + h - side) / (sigma * math.sqrt(2 * math.pi)))]


def peak_of(peak: float) -> dict[str, Any]:
    """The scale of a surrogate by its value at the threshold."""
    return {"scale": "peak-one" if peak == 1.0 else {"peak": peak}}


class Noting:
    """Stands before a spike function and keeps the potentials that are given to it."""

    def __init__(self, base: Any) -> None:
        self.base, self.required_states, self.seen = base, base.required_states, list[Any]()

    def apply(self, v_mem: Any, threshold: Any, surrogate_grad_fn: Any) -> Any:
        """What the spike function does."""
        self.seen.append(v_mem)
        return self.base.apply(v_mem, threshold, surrogate_grad_fn)


def call(module: Any, current: Any) -> Any:
    """The module's output for `[T, B, ...]`, from its initial state."""
    batch_first = current.movedim(0, 1)
    forget(module)
    if hasattr(module, "squeeze_forward"):
        out = module(batch_first.flatten(0, 1)).unflatten(0, batch_first.shape[:2])
    else:
        out = module(batch_first)
    forget(module)
    return out.movedim(1, 0)


def forget(module: Any) -> None:
    """Puts zeros in the place of the states; `reset_states` would detach them in place, under the backward pass."""
    import torch

    for name, state in list(module.named_buffers(recurse=False)):
        setattr(module, name, torch.zeros_like(state))


def runner(module: Any) -> Callable[[Any], Ran]:
    """Runs a spiking layer."""
    import torch

    def run(current: Any) -> Ran:
        original = module.spike_fn
        noting = Noting(original)
        module.spike_fn = noting
        try:
            spikes = call(module, current)
        finally:
            module.spike_fn = original
        return Ran(spikes, torch.stack(noting.seen))

    return run


def integrator_runner(module: Any) -> Callable[[Any], Ran]:
    """Runs a readout."""

    def run(current: Any) -> Ran:
        potentials = call(module, current)
        return Ran(potentials, potentials)

    return run


def reset(module: Any) -> None:
    """Forgets the states."""
    inner = unwrapped(module)
    if hasattr(inner, "reset_states"):
        forget(inner)


def joins_axes(module: Any) -> bool:
    """Whether a layer wants the axes of time and batch as one."""
    return hasattr(unwrapped(module), "squeeze_forward")


def is_stateful(module: Any) -> bool:
    """Whether a module has a state."""
    import sinabs.layers as layers

    return isinstance(unwrapped(module), layers.StatefulLayer)


SINABS = Framework(
    "sinabs", layers, Habits(reset, lambda module: True, batch_first=True, joins_axes=joins_axes), is_stateful
)

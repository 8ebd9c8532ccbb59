"""From the layers of a network to a recording, for the frameworks that are built on torch."""

from __future__ import annotations

import os
from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any, Literal

import numpy as np

from resurge_audit._errors import Unsupported, class_name
from resurge_audit._file import FORMAT_VERSION, Array, Recording, compact, write
from resurge_audit._loss import Loss, LossFunction, evaluate_torch
from resurge_audit._surrogate import Description, identify

Output = Literal["spikes", "potential"]
STATEFUL = ("neuron", "integrator")
FRAMEWORKS = ("snntorch", "spikingjelly", "norse", "sinabs")


@dataclass
class Ran:
    """What a layer did: tensors `[T, B, ...]`."""

    output: Any
    potentials: Any | None = None


@dataclass
class Step:
    """One layer of the file: its description, how the framework runs it, and its parameters by name."""

    description: Description
    run: Callable[[Any], Ran]
    parameters: dict[str, Any] = field(default_factory=dict)
    learned: dict[str, Any] = field(default_factory=dict)
    notes: tuple[str, ...] = ()


@dataclass(frozen=True)
class Options:
    """What goes into the file besides the description, the parameters and their gradients."""

    steps: int | None
    output: Output
    record_potentials: bool
    record_currents: bool


@contextmanager
def doubles(enabled: bool) -> Iterator[None]:
    """Makes `Tensor.float` mean double, and f64 the default type.

    snnTorch and Sinabs cast their spikes with `.float()`, which would round every gradient of a network in f64.
    """
    import torch

    if not enabled:
        yield
        return
    cast, default = torch.Tensor.float, torch.get_default_dtype()
    torch.Tensor.float = torch.Tensor.double
    torch.set_default_dtype(torch.float64)
    try:
        yield
    finally:
        torch.Tensor.float = cast
        torch.set_default_dtype(default)


def sequence_layers(net: Any) -> list[Any]:
    """The layers of a Sequential, of Sequentials in it, or of a list.

    Raises Unsupported for a module with a forward of its own.
    """
    import torch

    if isinstance(net, torch.nn.Sequential):
        untouched(net, torch.nn.Sequential)
    if isinstance(net, torch.nn.Sequential | list | tuple):
        return [layer for child in net for layer in sequence_layers(child)]
    children = sorted(name for name, _ in net.named_children())
    # A neuron of a framework holds its surrogate, a wrapper its layer.
    if children and type(net).__module__.split(".")[0] not in FRAMEWORKS:
        raise Unsupported(
            class_name(net),
            "is not a Sequential, and its forward cannot be read; "
            f"pass its layers ({', '.join(children)}) as a Sequential or a list",
        )
    return [net]


def untouched(module: Any, base: type) -> None:
    """Refuses a module that does not compute what its base does: with another forward, or with a hook that may change it."""
    own = type(module).__module__.split(".")[0] in FRAMEWORKS
    if "forward" in vars(module) or not (own or type(module).forward is base.forward):
        raise Unsupported(f"{class_name(module)}.forward", f"is not that of {base.__name__}")
    if module._forward_hooks or module._forward_pre_hooks:
        raise Unsupported(f"{class_name(module)}.register_forward_hook", "a hook may change what the layer computes")


def pair(value: Any) -> list[int]:
    """`[h, w]` from a number or a pair."""
    if isinstance(value, int):
        return [value, value]
    return [int(v) for v in value]


def per_image(call: Callable[[Any], Any]) -> Callable[[Any], Ran]:
    """Runs a layer of images on every step and sample."""

    def run(x: Any) -> Ran:
        return Ran(call(x.flatten(0, 1)).unflatten(0, x.shape[:2]))

    return run


def stateless(module: Any, call: Callable[[Any], Any] | None = None) -> Step | None:
    """The layer that a module of torch is, or None for one that is none of these.

    Raises Unsupported for one that has a setting which the format lacks.
    """
    from torch import nn

    call = call or module

    def settings(**required: bool) -> None:
        for attribute, fine in required.items():
            if not fine:
                value = getattr(module, attribute)
                raise Unsupported(f"{class_name(module)}.{attribute}", f"{value!r} is not in the format")

    named = {"class": class_name(module)}
    for base in (nn.Linear, nn.Conv2d, nn.AvgPool2d, nn.MaxPool2d, nn.Flatten):
        if isinstance(module, base):
            untouched(module, base)
    if isinstance(module, nn.Linear):
        parameters = weights(module)
        return Step({"kind": "linear", "bias": "bias" in parameters} | named, lambda x: Ran(call(x)), parameters)
    if isinstance(module, nn.Conv2d):
        settings(
            padding_mode=module.padding_mode == "zeros",
            dilation=pair(module.dilation) == [1, 1],
            padding=not isinstance(module.padding, str),
        )
        parameters = weights(module)
        description = {
            "kind": "conv2d",
            "bias": "bias" in parameters,
            "stride": pair(module.stride),
            "padding": pair(module.padding),
            "groups": module.groups,
        }
        return Step(description | named, per_image(call), parameters)
    if isinstance(module, nn.AvgPool2d):
        settings(
            ceil_mode=not module.ceil_mode,
            divisor_override=module.divisor_override is None,
            count_include_pad=module.count_include_pad or pair(module.padding) == [0, 0],
        )
        return Step({"kind": "avg-pool2d"} | window(module) | named, per_image(call))
    if isinstance(module, nn.MaxPool2d):
        settings(
            ceil_mode=not module.ceil_mode,
            return_indices=not module.return_indices,
            dilation=pair(module.dilation) == [1, 1],
        )
        return Step({"kind": "max-pool2d"} | window(module) | named, per_image(call))
    if isinstance(module, nn.Flatten):
        settings(start_dim=module.start_dim in (1, 2), end_dim=module.end_dim == -1)
        return Step({"kind": "flatten"} | named, lambda x: Ran(x.flatten(2)))
    return None


def weights(module: Any) -> dict[str, Any]:
    """The weight, and the bias if there is one."""
    parameters = {"weight": module.weight}
    if module.bias is not None:
        parameters["bias"] = module.bias
    return parameters


def window(module: Any) -> dict[str, Any]:
    """The window of a pooling layer."""
    return {
        "kernel": pair(module.kernel_size),
        "stride": pair(module.stride),
        "padding": pair(module.padding),
    }


def passes_through(module: Any) -> bool:
    """Whether a layer does nothing: Identity, and Dropout outside of training.

    Raises Unsupported for a Dropout in training.
    """
    from torch import nn

    if isinstance(module, nn.Dropout | nn.Dropout1d | nn.Dropout2d):
        if module.training and module.p > 0:
            raise Unsupported(f"{class_name(module)}.training", "a random mask is not in the format; call net.eval()")
        return True
    return isinstance(module, nn.Identity)


def probe(what: str, function: Callable[[Any], Any], hints: Sequence[Description] = ()) -> Description:
    """The surrogate that a function of torch has: x = u - threshold to the spike."""
    import torch

    def derivative(x: Array) -> Array:
        with doubles(True), torch.enable_grad():
            at = torch.tensor(x, dtype=torch.float64, requires_grad=True)
            spikes = function(at)
            if not spikes.requires_grad:
                raise Unsupported(what, "has no gradient")
            (slope,) = torch.autograd.grad(spikes.sum(), at)
        return np.asarray(slope.numpy(), dtype=np.float64)

    return identify(what, derivative, hints)


def firing_of(what: str, function: Callable[[Any], Any]) -> str:
    """`above` or `at-or-above`, from the spikes at and around the threshold.

    Raises Unsupported for anything but a step there.
    """
    import torch

    with torch.no_grad(), doubles(True):
        spikes = function(torch.tensor([-1.0, -1e-12, 0.0, 1e-12, 1.0, 3.0], dtype=torch.float64)).tolist()
    match spikes:
        case [0.0, 0.0, 0.0, 1.0, 1.0, 1.0]:
            return "above"
        case [0.0, 0.0, 1.0, 1.0, 1.0, 1.0]:
            return "at-or-above"
    raise Unsupported(what, f"its spikes around the threshold are {spikes}, not a step from 0 to 1")


def scalar(obj: Any, attribute: str) -> float:
    """A constant of a neuron.

    Raises Unsupported where it has one value for each neuron.
    """
    import torch

    value = getattr(obj, attribute)
    if isinstance(value, torch.Tensor):
        if value.numel() != 1:
            raise Unsupported(f"{class_name(obj)}.{attribute}", "one value for each neuron is not in the format")
        return float(value.detach())
    return float(value)


def numpy_of(tensor: Any) -> Array:
    """A tensor's values."""
    return np.array(tensor.detach().cpu().numpy())


def record(
    framework: tuple[str, str],
    steps: list[Step],
    x: Any,
    y: Any,
    loss: Loss | LossFunction,
    path: str | os.PathLike[str],
    options: Options,
) -> Path:
    """Runs the layers on `x`, differentiates the loss and writes the file."""
    import torch

    if options.steps is not None:
        x = x.unsqueeze(0).expand(options.steps, *x.shape)
    if x.dtype not in (torch.float32, torch.float64):
        raise Unsupported("x.dtype", f"{x.dtype} is neither float32 nor float64")
    if not steps or x.ndim not in (3, 5) or 0 in x.shape:
        raise Unsupported("x.shape", f"{tuple(x.shape)} is neither [T, B, N] nor [T, B, C, H, W] with something in it")
    x = x.detach().clone().requires_grad_(True)
    for k, step in enumerate(steps):
        for name, value in step.parameters.items():
            if value.dtype != x.dtype:
                raise Unsupported(f"layers.{k}.{name}", f"is {value.dtype}, the input {x.dtype}")
    check_places(steps, options)
    check_shared(steps)
    recording = Recording(describe(framework, steps))
    with doubles(x.dtype == torch.float64), torch.enable_grad():
        leaves = run_layers(steps, x, recording, options)
        output = leaves.pop("output")
        if isinstance(loss, Loss) and loss.kind != "weighted-sum":
            value = evaluate_torch(loss, output.flatten(2), y)
            recording.description["loss"] = loss.description()
            recording.tensors["target"] = numpy_of(y if y.dtype == torch.int64 else y.to(x.dtype))
        else:
            weight = y if isinstance(loss, Loss) else cotangent(loss, output, y, recording)
            if weight.shape != output.shape:
                raise ValueError(f"the weight has the shape {tuple(weight.shape)}, expected {tuple(output.shape)}")
            value = (weight.to(x.dtype) * output).sum()
            recording.description["loss"] = {"kind": "weighted-sum"}
            recording.tensors["loss.weight"] = numpy_of(weight.to(x.dtype))
        gradients = torch.autograd.grad(value, list(leaves.values()), allow_unused=True)
    recording.tensors["loss"] = numpy_of(value.reshape(1).to(x.dtype))
    for (name, leaf), gradient in zip(leaves.items(), gradients, strict=True):
        found = torch.zeros_like(leaf) if gradient is None else gradient
        is_scalar = name.startswith("layers.") and leaf.numel() == 1 and leaf.ndim < 2
        values = numpy_of(found.to(x.dtype))
        recording.tensors[f"gradients.{name}"] = values.reshape(1) if is_scalar else values
    return write(path, recording)


def check_places(steps: list[Step], options: Options) -> None:
    """Refuses a potential as the output of anything but the last layer."""
    for step in steps[:-1]:
        if step.description["kind"] == "integrator":
            raise Unsupported(step.description.get("class", "an integrator"), "is only in the format as the last layer")
    if options.output == "potential" and steps[-1].description["kind"] not in STATEFUL:
        raise Unsupported("output='potential'", "the last layer is no neuron")


def check_shared(steps: list[Step]) -> None:
    """Refuses a parameter of two layers: its gradient is the sum of both, and the file has one for each."""
    seen: dict[int, str] = {}
    for k, step in enumerate(steps):
        for name, value in (step.parameters | step.learned).items():
            here = f"layers.{k}.{name}"
            if value.requires_grad and id(value) in seen:
                raise Unsupported(here, f"is the same parameter as {seen[id(value)]}")
            seen[id(value)] = here


def describe(framework: tuple[str, str], steps: list[Step]) -> dict[str, Any]:
    """The description, but for the loss."""
    ungraded = [
        f"layers.{k}.{name}"
        for k, step in enumerate(steps)
        for name, value in step.parameters.items()
        if not value.requires_grad
    ]
    return {
        "version": FORMAT_VERSION,
        "framework": {"name": framework[0], "version": framework[1]},
        "layers": [step.description for step in steps],
        "ungraded": ungraded,
        "notes": sorted({note for step in steps for note in step.notes}),
    }


def run_layers(steps: list[Step], x: Any, recording: Recording, options: Options) -> dict[str, Any]:
    """Runs every layer, notes what it did, and returns what to differentiate by: `output` is the network's."""
    tensors = recording.tensors
    tensors["input"] = compact(numpy_of(x))
    leaves: dict[str, Any] = {"input": x}
    h = x
    for k, step in enumerate(steps):
        kind = step.description["kind"]
        if kind == "neuron" and options.record_currents:
            # A node of its own: the input of the network may go straight into a neuron.
            h = h.clone()
            leaves[f"currents.{k}"] = h
        ran = step.run(h)
        h = ran.output
        if kind == "neuron":
            tensors[f"spikes.{k}"] = compact(numpy_of(h))
        if kind in STATEFUL and ran.potentials is not None and options.record_potentials:
            tensors[f"potentials.{k}"] = numpy_of(ran.potentials)
        for name, value in step.parameters.items():
            tensors[f"layers.{k}.{name}"] = numpy_of(value)
            if value.requires_grad:
                leaves[f"layers.{k}.{name}"] = value
        for name, value in step.learned.items():
            leaves[f"layers.{k}.{name}"] = value
    if options.output == "potential" and steps[-1].description["kind"] == "neuron":
        if ran.potentials is None:
            raise Unsupported("output='potential'", "the potential before the reset cannot be had from this layer")
        steps[-1].description["output"] = "potential"
        h = ran.potentials
    leaves["output"] = h
    return leaves


def cotangent(loss: LossFunction, output: Any, y: Any, recording: Recording) -> Any:
    """The gradient of any loss at the network's output."""
    import torch

    free = output.detach().clone().requires_grad_(True)
    (weight,) = torch.autograd.grad(loss(free, y), free)
    recording.description["notes"].append(
        "the loss is a function of the user's, recorded by its gradient at the output"
    )
    return weight

"""Torch's layers without a state, and what every layer of a network must not have."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass, field
from typing import Any, Literal

from resurge.recording._errors import Unsupported, class_name, require
from resurge.recording._surrogate import Description

FRAMEWORKS = ("snntorch", "spikingjelly", "norse", "sinabs")
HOOKS = {
    "_forward_hooks": "register_forward_hook",
    "_forward_pre_hooks": "register_forward_pre_hook",
    "_backward_hooks": "register_full_backward_hook",
    "_backward_pre_hooks": "register_full_backward_pre_hook",
}
NOT_IN = "{!r} is not in the format; take {}"

# How a layer was called: with all steps at once, or once a step.
Called = Literal["whole", "by step"]


@dataclass
class Ran:
    """What a layer did: tensors `[T, B, ...]`."""

    output: Any
    potentials: Any | None = None


@dataclass
class Step:
    """One layer of the file: its description, how the framework runs it, and its parameters by name.

    Constants of the description may be tensors that broadcast to the layer's features; `own` has the parameter of
    the module that stands behind one of `parameters` which is a copy. Weights that a module makes of its parameters
    are copies, too: `derived` has what they were copied from, and `owners` the parameters. `fixed` are tensors of the
    run that are no parameters.
    """

    description: Description
    run: Callable[[Any], Ran]
    parameters: dict[str, Any] = field(default_factory=dict)
    learned: dict[str, Any] = field(default_factory=dict)
    notes: tuple[str, ...] = ()
    own: dict[str, Any] = field(default_factory=dict)
    place: str = ""
    derived: dict[str, Any] = field(default_factory=dict)
    owners: tuple[Any, ...] = ()
    fixed: dict[str, Any] = field(default_factory=dict)


def is_of_framework(module: Any) -> bool:
    """Whether the class of a module is one of a framework's own."""
    return of_framework(type(module))


def of_framework(cls: type) -> bool:
    """Whether a class is one of a framework's own layers; a network that it ships is as one of the user's."""
    package, *inner = cls.__module__.split(".")
    return package in FRAMEWORKS and not {"model", "models", "network"} & set(inner)


def untouched(module: Any, base: Any = None) -> None:
    """Refuses a module that may not compute what its class does: with another forward, or with a hook."""
    why = f"is not that of {base.__name__}" if base else "is not that of its class"
    changed = base is not None and not is_of_framework(module) and type(module).forward is not base.forward
    require("forward" not in vars(module) and not changed, module, "forward", f"{why}; record a module without it")
    for attribute, function in HOOKS.items():
        why = "a hook may change what the layer computes; remove it for the recording"
        require(not getattr(module, attribute, None), module, function, why)
    for name, parameter in module.named_parameters(recurse=False):
        # Norse's own, of which the recorder takes care.
        if name == "recurrent_weights" and type(module).__module__.split(".")[0] == "norse":
            continue
        why = "a hook may change its gradient; remove it for the recording"
        hooked = parameter._backward_hooks or getattr(parameter, "_post_accumulate_grad_hooks", None)
        require(not hooked, module, f"{name}.register_hook", why)


def pair(value: Any) -> list[int]:
    """`[h, w]` from a number or a pair."""
    if isinstance(value, int):
        return [value, value]
    return [int(v) for v in value]


def over_time(call: Callable[[Any], Any], called: Called, image: bool = False) -> Callable[[Any], Ran]:
    """Runs a layer on all steps as the network itself does: at once, or one by one, which rounds otherwise."""
    import torch

    def run(x: Any) -> Ran:
        if called == "by step":
            return Ran(torch.stack([call(step) for step in x]))
        if image:
            return Ran(call(x.flatten(0, 1)).unflatten(0, x.shape[:2]))
        return Ran(call(x))

    return run


def stateless(module: Any, call: Callable[[Any], Any] | None = None, called: Called = "whole") -> Step | None:
    """The layer that a module of torch is, or None for one that is none of these.

    Raises Unsupported for one that has a setting which the format lacks.
    """
    from torch import nn

    call = call or module

    def settings(**required: tuple[bool, str]) -> None:
        for attribute, (fine, instead) in required.items():
            require(fine, module, attribute, NOT_IN.format(getattr(module, attribute), instead))

    named = {"class": class_name(module)}
    for base in (nn.Linear, nn.Conv2d, nn.AvgPool2d, nn.MaxPool2d, nn.Flatten):
        if isinstance(module, base):
            untouched(module, base)
    if isinstance(module, nn.Linear):
        parameters = weights(module)
        return Step({"kind": "linear", "bias": "bias" in parameters} | named, over_time(call, called), parameters)
    if isinstance(module, nn.Conv2d):
        numbers = padding_of(module.padding, module.kernel_size)
        settings(
            padding_mode=(module.padding_mode == "zeros", "zeros"),
            dilation=(pair(module.dilation) == [1, 1], "1"),
            padding=(not isinstance(module.padding, str) or numbers is not None, "the same padding as a number"),
        )
        parameters = weights(module)
        described = {} if numbers is None else {"padding": numbers}
        description = {
            "kind": "conv2d",
            "bias": "bias" in parameters,
            "stride": pair(module.stride),
            **described,
            "groups": module.groups,
        }
        return Step(description | named, over_time(call, called, image=True), parameters)
    if isinstance(module, nn.AvgPool2d):
        padded = module.count_include_pad or pair(module.padding) == [0, 0]
        settings(
            ceil_mode=(not module.ceil_mode, "False"),
            divisor_override=(module.divisor_override is None, "None"),
            count_include_pad=(padded, "True"),
        )
        return Step({"kind": "avg-pool2d"} | window(module) | named, over_time(call, called, image=True))
    if isinstance(module, nn.MaxPool2d):
        settings(
            ceil_mode=(not module.ceil_mode, "False"),
            return_indices=(not module.return_indices, "False"),
            dilation=(pair(module.dilation) == [1, 1], "1"),
        )
        return Step({"kind": "max-pool2d"} | window(module) | named, over_time(call, called, image=True))
    if isinstance(module, nn.Flatten):
        settings(start_dim=(module.start_dim in (1, 2), "1"), end_dim=(module.end_dim in (-1, 3, 4), "-1"))
        return flatten(class_name(module))
    from resurge.recording._more import other

    return other(module, call, called)


def padding_of(padding: Any, kernel: Any) -> list[int] | None:
    """The zeros on each side of an image; None where both sides have not as many."""
    if padding == "valid":
        return [0, 0]
    if padding != "same":
        return pair(padding)
    kernel = pair(kernel)
    return [size // 2 for size in kernel] if all(size % 2 for size in kernel) else None


def flatten(name: str) -> Step:
    """The layer that makes vectors of images."""
    return Step({"kind": "flatten", "class": name}, lambda x: Ran(x.flatten(2)))


def weights(module: Any) -> dict[str, Any]:
    """The weight, and the bias if there is one."""
    parameters = {"weight": module.weight}
    if module.bias is not None:
        parameters["bias"] = module.bias
    for name, value in parameters.items():
        why = "is computed from other parameters; remove the parametrization for the recording"
        require(value.is_leaf, module, name, why)
    return parameters


def window(module: Any) -> dict[str, Any]:
    """The window of a pooling layer."""
    return {
        "kernel": pair(module.kernel_size),
        "stride": pair(module.stride),
        "padding": pair(module.padding),
    }


def passes_through(module: Any) -> bool:
    """Whether a layer does nothing: Identity, and every Dropout outside of training.

    Raises Unsupported for a Dropout in training.
    """
    from torch import nn
    from torch.nn.modules.dropout import _DropoutNd

    cls = type(module)
    if cls.__module__.startswith("spikingjelly.") and cls.__name__ in ("Dropout", "Dropout2d"):
        base = cls
    elif isinstance(module, _DropoutNd | nn.Identity):
        base = next(base for base in cls.__mro__ if base.__module__.startswith("torch."))
    else:
        return False
    if base is not nn.Identity and module.training and module.p > 0:
        raise Unsupported(f"{class_name(module)}.training", "a random mask is not in the format; call net.eval()")
    # One with a forward of its own may do anything.
    untouched(module, base)
    return True

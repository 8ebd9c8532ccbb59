"""Layers that only the run decides: random masks, functions that are linear in pieces, statistics of the batch."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from typing import Any

from resurge.recording._errors import class_name
from resurge.recording._layers import Ran, Step, is_of_framework, padding_of, pair, untouched
from resurge.recording._walk import Followed, Sequence

# A number is its factor times what came in to this: both are the framework's own.
EQUAL = {8: 1e-12, 4: 1e-5}
WOVEN = "weights that a layer makes of others are in the file as they are used, and so are their gradients"
# The products of weights, with the names of their arguments.
ARGUMENTS = {
    "linear": ("input", "weight", "bias"),
    "conv2d": ("input", "weight", "bias", "stride", "padding", "dilation", "groups"),
}
MASKED = "what {} multiplied by in this run is in the file as a mask"


@dataclass(frozen=True)
class Factors:
    """What a forward multiplies by between two layers, `[T, B, ...]`; stands in the place of a module."""

    values: Any


def as_it_ran(module: Any, followed: Followed) -> list[Step] | None:
    """The layers that a module was in a run, or None for one that is the same in every run."""
    from torch import nn

    if isinstance(module, Factors):
        return [as_recorded(module.values, "a function of the forward")]
    sequence = followed.calls.get(id(module))
    if sequence is None or not followed.as_called:
        return None
    for base in (nn.BatchNorm1d, nn.BatchNorm2d):
        if isinstance(module, base) and (module.training or module.running_mean is None):
            untouched(module, base)
            return [batch_norm(module, sequence.called == "whole" and not followed.is_constant(module))]
    for base in (nn.Linear, nn.Conv2d):
        if isinstance(module, base) and makes_weights(module, base):
            return woven(module, sequence.inputs[0])
    base = pointwise(module)
    if base is None:
        return None
    untouched(module, base)
    found = [factors_of(given, made[0]) for given, made in zip(sequence.inputs, sequence.outputs, strict=True)]
    values = None if any(each is None for each in found) else followed.whole(found)
    return None if values is None else [as_recorded(values, class_name(module))]


def pointwise(module: Any) -> Any | None:
    """The class whose forward a module must have to be a mask: of random zeros, or of slopes."""
    from torch import nn
    from torch.nn.modules.dropout import _DropoutNd

    cls = type(module)
    slopes = isinstance(module, nn.ReLU | nn.LeakyReLU | nn.Hardtanh)
    if slopes or (isinstance(module, _DropoutNd) and module.training and module.p > 0):
        return next(base for base in cls.__mro__ if base.__module__.startswith("torch."))
    of_jelly = cls.__module__.startswith("spikingjelly.") and cls.__name__ in ("Dropout", "Dropout2d")
    return cls if of_jelly and module.training and module.p > 0 else None


def factors_of(given: Any, made: Any) -> Any | None:
    """By what each number of `given` was multiplied to become that of `made`; None where that is not what happened.

    It is the derivative that the framework has there, so that a number that is 0 has its factor, too.
    """
    import torch

    if given is None or given.shape != made.shape or not given.requires_grad or not made.requires_grad:
        return None
    (found,) = torch.autograd.grad(made.sum(), given, retain_graph=True, allow_unused=True)
    return found if found is not None and equal(found * given, made) else None


def equal(a: Any, b: Any) -> bool:
    """Whether two tensors are one, but for rounding."""
    if a.numel() != b.numel():
        return False
    a, b = a.detach().flatten(), b.detach().flatten()
    largest = max(float(b.abs().max()), 1e-300) if b.numel() else 1.0
    return bool(((a - b).abs() <= EQUAL[b.element_size()] * largest).all())


def mask(numbers: Callable[[Any], Any], name: str, note: str) -> Step:
    """A product with numbers that are not learned: those that `numbers` makes of what comes in."""
    step = Step({"kind": "mask", "class": name}, lambda x: Ran(x), notes=(note,))

    def run(x: Any) -> Ran:
        step.fixed["mask"] = numbers(x)
        return Ran(x * step.fixed["mask"])

    step.run = run
    return step


def as_recorded(values: Any, name: str) -> Step:
    """A mask of the numbers of a run."""
    return mask(lambda x: values.detach().reshape(x.shape).to(x.dtype), name, MASKED.format(name))


def makes_weights(module: Any, base: Any) -> bool:
    """Whether a layer makes the weights that it uses of others, in a forward of its own or by a parametrization."""
    if is_of_framework(module):
        return False
    return type(module).forward is not base.forward or not all(
        parameter.is_leaf for parameter in (module.weight, module.bias) if parameter is not None
    )


def woven(module: Any, given: Any) -> list[Step] | None:
    """The layer with the weights that its forward makes; None where that does more than use them once."""
    from torch import nn
    from torch.overrides import TorchFunctionMode

    untouched(module)
    found: list[tuple[str, dict[str, Any], Any]] = []

    class Noting(TorchFunctionMode):  # type: ignore[misc]
        """Notes products of weights."""

        def __torch_function__(self, function: Any, types: Any, args: Any = (), kwargs: Any = None) -> Any:
            made = function(*args, **(kwargs or {}))
            name = getattr(function, "__name__", "")
            if name in ARGUMENTS:
                found.append((name, dict(zip(ARGUMENTS[name], args, strict=False)) | (kwargs or {}), made))
            return made

    with Noting():
        made = module(given)
    if len(found) != 1 or found[0][2] is not made or found[0][1].get("input") is not given:
        return None
    name, used, _ = found[0]
    derived = {key: used[key] for key in ("weight", "bias") if used.get(key) is not None}
    leaves = {key: tensor.detach().clone().requires_grad_(tensor.requires_grad) for key, tensor in derived.items()}
    settings = {key: value for key, value in used.items() if key not in ("input", "weight", "bias")}

    def run(x: Any) -> Ran:
        if name == "linear":
            return Ran(nn.functional.linear(x, leaves["weight"], leaves.get("bias")))
        one = nn.functional.conv2d(x.flatten(0, 1), leaves["weight"], leaves.get("bias"), **settings)
        return Ran(one.unflatten(0, x.shape[:2]))

    description: dict[str, Any] = {"kind": name, "bias": "bias" in leaves, "class": class_name(module)}
    if name == "conv2d":
        padding = padding_of(used.get("padding", 0), leaves["weight"].shape[2:])
        if padding is None or pair(used.get("dilation", 1)) != [1, 1]:
            return None
        stride, groups = pair(used.get("stride", 1)), int(used.get("groups", 1))
        description |= {"stride": stride, "padding": padding, "groups": groups}
    owners = tuple(module.parameters())
    return [Step(description, run, leaves, notes=(WOVEN,), derived=derived, owners=owners)]


def batch_norm(module: Any, over_run: bool) -> Step:
    """Normalises by the statistics of each step, or of all steps at once."""
    import torch
    from torch import nn

    parameters = {"weight": torch.ones(module.num_features) if module.weight is None else module.weight}
    if module.weight is None and module.running_mean is not None:
        parameters["weight"] = parameters["weight"].to(module.running_mean.dtype)
    if module.bias is not None:
        parameters["bias"] = module.bias

    def normalised(x: Any) -> Any:
        return nn.functional.batch_norm(
            x, None, None, parameters["weight"].to(x.dtype), parameters.get("bias"), True, 0.0, module.eps
        )

    def run(x: Any) -> Ran:
        if over_run:
            return Ran(normalised(x.flatten(0, 1)).unflatten(0, x.shape[:2]))
        return Ran(torch.stack([normalised(step) for step in x]))

    description = {"kind": "batch-norm", "bias": module.bias is not None, "over": "run" if over_run else "step"}
    return Step(description | {"epsilon": float(module.eps), "class": class_name(module)}, run, parameters)


def factors_between(before: Sequence, after: Sequence, followed: Followed) -> Any | None:
    """The derivative of the sum of what a layer took by what the one before it gave, `[T, B, ...]`, if it has one."""
    import torch

    outputs, inputs = [made[0] for made in before.outputs], after.inputs
    if any(tensor is None or not tensor.requires_grad for tensor in (*outputs, *inputs)):
        return None
    if len(outputs) == len(inputs):
        pairs = [([made], given.sum()) for made, given in zip(outputs, inputs, strict=True)]
    else:
        total = inputs[0].sum()
        for given in inputs[1:]:
            total = total + given.sum()
        pairs = [(outputs, total)]
    found: list[Any] = []
    for made, value in pairs:
        gradients = torch.autograd.grad(value, made, retain_graph=True, allow_unused=True)
        found += [torch.zeros_like(m) if g is None else g for m, g in zip(made, gradients, strict=True)]
    return followed.whole(found)

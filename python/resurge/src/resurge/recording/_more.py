"""Layers of torch that are layers of the format in another form: batch norm in eval mode, pools of a given size."""

from __future__ import annotations

from typing import Any

from resurge.recording._errors import class_name, require
from resurge.recording._layers import NOT_IN, Called, Ran, Step, over_time, untouched

# The most features of vectors that a matrix on the diagonal is made for.
LARGEST = 4096


def other(module: Any, call: Any, called: Called) -> Step | None:
    """The layer that a module is, or None for one that is none of these."""
    from torch import nn

    for base in (nn.BatchNorm1d, nn.BatchNorm2d):
        if isinstance(module, base):
            untouched(module, base)
            return batch_norm(module)
    if isinstance(module, nn.AdaptiveAvgPool2d):
        untouched(module, nn.AdaptiveAvgPool2d)
        return adaptive(module, call, called)
    return None


def batch_norm(module: Any) -> Step:
    """In eval mode it multiplies and adds: of images a convolution of one pixel, of vectors a diagonal matrix."""
    import torch
    from torch import nn

    why = "is True, and statistics of the batch are not in the format; call net.eval()"
    require(not module.training and module.running_mean is not None, module, "training", why)
    mean, deviation = module.running_mean, torch.sqrt(module.running_var + module.eps)
    scale = 1 / deviation if module.weight is None else module.weight / deviation
    shift = -mean * scale if module.bias is None else module.bias - mean * scale
    count, images = module.num_features, isinstance(module, nn.BatchNorm2d)
    require(images or count <= LARGEST, module, "num_features", f"is more than {LARGEST}, of which a matrix is made")
    derived = {"weight": scale.reshape(count, 1, 1, 1) if images else torch.diag(scale), "bias": shift}
    leaves = {name: tensor.detach().clone().requires_grad_(tensor.requires_grad) for name, tensor in derived.items()}

    def run(x: Any) -> Ran:
        if images:
            made = nn.functional.conv2d(x.flatten(0, 1), leaves["weight"], leaves["bias"], groups=count)
            return Ran(made.unflatten(0, x.shape[:2]))
        return Ran(nn.functional.linear(x, leaves["weight"], leaves["bias"]))

    description: dict[str, Any] = {"kind": "linear", "bias": True}
    if images:
        description = {"kind": "conv2d", "bias": True, "stride": [1, 1], "padding": [0, 0], "groups": count}
    owners = tuple(parameter for parameter in (module.weight, module.bias) if parameter is not None)
    note = f"{class_name(module)} is in the file as the {'convolution' if images else 'matrix'} that it is"
    described = description | {"class": class_name(module)}
    return Step(described, run, leaves, notes=(note,), derived=derived, owners=owners)


def adaptive(module: Any, call: Any, called: Called) -> Step:
    """An average over windows that are found from the image's size."""
    size = module.output_size
    wanted = [size, size] if isinstance(size, int) else list(size)
    run = over_time(call, called, image=True)
    step = Step({"kind": "avg-pool2d", "class": class_name(module)}, run)

    def sized(x: Any) -> Ran:
        extent = [int(n) for n in x.shape[-2:]]
        targets = [extent[k] if wanted[k] is None else int(wanted[k]) for k in range(2)]
        fits = all(n % target == 0 for n, target in zip(extent, targets, strict=True))
        require(fits, module, "output_size", NOT_IN.format(tuple(targets), f"one that divides {tuple(extent)}"))
        kernel = [max(1, n // target) for n, target in zip(extent, targets, strict=True)]
        step.description |= {"kernel": kernel, "stride": kernel, "padding": [0, 0]}
        return run(x)

    step.run = sized
    return step

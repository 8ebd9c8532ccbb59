"""Constants of a layer: one number, one for each neuron, or one for each channel of an image."""

from __future__ import annotations

from typing import Any

from resurge.recording._errors import Unsupported, require
from resurge.recording._surrogate import Description

# What the layers hand on besides, which are no constants.
PLAIN = ("surrogate", "class", "kind")


def constant(obj: Any, attribute: str) -> Any:
    """A constant of a neuron: a number, or a tensor with one for each neuron."""
    import torch

    value = getattr(obj, attribute)
    if isinstance(value, torch.Tensor):
        value = value.detach()
        return float(value) if value.numel() == 1 else value
    return float(value)


def scalar(obj: Any, attribute: str) -> float:
    """A constant that is one number.

    Raises Unsupported where it has one value for each neuron.
    """
    value = constant(obj, attribute)
    if not isinstance(value, float):
        require(False, obj, attribute, "has one value for each neuron, which is not in the format; take one for all")
        return float(value.flatten()[0])
    return value


def settle(description: Description, features: tuple[int, ...], what: str) -> Description:
    """The description with every tensor as a number or a list: of N neurons, of C channels, or of C H W pixels."""
    return {
        key: value if key in PLAIN else settled(value, features, f"{what}.{key}") for key, value in description.items()
    }


def settled(value: Any, features: tuple[int, ...], what: str) -> Any:
    import torch

    if isinstance(value, dict):
        return {key: settled(inner, features, f"{what}.{key}") for key, inner in value.items()}
    if not isinstance(value, torch.Tensor):
        return value
    if value.numel() == 1:
        return float(value)
    return spread(value.detach(), features, what).tolist()


def spread(value: Any, features: tuple[int, ...], what: str) -> Any:
    """A tensor that broadcasts to the features as a vector of the format.

    Raises Unsupported for one that does not.
    """
    while value.ndim > len(features) and value.shape[0] == 1:
        value = value[0]
    if len(features) == 3 and value.shape == (features[0], 1, 1):
        return value.flatten()
    try:
        return value.expand(features).flatten()
    except RuntimeError:
        shapes = f"{tuple(value.shape)} does not broadcast to the layer's features {tuple(features)}"
        raise Unsupported(what, f"{shapes}; give it one value, or one for each neuron or channel") from None


def settled_gradient(gradient: Any, features: tuple[int, ...], what: str) -> Any:
    """The gradient of a learned constant as the file has it: of one number, or of each neuron or channel."""
    if gradient.numel() == 1:
        return gradient.reshape(1)
    while gradient.ndim > len(features) and gradient.shape[0] == 1:
        gradient = gradient[0]
    count, neurons = gradient.numel(), 1
    for extent in features:
        neurons *= extent
    channels = len(features) == 3 and gradient.shape == (features[0], 1, 1)
    if not channels and (tuple(gradient.shape) != tuple(features) or count != neurons):
        shapes = f"{tuple(gradient.shape)} is neither one number nor one for each of the features {tuple(features)}"
        raise Unsupported(what, f"is learned, and {shapes}; give it one of these shapes")
    return gradient.flatten()

"""The order of the axes and features: images are [H, W, C] in Spyx and [C, H, W] in the file."""

from __future__ import annotations

from typing import Any

import numpy as np

from resurge.recording._file import Array
from resurge.recording._surrogate import Description


def feature_orders(modules: list[Any], outputs: list[Any]) -> list[Array | None]:
    """For each layer, which of the file's features each feature of its input is.

    Flattened images are in the order [H, W, C] here and in [C, H, W] in the file, up to the next linear layer.
    """
    from flax import nnx
    from spyx import nn

    order: Array | None = None
    orders: list[Array | None] = []
    for k, module in enumerate(modules):
        if type(module) is nn.Flatten and k > 0 and outputs[k - 1].ndim == 5:
            height, width, channels = outputs[k - 1].shape[2:]
            places = np.arange(height * width * channels).reshape(height, width, channels)
            order = places.transpose(2, 0, 1).reshape(-1)
        orders.append(order)
        if type(module) is nnx.Linear:
            order = None
    return orders


def columns(values: Array, name: str, order: Array | None) -> Array:
    """A weight with its columns in the order of the file."""
    return values[:, order] if name == "weight" and order is not None and values.ndim == 2 else values


def channels_first(values: Any, order: Array | None = None) -> Array:
    """`[T, B, H, W, C]` as `[T, B, C, H, W]`; flattened features in the order of the file."""
    array = np.asarray(values)
    if array.ndim == 5:
        return np.ascontiguousarray(np.moveaxis(array, -1, 2))
    return array[..., order] if order is not None else array


def own_numbers(values: Array, order: Array | None) -> Array:
    """A number for each neuron in the order of the file: `[H, W, C]` as `[C, H, W]`, features as the file has them."""
    if values.ndim == 3:
        return np.ascontiguousarray(np.moveaxis(values, -1, 0)).reshape(-1)
    return values.reshape(-1)[order] if order is not None else values.reshape(-1)


def settled(description: Description, order: Array | None) -> Description:
    """The description with lists of numbers in the place of arrays."""

    def of(value: Any) -> Any:
        if isinstance(value, dict):
            return {key: of(inner) for key, inner in value.items()}
        return own_numbers(value, order).tolist() if isinstance(value, np.ndarray) else value

    return {key: of(value) for key, value in description.items()}

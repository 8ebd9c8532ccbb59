"""The loss that is recorded."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from typing import Any, Literal

import numpy as np

from resurge.recording._errors import Unsupported

Kind = Literal["cross-entropy", "mse", "weighted-sum"]
Readout = Literal["sum", "mean", "last", "max", "all"]
Reduction = Literal["mean", "batch-mean", "sum"]


@dataclass(frozen=True)
class Loss:
    """A loss that the format has a name for.

    `cross-entropy` takes classes `[B]` as its target, `mse` a tensor of the shape of the readout: `[B, N]`, or
    `[T, B, N]` with the readout `all`. `weighted-sum` is `sum(y * output)`: its target is the weight.
    """

    kind: Kind
    readout: Readout = "sum"
    reduction: Reduction = "mean"
    scale: float = 1.0

    def description(self) -> dict[str, Any]:
        """The loss in the terms of the format."""
        if self.kind == "weighted-sum":
            return {"kind": self.kind}
        return {"kind": self.kind, "readout": self.readout, "reduction": self.reduction, "scale": self.scale}


# Any other loss: from the network's output [T, B, N] and the target to a scalar.
LossFunction = Callable[[Any, Any], Any]


def readout_torch(output: Any, readout: Readout) -> Any:
    """The readout of `[T, B, N]`."""
    match readout:
        case "sum":
            return output.sum(0)
        case "mean":
            return output.mean(0)
        case "last":
            return output[-1]
        case "max":
            return output.max(0).values
        case "all":
            return output


def evaluate_torch(loss: Loss, output: Any, target: Any) -> Any:
    """The loss of an output `[T, B, N]`."""
    import torch

    z = readout_torch(output, loss.readout)
    if loss.kind == "cross-entropy":
        check_classes(target.detach().cpu(), z.shape)
        classes = target.expand(z.shape[:-1]).reshape(-1)
        terms = torch.nn.functional.cross_entropy(z.reshape(-1, z.shape[-1]), classes, reduction="none")
    elif loss.kind == "mse":
        check_shape(target.shape, z.shape)
        terms = (z - target) ** 2
    else:
        raise Unsupported(f"Loss.kind {loss.kind!r}", "is none of cross-entropy, mse, weighted-sum")
    return reduce(terms, loss, output.shape[1])


def reduce(terms: Any, loss: Loss, batch: int) -> Any:
    """The reduction of one term a row, or an element."""
    match loss.reduction:
        case "mean":
            return terms.mean() * loss.scale
        case "batch-mean":
            return terms.sum() / batch * loss.scale
        case "sum":
            return terms.sum() * loss.scale


def check_classes(target: Any, readout: Any) -> None:
    """Refuses a target of cross-entropy that has not a class for each sample of the readout `[..., B, N]`."""
    classes, (*rows, count) = np.asarray(target), readout
    if classes.shape not in {tuple(rows[k:]) for k in range(len(rows) + 1)}:
        why = f"one class for each of the {rows[-1]} samples of x, which is [T, B, ...]"
        raise ValueError(f"the target has the shape {classes.shape}, expected {tuple(rows)}: {why}")
    if classes.dtype.kind not in "iu":
        raise ValueError(f"the target is {classes.dtype}, and classes are whole numbers; convert it")
    wrong = classes[(classes < 0) | (classes >= count)]
    if wrong.size:
        raise ValueError(f"the target has the class {wrong.flat[0]}, and the output has {count}: 0 to {count - 1}")


def called(loss: LossFunction, output: Any, y: Any, given: str) -> Any:
    """The value of a loss of the user's; an error that it raises says what the loss was given."""
    try:
        return loss(output, y)
    except Exception as error:
        error.add_note(f"The loss was called with {given}, and y; output='potential' gives the potential instead.")
        raise


def check_shape(found: Any, expected: Any) -> None:
    """Refuses a target of another shape, which would broadcast."""
    if tuple(found) != tuple(expected):
        raise ValueError(f"the target has the shape {tuple(found)}, expected {tuple(expected)}")


def cotangent(loss: LossFunction, output: Any, y: Any, learned: list[tuple[str, Any]]) -> Any:
    """The gradient of any loss at the network's output.

    Raises Unsupported for a loss that depends on the network in another way: by its weights or its hidden spikes.
    """
    import torch

    free = output.detach().clone().requires_grad_(True)
    value = called(loss, free, y, f"the output of the last layer, of shape {tuple(free.shape)}")
    if not isinstance(value, torch.Tensor) or value.numel() != 1:
        raise Unsupported("the loss", "is no tensor of one number; reduce it")
    if not value.requires_grad:
        raise Unsupported("the loss", "does not depend on the output")
    try:
        weight, *others = torch.autograd.grad(value, [free, *(p for _, p in learned)], allow_unused=True)
    except RuntimeError as error:
        if "second time" not in str(error):
            raise
        why = "depends on a run before this one; give it as a function of the output alone"
        raise Unsupported("the loss", why) from error
    named = [f"`{name}`" for (name, _), other in zip(learned, others, strict=True) if other is not None]
    if named:
        raise Unsupported(
            "the loss",
            f"depends on {', '.join(named)} otherwise than by the output: it has a term on the weights, or on what "
            "hidden layers do, which the file has no place for; record without this term",
        )
    if weight is None:
        raise Unsupported("the loss", "does not depend on the output")
    return weight

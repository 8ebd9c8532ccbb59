"""What a function of torch gives in one configuration, and how two such outcomes differ."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass, field
from typing import Any

import numpy as np
from numpy.typing import NDArray

from resurge._errors import InputError
from resurge._native import native
from resurge._sweep import Configuration, laid

# How many times the change of the definition under a rounding of its inputs a difference may be.
SPREAD = 16.0


@dataclass
class Outcome:
    """Outputs and gradients, or the error that was raised."""

    outputs: list[Any] = field(default_factory=list)
    gradients: dict[int, Any] = field(default_factory=dict)
    error: str = ""
    altered: list[str] = field(default_factory=list)


@dataclass
class Difference:
    """One array that is not what it should be."""

    what: str
    how: str
    error: float = float("inf")
    allowed: float = 0.0
    # Whether it may come from a spike that rounding decides; a wrong shape cannot.
    numeric: bool = True


def listed(returned: Any) -> list[Any]:
    """The tensors that a function returned."""
    import torch

    values = list(returned) if isinstance(returned, tuple | list) else [returned]
    tensors = [value for value in values if isinstance(value, torch.Tensor)]
    if not tensors:
        raise InputError(f"it returned {type(returned).__name__}, and no torch tensor")
    return tensors


def differentiable(outputs: list[Any]) -> list[Any]:
    """Those that have a gradient."""
    return [out for out in outputs if out.is_floating_point() and out.requires_grad]


def cotangents(outputs: list[Any], one: Configuration, seed: int) -> list[Any]:
    """Random ones, one for each floating output, as the layout has them: `sum` gives an expanded one."""
    import torch

    generator = torch.Generator().manual_seed(seed + 1)
    made = []
    for out in outputs:
        if not out.is_floating_point():
            continue
        if one.layout == "expanded":
            made.append(torch.randn((), generator=generator, dtype=torch.float64).to(out).expand(out.shape))
            continue
        random = torch.randn(out.shape, generator=generator, dtype=torch.float64).to(out.device, out.dtype)
        made.append(laid(random, one.layout))
    return made


def outcome(
    function: Callable[..., Any], inputs: list[Any], other: list[Any], pulled: list[Any] | None, one: Configuration
) -> Outcome:
    """Calls the function as the configuration says, and pulls the cotangents back."""
    import torch

    found = Outcome()
    wanted = {k: x for k, x in enumerate(inputs) if isinstance(x, torch.Tensor) and x.requires_grad}
    before = [x.detach().clone() if isinstance(x, torch.Tensor) else x for x in inputs]
    try:
        with torch.random.fork_rng(devices=[]), torch.enable_grad():
            torch.manual_seed(0)
            if one.use == "second call":
                gradients(function, other, None, one)
                torch.manual_seed(0)
            outputs = listed(function(*inputs))
            found.outputs = [out.detach().clone() for out in outputs]
            if one.use == "overlapping calls":
                gradients(function, other, None, one)
            if wanted and pulled is not None and fits(outputs, pulled):
                if one.use == "accumulated":
                    pull(outputs, None, pulled)
                    torch.manual_seed(0)
                    pull(listed(function(*inputs)), None, pulled)
                    found.gradients = {
                        k: None if x.grad is None else x.grad.detach().clone() for k, x in wanted.items()
                    }
                else:
                    if one.use == "backward twice":
                        pull(outputs, wanted, pulled, keep=True)
                    grads = pull(outputs, wanted, pulled)
                    found.gradients = {k: None if g is None else g.detach() for k, g in zip(wanted, grads, strict=True)}
                if one.use == "overlapping calls":
                    kept = {k: None if g is None else g.clone() for k, g in found.gradients.items()}
                    gradients(function, other, None, one)
                    found.altered += aliased(kept, found.gradients)
    except Exception as error:  # a function of the user's may do anything
        found.error = (
            f"{type(error).__name__}: {str(error).strip().splitlines()[0] if str(error).strip() else 'no text'}"
        )
    for k, (x, held) in enumerate(zip(inputs, before, strict=True)):
        if isinstance(x, torch.Tensor) and not torch.equal(x.detach(), held):
            found.altered.append(f"input {k} is altered by the call")
    return found


def fits(outputs: list[Any], pulled: list[Any]) -> bool:
    """Whether the outputs have the shapes of the cotangents; where not, the values say it."""
    return [out.shape for out in outputs if out.is_floating_point()] == [c.shape for c in pulled]


def aliased(kept: dict[int, Any], now: dict[int, Any]) -> list[str]:
    """Which gradients another call wrote over."""
    import torch

    wrong = [k for k, g in kept.items() if g is not None and not torch.equal(g, now[k])]
    return [f"the gradient by input {k} is overwritten by a later call" for k in wrong]


def gradients(function: Callable[..., Any], inputs: list[Any], pulled: list[Any] | None, one: Configuration) -> None:
    """A call and its backward pass, for what they leave behind."""
    import torch

    outputs = listed(function(*inputs))
    wanted = {k: x for k, x in enumerate(inputs) if isinstance(x, torch.Tensor) and x.requires_grad}
    if wanted:
        pull(outputs, wanted, cotangents(outputs, one, 5) if pulled is None else pulled)


def pull(outputs: list[Any], wanted: dict[int, Any] | None, pulled: list[Any], keep: bool = False) -> list[Any]:
    """The gradients by what is wanted; into `.grad` where it is None."""
    import torch

    floats = [out for out in outputs if out.is_floating_point()]
    pairs = [(out, c) for out, c in zip(floats, pulled, strict=False) if out.requires_grad]
    if not pairs:
        return [None] * len(wanted or {})
    outs, grads = [out for out, _ in pairs], [c for _, c in pairs]
    if wanted is None:
        torch.autograd.backward(outs, grads)
        return []
    return list(torch.autograd.grad(outs, list(wanted.values()), grads, allow_unused=True, retain_graph=keep))


def differences(
    found: Outcome, right: Outcome, one: Configuration, steps: int, spread: Outcome | None, rtol: float = 0.0
) -> list[Difference]:
    """What is not as it should be; `spread` has how far the definition moves under rounding, once that is known."""
    if found.error:
        return [Difference("call", f"it raises {found.error}", numeric=False)]
    wrong = [Difference("call", text, numeric=False) for text in found.altered]
    if len(found.outputs) != len(right.outputs):
        text = f"it returns {len(found.outputs)} tensors, the definition {len(right.outputs)}"
        return [*wrong, Difference("call", text, numeric=False)]
    moved = spread.outputs if spread is not None else [None] * len(right.outputs)
    names = ["the output"] if len(right.outputs) == 1 else [f"output {k}" for k in range(len(right.outputs))]
    for name, a, b, m in zip(names, found.outputs, right.outputs, moved, strict=True):
        wrong += differs(name, a, b, m, steps, rtol)
    if any(not d.numeric for d in wrong):
        return wrong
    factor = 2.0 if one.use == "accumulated" else 1.0
    for k, b in right.gradients.items():
        a, m = found.gradients.get(k), spread.gradients.get(k) if spread is not None else None
        if a is None:
            if b is not None and b.numel() and b.abs().max().item():
                wrong.append(Difference(f"the gradient by input {k}", "missing: it is None", numeric=False))
            continue
        b = a.new_zeros(a.shape) if b is None else factor * b
        wrong += differs(f"the gradient by input {k}", a, b, m, steps, rtol)
    return wrong


def differs(name: str, a: Any, b: Any, moved: Any, steps: int, rtol: float) -> list[Difference]:
    """How an array differs from the right one, if it does.

    Each of some roundings a step moves a number by one part in 1/eps of the largest, and a recurrence adds them up:
    hence `eps (16 + 4 T)` of the largest. Where the definition itself moves further when its inputs are rounded
    (sums that cancel, adjoints that grow), that is what a right kernel may be off by, too.
    """
    import torch

    if tuple(a.shape) != tuple(b.shape):
        text = f"of the shape {tuple(a.shape)}, and should be of {tuple(b.shape)}"
        return [Difference(name, text, numeric=False)]
    if a.dtype != b.dtype:
        return [Difference(name, f"{a.dtype}, and should be {b.dtype}".replace("torch.", ""), numeric=False)]
    if not a.numel():
        return []
    one, two = (x.detach().to("cpu", torch.float64).contiguous().numpy() for x in (a, b))
    eps = torch.finfo(a.dtype).eps if a.is_floating_point() else 0.0
    allowed = max(eps * (16 + 4 * steps), rtol) * float(np.abs(two).max())
    if moved is not None:
        allowed = max(allowed, SPREAD * float(moved))
    if not np.isfinite(one).all():
        bad = ~np.isfinite(one)
        where = tuple(int(i) for i in np.argwhere(bad)[0])
        return [Difference(name, f"{one[where]} at {where}, {int(bad.sum())} of {bad.size} numbers", numeric=False)]
    off = np.abs(one - two)
    if off.max() <= allowed:
        return []
    return [Difference(name, described(one, two, off > allowed, allowed), float(off.max()), allowed)]


def described(one: NDArray[Any], two: NDArray[Any], wrong: NDArray[Any], allowed: float) -> str:
    """In words: scaled, of the other sign, a step late, zero, wrong at one place of an axis."""
    if not one.any():
        return "zero everywhere"
    if two.any():
        scale = float(np.abs(two).max())
        hints = native().explain(
            np.ascontiguousarray(one.reshape(-1)),
            np.ascontiguousarray(two.reshape(-1)),
            [list(one.shape)],
            max(allowed / scale, 1e-9),
        )
        signs = [hint for hint in hints if "opposite sign" in hint]
        if hints:
            return str((signs or hints)[0]).replace("input 0: ", "")
    for axis in range(wrong.ndim):
        rest = tuple(a for a in range(wrong.ndim) if a != axis)
        at = np.flatnonzero(wrong.any(axis=rest))
        if wrong.shape[axis] > 1 and len(at) == 1:
            return f"wrong at index {at[0]} of axis {axis} alone{ratio(one, two, wrong)}"
    if one.ndim == 2 and one.shape[0] == one.shape[1] and np.abs(one.T - two).max() <= allowed:
        return "transposed"
    norm = float(np.linalg.norm(two))
    far = f"off by {np.linalg.norm(one - two) / norm:.2g} of its norm" if norm else "not zero, as it should be"
    return f"{far}, at {int(wrong.sum())} of {wrong.size} numbers{ratio(one, two, wrong)}"


def ratio(one: NDArray[Any], two: NDArray[Any], wrong: NDArray[Any]) -> str:
    """The factor that all wrong numbers share, if they do."""
    a, b = one[wrong], two[wrong]
    if (b == 0).any():
        return ""
    factors = a / b
    middle = float(np.median(factors))
    shared = len(factors) > 1 and np.ptp(factors) <= 1e-5 * abs(middle) and abs(middle - 1) > 1e-6
    return f", scaled by {middle:.7g}" if shared else ""

"""What every framework's cases are made of, and how a torch framework is run."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass, field
from typing import Any

import reference as ref
from reference import Array, Cell, Weights

BATCH = 2


@dataclass(frozen=True)
class Param:
    """A scalar of the cell that has a gradient; `jacobian[f]` = d(field f of the reference cell) / d(this parameter)."""

    name: str
    value: float
    jacobian: dict[str, float]


@dataclass
class LayerRun:
    """What a framework's layer gave back: tensors [T, B, N], and the leaves of its own parameters by name."""

    spikes: Any
    potentials: Any
    states: Any | None = None
    params: dict[str, Any] = field(default_factory=dict)


# A torch layer: (layer input [T, B, in], w, b or None, recurrent w or None) -> LayerRun.
TorchLayer = Callable[[Any, Any, Any, Any], LayerRun]


@dataclass
class Case:
    name: str
    cls: str
    source: str
    settings: dict[str, Any]
    equation: str
    cell: Cell
    layer: Any
    params: tuple[Param, ...] = ()
    bias: bool = False
    recurrent: bool = False
    potential_loss: bool = True
    state: str = ""  # what `states.k` holds; empty: the framework keeps the potential itself
    accept: Callable[[list[ref.Trace]], bool] = lambda traces: True
    differs: bool = True  # attached and detached gradients must differ


@dataclass
class Data:
    x: Array
    weights: list[Weights]
    c: Array
    d: Array | None


@dataclass
class Result:
    """Everything the file holds except x, weights, c and d."""

    spikes: list[Array]
    potentials: list[Array]
    states: list[Array]
    loss: float
    grads: dict[str, Array]


def use_f64() -> None:
    import torch

    torch.set_num_threads(1)
    torch.set_default_dtype(torch.float64)
    torch.Tensor.float = torch.Tensor.double  # type: ignore[method-assign]


def run_torch(case: Case, data: Data) -> Result:
    import torch

    def leaf(a: Array | None) -> Any:
        return None if a is None else torch.tensor(a, dtype=torch.float64, requires_grad=True)

    x = leaf(data.x)
    ws, bs, recs = ([leaf(getattr(w, part)) for w in data.weights] for part in ("w", "b", "rec"))
    h, runs = x, []
    for w, b, rec in zip(ws, bs, recs):
        runs.append(case.layer(h, w, b, rec))
        h = runs[-1].spikes
    loss = (torch.tensor(data.c) * runs[-1].spikes).sum()
    if data.d is not None:
        loss = loss + (torch.tensor(data.d) * runs[-1].potentials).sum()
    loss.backward()

    def array(t: Any) -> Array:
        assert t.dtype == torch.float64, t.dtype
        return t.detach().numpy().copy()

    grads = {"x": array(x.grad)}
    for k, run in enumerate(runs):
        for name, group in (("w", ws), ("b", bs), ("rec", recs)):
            if group[k] is not None:
                grads[f"{name}.{k}"] = array(group[k].grad)
        for name, param in run.params.items():
            grads[f"{name}.{k}"] = array(param.grad).reshape(1)
    states = [array(run.states) for run in runs] if case.state else []
    return Result([array(r.spikes) for r in runs], [array(r.potentials) for r in runs], states, float(loss.detach()), grads)


def linear(h: Any, w: Any, b: Any) -> Any:
    import torch

    return torch.nn.functional.linear(h, w, b)

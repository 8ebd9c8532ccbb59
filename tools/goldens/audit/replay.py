"""What an audit file describes, computed again: plain torch operations in f64, from docs/audit-format.md alone.

It knows no framework and no Rust. The goldens are held to it, and the damaged copies get their wrong gradients from it:
a `Variation` is one way to compute another gradient of the same run.
"""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import Any

import numpy as np
import torch
from resurge.recording import Recording
from resurge.recording._surrogate import derivative_of

Tensor = torch.Tensor


@dataclass(frozen=True)
class Variation:
    """Another gradient of the same forward pass; the default is what the file claims."""

    reset_gradient: Any = None  # in the words of the format
    surrogate: dict[str, Any] | None = None  # another shape, of every neuron layer
    factor: float = 1.0  # times the surrogate
    width: float = 1.0  # the surrogate at x / width
    truncated: int = 0  # states detached before the steps K, 2K, ...
    time_shift: int = 0  # weights: the error of step t with the input of step t - K
    reset: dict[str, Any] | None = None  # another reset, differentiated at the potentials and spikes of the run
    cut: frozenset[str] = field(default_factory=frozenset)  # of decay, synapse, trace, adaptation: nothing through time


class Spike(torch.autograd.Function):
    """A step with a surrogate derivative."""

    @staticmethod
    def forward(ctx: Any, x: Tensor, firing: str, slope: Any) -> Tensor:
        ctx.save_for_backward(x)
        ctx.slope = slope
        match firing:
            case "above":
                return (x > 0).to(x.dtype)
            case "at-or-above":
                return (x >= 0).to(x.dtype)
            case "repeatedly":
                return torch.floor(x + 1).clamp(min=0)
        raise ValueError(firing)

    @staticmethod
    def backward(ctx: Any, cotangent: Tensor) -> Any:
        (x,) = ctx.saved_tensors
        return cotangent * torch.from_numpy(np.asarray(ctx.slope(x.numpy()))), None, None


@dataclass
class Replay:
    """What a replay gives: the outputs and potentials of the layers by number, the loss, and the gradients by name."""

    outputs: dict[int, np.ndarray]
    potentials: dict[int, np.ndarray]
    margins: dict[int, float]  # the least distance of a potential from the threshold
    loss: float
    gradients: dict[str, np.ndarray]


def scale_gradient(x: Tensor, alpha: float) -> Tensor:
    """x, with alpha times its gradient."""
    return alpha * x + (1 - alpha) * x.detach()


def each_neuron(value: Any, features: tuple[int, ...]) -> Tensor:
    """A number of the format, or a list of one a neuron or channel, for every neuron."""
    given = torch.tensor(value, dtype=torch.float64).reshape(-1)
    if given.numel() == 1:
        return given.expand(features).clone()
    if len(features) == 3 and given.numel() == features[0]:
        return given.reshape(-1, 1, 1).expand(features).clone()
    return given.reshape(features).clone()


class Neuron:
    """One neuron or integrator layer: the recurrence of the format."""

    def __init__(
        self, layer: dict[str, Any], variation: Variation, recurrent: Tensor | None, features: tuple[int, ...]
    ) -> None:
        self.layer, self.variation, self.recurrent = layer, variation, recurrent
        synapse, adaptation = layer.get("synapse"), layer.get("adaptation")
        self.constants = {
            "decay": layer["decay"],
            "input_gain": layer.get("input_gain", 1.0),
            "drive": layer.get("drive", 0.0),
            "threshold": layer.get("threshold", 1.0),
            "reset_value": layer.get("reset", {}).get("value", 0.0),
        }
        if synapse:
            self.constants |= {"synapse_decay": synapse["decay"], "synapse_gain": synapse.get("gain", 1.0)}
        if adaptation:
            self.constants |= {"adaptation_decay": adaptation["decay"], "adaptation_scale": adaptation["scale"]}
        # A leaf for every neuron, whether its constant is its own or not.
        self.c = {k: each_neuron(v, features).requires_grad_(True) for k, v in self.constants.items()}
        self.initial = each_neuron(layer.get("initial_potential", 0.0), features)
        self.claim = variation.reset_gradient or layer.get("reset_gradient", "full")
        self.margin = float("inf")

    def slope(self, x: np.ndarray) -> np.ndarray:
        described = self.variation.surrogate or self.layer["surrogate"]
        return self.variation.factor * derivative_of(described, x / self.variation.width)

    def keep(self, what: str, state: Tensor) -> Tensor:
        return state.detach() if what in self.variation.cut else state

    def reset(self, v: Tensor, o: Tensor, theta: Tensor, taken: Tensor | None, reset: dict[str, Any]) -> Tensor:
        match self.claim:
            case "detached" | "spatial-only":
                o = o.detach()
            case {"scaled": alpha}:
                o = scale_gradient(o, alpha)
        match reset["kind"]:
            case "none":
                return v
            case "zero":
                return v * (1 - o)
            case "value":
                return v * (1 - o) + self.c["reset_value"] * o
            case "zero-then-add":
                return v * (1 - o) + self.c["reset_value"]
            case "subtract":
                return v - theta * (o if taken is None else o - taken)
        raise ValueError(reset)

    def membrane(self, s: dict[str, Any], drive: Tensor) -> tuple[Tensor, Tensor | None]:
        """u[t], and the residual reset that it contains."""
        u = s["u"].detach() if self.claim == "spatial-only" else self.keep("decay", s["u"])
        if s["o"] is None or self.layer["kind"] == "integrator":
            return self.c["decay"] * u + drive, None
        right, taken = self.charge(s, u, drive, self.layer["reset"])
        if self.variation.reset is None:
            return right, taken
        other, _ = self.charge(s, u, drive, self.variation.reset)
        return right.detach() + (other - other.detach()), taken

    def charge(self, s: dict[str, Any], u: Tensor, drive: Tensor, reset: dict[str, Any]) -> tuple[Tensor, Tensor | None]:
        """u[t] under a reset, and the residual reset that it contains."""
        o, theta, decay = s["o"], s["theta"], self.c["decay"]
        match reset.get("timing", "before-decay"):
            case "after-decay":
                return self.reset(decay * u, o, theta, None, reset) + drive, None
            case "after-input":
                return self.reset(decay * u + drive, o, theta, None, reset), None
        m = self.reset(u, o, theta, s["taken"], reset)
        if not self.layer.get("residual_reset"):
            return decay * m + drive, None
        taken = (m > theta).to(m.dtype)
        return decay * m - taken * theta + drive, taken

    def fire(self, u: Tensor, theta: Tensor, past: list[Tensor]) -> Tensor:
        firing = self.layer.get("firing", "above")
        seen = theta if self.layer.get("threshold_in_spike", "attached") == "attached" else theta.detach()
        x = u - seen
        if self.layer.get("threshold_in_spike") == "relative" or firing == "repeatedly":
            x = x / seen
        distance = (x - x.round()).abs() if firing == "repeatedly" else x.abs()
        self.margin = min(self.margin, float(distance.detach().min()))
        o = Spike.apply(x, firing, self.slope)
        recent = past[max(0, len(past) - self.layer.get("refractory", 0)) :]
        for spike in recent:
            o = o * (spike.detach() == 0)
        return o

    def run(self, current: Tensor) -> tuple[Tensor, Tensor]:
        spiking = self.layer["kind"] == "neuron"
        c, zero = self.c, torch.zeros_like(current[0])
        s: dict[str, Any] = {"u": zero + self.initial, "o": None, "taken": None}
        i = trace = adaptation = None
        theta = c["threshold"]
        spikes, handed_on, outputs, potentials = [], [], [], []
        for t, j in enumerate(current):
            if self.variation.truncated and t and t % self.variation.truncated == 0:
                s = {k: v.detach() if isinstance(v, Tensor) else v for k, v in s.items()}
                i, trace, adaptation = (None if v is None else v.detach() for v in (i, trace, adaptation))
            if self.recurrent is not None and t:
                y = handed_on[-1]
                truncating = self.variation.truncated and t % self.variation.truncated == 0
                j = j + (y.detach() if truncating else y) @ self.recurrent.T
            if "synapse_decay" in c:
                held = 0.0 if i is None else c["synapse_decay"] * self.keep("synapse", i)
                i = held + c["synapse_gain"] * j
            else:
                i = j
            u, taken = self.membrane(s, c["input_gain"] * i + c["drive"])
            potentials.append(u)
            if not spiking:
                outputs.append(u)
                s["u"] = u
                continue
            before = s["o"]
            if "adaptation_decay" in c and before is not None:
                rho, scale = c["adaptation_decay"], c["adaptation_scale"]
                held = 0.0 if adaptation is None else rho * self.keep("adaptation", adaptation)
                adaptation = held + scale * (1 - rho) * before
                theta = c["threshold"] + adaptation
            o = self.fire(u, theta, spikes)
            spikes.append(o)
            y = o if not self.layer.get("output_delay") else zero if before is None else before
            beta = self.layer.get("trace_decay", 0.0)
            handed_on.append(y)
            trace = (1 - beta) * y + (0.0 if trace is None else beta * self.keep("trace", trace))
            outputs.append(trace if self.layer.get("output") == "trace" else y)
            s = {"u": u, "o": o, "theta": theta, "taken": taken}
        return torch.stack(outputs), torch.stack(potentials)


def stateless(layer: dict[str, Any], x: Tensor, weights: dict[str, Tensor]) -> Tensor:
    """A layer without a state on a sequence."""
    functional = torch.nn.functional
    kernel, stride = layer.get("kernel"), layer.get("stride", layer.get("kernel", [1, 1]))
    padding = layer.get("padding", [0, 0])
    match layer["kind"]:
        case "linear":
            return functional.linear(x, weights["weight"], weights.get("bias"))
        case "flatten":
            return x.flatten(2)
        case "conv2d":
            y = functional.conv2d(
                x.flatten(0, 1), weights["weight"], weights.get("bias"), stride, padding, groups=layer.get("groups", 1)
            )
        case "avg-pool2d":
            y = functional.avg_pool2d(x.flatten(0, 1), kernel, stride, padding)
        case "sum-pool2d":
            y = functional.avg_pool2d(x.flatten(0, 1), kernel, stride, padding, divisor_override=1)
        case "max-pool2d":
            y = functional.max_pool2d(x.flatten(0, 1), kernel, stride, padding)
        case other:
            raise ValueError(other)
    return y.unflatten(0, x.shape[:2])


def loss_of(description: dict[str, Any], output: Tensor, potentials: Tensor | None, tensors: dict[str, Tensor]) -> Tensor:
    """The loss of the network's output."""
    if description["kind"] == "weighted-sum":
        value = (tensors["loss.weight"] * output).sum()
        if "loss.potential_weight" in tensors:
            value = value + (tensors["loss.potential_weight"] * potentials).sum()
        return value
    y = output.flatten(2)
    readouts = {
        "sum": lambda: y.sum(0),
        "mean": lambda: y.mean(0),
        "last": lambda: y[-1],
        "max": lambda: y.max(0).values,
        "all": lambda: y,
    }
    z = readouts[description["readout"]]()
    if description["kind"] == "mse":
        terms = (z - tensors["target"]) ** 2
    else:
        target = tensors["target"].long().expand(z.shape[:-1])
        terms = -torch.log_softmax(z, -1).gather(-1, target[..., None])
    reduction = description.get("reduction", "mean")
    value = terms.mean() if reduction == "mean" else terms.sum() / (y.shape[1] if reduction == "batch-mean" else 1)
    return value * description.get("scale", 1.0)


def replay(recording: Recording, variation: Variation = Variation()) -> Replay:
    """Runs what a file describes and differentiates its loss."""
    tensors = {name: torch.from_numpy(values.astype(np.float64)) for name, values in recording.tensors.items()}
    x = tensors["input"].requires_grad_(True)
    leaves: dict[str, Tensor] = {"input": x}
    inputs, ends, neurons = {}, {}, {}
    outputs, potentials = {}, {}
    h, u = x, None
    for k, layer in enumerate(recording.description["layers"]):
        prefix = f"layers.{k}."
        weights = {n.removeprefix(prefix): v.requires_grad_(True) for n, v in tensors.items() if n.startswith(prefix)}
        leaves |= {prefix + name: value for name, value in weights.items()}
        inputs[k] = h
        if layer["kind"] in ("neuron", "integrator"):
            neurons[k] = Neuron(layer, variation, weights.get("recurrent"), tuple(h.shape[2:]))
            h = h.clone()
            leaves[f"currents.{k}"] = h
            h, u = neurons[k].run(h)
            potentials[k] = u.detach().numpy()
            if layer.get("output") == "potential":
                outputs[k], h = h.detach().numpy(), u
        else:
            h = stateless(layer, h, weights)
        ends[k] = h
        outputs.setdefault(k, h.detach().numpy())
    value = loss_of(recording.description["loss"], h, u, tensors)
    constants = {f"{k}.{name}": leaf for k, neuron in neurons.items() for name, leaf in neuron.c.items()}
    wanted = leaves | {f"constants.{name}": leaf for name, leaf in constants.items()}
    wanted |= {f"ends.{k}": end for k, end in ends.items()}
    found: Any = [None] * len(wanted)
    if value.requires_grad:
        found = torch.autograd.grad(value, list(wanted.values()), allow_unused=True, retain_graph=True)
    gradients = {n: torch.zeros_like(v) if g is None else g for (n, v), g in zip(wanted.items(), found, strict=True)}
    if variation.time_shift:
        shift_weights(recording, variation.time_shift, inputs, gradients, tensors)
    named = {name: gradients[name].numpy() for name in leaves}
    for k, layer in enumerate(recording.description["layers"]):
        for name, slopes in layer.get("learned", {}).items():
            features = tuple(ends[k].shape[2:])
            each = [gradients[f"constants.{k}.{c}"] * each_neuron(slope, features) for c, slope in slopes.items()]
            # One number of all neurons, or one of each channel or neuron: as many as the file has.
            size = recording.tensors[f"gradients.layers.{k}.{name}"].size
            named[f"layers.{k}.{name}"] = sum(each).reshape(size, -1).sum(1).numpy()
    margins = {k: neuron.margin for k, neuron in neurons.items()}
    return Replay(outputs, potentials, margins, float(value.detach()), named)


def shift_weights(
    recording: Recording,
    shift: int,
    inputs: dict[int, Tensor],
    gradients: dict[str, Tensor],
    tensors: dict[str, Tensor],
) -> None:
    """Puts the weights' gradients of a time shift in the place of the right ones."""
    for k, layer in enumerate(recording.description["layers"]):
        if layer["kind"] not in ("linear", "conv2d"):
            continue
        given = inputs[k].detach()
        shifted = torch.zeros_like(given)
        shifted[shift:] = given[:-shift]
        weights = {"weight": tensors[f"layers.{k}.weight"].detach().requires_grad_(True)}
        end = stateless(layer, shifted, weights)
        (gradients[f"layers.{k}.weight"],) = torch.autograd.grad(end, weights["weight"], gradients[f"ends.{k}"])


def relative(found: np.ndarray, expected: np.ndarray) -> float:
    """The norm of the difference over that of the expected."""
    norm = float(np.linalg.norm(expected))
    return float(np.linalg.norm(found.astype(np.float64) - expected)) / (norm if norm else 1.0)


def errors(recording: Recording, replayed: Replay) -> dict[str, float]:
    """The relative error of every recorded gradient, of the potentials and of the loss; of the spikes, how many differ."""
    found = {}
    for name, values in recording.tensors.items():
        kind, _, rest = name.partition(".")
        if kind == "gradients":
            found[name] = relative(values, replayed.gradients[rest].reshape(values.shape))
        elif kind == "spikes":
            found[name] = float(np.sum(values != replayed.outputs[int(rest)]))
        elif kind == "potentials":
            found[name] = relative(values, replayed.potentials[int(rest)])
    found["loss"] = abs(float(recording.tensors["loss"].reshape(())) - replayed.loss) / max(1.0, abs(replayed.loss))
    return found

"""An independent reference for the golden gradients: plain loops over time and hand-written adjoints, numpy only.

Nothing here calls an automatic differentiator or a spiking framework. `forward` steps one layer of neurons through time;
`backward` runs the adjoint of that very recurrence from the last step to the first. `make_goldens.py` demands that both
agree with what the real framework computed, to 1e-12 of the norm, so a wrong reading of a framework's equation cannot pass.

The recurrence (one layer; every symbol is a field of `Cell`)::

    lin[t] = W x[t] + b + R y[t-1]                                    W, b, R belong to the linear part
    i[t]   = synapse.decay * i[t-1] + synapse.gain * lin[t]           i[t] = lin[t] without a synapse
    before_decay   u[t] = decay * m[t-1] + gain * i[t] + constant     m = the potential after the reset
    after_decay    u[t] = decay * u[t-1] + gain * i[t] + constant - thr[t-1] * o[t-1]
    after_input    u[t] = (1 - o[t-1]) * (decay * u[t-1] + gain * i[t] + constant)
    thr[t] = theta + A[t],   A[t] = rho * A[t-1] + scale * (1 - rho) * o[t-1]      A = 0 without adaptation
    o[t]   = 1[u[t] > thr[t]] or 1[u[t] >= thr[t]], or floor(u[t] / thr[t]) when `multi_spike`
    m[t]   = the reset of (u[t], o[t])
    y[t]   = o[t], or o[t-1] when `output_delay`

with u[-1] = m[-1] = v0 and every other state 0 before the first step.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass, field, replace
from typing import Literal

import numpy as np

Array = np.ndarray
Reset = Literal["none", "zero", "to_value", "subtract", "zero_then_add"]
Timing = Literal["before_decay", "after_decay", "after_input"]


# --------------------------------------------------------------------------------------------------------- surrogates


@dataclass(frozen=True)
class Surrogate:
    """A surrogate derivative `g(x)`, x = u - thr; `kinks` are the |x| at which it is not smooth or jumps."""

    name: str
    params: dict[str, float]
    formula: str
    derivative: Callable[[Array, Array], Array]
    kinks: tuple[float, ...] = ()


def atan(alpha: float) -> Surrogate:
    formula = "(alpha/2) / (1 + (pi*alpha*x/2)^2)"
    return Surrogate("atan", {"alpha": alpha}, formula, lambda x, _: alpha / 2 / (1 + (np.pi / 2 * alpha * x) ** 2))


def atan_peak_inv_pi(k: float) -> Surrogate:
    formula = "1 / (pi * (1 + (k*pi*x)^2))"
    return Surrogate("arctan", {"k": k}, formula, lambda x, _: 1 / (np.pi * (1 + (k * np.pi * x) ** 2)))


def sigmoid(slope: float) -> Surrogate:
    def derivative(x: Array, _: Array) -> Array:
        s = 1 / (1 + np.exp(-slope * x))
        return slope * s * (1 - s)

    return Surrogate("sigmoid", {"slope": slope}, "slope * s * (1 - s), s = 1 / (1 + exp(-slope*x))", derivative)


def fast_sigmoid(k: float) -> Surrogate:
    formula = "1 / (1 + k*|x|)^2"
    return Surrogate("fast_sigmoid", {"k": k}, formula, lambda x, _: 1 / (1 + k * np.abs(x)) ** 2)


def tanh_peak1(k: float) -> Surrogate:
    return Surrogate("tanh", {"k": k}, "1 - tanh(k*x)^2", lambda x, _: 1 - np.tanh(k * x) ** 2)


def triangle(height: float, slope: float) -> Surrogate:
    formula = "height * max(0, 1 - slope*|x|)"
    derivative = lambda x, _: height * np.maximum(0, 1 - slope * np.abs(x))  # noqa: E731
    return Surrogate("triangle", {"height": height, "slope": slope}, formula, derivative, kinks=(1 / slope,))


def rectangle(height: float, half_width: float) -> Surrogate:
    formula = "height * 1[|x| < half_width]"
    derivative = lambda x, _: height * (np.abs(x) < half_width)  # noqa: E731
    params = {"height": height, "half_width": half_width}
    return Surrogate("rectangle", params, formula, derivative, kinks=(half_width,))


def erfc(k: float) -> Surrogate:
    formula = "2 / sqrt(pi) * exp(-(k*x)^2)"
    return Surrogate("heavi_erfc", {"k": k}, formula, lambda x, _: 2 / np.sqrt(np.pi) * np.exp(-((k * x) ** 2)))


def circ(alpha: float) -> Surrogate:
    formula = "alpha^3 / (alpha^2 + x^2)^(3/2)"
    return Surrogate("circ", {"alpha": alpha}, formula, lambda x, _: alpha**3 / (alpha**2 + x**2) ** 1.5)


def gaussian(mu: float, sigma: float, scale: float) -> Surrogate:
    formula = "scale * exp(-(x - mu)^2 / (2*sigma^2)) / (sigma * sqrt(2*pi))"

    def derivative(x: Array, _: Array) -> Array:
        return scale * np.exp(-((x - mu) ** 2) / (2 * sigma**2)) / (sigma * np.sqrt(2 * np.pi))

    return Surrogate("gaussian", {"mu": mu, "sigma": sigma, "scale": scale}, formula, derivative)


def multi_gaussian(h: float, sigma: float, s: float, scale: float) -> Surrogate:
    formula = "scale * ((1+h) N(x; 0, sigma) - h N(x; sigma, s*sigma) - h N(x; -sigma, s*sigma)), N the normal density"

    def normal(x: Array, mu: float, sd: float) -> Array:
        return np.exp(-((x - mu) ** 2) / (2 * sd**2)) / (sd * np.sqrt(2 * np.pi))

    def derivative(x: Array, _: Array) -> Array:
        side = h * (normal(x, sigma, s * sigma) + normal(x, -sigma, s * sigma))
        return scale * ((1 + h) * normal(x, 0.0, sigma) - side)

    return Surrogate("multi_gaussian", {"h": h, "sigma": sigma, "s": s, "scale": scale}, formula, derivative)


def single_exponential(width: float, scale: float) -> Surrogate:
    formula = "scale / w * exp(-|x| / w), w = width * thr (the threshold of that step)"

    def derivative(x: Array, thr: Array) -> Array:
        return scale / (width * thr) * np.exp(-np.abs(x) / (width * thr))

    return Surrogate("single_exponential", {"width": width, "scale": scale}, formula, derivative)


# --------------------------------------------------------------------------------------------------------------- cells


@dataclass(frozen=True)
class Synapse:
    """i[t] = decay * i[t-1] + gain * lin[t]."""

    decay: float
    gain: float = 1.0


@dataclass(frozen=True)
class Adaptation:
    """thr[t] = theta + A[t], A[t] = rho A[t-1] + scale (1 - rho) o[t-1].

    `in_spike`: whether the firing decision passes a gradient on to the threshold's adaptive part."""

    rho: float
    scale: float
    in_spike: bool


@dataclass(frozen=True)
class Cell:
    """One spiking cell; see the module's docstring for the recurrence."""

    surrogate: Surrogate
    decay: float
    reset: Reset
    attached: bool
    fires_at: Literal[">", ">="]
    timing: Timing = "before_decay"
    gain: float = 1.0
    constant: float = 0.0
    theta: float = 1.0
    v_reset: float = 0.0
    v0: float = 0.0
    synapse: Synapse | None = None
    adaptation: Adaptation | None = None
    multi_spike: bool = False
    output_delay: bool = False
    # snntorch's reset_delay=False with "subtract": the residual R[t] = 1[m[t-1] > theta] is taken off u[t] and given back
    # in m[t] = u[t] - theta (o[t] - R[t]); it never carries a gradient.
    residual: bool = False


@dataclass
class Weights:
    """W [out, in], b [out] or None, R [out, out] or None."""

    w: Array
    b: Array | None = None
    rec: Array | None = None


@dataclass
class Trace:
    """What one layer did: every array is [T, B, N]."""

    x: Array
    i: Array
    u: Array
    o: Array
    y: Array
    m: Array
    thr: Array
    a: Array
    r: Array


@dataclass
class Gradients:
    """dL/dx [T, B, in] and the layer's own; `cell` by field of `Cell`, plus `synapse_decay`, `synapse_gain`, `rho`."""

    x: Array
    w: Array
    b: Array
    rec: Array
    cell: dict[str, float] = field(default_factory=dict)


def fire(cell: Cell, u: Array, thr: Array) -> Array:
    if cell.multi_spike:
        return np.where(u > 0, np.trunc(u / thr), 0.0)
    return (u > thr if cell.fires_at == ">" else u >= thr).astype(np.float64)


def after_reset(cell: Cell, u: Array, o: Array, thr: Array) -> Array:
    match cell.reset:
        case "none":
            return u
        case "zero":
            return (1 - o) * u
        case "to_value":
            return (1 - o) * u + o * cell.v_reset
        case "zero_then_add":
            return (1 - o) * u + cell.v_reset
        case "subtract":
            return u - o * thr


def forward(cell: Cell, weights: Weights, x: Array) -> Trace:
    """One layer on x [T, B, in]."""
    steps, batch, _ = x.shape
    shape = (steps, batch, weights.w.shape[0])
    tr = Trace(x, *(np.zeros(shape) for _ in range(8)))
    m = u = np.full(shape[1:], cell.v0)
    o = y = i = a = np.zeros(shape[1:])
    thr = np.full(shape[1:], cell.theta)
    for t in range(steps):
        lin = x[t] @ weights.w.T
        if weights.b is not None:
            lin = lin + weights.b
        if weights.rec is not None:
            lin = lin + y @ weights.rec.T
        i = lin if cell.synapse is None else cell.synapse.decay * i + cell.synapse.gain * lin
        drive = cell.gain * i + cell.constant
        r = (m > cell.theta).astype(np.float64) if cell.residual else np.zeros(shape[1:])
        match cell.timing:
            case "before_decay":
                u = cell.decay * m + drive - cell.theta * r
            case "after_decay":
                kept = thr * o if cell.reset == "subtract" else 0.0
                u = cell.decay * u + drive - kept
            case "after_input":
                u = (1 - o) * (cell.decay * u + drive)
        if cell.adaptation is not None:
            a = cell.adaptation.rho * a + cell.adaptation.scale * (1 - cell.adaptation.rho) * o
        thr = cell.theta + a
        before, o = o, fire(cell, u, thr)
        y = before if cell.output_delay else o
        m = after_reset(cell, u, o, thr) + cell.theta * r
        for store, value in zip((tr.i, tr.u, tr.o, tr.y, tr.m, tr.thr, tr.a, tr.r), (i, u, o, y, m, thr, a, r)):
            store[t] = value
    return tr


def reset_adjoint(cell: Cell, tr: Trace, t: int, dm: Array) -> tuple[Array, Array, Array]:
    """From dL/dm[t]: what reaches u[t] with o[t] fixed, what reaches o[t], what reaches thr[t]."""
    u, o, zero = tr.u[t], tr.o[t], np.zeros_like(dm)
    match cell.reset:
        case "none":
            return dm, zero, zero
        case "zero":
            return (1 - o) * dm, -u * dm, zero
        case "to_value":
            return (1 - o) * dm, (cell.v_reset - u) * dm, zero
        case "zero_then_add":
            return (1 - o) * dm, -u * dm, zero
        case "subtract":
            return dm, -tr.thr[t] * dm, -o * dm


def backward(cell: Cell, weights: Weights, tr: Trace, dy: Array, du: Array) -> Gradients:
    """The adjoint of `forward`: dy, du = the loss's own gradients at y and u, [T, B, N]."""
    steps = tr.u.shape[0]
    dy = dy.copy()
    out = Gradients(
        np.zeros_like(tr.x), np.zeros_like(weights.w), np.zeros(weights.w.shape[0]), np.zeros((weights.w.shape[0],) * 2)
    )
    names = ("decay", "gain", "constant", "theta", "v_reset", "synapse_decay", "synapse_gain", "rho")
    sums = dict.fromkeys(names, 0.0)
    zero = np.zeros_like(tr.u[0])
    delta_next = di_next = da_next = zero
    attached = 1.0 if cell.attached else 0.0
    for t in reversed(range(steps)):
        last = t == steps - 1
        g = cell.surrogate.derivative(tr.u[t] - tr.thr[t], tr.thr[t])
        # What reaches o[t] by every path but the reset.
        eps = (zero if last else dy[t + 1]) if cell.output_delay else dy[t]
        if cell.adaptation is not None:
            eps = eps + cell.adaptation.scale * (1 - cell.adaptation.rho) * da_next
        # The recurrence u[t+1] <- u[t], o[t], thr[t].
        match cell.timing:
            case "before_decay":
                carried, to_o, to_thr = reset_adjoint(cell, tr, t, cell.decay * delta_next)
                if cell.reset == "to_value":
                    sums["v_reset"] += float(np.sum(tr.o[t] * cell.decay * delta_next))
            case "after_decay":
                carried = cell.decay * delta_next
                is_subtract = cell.reset == "subtract"
                to_o = -tr.thr[t] * delta_next if is_subtract else zero
                to_thr = -tr.o[t] * delta_next if is_subtract else zero
            case "after_input":
                drive = zero if last else cell.decay * tr.u[t] + cell.gain * tr.i[t + 1] + cell.constant
                carried, to_o, to_thr = (1 - tr.o[t]) * cell.decay * delta_next, -drive * delta_next, zero
        spike = eps + attached * to_o
        delta = du[t] + carried + g * spike
        # The threshold: its base theta, and its adaptive part.
        sums["theta"] += float(np.sum(to_thr - g * spike))
        if cell.residual:
            sums["theta"] += float(np.sum(tr.r[t] * (cell.decay * delta_next - delta)))
        if cell.adaptation is not None:
            da_next = cell.adaptation.rho * da_next + to_thr - (g * spike if cell.adaptation.in_spike else 0.0)
            if t > 0:
                sums["rho"] += float(np.sum(da_next * (tr.a[t - 1] - cell.adaptation.scale * tr.o[t - 1])))
        # What went into u[t].
        o_before = tr.o[t - 1] if t > 0 else zero
        u_before = tr.u[t - 1] if t > 0 else np.full_like(zero, cell.v0)
        m_before = tr.m[t - 1] if t > 0 else np.full_like(zero, cell.v0)
        gate = 1 - o_before if cell.timing == "after_input" else 1.0
        sums["decay"] += float(np.sum(delta * gate * (m_before if cell.timing == "before_decay" else u_before)))
        sums["gain"] += float(np.sum(delta * gate * tr.i[t]))
        sums["constant"] += float(np.sum(delta * gate))
        di = cell.gain * gate * delta
        dlin = di
        if cell.synapse is not None:
            di = di + cell.synapse.decay * di_next
            sums["synapse_decay"] += float(np.sum(di * (tr.i[t - 1] if t > 0 else zero)))
            if cell.synapse.gain != 0:
                before = cell.synapse.decay * tr.i[t - 1] if t > 0 else zero
                sums["synapse_gain"] += float(np.sum(di * (tr.i[t] - before) / cell.synapse.gain))
            dlin = cell.synapse.gain * di
        out.w += dlin.T @ tr.x[t]
        out.b += dlin.sum(axis=0)
        out.x[t] = dlin @ weights.w
        if weights.rec is not None and t > 0:
            out.rec += dlin.T @ tr.y[t - 1]
            dy[t - 1] += dlin @ weights.rec
        delta_next, di_next = delta, di
    out.cell = sums
    return out


# ------------------------------------------------------------------------------------------------------------ networks


@dataclass
class Network:
    """Layers in sequence; the loss is sum(c * y) + sum(d * u) over the last layer."""

    cells: list[Cell]
    weights: list[Weights]

    def run(self, x: Array) -> list[Trace]:
        traces: list[Trace] = []
        for cell, weights in zip(self.cells, self.weights):
            traces.append(forward(cell, weights, x))
            x = traces[-1].y
        return traces

    def loss(self, traces: list[Trace], c: Array, d: Array | None) -> float:
        return float(np.sum(c * traces[-1].y) + (0.0 if d is None else np.sum(d * traces[-1].u)))

    def gradients(self, traces: list[Trace], c: Array, d: Array | None) -> list[Gradients]:
        dy, du = c, np.zeros_like(c) if d is None else d
        grads: list[Gradients] = []
        for cell, weights, tr in reversed(list(zip(self.cells, self.weights, traces))):
            grads.insert(0, backward(cell, weights, tr, dy, du))
            dy, du = grads[0].x, np.zeros_like(grads[0].x)
        return grads

    def with_attached(self, attached: bool) -> Network:
        return Network([replace(cell, attached=attached) for cell in self.cells], self.weights)

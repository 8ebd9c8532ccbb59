"""Slips in the public code of the paper's author, as torch of our own: a re-statement, not that code.

Repositories Acc-Timing and Spike-Train-Predict of github user superrrpotato, November 2020. One layer of neurons that
are reset to zero, whose traces are handed on; `delta[t]` of docs/derivation.md.
"""

from __future__ import annotations

from common import EXHIBITS, Exhibit, Finding, found

OWNER = "https://github.com/superrrpotato"
WIDTH, TRACE = 0.2, 0.5


def layer(decay: float, rule: str):
    """A current to traces, with a backward of its own by this rule."""
    import torch

    def slope(u):
        s = torch.sigmoid((u - 1) / WIDTH)
        return s * (1 - s) / WIDTH

    class Layer(torch.autograd.Function):
        @staticmethod
        def forward(ctx, current):
            u = o = a = torch.zeros_like(current[0]) if len(current) else None
            us, os, traces = [], [], []
            for step in current:
                u = decay * u * (1 - o) + step
                o = (u > 1).to(u.dtype)
                a = TRACE * a + (1 - TRACE) * o
                us.append(u)
                os.append(o)
                traces.append(a)
            ctx.save_for_backward(*(torch.stack(x) if x else current for x in (us, os)))
            return torch.stack(traces) if traces else current.clone()

        @staticmethod
        def backward(ctx, grad):
            us, os = ctx.saved_tensors
            after = torch.zeros_like(us[0]) if len(us) else None
            delta, by_trace = torch.zeros_like(us), after
            lam = 0.8 if rule == "decay of 0.8" else decay
            for t in range(len(us) - 1, -1, -1):
                by_trace = grad[t] + (TRACE * by_trace if t < len(us) - 1 else 0)
                g = slope(us[t])
                reset = us[t] * g * (WIDTH if rule == "no 1/a" else 1)
                kept = lam * ((1 - os[t]) - reset)
                if rule == "spatial" or (rule == "not the first" and t == 0) or (rule == "rate" and os.mean() <= 0.1):
                    kept = torch.zeros_like(kept)
                after = (1 - TRACE) * by_trace * g + kept * after
                delta[t] = after
            return delta

    return Layer.apply


def held(rule: str, tau: float = 5.0, scale: float = 1.6) -> Finding:
    import resurge
    import torch

    generator = torch.Generator().manual_seed(0)
    current = scale * torch.rand(12, 4, 3, generator=generator, dtype=torch.float64)
    line = f"lif tau {tau:g} reset zero full surrogate sigmoid {WIDTH} trace {TRACE}"
    return found(resurge.check_function(layer(1 - 1 / tau, rule), line, current))


def is_instead(rule: str, gradient: str) -> Finding:
    """The same, and which rule it is instead."""
    import resurge
    import torch

    current = 1.6 * torch.rand(12, 4, 3, generator=torch.Generator().manual_seed(0), dtype=torch.float64)
    line = f"lif tau 5 reset zero {gradient} surrogate sigmoid {WIDTH} trace {TRACE}"
    other = resurge.check_function(layer(0.8, rule), line, current)
    first = held(rule)
    return Finding(first.passed, f"{first.text}\n  it {'agrees with' if other else 'is not'} {gradient}")


def right() -> Finding:
    return held("none")


def slip(name: str, place: str, fault: str, needs: tuple[str, ...], run) -> Exhibit:
    return Exhibit(f"paper-{name}", "", "", None, f"{OWNER}/{place}", f"{fault} (a re-statement)", needs, run)


EXHIBITS += [
    slip("width", "Acc-Timing/commit/1aac1d2216af3d0f9c753ee71a0373f733406e96",
         "the reset term lacks the factor 1/a: it is five times too small",
         ("the gradient by input 0", "agrees with scaled:0.2"), lambda: is_instead("no 1/a", "scaled:0.2")),
    slip("first-step", "Acc-Timing/commit/1aac1d2216af3d0f9c753ee71a0373f733406e96",
         "the recursion ends one step early, so that step 0 gets nothing from later ones",
         ("wrong at index 0 of axis 0 alone",), lambda: held("not the first")),
    slip("spatial", "Acc-Timing/commit/b75697199a2b0a9758dcb53d760c9b4ff358af27",
         "the recursion is commented out: the spatial-only rule",
         ("the gradient by input 0", "agrees with spatial-only"), lambda: is_instead("spatial", "spatial-only")),
    slip("decay", "Spike-Train-Predict/commit/d30c32c7d195f365419d7c5493c0960212730bef",
         "0.8 stands in the backward pass, whatever tau_m is: wrong for its N-MNIST, where tau_m is 8",
         ("the gradient by input 0", "it differs only where steps is"), lambda: held("decay of 0.8", tau=8.0)),
    slip("rate", "Spike-Train-Predict/commit/d30c32c7d195f365419d7c5493c0960212730bef",
         "the recursion runs only in batches whose mean rate exceeds 0.1",
         ("the gradient by input 0",), lambda: held("rate", scale=0.42)),
]

"""Asks every cell of the frameworks two questions by running it, and prints the answers as Markdown.

    python probe.py

1. At a potential exactly equal to the threshold, does it fire? (`>` or `>=`)
2. Does the reset pass a gradient on ("attached") or not ("detached")? The potential that follows a step is differentiated
   twice by that step's input: with a surrogate, and with a surrogate that is zero. Both gradients equal: detached.

Also runs the few facts that a reader would not believe from a table (`odd_facts`).
"""

from __future__ import annotations

import argparse
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import numpy as np

from common import use_f64

Row = tuple[str, str, str]


def verdict(gradient: Callable[[bool], float]) -> str:
    """gradient(with_surrogate) -> d(potential after the reset) / d(input)."""
    with_it, without = gradient(True), gradient(False)
    assert abs(without) > 1e-6, "the probe does not reach the potential"
    return "attached" if abs(with_it - without) > 1e-6 else "detached"


def sign(fires: bool) -> str:
    return ">=" if fires else ">"


def snntorch_rows() -> Iterator[Row]:
    import snntorch as snn
    import torch

    class Flat(torch.autograd.Function):
        """A step whose derivative is 0.3 or 0."""

        @staticmethod
        def forward(ctx: Any, x: Any, slope: float) -> Any:
            ctx.slope = slope
            return (x > 0).double()

        @staticmethod
        def backward(ctx: Any, grad: Any) -> Any:
            return grad * ctx.slope, None

    makers: dict[str, Callable[..., Any]] = {
        "Leaky": lambda **o: snn.Leaky(beta=0.5, **o),
        "Synaptic": lambda **o: snn.Synaptic(alpha=0.5, beta=0.5, **o),
        "RLeaky": lambda **o: snn.RLeaky(beta=0.5, all_to_all=False, V=0.0, **o),
        "RSynaptic": lambda **o: snn.RSynaptic(alpha=0.5, beta=0.5, all_to_all=False, V=0.0, **o),
        "Lapicque": lambda **o: snn.Lapicque(beta=0.5, **o),
    }
    for name, make in makers.items():
        options: list[dict[str, Any]] = [{"reset_mechanism": reset} for reset in ("zero", "subtract")]
        if name in ("Leaky", "Synaptic", "RLeaky"):
            options += [{**option, "reset_delay": False} for option in options]
        for option in options:

            def run(slope: float, currents: list[Any]) -> tuple[Any, Any]:
                """The last spike and potential."""
                neuron = make(spike_grad=lambda x: Flat.apply(x, slope), **option)
                state = {"RLeaky": "init_rleaky", "RSynaptic": "init_rsynaptic"}.get(name)
                states = getattr(neuron, state)() if state else ()
                states = states if isinstance(states, tuple) else (states,)
                for current in currents:
                    spike, *states = neuron(current, *states)
                return spike, states[-1]

            def gradient(with_surrogate: bool) -> float:
                x = torch.tensor([[0.4]], requires_grad=True)
                run(0.3 if with_surrogate else 0.0, [x, torch.zeros(1, 1)])[1].sum().backward()
                return x.grad.item()

            # The input that leaves exactly the threshold; without a reset in the same step it can be read off.
            per_unit = run(0.0, [torch.tensor([[0.25]])])[1].item() / 0.25
            exact = run(0.0, [torch.tensor([[1 / per_unit]])])
            assert exact[1].item() == 1.0 or exact[0].item() == 1.0
            yield f"snntorch {name} {option}", sign(bool(exact[0].item())), verdict(gradient)


def spikingjelly_rows() -> Iterator[Row]:
    import torch
    from spikingjelly.activation_based import neuron, surrogate

    for kind in ("IFNode", "LIFNode", "ParametricLIFNode", "KLIFNode"):
        for v_reset in (0.0, None):
            for detach in (False, True):

                def make(alpha: float) -> Any:
                    shape = surrogate.Sigmoid(alpha)
                    return getattr(neuron, kind)(v_reset=v_reset, detach_reset=detach, surrogate_function=shape).double()

                def gradient(with_surrogate: bool) -> float:
                    node = make(4.0 if with_surrogate else 1e-12)
                    x = torch.tensor([0.9], requires_grad=True)
                    node(x)
                    node.v.sum().backward()
                    return x.grad.item()

                gain = 1.0 if kind == "IFNode" else 0.5
                exact = make(4.0)(torch.tensor([1.0 / gain])).item()
                yield f"spikingjelly {kind} v_reset={v_reset} detach_reset={detach}", sign(bool(exact)), verdict(gradient)


def norse_rows() -> Iterator[Row]:
    import torch
    from norse.torch.functional import iaf, lif, lif_adex, lif_box, lif_ex, lif_mc, lif_refrac, lsnn
    from norse.torch.functional.threshold import threshold

    one, eye = torch.ones(1, 1), torch.zeros(1, 1)
    zero = torch.zeros(1, 1)

    def potential(state: Any) -> Any:
        return state.lif.v if hasattr(state, "lif") else state.v

    def p(cls: Any, method: str, **more: Any) -> Any:
        return cls(method=method, alpha=torch.tensor(1.0), **more)

    def lif_p(method: str) -> Any:
        return p(lif.LIFParameters, method, tau_mem_inv=torch.tensor(1000.0))

    steps: dict[str, Callable[[Any, str], Any]] = {
        "lif_step": lambda x, m: lif.lif_step(x, lif.LIFState(zero, zero, zero), one, eye, lif_p(m)),
        "lif_step_integral": lambda x, m: lif.lif_step_integral(x[None], lif.LIFState(zero, zero, zero), one, eye, lif_p(m)),
        "lif_feed_forward_step": lambda x, m: lif.lif_feed_forward_step(x, lif.LIFFeedForwardState(zero, zero), lif_p(m)),
        "lif_feed_forward_integral": lambda x, m: lif.lif_feed_forward_integral(
            x[None], lif.LIFFeedForwardState(zero, zero), lif_p(m)
        ),
        "lif_feed_forward_step_sparse": lambda x, m: lif.lif_feed_forward_step_sparse(
            x, lif.LIFFeedForwardState(zero, zero), lif_p(m)
        ),
        "lif_current_encoder": lambda x, m: (lambda out: (out[0], lif.LIFFeedForwardState(out[1], zero)))(
            lif.lif_current_encoder(x, zero, lif_p(m))
        ),
        "lif_box_feed_forward_step": lambda x, m: lif_box.lif_box_feed_forward_step(
            x, lif_box.LIFBoxFeedForwardState(zero), p(lif_box.LIFBoxParameters, m, tau_mem_inv=torch.tensor(1000.0))
        ),
        "iaf_step": lambda x, m: iaf.iaf_step(x, iaf.IAFState(zero, zero), one, eye, p(iaf.IAFParameters, m)),
        "iaf_feed_forward_step": lambda x, m: iaf.iaf_feed_forward_step(
            x, iaf.IAFFeedForwardState(zero), p(iaf.IAFParameters, m)
        ),
        "lif_ex_step": lambda x, m: lif_ex.lif_ex_step(
            x, lif_ex.LIFExState(zero, zero, zero), one, eye, p(lif_ex.LIFExParameters, m)
        ),
        "lif_ex_feed_forward_step": lambda x, m: lif_ex.lif_ex_feed_forward_step(
            x, lif_ex.LIFExFeedForwardState(zero, zero), p(lif_ex.LIFExParameters, m)
        ),
        "lif_adex_step": lambda x, m: lif_adex.lif_adex_step(
            x, lif_adex.LIFAdExState(zero, zero, zero, zero), one, eye, p(lif_adex.LIFAdExParameters, m)
        ),
        "lif_adex_feed_forward_step": lambda x, m: lif_adex.lif_adex_feed_forward_step(
            x, lif_adex.LIFAdExFeedForwardState(zero, zero, zero), p(lif_adex.LIFAdExParameters, m)
        ),
        "lsnn_step": lambda x, m: two(
            lsnn.lsnn_step, x, lsnn.LSNNState(zero, zero, zero, one), one, eye, p(lsnn.LSNNParameters, m)
        ),
        "lsnn_feed_forward_step": lambda x, m: two(
            lsnn.lsnn_feed_forward_step, x, lsnn.LSNNFeedForwardState(zero, zero, one), p(lsnn.LSNNParameters, m)
        ),
        "ada_lif_step": lambda x, m: two(
            lsnn.ada_lif_step, x, lsnn.LSNNState(zero, zero, zero, zero), one, eye, p(lsnn.LSNNParameters, m)
        ),
        "lif_refrac_step": lambda x, m: lif_refrac.lif_refrac_step(
            x,
            lif_refrac.LIFRefracState(lif.LIFState(zero, zero, zero), -one),
            one,
            eye,
            lif_refrac.LIFRefracParameters(lif_p(m)),
        ),
        "lif_refrac_feed_forward_step": lambda x, m: lif_refrac.lif_refrac_feed_forward_step(
            x,
            lif_refrac.LIFRefracFeedForwardState(lif.LIFFeedForwardState(zero, zero), -one),
            lif_refrac.LIFRefracParameters(lif_p(m)),
        ),
        "lif_mc_step": lambda x, m: lif_mc.lif_mc_step(x, lif.LIFState(zero, zero, zero), one, eye, eye, lif_p(m)),
        "lif_mc_feed_forward_step": lambda x, m: lif_mc.lif_mc_feed_forward_step(
            x, lif.LIFFeedForwardState(zero, zero), eye, lif_p(m)
        ),
    }

    def two(step: Callable[..., Any], x: Any, state: Any, *rest: Any) -> Any:
        """Cells whose input arrives one step late."""
        _, state = step(x, state, *rest)
        return step(zero, state, *rest)

    for name, step in steps.items():

        def gradient(with_surrogate: bool) -> float:
            x = torch.tensor([[0.4]], requires_grad=True)
            out = potential(step(x, "super" if with_surrogate else "heaviside")[1])
            out.sum().backward()
            return x.grad.item()

        # Every cell asks the same threshold function.
        yield f"norse {name}", sign(bool(threshold(zero, "super", one).item())), verdict(gradient)


def sinabs_rows(cache: Path) -> Iterator[Row]:
    import sinabs.activation as act
    import sinabs.layers as layers
    import torch

    import exodus_cpu

    exodus = exodus_cpu.load(cache)
    zero = lambda v, _: torch.zeros_like(v)  # noqa: E731
    for package, cls in (("sinabs", layers.LIF), ("exodus", exodus.LIF)):
        for reset in (act.MembraneSubtract(), act.MembraneReset()):
            for spike_fn in (act.SingleSpike, act.MultiSpike):
                if package == "exodus" and isinstance(reset, act.MembraneReset):
                    continue

                def gradient(with_surrogate: bool) -> float:
                    shape = act.SingleExponential() if with_surrogate else zero
                    layer = cls(
                        tau_mem=4.0,
                        spike_fn=spike_fn,
                        reset_fn=reset,
                        surrogate_grad_fn=shape,
                        norm_input=False,
                        record_states=True,
                    ).double()
                    x = torch.tensor([[[0.9], [0.0]]], requires_grad=True)
                    layer(x)
                    layer.recordings["v_mem"][0, 0].sum().backward()
                    return x.grad[0, 0, 0].item()

                layer = cls(tau_mem=4.0, spike_fn=spike_fn, reset_fn=reset, norm_input=False).double()
                exact = layer(torch.tensor([[[1.0]]])).item()
                yield f"{package} LIF {spike_fn.__name__} {reset}", sign(bool(exact)), verdict(gradient)


def spyx_rows() -> Iterator[Row]:
    import jax
    import jax.numpy as jnp

    jax.config.update("jax_enable_x64", True)
    from flax import nnx
    from spyx import axn, nn

    makers = {
        "IF": lambda a: nn.IF((1,), activation=a),
        "LIF": lambda a: nn.LIF((1,), beta=0.5, activation=a, rngs=nnx.Rngs(0)),
        "CuBaLIF": lambda a: nn.CuBaLIF((1,), alpha=0.5, beta=0.5, activation=a, rngs=nnx.Rngs(0)),
        "ALIF": lambda a: nn.ALIF((1,), beta=0.5, gamma=0.5, activation=a, rngs=nnx.Rngs(0)),
    }
    for name, make in makers.items():

        def gradient(with_surrogate: bool) -> float:
            layer = make(axn.superspike(1.0) if with_surrogate else axn.custom(lambda x: 0 * x))

            def after(x: Any) -> Any:
                state = layer.initial_state(1)
                for current in (x, jnp.zeros((1, 1))):
                    _, state = layer(current, state)
                return state[0, 0]

            return float(jax.grad(after)(jnp.full((1, 1), 0.9))[0, 0])

        layer = make(axn.superspike())
        first, state = layer(jnp.ones((1, 1)), layer.initial_state(1))
        second, _ = layer(jnp.zeros((1, 1)), state)
        above, state = layer(jnp.full((1, 1), 1.5), layer.initial_state(1))
        later, _ = layer(jnp.zeros((1, 1)), state)
        assert first[0, 0] == 0 and above[0, 0] == 0 and later[0, 0] == 1, "spyx answers one step late"
        yield f"spyx {name} (answers one step late)", sign(bool(second[0, 0])), verdict(gradient)


def odd_facts() -> Iterator[str]:
    import sinabs.activation as act
    import torch
    from norse.torch.functional.threshold import threshold
    from snntorch import surrogate as snn_surrogate
    from spikingjelly.activation_based import neuron, surrogate

    def slope(f: Callable[[Any], Any], x: float) -> float:
        at = torch.tensor([x], requires_grad=True)
        f(at).sum().backward()
        return at.grad.item()

    norse = [slope(lambda x: threshold(x, "super", torch.tensor(a)), 0.5) for a in (1.0, 100.0)]
    yield f"norse `super`: derivative at 0.5 is {norse[0]:.6f} with alpha = 1, {norse[1]:.6f} with alpha = 100: not used"
    tri = [slope(snn_surrogate.triangular(), x) for x in (-3.0, -0.5, 0.5, 3.0)]
    yield f"snntorch `triangular`: derivative at -3, -0.5, 0.5, 3 is {tri}: a sign, not a triangle"
    jelly = [slope(surrogate.SuperSpike(a), 0.5) for a in (1.0, 10.0)]
    yield f"spikingjelly `SuperSpike`: at 0.5, alpha 1 gives {jelly[0]:.6f}, alpha 10 gives {jelly[1]:.6f}: it is a height"
    state = act.MembraneReset(0.25)(torch.tensor([0.0]), {"v_mem": torch.tensor([0.5])}, 1.0)
    yield f"sinabs MembraneReset(0.25) on a silent neuron at 0.5 leaves {state['v_mem'].item()}: it is added to all"
    grads = []
    for dtype in (torch.float32, torch.float64):
        node = neuron.LIFNode(decay_input=False, step_mode="m")
        x = torch.tensor(np.random.default_rng(0).normal(0.4, 0.5, (20, 1, 8)), dtype=dtype, requires_grad=True)
        (node(x) * torch.arange(1, 21, dtype=dtype)[:, None, None]).sum().backward()
        grads.append(x.grad.double())
    error = ((grads[0] - grads[1]).norm() / grads[1].norm()).item()
    yield f"spikingjelly LIFNode: its fused f32 operator against the f64 path used here: {error:.1e} of the norm"


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--cache", type=Path, default=Path("/tmp/resurge-goldens"))
    cache = parser.parse_args().cache
    use_f64()
    print("| cell | fires at | reset |\n| --- | --- | --- |")
    for rows in (snntorch_rows(), spikingjelly_rows(), norse_rows(), sinabs_rows(cache), spyx_rows()):
        for name, fires, answer in rows:
            print(f"| {name} | `{fires}` | {answer} |", flush=True)
    print()
    for fact in odd_facts():
        print(f"- {fact}")


if __name__ == "__main__":
    main()

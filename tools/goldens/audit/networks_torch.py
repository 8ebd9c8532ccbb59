"""The networks of the audit goldens that are built on torch."""

from __future__ import annotations

from collections.abc import Callable
from itertools import pairwise
from typing import Any

import norse.torch as norse
import resurge.recording as audit
import sinabs.activation as act
import sinabs.layers as sinabs
import snntorch as snn
import torch
from snntorch import surrogate as snn_surrogate
from spikingjelly.activation_based import layer as jelly_layer
from spikingjelly.activation_based import neuron as jelly
from spikingjelly.activation_based import surrogate as jelly_surrogate
from torch import nn

from cases import Case

WEIGHTED = audit.Loss("weighted-sum")
COUNT = audit.Loss("cross-entropy", "sum")
RATE = audit.Loss("cross-entropy", "all")
MEAN = audit.Loss("cross-entropy", "mean")
MSE = audit.Loss("mse", "mean", "batch-mean")
MSE_COUNT = audit.Loss("mse", "sum", "sum", 0.5)


def dense(neuron: Callable[[], Any], *sizes: int, bias: bool = True) -> Callable[[], Any]:
    """linear -> neuron, as often as there are sizes after the first."""

    def make() -> Any:
        pairs = pairwise(sizes)
        return nn.Sequential(*(layer for a, b in pairs for layer in (nn.Linear(a, b, bias=bias), neuron())))

    return make


def convolutional(neuron: Callable[[], Any], pool: Callable[[], Any], out: int = 3) -> Callable[[], Any]:
    """conv -> neuron -> pool -> conv -> neuron -> flatten -> linear -> neuron, on images of 6 x 6."""
    return lambda: nn.Sequential(
        nn.Conv2d(1, 2, 3, padding=1),
        neuron(),
        pool(),
        nn.Conv2d(2, 4, 2, stride=1, groups=2),
        neuron(),
        nn.Flatten(),
        nn.Linear(16, out),
        neuron(),
    )


def snntorch_cases() -> list[Case]:
    fast, sigmoid = snn_surrogate.fast_sigmoid, snn_surrogate.sigmoid

    def leaky(**options: Any) -> Callable[[], Any]:
        return lambda: snn.Leaky(**({"beta": 0.9} | options))

    def synaptic(**options: Any) -> Callable[[], Any]:
        return lambda: snn.Synaptic(**({"alpha": 0.6, "beta": 0.85} | options))

    def case(name: str, make: Callable[[], Any], **more: Any) -> Case:
        return Case("snntorch", name, make, audit.record_snntorch, **more)

    learned = {"learn_beta": True, "learn_threshold": True, "spike_grad": fast(5)}

    def own_decays() -> Any:
        thresholds = {"threshold": torch.linspace(0.7, 1.2, 5), "learn_threshold": True}
        first = leaky(beta=torch.linspace(0.5, 0.95, 5), learn_beta=True, **thresholds, spike_grad=fast(5))()
        last = leaky(beta=torch.tensor([0.6, 0.9, 0.7]), reset_mechanism="zero")()
        return nn.Sequential(nn.Linear(6, 5), first, nn.Linear(5, 3), last)

    def own_channels() -> Any:
        beta = torch.tensor([0.5, 0.9]).reshape(2, 1, 1)
        spiking = leaky(beta=beta, learn_beta=True, threshold=0.6)()
        return nn.Sequential(nn.Conv2d(1, 2, 3, padding=1), spiking, nn.Flatten(), nn.Linear(72, 3), leaky()())

    return [
        case("leaky-default", dense(leaky(), 6, 5, 3), bits=32, loss=COUNT, batch=3),
        case("leaky-zero", dense(leaky(reset_mechanism="zero", spike_grad=fast(10)), 6, 5, 3), steps=50, currents=True),
        case("leaky-nodelay", dense(leaky(reset_delay=False, spike_grad=sigmoid(5)), 6, 5, 3), loss=RATE),
        case("leaky-zero-nodelay", dense(leaky(reset_mechanism="zero", reset_delay=False), 6, 5, 3), bits=32, loss=MSE),
        case("leaky-none", dense(leaky(beta=0.6, reset_mechanism="none", spike_grad=sigmoid(5)), 6, 5, 3)),
        case("leaky-learned", dense(leaky(**learned), 6, 5, 3)),
        case("leaky-straight-through", dense(leaky(spike_grad=snn_surrogate.straight_through_estimator()), 4, 3), steps=8),
        case("leaky-vector", own_decays),
        case("leaky-vector-conv", own_channels, steps=8, image=True, loss=COUNT),
        case("leaky-one-step", dense(leaky(), 6, 5, 3), steps=1),
        case("leaky-long", dense(leaky(spike_grad=fast(25)), 5, 5, 4, 3), bits=32, steps=200, batch=1, loss=COUNT),
        case("leaky-membrane", dense(leaky(), 6, 5, 3), bits=32, loss=MEAN, output="potential"),
        case("leaky-conv", convolutional(leaky(), lambda: nn.MaxPool2d(2)), bits=32, steps=8, image=True, loss=COUNT),
        case("leaky-threshold", dense(leaky(threshold=0.75, reset_mechanism="zero"), 6, 6, 3, bias=False), loss=MSE),
        case("synaptic-default", dense(synaptic(), 6, 5, 3), bits=32, loss=WEIGHTED),
        case("synaptic-zero", dense(synaptic(reset_mechanism="zero", spike_grad=fast(10)), 6, 5, 3), loss=COUNT),
        case("synaptic-nodelay", dense(synaptic(reset_delay=False, learn_alpha=True), 6, 5, 3), steps=30),
    ]


def spikingjelly_cases() -> list[Case]:
    s = jelly_surrogate

    def case(name: str, make: Callable[[], Any], **more: Any) -> Case:
        return Case("spikingjelly", name, make, audit.record_spikingjelly, **more)

    def lif(**options: Any) -> Callable[[], Any]:
        return lambda: jelly.LIFNode(**({"surrogate_function": s.Sigmoid()} | options))

    def plif(**options: Any) -> Callable[[], Any]:
        return lambda: jelly.ParametricLIFNode(**({"init_tau": 3.0} | options))

    def multi_step() -> Any:
        node = lif(step_mode="m", decay_input=False, surrogate_function=s.ATan())
        return nn.Sequential(
            jelly_layer.Conv2d(1, 2, 3, padding=1, stride=2, bias=False, step_mode="m"),
            node(),
            jelly_layer.AvgPool2d(2, stride=1, padding=1, step_mode="m"),
            jelly_layer.Flatten(step_mode="m"),
            jelly_layer.Linear(32, 3, step_mode="m"),
            node(),
        )

    raw = {"decay_input": False}
    atan, triangle = {"surrogate_function": s.ATan()}, {"surrogate_function": s.PiecewiseQuadratic()}
    return [
        case("if-zero", dense(lambda: jelly.IFNode(), 6, 5, 3)),
        case("if-soft-detached", dense(lambda: jelly.IFNode(1.0, None, s.ATan(), True), 6, 5, 3), bits=32, loss=COUNT),
        case("lif-zero", dense(lif(**raw, **atan), 6, 5, 3), batch=3, loss=COUNT, currents=True),
        case("lif-zero-detached", dense(lif(**raw, **atan, detach_reset=True), 6, 5, 3), batch=3, loss=COUNT),
        case("lif-default", dense(lif(), 6, 5, 3), bits=32, loss=MSE_COUNT),
        case("lif-reset-value", dense(lif(tau=3.0, v_reset=-0.25), 6, 5, 3), steps=30),
        case("lif-reset-value-detached", dense(lif(v_reset=-0.25, **triangle, **raw, detach_reset=True), 6, 5, 3)),
        case("lif-soft", dense(lif(tau=4.0, v_reset=None, **raw, **atan), 6, 6, 3), batch=3, loss=RATE),
        case("lif-soft-one-step", dense(lif(v_reset=None, **raw), 6, 5, 3), bits=32, steps=1),
        case("lif-exponential", dense(lif(**raw, surrogate_function=s.PiecewiseExp(2.0)), 6, 5, 3)),
        case("lif-gaussian", dense(lif(**raw, surrogate_function=s.Erf()), 6, 5, 3), bits=32, steps=40),
        case("lif-soft-sign", dense(lif(**raw, detach_reset=True, surrogate_function=s.SoftSign()), 6, 5, 3)),
        case("plif-zero", dense(plif(decay_input=False), 6, 5, 3)),
        case("plif-soft-detached", dense(plif(v_reset=None, detach_reset=True, **triangle), 6, 5, 3), bits=32),
        case("cubalif", dense(lambda: jelly.CUBALIFNode(), 6, 5, 3), steps=15),
        case("lif-conv-multi-step", multi_step, bits=32, steps=10, image=True, loss=COUNT),
        case("lif-long-multi-step", dense(lif(step_mode="m", tau=8.0, **raw, **atan), 5, 5, 3), steps=200, batch=1),
    ]


def norse_cases() -> list[Case]:
    tensor = torch.tensor

    def case(name: str, make: Callable[[], Any], **more: Any) -> Case:
        return Case("norse", name, make, audit.record_norse, **more)

    def fast(cls: Any = norse.LIFParameters, **options: Any) -> Any:
        return cls(**({"tau_mem_inv": tensor(400.0)} | {k: tensor(v) if k != "method" else v for k, v in options.items()}))

    def box(reset: Any = None, **options: Any) -> Any:
        from norse.torch.functional.reset import reset_subtract

        parameters = fast(norse.LIFBoxParameters, **options)
        return parameters._replace(reset_method=reset_subtract) if reset == "subtract" else parameters

    def sequence(neuron: Callable[[], Any], *sizes: int) -> Callable[[], Any]:
        return lambda: norse.SequentialState(*dense(neuron, *sizes)())

    def recurrent() -> Any:
        return norse.SequentialState(norse.LIFRecurrentCell(6, 5, fast()), nn.Linear(5, 3), norse.LIFCell(fast()))

    def recurrent_readout() -> Any:
        return norse.SequentialState(norse.LIFRecurrent(5, 5, fast(), autapses=True), nn.Linear(5, 3), norse.LI())

    def lifted() -> Any:
        return norse.SequentialState(
            norse.Lift(nn.Conv2d(1, 2, 3, bias=False)),
            norse.LIF(fast()),
            norse.Lift(nn.AvgPool2d(2)),
            nn.Flatten(2),
            nn.Linear(8, 3),
            norse.LI(),
        )

    return [
        case("lif-cell", sequence(lambda: norse.LIFCell(fast()), 6, 5, 3), loss=COUNT),
        case("lif-values", sequence(lambda: norse.LIF(fast(v_reset=-0.2, v_leak=0.1, v_th=0.9)), 6, 5, 3), bits=32),
        case("lif-triangle", sequence(lambda: norse.LIFCell(fast(method="triangle", alpha=0.7)), 6, 5, 3)),
        case("lif-three-layers", sequence(lambda: norse.LIFCell(fast()), 6, 5, 4, 3), bits=32, steps=40, loss=MSE),
        case("box-tanh", sequence(lambda: norse.LIFBoxCell(box(method="tanh", alpha=1.5)), 6, 5, 3)),
        case(
            "box-subtract",
            sequence(lambda: norse.LIFBoxCell(box("subtract", method="circ", alpha=0.5)), 6, 5, 3),
            bits=32,
        ),
        case("iaf-erfc", sequence(lambda: norse.IAFCell(iaf_parameters()), 6, 5, 3)),
        case("recurrent", recurrent, steps=20),
        case("recurrent-readout", recurrent_readout, bits=32, steps=60, loss=MEAN),
        case("lif-conv", lifted, bits=32, steps=12, image=True, loss=COUNT),
    ]


def iaf_parameters() -> Any:
    from norse.torch.functional.iaf import IAFParameters

    return IAFParameters(v_reset=torch.tensor(0.0), method="heavi_erfc", alpha=torch.tensor(1.5))


def sinabs_cases() -> list[Case]:
    single = {"spike_fn": act.SingleSpike}

    def case(name: str, make: Callable[[], Any], **more: Any) -> Case:
        return Case("sinabs", name, make, audit.record_sinabs, **more)

    def lif(tau_mem: float, **options: Any) -> Callable[[], Any]:
        return lambda: sinabs.LIF(tau_mem, **options)

    def images() -> Any:
        return nn.Sequential(
            sinabs.FlattenTime(),
            nn.Conv2d(1, 2, 3, bias=False),
            sinabs.IAFSqueeze(batch_size=2),
            nn.AvgPool2d(2),
            nn.Flatten(),
            nn.Linear(8, 3),
            sinabs.IAFSqueeze(batch_size=2, **single),
        )

    def readout() -> Any:
        return nn.Sequential(nn.Linear(6, 5), sinabs.LIF(4.0, **single), nn.Linear(5, 3), sinabs.ExpLeak(8.0))

    threshold = {"spike_threshold": torch.tensor(0.8)}
    bell = {"surrogate_grad_fn": act.Gaussian(sigma=0.4)}
    return [
        case("lif-default", dense(lif(4.0), 6, 5, 3), loss=COUNT),
        case("lif-single", dense(lif(6.0, norm_input=False, **single, **threshold), 6, 5, 3), bits=32, loss=MSE_COUNT),
        case("lif-reset", dense(lif(4.0, reset_fn=act.MembraneReset(), **single, **bell), 6, 5, 3)),
        case("lif-reset-value", dense(lif(4.0, reset_fn=act.MembraneReset(0.125), **single), 6, 5, 3)),
        case("lif-synapse", dense(lif(6.0, tau_syn=2.0, **single), 6, 5, 3), bits=32, steps=40),
        case("lif-long", dense(lif(10.0, surrogate_grad_fn=act.MultiGaussian(), **single), 5, 5, 3), steps=150, batch=1),
        case("alif", dense(lambda: sinabs.ALIF(4.0, 8.0), 6, 5, 3), steps=30),
        case("alif-gaussian-synapse", dense(lambda: sinabs.ALIF(4.0, 8.0, 3.0, **bell, **threshold), 6, 5, 3)),
        case("iaf-conv", images, bits=32, steps=8, image=True, loss=COUNT),
        case("lif-readout", readout, loss=MEAN),
        case("lif-periodic", dense(lif(4.0, surrogate_grad_fn=act.PeriodicExponential(0.4, 0.8)), 6, 5, 3)),
        case("lif-heaviside", dense(lif(4.0, surrogate_grad_fn=act.Heaviside(0.5), **single, **threshold), 6, 5, 3)),
    ]

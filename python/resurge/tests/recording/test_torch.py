"""The exporters that are built on torch: recorded runs agree with the replay."""

from __future__ import annotations

import sys
from pathlib import Path
from typing import Any

import numpy as np
import pytest

from resurge.recording import Loss, read, record_norse, record_sinabs, record_snntorch, record_spikingjelly

torch = pytest.importorskip("torch")
from dense import WEIGHTED, data, dense, worst  # noqa: E402
from torch import nn  # noqa: E402

sys.path.insert(0, str(Path(__file__).resolve().parents[4] / "tools/goldens/audit"))
from replay import Variation  # noqa: E402


def neurons(framework: str) -> list[Any]:
    if framework == "snntorch":
        snn = pytest.importorskip("snntorch")
        both = [
            lambda **o: snn.Leaky(beta=0.8, **o),
            lambda **o: snn.Synaptic(alpha=0.5, beta=0.8, **o),
        ]
        options = [
            {"reset_mechanism": r, "reset_delay": d} for r in ("subtract", "zero", "none") for d in (True, False)
        ]
        return [lambda c=c, o=o: c(**o) for c in both for o in options]
    if framework == "spikingjelly":
        jelly = pytest.importorskip("spikingjelly.activation_based.neuron")
        resets = [{"v_reset": v, "detach_reset": d} for v in (0.0, -0.2, None) for d in (True, False)]
        nodes = [jelly.IFNode, jelly.LIFNode, jelly.ParametricLIFNode]
        return [lambda c=c, o=o, m=m: c(step_mode=m, **o) for c in nodes for o in resets for m in "sm"][::3]
    if framework == "norse":
        norse = pytest.importorskip("norse.torch")
        fast = norse.LIFParameters(
            tau_mem_inv=torch.tensor(400.0), v_reset=torch.tensor(-0.1), v_leak=torch.tensor(0.05)
        )
        return [
            lambda: norse.LIFCell(fast),
            lambda: norse.LIF(fast),
            lambda: norse.IAFCell(),
            lambda: norse.LIFBoxCell(),
        ]
    layers = pytest.importorskip("sinabs.layers")
    act = pytest.importorskip("sinabs.activation")
    return [
        lambda: layers.LIF(3.0),
        lambda: layers.LIF(3.0, spike_fn=act.SingleSpike, reset_fn=act.MembraneReset(0.1)),
        lambda: layers.LIF(3.0, tau_syn=2.0, train_alphas=True, norm_input=False),
        lambda: layers.ALIF(3.0, 6.0, tau_syn=2.0, spike_threshold=torch.tensor(0.7)),
        lambda: layers.IAFSqueeze(batch_size=2, surrogate_grad_fn=act.MultiGaussian(grad_scale=0.7)),
        lambda: layers.LIF(3.0, surrogate_grad_fn=act.PeriodicExponential(0.3, 0.7)),
        lambda: layers.IAF(surrogate_grad_fn=act.Heaviside(0.6)),
        lambda: layers.LIF(
            3.0,
            spike_threshold=torch.tensor(0.8),
            spike_fn=act.SingleSpike,
            reset_fn=act.MembraneReset(),
            surrogate_grad_fn=act.PeriodicExponential(),
        ),
        lambda: layers.LIF(3.0, spike_fn=act.SingleSpike, surrogate_grad_fn=act.Heaviside(0.4)),
    ]


RECORD = {
    "snntorch": record_snntorch,
    "spikingjelly": record_spikingjelly,
    "norse": record_norse,
    "sinabs": record_sinabs,
}


@pytest.mark.parametrize("framework", RECORD)
def test_a_recorded_run_is_what_its_description_says(framework: str, path: Path) -> None:
    for make in neurons(framework):
        x, y = data()
        RECORD[framework](dense(make), x, y, WEIGHTED, path, record_currents=True)
        description = read(path).description["layers"][1]
        # f64; 2e-14 is what the conventions agree to, and the constants are f32 by default.
        assert worst(path) < 1e-12, description


@pytest.mark.parametrize("framework", RECORD)
def test_states_of_a_run_before_do_not_matter(framework: str, path: Path) -> None:
    x, y = data()
    net = dense(neurons(framework)[0])
    if framework != "norse":  # whose modules keep no state
        # Leaves a state behind, of the same shape as the run's.
        net[1](torch.full((2, 15, 5) if framework == "sinabs" else (2, 5), 0.7, dtype=torch.float64))
    RECORD[framework](net, x, y, WEIGHTED, path)
    first = read(path).tensors
    assert worst(path) < 1e-12
    RECORD[framework](net, x, y, WEIGHTED, path)
    assert all(np.array_equal(first[name], values) for name, values in read(path).tensors.items())


@pytest.mark.parametrize("framework", RECORD)
def test_single_precision(framework: str, path: Path) -> None:
    x, y = data(32)
    RECORD[framework](dense(neurons(framework)[0], 32), x, y, WEIGHTED, path)
    assert read(path).tensors["gradients.layers.0.weight"].dtype == np.float32
    assert worst(path) < 1e-5


def test_the_claim_matters(path: Path) -> None:
    snn = pytest.importorskip("snntorch")
    x, y = data()
    record_snntorch(dense(lambda: snn.Leaky(beta=0.9)), x, y, WEIGHTED, path)
    assert read(path).description["layers"][1]["reset_gradient"] == "detached"
    assert worst(path) < 1e-12 < 0.01 < worst(path, Variation(reset_gradient="full"))


@pytest.mark.parametrize("readout", ["sum", "mean", "last", "max", "all"])
@pytest.mark.parametrize("kind", ["cross-entropy", "mse"])
def test_losses(kind: Any, readout: Any, path: Path) -> None:
    snn = pytest.importorskip("snntorch")
    x, y = data()
    shape = (15, 2, 3) if readout == "all" else (2, 3)
    target = torch.tensor([0, 2]) if kind == "cross-entropy" else y.flatten()[: np.prod(shape)].reshape(shape)
    for reduction in ("mean", "batch-mean", "sum"):
        loss = Loss(kind, readout, reduction, 0.5)
        output = "potential" if readout in ("max", "last") else "spikes"
        record_snntorch(dense(lambda: snn.Leaky(beta=0.9)), x, target, loss, path, output=output)
        assert worst(path) < 1e-12


def test_any_loss_is_recorded_by_its_gradient(path: Path) -> None:
    functional = pytest.importorskip("snntorch.functional")
    snn = pytest.importorskip("snntorch")
    x, _ = data(32)
    y = torch.tensor([0, 2])
    net = dense(lambda: snn.Leaky(beta=0.9), 32)
    record_snntorch(net, x, y, functional.ce_rate_loss(), path)
    theirs = read(path)
    assert theirs.description["loss"] == {"kind": "weighted-sum"} and theirs.description["notes"]
    assert worst(path) < 1e-5
    record_snntorch(net, x, y, Loss("cross-entropy", "all"), path)
    ours = read(path).tensors["gradients.layers.0.weight"]
    assert np.allclose(theirs.tensors["gradients.layers.0.weight"], ours, rtol=1e-4, atol=1e-7)


def test_a_run_leaves_the_network_as_it_was(path: Path) -> None:
    snn = pytest.importorskip("snntorch")
    x, y = data()
    net = dense(lambda: snn.Leaky(beta=0.9, init_hidden=True))
    before = {name: value.clone() for name, value in net.state_dict().items()}
    cast, default = torch.Tensor.float, torch.get_default_dtype()
    record_snntorch(net, x, y, WEIGHTED, path)
    assert torch.Tensor.float is cast and torch.get_default_dtype() is default
    assert all(torch.equal(before[name], value) for name, value in net.state_dict().items())
    assert all(parameter.grad is None for parameter in net.parameters())
    assert "fire" not in vars(net[1])


def test_images_and_constant_input(path: Path) -> None:
    snn = pytest.importorskip("snntorch")
    torch.manual_seed(0)
    net = nn.Sequential(
        nn.Conv2d(1, 2, 3, stride=2, padding=1),
        snn.Leaky(beta=0.9, threshold=0.3),
        nn.Sequential(nn.MaxPool2d(2, 1), nn.Identity()),
        nn.Flatten(),
        nn.Linear(8, 3),
    ).double()
    x = torch.rand(2, 1, 6, 6, dtype=torch.float64)
    record_snntorch(net, x, torch.randn(5, 2, 3).double(), WEIGHTED, path, steps=5)
    recording = read(path)
    assert recording.tensors["input"].shape == (5, 2, 1, 6, 6)
    kinds = [layer["kind"] for layer in recording.description["layers"]]
    assert kinds == ["conv2d", "neuron", "max-pool2d", "flatten", "linear"]
    assert worst(path) < 1e-12


def test_frozen_weights_are_ungraded(path: Path) -> None:
    snn = pytest.importorskip("snntorch")
    net = dense(lambda: snn.Leaky(beta=0.9))
    net[0].weight.requires_grad_(False)
    record_snntorch(net, *data(), WEIGHTED, path)
    assert read(path).description["ungraded"] == ["layers.0.weight"]
    assert "gradients.layers.0.weight" not in read(path).tensors


def test_spikingjelly_with_constants_of_each_neuron(path: Path) -> None:
    jelly = pytest.importorskip("spikingjelly.activation_based.neuron")

    def many(low: float) -> Any:
        return low + torch.rand(5, dtype=torch.float64)

    for reset in (None, 0.0, -0.1, many(-0.6)):
        for cls in (jelly.IFNode, jelly.LIFNode, jelly.ParametricLIFNode):
            torch.manual_seed(4)
            node = cls(v_reset=-0.1 if isinstance(reset, torch.Tensor) else reset)
            node.v_threshold = nn.Parameter(many(0.5))
            if isinstance(reset, torch.Tensor):
                node.v_reset = reset
            if cls is jelly.LIFNode:
                node.tau = many(1.5)
            net = nn.Sequential(nn.Linear(6, 5), node, nn.Linear(5, 3)).double()
            x, y = data()
            record_spikingjelly(net, 3 * x, y, WEIGHTED, path)
            found = read(path)
            assert len(found.description["layers"][1]["threshold"]) == 5
            assert found.tensors["gradients.layers.1.v_threshold"].shape == (5,) and found.tensors["spikes.1"].any()
            assert worst(path) < 1e-12, found.description["layers"][1]

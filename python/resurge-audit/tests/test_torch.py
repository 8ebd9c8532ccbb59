"""The exporters that are built on torch: recorded runs agree with the replay, and what does not fit is refused."""

from __future__ import annotations

import sys
from pathlib import Path
from typing import Any

import numpy as np
import pytest

from resurge_audit import Loss, Unsupported, read, record_norse, record_sinabs, record_snntorch, record_spikingjelly

torch = pytest.importorskip("torch")
from torch import nn  # noqa: E402

sys.path.insert(0, str(Path(__file__).resolve().parents[3] / "tools/goldens/audit"))
from replay import Variation, errors, replay  # noqa: E402

WEIGHTED = Loss("weighted-sum")


def dense(neuron: Any, bits: int = 64) -> Any:
    torch.manual_seed(3)
    net = nn.Sequential(nn.Linear(6, 5), neuron(), nn.Linear(5, 3), neuron())
    for layer in (net[0], net[2]):
        with torch.no_grad():
            layer.weight += 0.3
            layer.weight *= 2
    return net.double() if bits == 64 else net


def data(bits: int = 64) -> tuple[Any, Any]:
    generator = torch.Generator().manual_seed(1)
    dtype = torch.float64 if bits == 64 else torch.float32
    x = (torch.rand(15, 2, 6, generator=generator) < 0.4).to(dtype)
    return x, torch.randn(15, 2, 3, generator=generator, dtype=dtype)


def worst(path: Path, variation: Any = None) -> float:
    recording = read(path)
    found = errors(recording, replay(recording, variation or Variation()))
    return max(found.values())


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


def refused(record: Any, net: Any, path: Path, what: str, x: Any = None) -> None:
    given, y = data()
    with pytest.raises(Unsupported, match=what):
        record(net, given if x is None else x, y, WEIGHTED, path)
    assert not path.exists()


def test_snntorch_refuses_by_name(path: Path) -> None:
    snn = pytest.importorskip("snntorch")
    surrogate = pytest.importorskip("snntorch.surrogate")

    def leaky(**options: Any) -> Any:
        return dense(lambda: snn.Leaky(**({"beta": 0.9} | options)))

    refused(record_snntorch, leaky(inhibition=True), path, r"snntorch.Leaky.inhibition: ")
    refused(record_snntorch, leaky(graded_spikes_factor=2.0), path, r"snntorch.Leaky.graded_spikes_factor")
    refused(record_snntorch, leaky(surrogate_disable=True), path, r"snntorch.Leaky.surrogate_disable")
    refused(record_snntorch, leaky(beta=torch.full((5,), 0.9)), path, r"layer 3 \(`3`\): cannot be run on .*\(5\)")
    refused(record_snntorch, leaky(beta=1.5, learn_beta=True), path, r"snntorch.Leaky.beta: .*clamped")
    for name in ("triangular", "SFS", "spike_rate_escape", "SSO"):
        function = getattr(surrogate, name)()
        refused(record_snntorch, leaky(spike_grad=function), path, r"snntorch.Leaky.spike_grad: ")
    refused(record_snntorch, dense(lambda: snn.Lapicque(beta=0.9)), path, r"snntorch.Lapicque: ")
    changed = leaky()
    changed[1].reset_mechanism = "zero"
    refused(record_snntorch, changed, path, r"Leaky.reset_mechanism: says 'zero', but .* _base_sub")


def test_layers_of_torch_are_refused_by_name(path: Path) -> None:
    snn = pytest.importorskip("snntorch")
    images = torch.rand(4, 2, 1, 6, 6, dtype=torch.float64)
    cases = {
        r"torch.BatchNorm1d: ": nn.BatchNorm1d(6),
        r"torch.Dropout.training: ": nn.Dropout(0.5),
        r"torch.Conv2d.dilation: ": nn.Conv2d(1, 1, 2, dilation=2),
        r"torch.Conv2d.padding_mode: ": nn.Conv2d(1, 1, 2, padding_mode="circular"),
        r"torch.Conv2d.padding: 'same'": nn.Conv2d(1, 1, 3, padding="same"),
        r"torch.AvgPool2d.ceil_mode: ": nn.AvgPool2d(2, ceil_mode=True),
        r"torch.MaxPool2d.dilation: ": nn.MaxPool2d(2, dilation=2),
        r"torch.Flatten.end_dim: ": nn.Flatten(1, 2),
    }
    for what, layer in cases.items():
        refused(record_snntorch, nn.Sequential(layer, snn.Leaky(beta=0.9)), path, what, images)

    class Mine(nn.Module):
        def __init__(self) -> None:
            super().__init__()
            self.scale = nn.Parameter(torch.tensor(2.0))

        def forward(self, x: Any) -> Any:
            return self.scale * x

    refused(
        record_snntorch, nn.Sequential(Mine(), nn.Linear(6, 3)).double(), path, r"layer 0 \(`0`\): .*Mine: is no layer"
    )
    half = dense(lambda: snn.Leaky(beta=0.9), 32).half()
    refused(record_snntorch, half, path, r"layers.0.weight: is torch.float16, the input torch.float64")
    refused(record_snntorch, nn.Sequential(nn.Linear(6, 3)).double(), path, r"x.shape: ", torch.zeros(4, 6).double())


def test_the_other_frameworks_refuse_by_name(path: Path) -> None:
    jelly = pytest.importorskip("spikingjelly.activation_based.neuron")
    surrogate = pytest.importorskip("spikingjelly.activation_based.surrogate")
    refused(record_spikingjelly, dense(lambda: jelly.QIFNode()), path, r"spikingjelly.QIFNode: ")
    leaky_k = surrogate.LeakyKReLU()
    refused(
        record_spikingjelly, dense(lambda: jelly.IFNode(surrogate_function=leaky_k)), path, r"IFNode.surrogate_function"
    )
    norse = pytest.importorskip("norse.torch")
    refused(record_norse, dense(lambda: norse.LSNNCell()), path, r"norse.LSNNCell: ")
    adjoint = norse.LIFParameters(method="adjoint")
    refused(
        record_norse,
        dense(lambda: norse.LIFCell(adjoint)),
        path,
        r"norse.LIFCell.activation: is lif_feed_forward_adjoint",
    )
    logistic = norse.LIFParameters(method="logistic")
    refused(record_norse, dense(lambda: norse.LIFCell(logistic)), path, r"norse.LIFCell.p.method 'logistic': Attempted")
    sinabs = pytest.importorskip("sinabs.layers")
    act = pytest.importorskip("sinabs.activation")
    refused(record_sinabs, dense(lambda: sinabs.LIF(3.0, min_v_mem=-1.0)), path, r"sinabs.LIF.min_v_mem: ")
    refused(record_sinabs, dense(lambda: sinabs.LIF(3.0, reset_fn=act.MembraneReset())), path, r"sinabs.LIF.reset_fn")
    for function in (act.Heaviside(0.4), act.PeriodicExponential()):
        for fire in (act.SingleSpike, act.MultiSpike):
            adapting = sinabs.ALIF(3.0, 6.0, spike_fn=fire, surrogate_grad_fn=function)
            refused(
                record_sinabs, dense(lambda module=adapting: module), path, r"ALIF.surrogate_grad_fn|ALIF with Multi"
            )
    other = act.MembraneSubtract(0.5)
    refused(record_sinabs, dense(lambda: sinabs.LIF(3.0, reset_fn=other)), path, r"LIF.reset_fn.subtract_value")
    refused(
        record_sinabs, nn.Sequential(sinabs.SumPool2d(2)), path, r"sinabs.SumPool2d: is LPPool2d, whose gradient is 0"
    )


def test_sum_pooling_of_sinabs_has_no_gradient_where_nothing_fired() -> None:
    """Why it is refused."""
    sinabs = pytest.importorskip("sinabs.layers")
    x = torch.tensor([[[[0.0, 0.0], [0.0, 1.0]], [[0.0, 0.0], [0.0, 0.0]]]], requires_grad=True)
    sinabs.SumPool2d(2)(x).sum().backward()
    assert x.grad.flatten().tolist() == [1.0] * 4 + [0.0] * 4


def test_layers_that_compute_something_else_are_refused(tmp_path: Path) -> None:
    """Their file would hold another network than the one that ran."""
    snn = pytest.importorskip("snntorch")

    class Doubled(nn.Linear):
        def forward(self, x: Any) -> Any:
            return 2 * super().forward(x)

    class Chain(nn.Sequential):
        def forward(self, x: Any) -> Any:
            return 2 * super().forward(x)

    def leaky() -> Any:
        return snn.Leaky(beta=0.9)

    hooked, patched, one = nn.Linear(6, 3), nn.Linear(6, 3), nn.Linear(6, 6)
    hooked.register_forward_hook(lambda module, inputs, output: 2 * output)
    patched.forward = lambda x: 2 * nn.Linear.forward(patched, x)  # type: ignore[method-assign]
    tied = nn.Linear(6, 6)
    tied.weight = one.weight
    x, y = data(32)
    for net, named in [
        (nn.Sequential(Doubled(6, 3), leaky()), "Doubled.forward"),
        (Chain(nn.Linear(6, 3), snn.Leaky(beta=0.9, init_hidden=True)), "returns something else"),
        (nn.Sequential(hooked, leaky()), "Linear.register_forward_hook"),
        (nn.Sequential(patched, leaky()), "Linear.forward"),
        (nn.Sequential(one, leaky(), one, leaky(), nn.Linear(6, 3), leaky()), "layers.2.weight: is the same"),
        (nn.Sequential(one, leaky(), tied, leaky(), nn.Linear(6, 3), leaky()), "layers.2.weight: is the same"),
    ]:
        with pytest.raises(Unsupported, match=named):
            record_snntorch(net, x, y, WEIGHTED, tmp_path / "net.safetensors")
    assert not list(tmp_path.iterdir())


def test_a_layer_of_the_users_is_refused_by_its_class(path: Path) -> None:
    """Derived from one that is known, it may compute anything; nothing of it is taken for a network's forward."""
    node = pytest.importorskip("spikingjelly.activation_based.neuron").LIFNode

    class Learning(node):  # type: ignore[misc, valid-type]
        def neuronal_fire(self) -> Any:
            return self.surrogate_function(2 * self.v - self.v_threshold)

    class Doubling(nn.Dropout):
        def forward(self, x: Any) -> Any:
            return 2 * x

    class Passing(nn.Dropout):
        pass

    class Negating(nn.Identity):
        def forward(self, x: Any) -> Any:
            return -x

    refused(record_spikingjelly, dense(Learning), path, r"layer 1 \(`1`\): .*Learning: is no layer of the format")
    for made in (Doubling(0.5), Negating()):
        layers = [nn.Linear(6, 5).double(), node(), made.eval(), nn.Linear(5, 3).double(), node()]
        refused(record_spikingjelly, layers, path, r"layer 2 \(`2`\): .*(Doubling|Negating).forward: is not that of")
    layers = [nn.Linear(6, 5).double(), node(), Passing(0.5).eval(), nn.Linear(5, 3).double(), node()]
    x, y = data()
    record_spikingjelly(layers, x, y, WEIGHTED, path)
    assert len(read(path).description["layers"]) == 4 and worst(path) < 1e-12


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


def test_a_target_that_does_not_fit_and_a_loss_that_fails_say_what_was_expected(path: Path) -> None:
    snn = pytest.importorskip("snntorch")
    net, (x, _) = dense(lambda: snn.Leaky(beta=0.9)), data()
    for target, message in [
        (torch.tensor([0, 1, 2]), r"shape \(3,\), expected \(2,\): one class for each of the 2 samples of x"),
        (torch.tensor([0.0, 1.0]), r"is float32, and classes are whole numbers"),
        (torch.tensor([0, 3]), r"has the class 3, and the output has 3: 0 to 2"),
        (torch.tensor([-1, 0]), r"has the class -1"),
    ]:
        with pytest.raises(ValueError, match=message):
            record_snntorch(net, x, target, Loss("cross-entropy", "sum"), path)

    def of_potentials(output: Any, y: Any) -> Any:
        _, potentials = output
        return potentials.sum()

    with pytest.raises(ValueError, match="unpack") as failure:
        record_snntorch(net, x, None, of_potentials, path)
    assert "the output of the last layer, of shape (15, 2, 3)" in failure.value.__notes__[0]
    assert not path.exists()

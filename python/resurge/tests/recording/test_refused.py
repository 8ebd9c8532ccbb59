"""What the exporters that are built on torch refuse, and that they say it by name."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import pytest

from resurge.recording import Loss, Unsupported, read, record_norse, record_sinabs, record_snntorch, record_spikingjelly

torch = pytest.importorskip("torch")
from dense import WEIGHTED, data, dense, refused, worst  # noqa: E402
from torch import nn  # noqa: E402


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
        r"torch.BatchNorm1d.training: ": nn.BatchNorm1d(6),
        r"torch.Dropout.training: ": nn.Dropout(0.5),
        r"torch.Conv2d.dilation: ": nn.Conv2d(1, 1, 2, dilation=2),
        r"torch.Conv2d.padding_mode: ": nn.Conv2d(1, 1, 2, padding_mode="circular"),
        r"torch.Conv2d.padding: 'same'": nn.Conv2d(1, 1, 2, padding="same"),
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
    refused(record_norse, dense(lambda: norse.LIFAdExCell()), path, r"norse.LIFAdExCell: ")
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
    refused(record_sinabs, dense(lambda: sinabs.LIF(3.0, reset_fn=act.MembraneReset())), path, r"sinabs.LIF.reset_fn")
    for function in (act.Heaviside(0.4), act.PeriodicExponential()):
        for fire in (act.SingleSpike, act.MultiSpike):
            adapting = sinabs.ALIF(3.0, 6.0, spike_fn=fire, surrogate_grad_fn=function)
            refused(
                record_sinabs, dense(lambda module=adapting: module), path, r"ALIF.surrogate_grad_fn|ALIF with Multi"
            )
    other = act.MembraneSubtract(0.5)
    refused(record_sinabs, dense(lambda: sinabs.LIF(3.0, reset_fn=other)), path, r"LIF.reset_fn.subtract_value")


def test_sum_pooling_of_sinabs_has_no_gradient_where_nothing_fired() -> None:
    """Why it is a sum and a mask in the file."""
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

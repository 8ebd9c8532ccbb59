"""Networks with a forward of their own: followed, held against what was recorded, or refused with the reason."""

from __future__ import annotations

import copy
from pathlib import Path
from typing import Any

import numpy as np
import pytest

from resurge.recording import Loss, Unsupported, read, record_norse, record_sinabs, record_snntorch, record_spikingjelly
from resurge.recording._probe import doubles

torch = pytest.importorskip("torch")
from torch import nn  # noqa: E402
from torch.nn import functional  # noqa: E402
from tutorial import CLASSES, COUNT, Tutorial, data, worst  # noqa: E402


def own_gradients(net: Any, loss: Any) -> dict[str, Any]:
    parameters, x = dict(net.named_parameters()), data()
    with doubles(True):  # snnTorch casts its spikes with `.float()`
        found = torch.autograd.grad(loss(net(x)), list(parameters.values()))
    return dict(zip(parameters, found, strict=True))


def test_the_order_is_that_of_the_forward_and_the_gradients_are_its_own(path: Path) -> None:
    net, x = Tutorial(), data()
    record_snntorch(net, x, CLASSES, COUNT, path)
    assert worst(path) < 1e-12
    own = own_gradients(net, lambda out: functional.cross_entropy(out[0].sum(0), CLASSES))
    found = read(path)
    assert [layer["class"] for layer in found.description["layers"]][1::2] == ["snntorch.Leaky"] * 2
    for k, name in ((0, "fc1"), (2, "fc2")):
        for what in ("weight", "bias"):
            mine = own[f"{name}.{what}"].numpy()
            theirs = found.tensors[f"gradients.layers.{k}.{what}"]
            # The same operations; autograd adds the steps in another order.
            assert np.linalg.norm(mine - theirs) <= 1e-12 * np.linalg.norm(mine) > 0


BETWEEN = {
    "a factor": (lambda x: 10 * x, r"layer 3 \(`lif2`\): does not take what `fc2` gave.*multiplies by 10"),
    "a shift": (lambda x: x + 0.1, r"layer 3 \(`lif2`\): does not take what `fc2` gave"),
    "a function": (torch.relu, r"layer 3 \(`lif2`\): does not take what `fc2` gave"),
    "a detach": (lambda x: x.detach(), r"the loss: has no gradient at all"),
    "a detach of a part": (lambda x: torch.cat([x[:1], x[1:].detach()]), r"`fc1.weight`: its gradient .* is another"),
    "a scaled gradient": (lambda x: 0.5 * x + (0.5 * x).detach(), r"`fc1.weight`: its gradient .* is another"),
}


@pytest.mark.parametrize("name", BETWEEN)
def test_what_stands_between_two_layers_is_never_lost(name: str, path: Path) -> None:
    between, message = BETWEEN[name]
    net = Tutorial(between)
    with pytest.raises(Unsupported, match=message):
        record_snntorch(net, data(), CLASSES, COUNT, path)
    # Taken out of it, the layers would be another network.
    for layers in ([net.fc1, net.lif1, net.fc2, net.lif2], nn.Sequential(net.fc1, net.lif1, net.fc2, net.lif2)):
        with pytest.raises(Unsupported, match=r"are those of a .*Tutorial, whose forward"):
            record_snntorch(layers, data(), CLASSES, COUNT, path)
    assert not path.exists()
    record_snntorch(copy.deepcopy([net.fc1, net.lif1, net.fc2, net.lif2]), data(), CLASSES, COUNT, path)
    assert worst(path) < 1e-12


def test_other_ways_through_the_layers_are_refused_by_name(path: Path) -> None:
    class Skips(Tutorial):
        def forward(self, x: Any) -> Any:
            m1, m2, spikes = self.lif1.init_leaky(), self.lif2.init_leaky(), []
            for step in x:
                _, m1 = self.lif1(self.fc1(step), m1)
                s2, m2 = self.lif2(self.fc1(step)[:, :3], m2)
                spikes.append(s2)
            return torch.stack(spikes)

    class Branches(Tutorial):
        def forward(self, x: Any) -> Any:
            m1, m2, spikes = self.lif1.init_leaky(), self.lif2.init_leaky(), []
            for step in x:
                current = self.fc1(step)
                _, m1 = self.lif1(current, m1)
                s2, m2 = self.lif2(current, m2)
                spikes.append(s2)
            return torch.stack(spikes)

    class Breaks(Tutorial):
        def forward(self, x: Any) -> Any:
            raise KeyError("no such thing")

    for net, message in [
        (Skips(), r"layer 0 \(`fc1`\): is called 30 times in 15 steps"),
        (Branches(), r"layer 2 \(`lif2`\): takes the output of `fc1`, not of `lif1`"),
        (Breaks(), r"Breaks.forward: cannot be run .* given all steps raises KeyError"),
        (Tutorial(returns=lambda out: 2 * out), r"returns something else .*`lif2`; return that"),
    ]:
        with pytest.raises(Unsupported, match=message):
            record_snntorch(net, data(), CLASSES, COUNT, path)
    assert not path.exists()


def test_what_a_forward_returns_may_be_a_readout(path: Path) -> None:
    net, x = Tutorial(returns=lambda out: out.sum(0)), data()
    record_snntorch(net, x, CLASSES, COUNT, path)
    assert read(path).description["loss"]["kind"] == "cross-entropy" and worst(path) < 1e-12
    net = Tutorial(returns=lambda out: out[5:].mean(0) ** 2)
    record_snntorch(net, x, CLASSES, functional.cross_entropy, path)
    assert read(path).description["loss"] == {"kind": "weighted-sum"} and worst(path) < 1e-12
    own = own_gradients(net, lambda out: functional.cross_entropy(out, CLASSES))["fc1.weight"].numpy()
    assert np.allclose(own, read(path).tensors["gradients.layers.0.weight"], rtol=1e-10, atol=1e-13)


def test_images_are_flattened_as_the_forward_does(path: Path) -> None:
    snn, utils = pytest.importorskip("snntorch"), pytest.importorskip("snntorch.utils")

    class Images(nn.Module):
        def __init__(self, pool: Any) -> None:
            super().__init__()
            torch.manual_seed(2)
            self.fc, self.conv = nn.Linear(8, 3), nn.Conv2d(1, 2, 3, padding=1)
            self.block = nn.Sequential(nn.MaxPool2d(3), snn.Leaky(beta=0.8, threshold=0.2, init_hidden=True))
            self.pool = pool

        def forward(self, x: Any) -> Any:
            utils.reset(self)
            return torch.stack([self.fc(self.block(self.pool(self.conv(step))).view(len(step), -1)) for step in x])

    x = torch.rand(5, 2, 1, 6, 6, dtype=torch.float64)
    weights = torch.randn(5, 2, 3, dtype=torch.float64)
    record_snntorch(Images(nn.Identity()).double(), x, weights, Loss("weighted-sum"), path)
    kinds = [layer["kind"] for layer in read(path).description["layers"]]
    assert kinds == ["conv2d", "max-pool2d", "neuron", "flatten", "linear"] and worst(path) < 1e-12
    with pytest.raises(Unsupported, match=r"`block.0`\): does not take .* such as nn.Linear or nn.AvgPool2d"):
        record_snntorch(
            Images(lambda x: functional.avg_pool2d(x, 3, 1, 1)).double(), x, weights, Loss("weighted-sum"), path
        )


def test_the_other_frameworks_ways_of_stepping(path: Path) -> None:
    x = data()
    jelly = pytest.importorskip("spikingjelly.activation_based.neuron")
    stepping = pytest.importorskip("spikingjelly.activation_based.functional")
    for mode in "sm":

        class Jelly(nn.Module):
            def __init__(self, mode: str = mode) -> None:
                super().__init__()
                torch.manual_seed(0)
                self.b, self.a = nn.Linear(10, 3), nn.Linear(20, 10)
                self.n = nn.ModuleList([jelly.LIFNode(step_mode=mode) for _ in range(2)])

            def forward(self, x: Any) -> Any:
                return self.n[1](self.b(self.n[0](self.a(x))))

        net = Jelly().double()
        stepping.set_step_mode(net, mode)
        record_spikingjelly(net, x, CLASSES, COUNT, path)
        assert worst(path) < 1e-12, mode

    norse = pytest.importorskip("norse.torch")
    fast = norse.LIFParameters(tau_mem_inv=torch.tensor(400.0))

    class Norse(nn.Module):
        def __init__(self, over_time: bool) -> None:
            super().__init__()
            torch.manual_seed(0)
            cell = norse.LIF if over_time else norse.LIFCell
            self.out, self.hidden, self.into, self.over_time = (
                nn.Linear(10, 3),
                cell(fast),
                nn.Linear(20, 10),
                over_time,
            )
            self.read = norse.LI() if over_time else norse.LICell()

        def forward(self, x: Any) -> Any:
            if self.over_time:
                return self.read(self.out(self.hidden(self.into(x))[0]))[0]
            s = t = None
            outputs = []
            for step in x:
                z, s = self.hidden(self.into(step), s)
                v, t = self.read(self.out(z), t)
                outputs.append(v)
            return torch.stack(outputs)

    for over_time in (False, True):
        record_norse(Norse(over_time).double(), x, CLASSES, Loss("cross-entropy", "max"), path)
        assert worst(path) < 1e-12, over_time

    layers = pytest.importorskip("sinabs.layers")

    class Sinabs(nn.Module):
        def __init__(self) -> None:
            super().__init__()
            torch.manual_seed(0)
            self.b, self.a = nn.Linear(10, 3), nn.Linear(20, 10)
            self.one, self.two = layers.LIF(4.0), layers.LIF(4.0)

        def forward(self, x: Any) -> Any:
            return self.two(self.b(self.one(self.a(x))))

    record_sinabs(Sinabs().double(), x, CLASSES, COUNT, path)
    assert worst(path) < 1e-12


def test_a_loss_of_more_than_the_output_is_refused(path: Path) -> None:
    net, x = Tutorial(), data()

    def decayed(out: Any, y: Any) -> Any:
        return functional.cross_entropy(out.sum(0), y) + 0.1 * net.fc1.weight.square().sum()

    def sparse(out: Any, y: Any) -> Any:
        return functional.cross_entropy(out.sum(0), y) + 0.1 * torch.stack(net.hidden).sum()

    with doubles(True):
        kept = net(x)[0].sum()
    kept.backward()
    net.zero_grad()
    for loss, named in [
        (decayed, r"the loss: depends on `fc1.weight` otherwise"),
        (sparse, r"the loss: depends on .*`fc1.weight`.* otherwise"),
        (lambda out, y: functional.cross_entropy(out.sum(0), y) + kept, r"the loss: depends on a run before"),
        (lambda out, y: out.sum((0, 1)), r"the loss: is no tensor of one number"),
        (lambda out, y: torch.tensor(1.0), r"the loss: does not depend"),
    ]:
        with pytest.raises(Unsupported, match=named):
            record_snntorch(net, x, CLASSES, loss, path)
    sequential = nn.Sequential(nn.Linear(20, 10), pytest.importorskip("snntorch").Leaky(beta=0.9)).double()
    with pytest.raises(Unsupported, match=r"the loss: depends on `0.weight` otherwise"):
        record_snntorch(sequential, x, None, lambda out, y: out.sum() + sequential[0].weight.sum(), path)
    assert not path.exists()


def test_hooks_are_refused_wherever_they_are(path: Path) -> None:
    def hooked(hang: Any) -> Any:
        net = Tutorial()
        hang(net)
        return net

    def nothing(*_: Any) -> None:
        return None

    for hang, named in [
        (lambda net: net.lif1.register_forward_hook(nothing), r"`lif1`\): snntorch.Leaky.register_forward_hook"),
        (
            lambda net: net.lif1.register_forward_pre_hook(nothing),
            r"`lif1`\): snntorch.Leaky.register_forward_pre_hook",
        ),
        (
            lambda net: net.fc1.register_full_backward_hook(nothing),
            r"`fc1`\): torch.Linear.register_full_backward_hook",
        ),
        (lambda net: net.fc1.weight.register_hook(lambda g: 2 * g), r"`fc1`\): torch.Linear.weight.register_hook"),
        (
            lambda net: net.fc1.weight.register_post_accumulate_grad_hook(nothing),
            r"`fc1`\): torch.Linear.weight.register_hook",
        ),
        (lambda net: net.register_forward_hook(nothing), r"Tutorial.register_forward_hook"),
        (lambda net: torch.nn.utils.parametrizations.weight_norm(net.fc1), r"`fc1`\): .*Linear.weight: is computed"),
    ]:
        with pytest.raises(Unsupported, match=named):
            record_snntorch(hooked(hang), data(), CLASSES, COUNT, path)
    assert not path.exists()


def test_all_obstacles_are_said_at_once_by_name_and_place(path: Path) -> None:
    snn = pytest.importorskip("snntorch")

    class Many(nn.Module):
        def __init__(self) -> None:
            super().__init__()
            self.lif = snn.Leaky(beta=0.9, inhibition=True, graded_spikes_factor=2.0)
            self.norm, self.fc = nn.BatchNorm1d(20), nn.Linear(20, 20)
            self.out = nn.Dropout(0.5)

        def forward(self, x: Any) -> Any:
            mem, outputs = self.lif.init_leaky(), []
            for step in x:
                spikes, mem = self.lif(self.norm(self.fc(step)), mem)
                outputs.append(self.out(spikes))
            return torch.stack(outputs)

    with pytest.raises(Unsupported) as refusal:
        record_snntorch(Many().double(), data(), CLASSES, COUNT, path)
    text = str(refusal.value)
    for part in [
        "4 things cannot be recorded",
        "layer 1 (`norm`): torch.BatchNorm1d.training: ",
        "layer 2 (`lif`): snntorch.Leaky.inhibition: is not in the format; take inhibition=False",
        "layer 2 (`lif`): snntorch.Leaky.graded_spikes_factor: ",
        "layer 3 (`out`): torch.Dropout.training: a random mask is not in the format; call net.eval()",
    ]:
        assert part in text, text
    assert len(refusal.value.obstacles) == 4 and refusal.value.what in text

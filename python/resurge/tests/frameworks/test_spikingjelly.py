"""Networks of SpikingJelly in process."""

from __future__ import annotations

from typing import Any

import pytest
from common import CLASSES, HIDDEN, INPUTS, TARGET, counts, data, examined

import resurge

torch = pytest.importorskip("torch")
pytest.importorskip("spikingjelly")
from spikingjelly.activation_based import functional, layer, neuron, surrogate  # noqa: E402
from torch import nn  # noqa: E402


def dense(node: Any, *after: Any) -> Any:
    torch.manual_seed(3)
    modules = [layer.Linear(INPUTS, HIDDEN), node(), layer.Linear(HIDDEN, CLASSES), *(after or (node(),))]
    return nn.Sequential(*modules).double()


class Mean(nn.Module):
    """A class around a Sequential, whose output is the mean of the spikes."""

    def __init__(self, inner: Any) -> None:
        super().__init__()
        self.inner = inner

    def forward(self, x: Any) -> Any:
        functional.reset_net(self)
        return self.inner(x).mean(0)


def squared(rates: Any, y: Any) -> Any:
    return nn.functional.mse_loss(rates, nn.functional.one_hot(y, CLASSES).double())


@pytest.mark.parametrize("detach", [False, True])
@pytest.mark.parametrize("node", ["IFNode", "LIFNode", "ParametricLIFNode"])
def test_multi_step_networks(node: str, detach: bool) -> None:
    net = Mean(dense(lambda: getattr(neuron, node)(detach_reset=detach)))
    functional.set_step_mode(net, "m")
    gradient = "detached" if detach else "full"
    report = examined(net, data(), TARGET, squared, gradient, lambda: functional.reset_net(net))
    assert all(found["potentials_recorded"] for found in report.data["forward"]["layers"])


def test_a_loop_outside_of_the_network() -> None:
    net = dense(neuron.LIFNode)
    report = resurge.audit(net, data(), TARGET, counts)
    assert report.matches and report.claim == "full" and report.data["steps"] == 15


def test_readouts_and_votes() -> None:
    net = dense(neuron.LIFNode, neuron.NonSpikingLIFNode(tau=3.0))
    functional.set_step_mode(net, "m")

    def last(potentials: Any, y: Any) -> Any:
        return nn.functional.cross_entropy(potentials[-1], y)

    report = examined(net, data(), TARGET, last, "full", lambda: functional.reset_net(net))
    assert report.recording.description["layers"][-1]["kind"] == "integrator"
    vote = dense(neuron.LIFNode, layer.VotingLayer(3))
    functional.set_step_mode(vote, "m")
    assert resurge.audit(vote, data(), torch.zeros(4).long(), lambda out, y: (out.sum(0) ** 2).mean()).matches


def test_a_container_that_feeds_back() -> None:
    torch.manual_seed(5)
    inner = layer.LinearRecurrentContainer(neuron.LIFNode(detach_reset=True), HIDDEN, HIDDEN)
    net = nn.Sequential(
        layer.Linear(INPUTS, HIDDEN), inner, layer.Linear(HIDDEN, CLASSES), neuron.LIFNode(detach_reset=True)
    )
    net.double()
    report = resurge.audit(net, 2 * data(), TARGET, counts)
    assert report.matches and report.claim == "detached", str(report)
    assert report.recording.description["layers"][2]["recurrent"] is True
    assert resurge.audit(net, 2 * data(), TARGET, counts, claim="full").code == "detached"


class Seeded(Mean):
    """Draws the same masks at every call."""

    def forward(self, x: Any) -> Any:
        torch.manual_seed(8)
        return super().forward(x)


@pytest.mark.parametrize("mode", ["m", "s"])
def test_dropout(mode: str) -> None:
    net = dense(neuron.LIFNode, layer.Dropout(0.5), neuron.LIFNode())
    if mode == "s":
        assert resurge.audit(net, data(), TARGET, counts).matches
    functional.set_step_mode(net, "m")
    report = examined(Seeded(net), data(), TARGET, squared, "full", lambda: functional.reset_net(net))
    # One mask for all steps.
    mask = report.recording.tensors["layers.3.mask"]
    assert set(mask.flatten().tolist()) == {0, 2} and (mask == mask[0]).all()
    assert any("mask" in note for note in report.notes)
    assert resurge.audit(net.eval(), data(), TARGET, counts).matches


def test_batch_norm_of_images_in_training() -> None:
    torch.manual_seed(9)
    node = neuron.IFNode
    inner = nn.Sequential(
        layer.Conv2d(1, 4, 3, bias=False), layer.BatchNorm2d(4), node(), layer.MaxPool2d(2, 2),
        layer.AdaptiveAvgPool2d(1), layer.Flatten(), layer.Dropout(0.3), layer.Linear(4, CLASSES), node(),
    ).double()  # fmt: skip
    functional.set_step_mode(inner, "m")
    before = inner[1].running_mean.clone()
    net, x = Seeded(inner), data(torch.float64, 1, 8, 8)
    report = examined(net, x, TARGET, squared, "full", lambda: functional.reset_net(net))
    norm = report.recording.description["layers"][1]
    assert norm["kind"] == "batch-norm" and norm["over"] == "run"
    inner[1].running_mean.copy_(before)
    resurge.audit(net, x, TARGET, squared)
    assert torch.equal(inner[1].running_mean, before)


@pytest.mark.parametrize(
    ("options", "line"),
    [
        ({"v_reset": 0.0, "decay_input": False}, "reset zero full"),
        ({"v_reset": 0.0, "decay_input": False, "detach_reset": True}, "reset zero detached"),
        ({"v_reset": None, "decay_input": False, "v_threshold": 1.2}, "threshold 1.2 reset subtract-then-decay full"),
        ({"v_reset": -0.3, "decay_input": True}, "gain 0.25 drive -0.075 initial -0.3 reset value -0.3 full"),
    ],
)
def test_a_cell_in_one_line_is_the_layer(options: dict[str, Any], line: str) -> None:
    def layer(current: Any) -> Any:
        node = neuron.LIFNode(tau=4.0, surrogate_function=surrogate.ATan(2.0), step_mode="m", **options)
        return node(current)

    x = 4 * torch.rand(9, 4, 3, generator=torch.Generator().manual_seed(0), dtype=torch.float64)
    sweep = {"steps": [1, 20], "batch": [1, 3], "dtype": [], "layout": []}
    report = resurge.check_function(layer, f"lif tau 4 {line} surrogate atan 2 fires at-or-above", x, sweep=sweep)
    assert report.code == "agrees", report

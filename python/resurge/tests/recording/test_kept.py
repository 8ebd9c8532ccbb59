"""What a recording keeps: all that is learned and the potentials of a reset in the file, the network as it was."""

from __future__ import annotations

import copy
import random
import sys
from pathlib import Path
from typing import Any

import numpy as np
import pytest

from resurge.recording import Loss, Unsupported, read, record_norse, record_sinabs, record_snntorch, record_spikingjelly

torch = pytest.importorskip("torch")
from torch import nn  # noqa: E402
from tutorial import BATCH, CLASSES, COUNT, STEPS, Tutorial, data, worst  # noqa: E402

sys.path.insert(0, str(Path(__file__).resolve().parents[4] / "tools/goldens/audit"))
from replay import errors, replay  # noqa: E402


def test_everything_learned_is_in_the_file_or_refused_by_name(path: Path) -> None:
    jelly = pytest.importorskip("spikingjelly.activation_based.neuron")

    def net(change: Any) -> Any:
        torch.manual_seed(0)
        made = nn.Sequential(nn.Linear(20, 10), jelly.LIFNode(v_reset=-0.1), nn.Linear(10, 3), jelly.IFNode()).double()
        change(made[1])
        return made

    def threshold(node: Any) -> None:
        node.v_threshold = nn.Parameter(torch.tensor(1.1, dtype=torch.float64))
        node.v_reset = torch.tensor(-0.2, dtype=torch.float64, requires_grad=True)

    record_spikingjelly(net(threshold), data(), CLASSES, COUNT, path)
    found = read(path)
    assert found.description["layers"][1]["learned"]["v_threshold"] == {"threshold": 1.0}
    assert found.description["layers"][1]["initial_potential"] == -0.1
    assert abs(found.tensors["gradients.layers.1.v_threshold"]).max() > 0 and worst(path) < 1e-12

    def tau(node: Any) -> None:
        node.tau = nn.Parameter(torch.tensor(2.0, dtype=torch.float64))

    with pytest.raises(Unsupported, match=r"`1.tau`: has a gradient .* freeze it"):
        record_spikingjelly(net(tau), data(), CLASSES, COUNT, path)
    layers = copy.deepcopy(list(net(tau)))
    with pytest.raises(Unsupported, match=r"`1.tau`: has a gradient"):
        record_spikingjelly(layers, data(), CLASSES, COUNT, path)


def test_the_potential_that_a_reset_leaves_is_the_initial_one(path: Path) -> None:
    jelly = pytest.importorskip("spikingjelly.activation_based.neuron")
    for node in (jelly.LIFNode(), jelly.IFNode(v_reset=-0.3), jelly.LIFNode(v_reset=None)):
        torch.manual_seed(0)
        net = nn.Sequential(nn.Linear(20, 10), node).double()
        left = 0.0 if node.v_reset is None else node.v_reset
        node.v_reset = 0.2
        record_spikingjelly(net, data(), torch.randn(STEPS, BATCH, 10).double(), Loss("weighted-sum"), path)
        layer = read(path).description["layers"][1]
        assert (layer["initial_potential"], layer["reset"]["value"]) == (left, 0.2)
        assert worst(path) < 1e-12


@pytest.mark.parametrize("framework", ["snntorch", "spikingjelly", "sinabs"])
def test_a_recording_leaves_everything_as_it_was(framework: str, path: Path) -> None:
    torch.manual_seed(0)
    if framework == "snntorch":
        snn = pytest.importorskip("snntorch")
        record: Any = record_snntorch
        net = nn.Sequential(nn.Linear(20, 10), snn.Synaptic(alpha=0.5, beta=0.8, init_hidden=True)).double()
        state = net[0](data()[0])
    elif framework == "spikingjelly":
        jelly = pytest.importorskip("spikingjelly.activation_based.neuron")
        record = record_spikingjelly
        net = nn.Sequential(nn.Linear(20, 10), jelly.CUBALIFNode(c_decay=0.5, v_decay=0.8)).double()
        state = net[0](data()[0])
    else:
        layers = pytest.importorskip("sinabs.layers")
        record = record_sinabs
        net = nn.Sequential(nn.Linear(20, 10), layers.LIF(3.0, tau_syn=2.0)).double()
        state = net[0](data()).movedim(0, 1)
    net[1](state)
    net.train()
    net[0].weight.grad = torch.ones_like(net[0].weight)

    def states() -> dict[str, Any]:
        node = net[1]
        found = {**dict(node._buffers), **getattr(node, "_memories", {})}
        return {name: value for name, value in found.items() if isinstance(value, torch.Tensor)}

    before = {name: (value, value.detach().clone(), value.grad_fn) for name, value in states().items()}
    attributes = {id(module): dict(vars(module)) for module in net.modules()}
    weights = [parameter.detach().clone() for parameter in net.parameters()]
    random.seed(3)
    drawn = torch.get_rng_state(), random.getstate(), np.random.get_state()[1].copy()

    def noisy(out: Any, y: Any) -> Any:
        return (out * torch.rand(1, dtype=out.dtype) * (random.random() + np.random.random())).sum()

    record(net, data(), None, noisy, path)
    assert any(values.numel() for _, values, _ in before.values())
    for name, (value, values, node) in before.items():
        now = states()[name]
        assert now is value and torch.equal(now.detach(), values) and now.grad_fn is node, name
    for module in net.modules():
        assert vars(module).keys() == attributes[id(module)].keys()
        assert all(vars(module)[key] is value for key, value in attributes[id(module)].items())
    assert all(torch.equal(a, b) for a, b in zip(weights, net.parameters(), strict=True))
    assert net.training and bool((net[0].weight.grad == 1).all()) and net[0].bias.grad is None
    assert torch.equal(torch.get_rng_state(), drawn[0]) and random.getstate() == drawn[1]
    assert np.array_equal(np.random.get_state()[1], drawn[2])
    # The states still belong to the user's graph.
    assert torch.autograd.grad(sum(value.sum() for value in states().values() if value.grad_fn), net[0].weight)


def test_a_constant_input_and_steps(path: Path) -> None:
    net = Tutorial()
    record_snntorch(net, data()[0], CLASSES, COUNT, path, steps=7)
    assert read(path).tensors["input"].shape == (7, BATCH, 20) and worst(path) < 1e-12


def test_dropout_outside_of_training_passes_in_every_form(path: Path) -> None:
    node = pytest.importorskip("spikingjelly.activation_based.neuron").LIFNode
    layer = pytest.importorskip("spikingjelly.activation_based.layer")
    for dropout in (nn.Dropout, nn.AlphaDropout, layer.Dropout, layer.Dropout2d):
        torch.manual_seed(0)
        net = nn.Sequential(nn.Linear(20, 10), node(), dropout(0.5), nn.Linear(10, 3), node()).double()
        with pytest.raises(Unsupported, match=r"layer 2 \(`2`\): .*training: a random mask"):
            record_spikingjelly(net.train(), data(), CLASSES, COUNT, path)
        record_spikingjelly(net.eval(), data(), CLASSES, COUNT, path)
        assert len(read(path).description["layers"]) == 4 and worst(path) < 1e-12
        path.unlink()


def test_what_was_computed_in_f32_is_written_as_f32(path: Path) -> None:
    layers = pytest.importorskip("sinabs.layers")
    torch.set_default_dtype(torch.float64)
    try:
        torch.manual_seed(0)
        net = nn.Sequential(nn.Linear(20, 10), layers.LIF(4.0), nn.Linear(10, 3), layers.LIF(4.0))
        assert net[1].tau_mem.dtype == torch.float32
        record_sinabs(net, data(), CLASSES, COUNT, path)
    finally:
        torch.set_default_dtype(torch.float32)
    found = read(path)
    kinds = {name: values.dtype.name for name, values in found.tensors.items()}
    assert kinds["gradients.layers.1.tau_mem"] == "float32" and kinds["gradients.layers.0.weight"] == "float64"
    apart = errors(found, replay(found))
    assert max(error for name, error in apart.items() if "tau_mem" not in name) < 1e-12
    assert max(apart.values()) < 1e-5


def test_what_norse_learns_is_in_the_file_or_refused_by_name(path: Path) -> None:
    norse = pytest.importorskip("norse.torch")

    def learned(value: Any) -> Any:
        return torch.tensor(value, dtype=torch.float64, requires_grad=True)

    def net(cell: Any, parameters: Any, *rest: Any) -> Any:
        torch.manual_seed(0)
        return norse.SequentialState(nn.Linear(20, 10), cell(parameters), nn.Linear(10, 3), *rest).double()

    many = torch.rand(10, generator=torch.Generator().manual_seed(0)).tolist()
    constants = {"v_th": 0.4, "tau_mem_inv": 300.0, "v_reset": -0.1}
    leak = {"v_leak": torch.tensor(0.05)}
    for cell, parameters, names in [
        (norse.LIFCell, norse.LIFParameters, constants | {"tau_syn_inv": 150.0}),
        (norse.LIF, norse.LIFParameters, constants | {"v_th": [0.3 + value for value in many]}),
        (norse.LIFBoxCell, norse.LIFBoxParameters, constants),
    ]:
        made = net(cell, parameters(**{name: learned(value) for name, value in names.items()}, **leak))
        record_norse(made, 3 * data(), CLASSES, COUNT, path)
        found = read(path)
        assert found.description["layers"][1]["learned"].keys() == names.keys()
        assert all(abs(found.tensors[f"gradients.layers.1.{name}"]).max() > 0 for name in names), cell
        assert found.tensors["spikes.1"].any() and worst(path) < 1e-12, cell
    readout = norse.LICell(norse.LIParameters(tau_mem_inv=learned(150.0)))
    record_norse(net(norse.LIFCell, norse.LIFParameters(), readout), 9 * data(), CLASSES, COUNT, path)
    assert read(path).description["layers"][3]["learned"]["tau_mem_inv"]["decay"] == -0.001
    assert abs(read(path).tensors["gradients.layers.3.tau_mem_inv"]) > 0 and worst(path) < 1e-12
    path.unlink()
    with pytest.raises(Unsupported, match=r"`1.p.v_leak`: has a gradient .* freeze it"):
        record_norse(net(norse.LIFCell, norse.LIFParameters(v_leak=learned(0.05))), 3 * data(), CLASSES, COUNT, path)
    assert not path.exists()

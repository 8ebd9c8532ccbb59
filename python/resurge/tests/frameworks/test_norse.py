"""Networks of Norse in process."""

from __future__ import annotations

from typing import Any

import pytest
from common import CLASSES, HIDDEN, INPUTS, TARGET, data, examined

import resurge

torch = pytest.importorskip("torch")
norse = pytest.importorskip("norse.torch")
from norse.torch.module.leaky_integrator import LILinearCell  # noqa: E402
from torch import nn  # noqa: E402

FAST = norse.LIFParameters(tau_mem_inv=torch.tensor(400.0), v_leak=torch.tensor(0.0))


class Loop(nn.Module):
    """A forward with a loop that hands the states on."""

    def __init__(self, readout: Any) -> None:
        super().__init__()
        torch.manual_seed(4)
        self.fc, self.lif, self.readout = nn.Linear(INPUTS, HIDDEN), norse.LIFCell(FAST), readout
        self.double()

    def forward(self, x: Any) -> Any:
        s1 = s2 = None
        out = []
        for step in x:
            z, s1 = self.lif(self.fc(step), s1)
            v, s2 = self.readout(z, s2)
            out.append(v)
        return torch.stack(out)


def highest(potentials: Any, y: Any) -> Any:
    return nn.functional.cross_entropy(potentials.max(0).values, y)


def nothing() -> None:
    pass


def test_a_readout_with_weights() -> None:
    report = examined(Loop(LILinearCell(HIDDEN, CLASSES)), 4 * data(), TARGET, highest, "full", nothing)
    kinds = [layer["kind"] for layer in report.recording.description["layers"]]
    assert kinds == ["linear", "neuron", "linear", "integrator"]


def test_a_state_sequence_that_is_called_once_a_step() -> None:
    torch.manual_seed(6)
    net = norse.SequentialState(
        nn.Linear(INPUTS, HIDDEN), norse.LIFCell(FAST), nn.Linear(HIDDEN, CLASSES), norse.LICell()
    )
    net.double()
    report = resurge.audit(net, 4 * data(), TARGET, highest)
    assert report.matches and report.claim == "full", str(report)
    assert resurge.audit(net, 4 * data(), TARGET, highest, claim="detached").code == "full"


def test_recurrent_cells_are_detached() -> None:
    class Recurrent(Loop):
        def __init__(self) -> None:
            super().__init__(LILinearCell(HIDDEN, CLASSES))
            self.lif = norse.LIFRecurrentCell(HIDDEN, HIDDEN, FAST)
            self.double()

    net = Recurrent()
    report = examined(net, 4 * data(), TARGET, highest, "detached", nothing)
    # Norse zeroes the diagonal in a hook: so is the file's, and the terminal and the page say so.
    gradient = report.recording.tensors["gradients.layers.2.recurrent"]
    assert report.recording.description["layers"][2]["autapses"] is False and not gradient.diagonal().any()
    assert any("diagonal" in note for note in report.notes)
    assert "diagonal" in str(report) and "diagonal" in report.html()


@pytest.mark.parametrize("cell", ["LIFRecurrentCell", "LSNNRecurrentCell"])
def test_a_penalty_on_hidden_spikes(cell: str) -> None:
    parameters = FAST if cell.startswith("LIF") else norse.LSNNParameters(v_th=torch.tensor(0.5))

    class Penalised(Loop):
        def __init__(self) -> None:
            super().__init__(LILinearCell(HIDDEN, CLASSES))
            self.lif = getattr(norse, cell)(HIDDEN, HIDDEN, parameters)
            self.double()

        def forward(self, x: Any) -> Any:
            s1 = s2 = None
            spikes, out = [], []
            for step in x:
                z, s1 = self.lif(self.fc(step), s1)
                v, s2 = self.readout(z, s2)
                spikes.append(z)
                out.append(v)
            return torch.stack(out), torch.stack(spikes)

    def penalty(returned: Any, y: Any) -> Any:
        out, spikes = returned
        return highest(out, y) + 0.3 * ((spikes.mean((0, 1)) - 0.2) ** 2).sum()

    report = examined(Penalised(), 12 * data(), TARGET, penalty, "detached", nothing)
    assert report.recording.tensors["loss.weight.2"].any()
    assert report.data["forward"]["layers"][0]["firing_rate"] > 0.01


def test_an_lsnn_without_recurrent_weights() -> None:
    net = Loop(LILinearCell(HIDDEN, CLASSES))
    net.lif = norse.LSNNCell(norse.LSNNParameters(v_th=torch.tensor(0.5), tau_adapt_inv=torch.tensor(1 / 0.005)))
    report = examined(net, 12 * data(), TARGET, highest, "full", nothing)
    assert report.recording.description["layers"][1]["adaptation"]["detached"] is False


@pytest.mark.parametrize(
    ("make", "line"),
    [
        (lambda: norse.LIFCell(), "decay 0.9 gain 0.1 synapse 0.8 reset zero full"),
        (lambda: norse.LIFBoxCell(), "decay 0.9 gain 0.1 reset zero full"),
        (lambda: norse.IAFCell(), "decay 1 reset zero full"),
    ],
)
def test_a_cell_in_one_line_is_the_layer(make: Any, line: str) -> None:
    def layer(current: Any) -> Any:
        cell, state, spikes = make(), None, []
        for step in current:
            out, state = cell(step, state)
            spikes.append(out)
        return torch.stack(spikes)

    # Spikes of Norse are f32, and so is what flows through them.
    gain = 10.0 if "gain" in line else 0.8
    x = gain * torch.rand(9, 4, 3, generator=torch.Generator().manual_seed(0))
    sweep = {"steps": [1, 20], "batch": [1, 3], "dtype": [], "layout": []}
    report = resurge.check_function(layer, f"lif {line} surrogate fast-sigmoid 1", x, sweep=sweep)
    assert report.code == "agrees", report

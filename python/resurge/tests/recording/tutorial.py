"""A network with a forward of its own, its data, and what a test of it needs."""

from __future__ import annotations

import sys
from pathlib import Path
from typing import Any

import pytest

from resurge.recording import Loss, read

torch = pytest.importorskip("torch")
from torch import nn  # noqa: E402

sys.path.insert(0, str(Path(__file__).resolve().parents[4] / "tools/goldens/audit"))
from replay import errors, replay  # noqa: E402

STEPS, BATCH, CLASSES = 15, 4, torch.tensor([0, 2, 1, 0])
COUNT = Loss("cross-entropy", "sum")


def data() -> Any:
    generator = torch.Generator().manual_seed(1)
    return (torch.rand(STEPS, BATCH, 20, generator=generator) < 0.5).double() * 3


def worst(path: Path) -> float:
    recording = read(path)
    return max(errors(recording, replay(recording)).values())


class Tutorial(nn.Module):
    """snnTorch's tutorial 5, whose layers in alphabetical order are another network; `between` acts on fc2's output."""

    def __init__(self, between: Any = None, returns: Any = None) -> None:
        super().__init__()
        snn = pytest.importorskip("snntorch")
        torch.manual_seed(0)
        self.lif2, self.fc2 = snn.Leaky(beta=0.9), nn.Linear(10, 3)
        self.fc1, self.lif1 = nn.Linear(20, 10), snn.Leaky(beta=0.9)
        self.between, self.returns = between or (lambda x: x), returns
        self.double()

    def forward(self, x: Any) -> Any:
        m1, m2 = self.lif1.init_leaky(), self.lif2.init_leaky()
        spikes, potentials, self.hidden = [], [], []
        for step in x:
            s1, m1 = self.lif1(self.fc1(step), m1)
            s2, m2 = self.lif2(self.between(self.fc2(s1)), m2)
            spikes.append(s2)
            potentials.append(m2)
            self.hidden.append(s1)
        out = torch.stack(spikes)
        return self.returns(out) if self.returns else (out, torch.stack(potentials))

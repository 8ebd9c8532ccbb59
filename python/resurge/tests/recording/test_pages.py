"""The examples of the frameworks' pages run, and the files say what the pages say."""

from __future__ import annotations

import re
import runpy
import sys
from pathlib import Path

import pytest

from resurge.recording import read

ROOT = Path(__file__).resolve().parents[4]
CLAIMS = {"snntorch": "detached", "spikingjelly": "full", "norse": "full", "sinabs": "full", "spyx": "full"}


@pytest.mark.parametrize("framework", CLAIMS)
def test_example(framework: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    pytest.importorskip("torch")
    pytest.importorskip(framework)
    sys.path.insert(0, str(ROOT / "tools/goldens/audit"))
    from replay import errors, replay

    block = re.search(r"```python\n(.*?)```", (ROOT / f"docs/frameworks/{framework}.md").read_text(), re.S)
    assert block is not None
    (tmp_path / "example.py").write_text(block[1])
    monkeypatch.chdir(tmp_path)
    runpy.run_path("example.py")
    recording = read("net.safetensors")
    neurons = [layer for layer in recording.description["layers"] if layer["kind"] == "neuron"]
    assert {layer["reset_gradient"] for layer in neurons} == {CLAIMS[framework]}
    assert recording.tensors["spikes.1"].any()
    found = errors(recording, replay(recording))
    # f32
    assert max(found.values()) < 1e-4, found


def test_the_page_of_spyx_on_short_runs() -> None:
    """As many steps as layers have no gradient: the output of n layers comes n steps late."""
    nn = pytest.importorskip("spyx.nn")
    jax = pytest.importorskip("jax")
    nnx = pytest.importorskip("flax.nnx")
    rngs = nnx.Rngs(0)
    net = nn.Sequential(nn.IF((2,), threshold=0.1), nn.IF((2,), threshold=0.1))
    del rngs

    def count(x):  # type: ignore[no-untyped-def]
        return nn.run(net, x)[0].sum()

    two, three = (jax.numpy.ones((steps, 1, 2)) for steps in (2, 3))
    assert not jax.grad(count)(two).any()
    assert jax.grad(count)(three).any()

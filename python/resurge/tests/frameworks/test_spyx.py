"""Networks of Spyx in process."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import numpy as np
import pytest

import resurge
from resurge.recording import Recording

jax = pytest.importorskip("jax")
nnx = pytest.importorskip("flax.nnx")
nn = pytest.importorskip("spyx.nn")
import jax.numpy as jnp  # noqa: E402


def dense(dtype: Any) -> Any:
    rngs = nnx.Rngs(0)
    first, second = (nnx.Linear(a, b, param_dtype=dtype, rngs=rngs) for a, b in ((6, 5), (5, 3)))
    for layer in (first, second):
        layer.kernel[...] = jnp.abs(layer.kernel[...]) * 1.5
    return nn.Sequential(first, nn.LIF((5,), 0.85, rngs=rngs), second, nn.LIF((3,), 0.85, rngs=rngs))


class Around(nnx.Module):
    """A call of the user's around a Sequential: batch first, and the rates of its output."""

    def __init__(self, core: Any, batch_major: bool) -> None:
        self.core, self.batch_major = core, batch_major

    def __call__(self, x: Any) -> Any:
        if self.batch_major:
            return 2 * nn.run(self.core, x, batch_major=True)[0].mean(1)
        return 2 * nn.run(self.core, jnp.swapaxes(x, 0, 1))[0].mean(0)


@pytest.mark.parametrize("batch_major", [False, True])
def test_a_call_of_the_users_around_a_sequential(batch_major: bool, tmp_path: Path) -> None:
    with jax.enable_x64(True):
        net = Around(dense(jnp.float64), batch_major)
        x = jnp.swapaxes(jnp.asarray(np.random.default_rng(0).random((15, 2, 6)) < 0.4, jnp.float64), 0, 1)
        target = jnp.asarray(np.random.default_rng(3).random((2, 3)))

        def loss(returned: Any, y: Any) -> Any:
            return ((returned - y) ** 2).sum()

        report = resurge.audit(net, x, target, loss)
        assert report.matches and report.claim == "full" and report.data["proof"]["passed"], str(report)
        assert any("`core`" in note for note in report.notes)
        # What is recorded is what JAX has for the whole module.
        own = nnx.grad(lambda module: loss(module(x), target))(net)
        kernel = np.asarray(own["core"]["layers"][0]["kernel"][...])
        recorded = report.recording.tensors["gradients.layers.0.weight"]
        assert np.allclose(recorded.T, kernel, rtol=1e-10, atol=1e-12 * abs(kernel).max())
        claimed = resurge.audit(net, x, target, loss, claim="detached")
        assert not claimed.matches and claimed.code == "full"

        class Outside(Around):
            def __init__(self) -> None:
                super().__init__(dense(jnp.float64), batch_major)
                self.gain = nnx.Param(jnp.ones(3))

            def __call__(self, x: Any) -> Any:
                return self.gain[...] * super().__call__(x)

        class Twice(Around):
            def __call__(self, x: Any) -> Any:
                return super().__call__(x) + super().__call__(0.5 * x)

        with pytest.raises(resurge.Unsupported, match=r"has 3 parameters outside of `core`"):
            resurge.audit(Outside(), x, target, loss)
        with pytest.raises(resurge.Unsupported, match=r"calls spyx.nn.run 2 times"):
            resurge.audit(Twice(dense(jnp.float64), batch_major), x, target, loss)

    def changed(change: Any) -> Any:
        recording = Recording(report.recording.description, dict(report.recording.tensors))
        for name, values in recording.tensors.items():
            if name.startswith("gradients."):
                recording.tensors[name] = change(name, values.copy())
        return resurge.audit_file(resurge.save(recording, tmp_path / "run.safetensors"))

    def one(name: str, values: Any) -> Any:
        if name == "gradients.layers.0.weight":
            values.reshape(-1)[abs(values).argmax()] *= 1.01
        return values

    assert changed(lambda _, values: -values).code == "gradient-scale -1"
    found = changed(one)
    assert not found.matches and int(found.table["wrong"].sum()) == 1, str(found)

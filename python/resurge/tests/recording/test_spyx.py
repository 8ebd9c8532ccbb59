"""The exporter of Spyx."""

from __future__ import annotations

import sys
from pathlib import Path
from typing import Any

import numpy as np
import pytest

from resurge.recording import Loss, Unsupported, read, record_spyx

jax = pytest.importorskip("jax")
nnx = pytest.importorskip("flax.nnx")
nn = pytest.importorskip("spyx.nn")
axn = pytest.importorskip("spyx.axn")
pytest.importorskip("torch")
import jax.numpy as jnp  # noqa: E402

sys.path.insert(0, str(Path(__file__).resolve().parents[4] / "tools/goldens/audit"))
from replay import errors, replay  # noqa: E402


def dense(neuron: Any, dtype: Any) -> Any:
    rngs = nnx.Rngs(0)
    first, second = (nnx.Linear(a, b, param_dtype=dtype, rngs=rngs) for a, b in ((6, 5), (5, 3)))
    for layer in (first, second):
        layer.kernel[...] = jnp.abs(layer.kernel[...]) * 1.5
    return nn.Sequential(first, neuron(5, rngs), second, neuron(3, rngs))


def data(dtype: Any) -> tuple[Any, Any]:
    rng = np.random.default_rng(0)
    return jnp.asarray(rng.random((15, 2, 6)) < 0.4, dtype), jnp.asarray(rng.normal(size=(15, 2, 3)), dtype)


def worst(path: Path) -> float:
    recording = read(path)
    return max(errors(recording, replay(recording)).values())


NEURONS = {
    "IF": lambda n, rngs: nn.IF((n,), activation=axn.triangular(0.5)),
    "LIF": lambda n, rngs: nn.LIF((n,), 0.85, rngs=rngs),
    "LIF of neurons": lambda n, rngs: nn.LIF((n,), rngs=rngs),
    "ALIF of neurons": lambda n, rngs: nn.ALIF((n,), rngs=rngs),
    "CuBaLIF": lambda n, rngs: nn.CuBaLIF((n,), 0.6, 0.85, activation=axn.tanh(), rngs=rngs),
    "ALIF": lambda n, rngs: nn.ALIF((n,), 0.85, 0.7, activation=axn.boxcar(1.0, 0.5), rngs=rngs),
}


@pytest.mark.parametrize("name", NEURONS)
@pytest.mark.parametrize("bits", [32, 64])
def test_a_recorded_run_is_what_its_description_says(name: str, bits: int, path: Path) -> None:
    with jax.enable_x64(bits == 64):
        dtype = jnp.float64 if bits == 64 else jnp.float32
        record_spyx(dense(NEURONS[name], dtype), *data(dtype), Loss("weighted-sum"), path, record_currents=True)
    assert read(path).description["layers"][1]["output_delay"] is True
    assert worst(path) < (1e-12 if bits == 64 else 1e-5)


def test_images_are_in_the_order_of_the_file(path: Path) -> None:
    with jax.enable_x64(True):
        rngs = nnx.Rngs(1)
        net = nn.Sequential(
            nnx.Conv(2, 3, (3, 3), strides=2, padding=1, param_dtype=jnp.float64, rngs=rngs),
            nn.LIF((4, 3, 3), 0.8, threshold=0.5, rngs=rngs),
            nn.SumPool((2, 2), (1, 1), "VALID"),
            nn.Flatten(),
            nn.LIF((18,), 0.9, rngs=rngs),
            nnx.Linear(18, 3, param_dtype=jnp.float64, rngs=rngs),
            nn.LI((3,), 0.9, rngs=rngs),
        )
        x = jnp.asarray(np.random.default_rng(0).random((6, 2, 7, 5, 2)))
        loss = Loss("cross-entropy", "mean")
        record_spyx(net, x, jnp.asarray([0, 2]), loss, path, record_currents=True)
    recording = read(path)
    assert recording.tensors["input"].shape == (6, 2, 2, 7, 5)
    assert recording.tensors["layers.0.weight"].shape == (3, 2, 3, 3)
    assert recording.tensors["spikes.1"].any() and recording.tensors["spikes.4"].any()
    assert worst(path) < 1e-12


def test_layers_taken_out_of_a_module_are_refused_and_all_obstacles_said(path: Path) -> None:
    class Net(nnx.Module):
        def __init__(self, rngs: Any) -> None:
            self.fc, self.lif = nnx.Linear(6, 3, rngs=rngs), nn.LIF((3,), 0.9, rngs=rngs)

        def __call__(self, x: Any, state: Any) -> Any:
            return self.lif(10 * self.fc(x), state)

    x, y = data(jnp.float32)
    net = Net(nnx.Rngs(0))
    with pytest.raises(Unsupported, match=r"are those of a .*Net, whose __call__"):
        record_spyx([net.fc, net.lif], x, y, Loss("weighted-sum"), path)
    with pytest.raises(Unsupported, match=r"Net: is not a Sequential, .* pass an nnx.Sequential"):
        record_spyx(net, x, y, Loss("weighted-sum"), path)
    record_spyx([nnx.clone(net.fc), nnx.clone(net.lif)], x, y, Loss("weighted-sum"), path)
    assert worst(path) < 1e-5
    path.unlink()
    rngs = nnx.Rngs(0)
    with pytest.raises(Unsupported, match=r"(?s)2 things .*layer 0: flax.BatchNorm.*layer 1: spyx.RLIF"):
        record_spyx(
            nn.Sequential(nnx.BatchNorm(6, rngs=rngs), nn.RLIF((6,), rngs=rngs)), x, y, Loss("weighted-sum"), path
        )
    assert not path.exists()


def test_a_recording_leaves_the_network_as_it_was(path: Path) -> None:
    x, y = data(jnp.float32)
    net = dense(NEURONS["LIF"], jnp.float32)
    before = [np.asarray(leaf).copy() for leaf in jax.tree.leaves(nnx.state(net))]
    record_spyx(net, x, y, Loss("weighted-sum"), path)
    after = jax.tree.leaves(nnx.state(net))
    assert before and all(np.array_equal(a, b) for a, b in zip(before, after, strict=True))


def test_any_loss_is_recorded_by_its_gradient(path: Path) -> None:
    fn = pytest.importorskip("spyx.fn")
    x, _ = data(jnp.float32)
    net = dense(NEURONS["LIF"], jnp.float32)
    loss = fn.integral_crossentropy(smoothing=0.1, time_axis=0)
    record_spyx(net, x, jnp.asarray([0, 2]), loss, path)
    assert read(path).description["loss"] == {"kind": "weighted-sum"}
    assert worst(path) < 1e-5


def test_what_does_not_fit_is_refused_by_name(path: Path) -> None:
    x, y = data(jnp.float32)
    rngs = nnx.Rngs(0)
    bad = {
        r"spyx.RLIF: ": nn.RLIF((6,), rngs=rngs),
        r"layer 0: spyx.LIF.beta: .* is clipped": nn.LIF((6,), 1.5, rngs=rngs),
        r"spyx.LIF.spike: its derivative is x = u - threshold itself": nn.LIF(
            (6,), 0.9, activation=axn.custom(), rngs=rngs
        ),
        r"spyx.LIF.spike: ": nn.LIF((6,), 0.9, activation=axn.custom(lambda a: jnp.exp(-(a**4))), rngs=rngs),
        r"flax.BatchNorm: ": nnx.BatchNorm(6, rngs=rngs),
        r"spyx.SumPool.padding: 'SAME'": nn.SumPool(2, 2, "SAME"),
        r"flax.Conv.padding: 'SAME'": nnx.Conv(1, 1, (2, 2), rngs=rngs),
    }
    for what, layer in bad.items():
        with pytest.raises(Unsupported, match=what):
            record_spyx(nn.Sequential(layer), x, y, Loss("weighted-sum"), path)
    with pytest.raises(Unsupported, match="is not a Sequential"):
        record_spyx(nn.LIF((6,), 0.9, rngs=rngs), x, y, Loss("weighted-sum"), path)
    assert not path.exists()


def test_a_loss_of_more_than_the_output_and_shared_layers_are_refused(path: Path) -> None:
    x, y = data(jnp.float32)
    net = dense(NEURONS["LIF"], jnp.float32)
    before = [np.asarray(leaf).copy() for leaf in jax.tree.leaves(nnx.state(net))]

    def decayed(out: Any, y: Any) -> Any:
        return (y * out).sum() + 1e-3 * jnp.square(net.layers[2].kernel[...]).sum()

    with pytest.raises(Unsupported, match=r"the loss: depends on layer 2 \(flax.Linear\) otherwise than by the output"):
        record_spyx(net, x, y, decayed, path)
    after = jax.tree.leaves(nnx.state(net))
    assert all(np.array_equal(a, b) for a, b in zip(before, after, strict=True))
    rngs = nnx.Rngs(0)
    one, tied = nnx.Linear(6, 6, rngs=rngs), nnx.Linear(6, 6, rngs=rngs)
    tied.kernel = one.kernel
    for other in (one, tied):
        layers = nn.Sequential(one, nn.LIF((6,), 0.9, rngs=rngs), other, nn.LIF((6,), 0.9, rngs=rngs))
        with pytest.raises(Unsupported, match=r"layer 2: flax.Linear.kernel: is that of layer 0, too"):
            record_spyx(layers, x, jnp.zeros((15, 2, 6)), Loss("weighted-sum"), path)
    with pytest.raises(ValueError, match=r"shape \(2,\), expected \(15,\): one class for each of the 15 samples of x"):
        record_spyx(net, jnp.swapaxes(x, 0, 1), jnp.asarray([0, 2]), Loss("cross-entropy"), path)
    assert not path.exists()


def test_dropout_outside_of_training_passes(path: Path) -> None:
    x, y = data(jnp.float32)
    rngs = nnx.Rngs(0)
    plain = dense(NEURONS["LIF"], jnp.float32).layers
    net = nn.Sequential(*plain[:2], nnx.Dropout(0.5, rngs=rngs), *plain[2:])
    with pytest.raises(Unsupported, match=r"layer 2: flax.Dropout.deterministic: .* call net.eval\(\)"):
        record_spyx(net, x, y, Loss("weighted-sum"), path)
    net.eval()
    record_spyx(net, x, y, Loss("weighted-sum"), path)
    assert len(read(path).description["layers"]) == 4 and worst(path) < 1e-5

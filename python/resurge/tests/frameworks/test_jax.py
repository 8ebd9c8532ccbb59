"""`resurge.check` on code of JAX: networks as people write them, their facts, and what is refused."""

from __future__ import annotations

import numpy as np
import pytest

import resurge

jax = pytest.importorskip("jax", reason="no jax: pip install jax")
jax.config.update("jax_enable_x64", True)

import jax.numpy as jnp  # noqa: E402
from jax_neurons import data, line_of, network, parameters, seeds, slope, spike_jvp, spike_vjp  # noqa: E402

STEPS = 12


@pytest.fixture
def single():
    jax.config.update("jax_enable_x64", False)
    yield
    jax.config.update("jax_enable_x64", True)


@pytest.mark.parametrize("made", [spike_jvp, spike_vjp])
def test_a_scan_is_proved_and_its_facts_are_named(made):
    spike = made()
    report = resurge.check(network(spike), parameters(), *data(), surrogates={spike: "sigmoid 0.5"})
    assert (report.matches, report.code) == (True, "proved"), report
    assert sorted(report.gradients["name"]) == ["hidden.w", "out.b", "out.w"]
    assert not report.data["trusted"]
    (found,) = report.data["surrogates"]
    assert (found["family"], found["times"]) == ("sigmoid 0.5", STEPS)
    assert f"jax_neurons.py:{line_of('call')}" in found["place"]
    assert f"jax_neurons.py:{line_of('rule of ' + made.__name__)}" in found["function"]
    cut = max(report.cuts, key=lambda row: row["omitted"])
    # The reset of the first step cuts a constant.
    assert (cut["kind"], cut["times"]) == ("stop_gradient", STEPS - 1)
    assert f"jax_neurons.py:{line_of('reset')}" in cut["place"]
    assert cut["omitted"] > 0.01 and cut["cosine"] < 1
    report.raise_unless_matching()


def test_what_a_stop_gradient_leaves_out_is_what_the_attached_network_has_more():
    spike = spike_jvp()
    args = (parameters(), *data())
    detached, attached = (jax.grad(network(spike, cut))(*args)["hidden"]["w"] for cut in (True, False))
    report = resurge.check(network(spike), *args)
    cut = max(report.cuts, key=lambda row: row["omitted"])
    (of_w,) = [omitted for name, omitted, _ in cut_of(report)["by_leaf"] if name == "hidden.w"]
    wanted = float(jnp.linalg.norm(attached - detached) / jnp.linalg.norm(attached))
    assert abs(of_w - wanted) < 1e-10 * wanted and cut["omitted"] > 0


def cut_of(report):
    return max(report.data["cuts"], key=lambda cut: cut["omitted"])


def test_a_reset_that_is_attached_has_no_cut_that_leaves_something_out():
    report = resurge.check(network(spike_vjp(), detached=False), parameters(), *data())
    assert report.code == "proved", report
    # That of log_softmax, which subtracts its largest number.
    assert all(row["omitted"] < 1e-12 for row in report.cuts)


@pytest.mark.parametrize("seed", seeds(4, 20))
def test_there_is_no_false_alarm(seed):
    spike = (spike_jvp, spike_vjp)[seed % 2]()
    loss = network(spike, detached=seed % 4 < 2)
    report = resurge.check(loss, parameters(seed), *data(seed), surrogates={spike: "sigmoid 0.5"})
    assert report.code == "proved", report


@pytest.mark.parametrize("seed", seeds(2, 10))
def test_in_float32_there_is_none_either_and_it_is_said(single, seed):
    steep = (slope, lambda u: 1 / (1 + 25 * jnp.abs(u)) ** 2)[seed % 2]
    report = resurge.check(network(spike_jvp(steep)), parameters(seed, "float32"), *data(seed, "float32"))
    assert report.code == "proved", report
    assert any("jax_enable_x64" in note for note in report.notes)


def test_ones_own_gradient_is_checked_in_the_place_of_jax_grad():
    loss = network(spike_jvp())
    args = (parameters(), *data())
    assert resurge.check(loss, *args, gradient=jax.jit(jax.value_and_grad(loss))).code == "proved"

    def wrong(params, x, y):
        found = jax.grad(loss)(params, x, y)
        found["hidden"]["w"] = found["hidden"]["w"].at[1].multiply(1 + 1e-9)
        return found

    report = resurge.check(loss, *args, gradient=wrong)
    assert report.code == "gradient" and "hidden.w" in report.words, report
    with pytest.raises(resurge.GradientMismatch):
        report.raise_unless_matching()
    assert resurge.check(loss, *args, gradient=jax.grad(loss)(*args)).code == "proved"


def test_random_numbers_and_parameters_are_left_as_they_were():
    params, state = parameters(), np.random.get_state()[1].copy()

    def loss(p):
        noise = np.random.default_rng(0).standard_normal(3) + np.random.standard_normal()
        dropped = jnp.where(jax.random.bernoulli(jax.random.key(3), 0.5, (3,)), 2.0, 0.0)
        return ((p["out"]["b"] * dropped + noise) ** 2).sum()

    report = resurge.check(loss, params)
    assert report.code == "proved" and not report.notes, report
    assert (np.random.get_state()[1] == state).all()
    assert (params["out"]["b"] == parameters()["out"]["b"]).all()


def test_a_program_file_is_read_by_the_command(tmp_path, capfd):
    path = tmp_path / "program.safetensors"
    path.write_bytes(resurge.check(network(spike_jvp()), parameters(), *data()).recorded)
    from resurge import _resurge

    assert _resurge.run(["resurge", "audit", str(path)]) == 0
    assert "proved" in capfd.readouterr().out


def test_loops_written_in_python_and_shared_functions_have_their_own_lines():
    spike = jax.jit(spike_jvp())

    def loss(p):
        u = v = jnp.zeros(3)
        for _ in range(3):
            u = 0.9 * u + p["w"]
            v = 0.9 * v + spike(u - 1)  # first layer
            u = u - spike(u - 2)  # second layer
        return (v**2).sum()

    report = resurge.check(loss, {"w": jnp.asarray([0.7, 1.2, 2.3])})
    assert report.code == "proved", report
    first = loss.__code__.co_firstlineno
    places = sorted(s["place"].split(" ")[0] for s in report.data["surrogates"])
    assert places == [f"test_jax.py:{first + 4}", f"test_jax.py:{first + 5}"]


def test_loops_and_branches_are_taken_as_the_run_took_them():
    def loss(p):
        u = jax.lax.fori_loop(0, 4, lambda i, u: 0.5 * u + p[i], p[0])
        u = jax.lax.cond(u > 0, lambda u: u**2, lambda u: jnp.sin(u), u)
        u = u * jax.lax.while_loop(lambda n: n < 5, lambda n: 2 * n, 1.0)
        back, steps = jax.lax.scan(lambda c, x: (c * x, c + x), u, p, reverse=True)
        return jax.checkpoint(jnp.tanh)(back) + jnp.sin(steps).sum()

    report = resurge.check(loss, jnp.asarray([0.3, -0.2, 0.5, 0.9]))
    assert report.code == "proved" and not report.data["trusted"], report


REFUSED = [
    (lambda p: p, "loss of one number"),
    (lambda p: (p.sum(), p), "loss of one number"),
    (lambda p: jax.lax.stop_gradient(p).sum(), "the loss has no gradient"),
    (lambda p: p.sum() if p[0] > 0 else p[0], "Python branches on a traced value"),
    (lambda p: p.astype(jnp.bfloat16).astype(float).sum(), r"bfloat16 has a gradient.*float32"),
    (lambda p: jnp.abs(jnp.fft.fft(p)).sum(), "complex numbers"),
    (lambda p: jnp.sqrt(p * 0).sum(), "the gradient is not finite"),
    (lambda: 1.0, "called with the parameters"),
]


@pytest.mark.parametrize(("loss", "words"), REFUSED)
def test_what_cannot_be_recorded_says_what_to_do(loss, words):
    with pytest.raises(resurge.InputError, match=words) as caught:
        resurge.check(loss, jnp.asarray([0.5, 2.0]))
    if "dtype" in words or "finite" in words:
        assert "test_jax.py:" in str(caught.value)


def test_arguments_that_do_not_fit_are_named():
    loss, args = network(spike_jvp()), (parameters(), *data())
    with pytest.raises(resurge.InputError, match="has none of out"):
        resurge.check(loss, *args, gradient={"hidden": args[0]["hidden"]})
    with pytest.raises(resurge.InputError, match="shape"):
        resurge.check(lambda p: (p["w"] ** 2).sum(), {"w": jnp.ones(3)}, gradient={"w": jnp.ones(2)})
    with pytest.raises(resurge.InputError, match="which the function does not call"):
        resurge.check(loss, *args, surrogates={spike_jvp(): "atan 2"})
    with pytest.raises(resurge.InputError, match="no array of floating point"):
        resurge.check(lambda p: 1.0, {"n": jnp.asarray(3)})


def test_a_parameter_without_a_gradient_is_named():
    report = resurge.check(lambda p: (p["a"] * jnp.floor(p["b"])).sum(), {"a": jnp.ones(2), "b": 2.5 * jnp.ones(2)})
    assert report.code == "proved"
    (missing,) = report.data["missing"]
    assert missing["name"] == "b" and "test_jax.py:" in missing["why"]


@pytest.mark.parametrize("library", ["haiku", "flax", "equinox"])
def test_modules_of_the_libraries_are_taken(library):
    pytest.importorskip(library, reason=f"no {library}: pip install {library.replace('haiku', 'dm-haiku')}")
    spike, x = spike_vjp(), data()[0][0]
    if library == "haiku":
        import haiku

        def forward(x):
            return spike(haiku.Linear(3, name="layer")(x) - 0.3).sum()

        net = haiku.without_apply_rng(haiku.transform(forward))
        report = resurge.check(net.apply, net.init(jax.random.key(0), x), x)
    elif library == "flax":
        from flax import nnx

        net = nnx.Linear(6, 3, rngs=nnx.Rngs(0))
        report = resurge.check(lambda net: spike(net(x) - 0.3).sum(), net, gradient=nnx.grad(
            lambda net: spike(net(x) - 0.3).sum()))  # fmt: skip
    else:
        import equinox

        net = equinox.nn.Linear(6, 3, key=jax.random.key(1))
        report = resurge.check(lambda net: spike(jax.vmap(net)(x) - 0.3).sum(), net)
    assert report.code == "proved", report
    assert len(report.gradients["name"]) == 2 and any("weight" in n or n[-1] == "w" or "kernel" in n
                                                      for n in report.gradients["name"])  # fmt: skip


def test_a_network_of_spyx_is_proved_as_written():
    spyx = pytest.importorskip("spyx", reason="no spyx: pip install 'resurge[spyx]'")
    from flax import nnx
    from spyx import nn

    r = nnx.Rngs(0)
    act = spyx.axn.arctan()
    layers = (nnx.Linear(6, 8, rngs=r), nn.RLIF((8,), activation=act, rngs=r), nnx.Linear(8, 3, rngs=r))
    net = nn.Sequential(*layers, nn.LI((3,), rngs=r))
    loss, (x, y) = spyx.fn.integral_crossentropy(time_axis=0), data()
    report = resurge.check(lambda net: loss(nn.run(net, 3 * x)[0], y), net)
    assert report.code == "proved" and not report.data["trusted"], report
    assert {"layers.0.kernel", "layers.1.beta"} <= set(report.gradients["name"])
    # Its slope is 1 / (pi (1 + (2 pi u)^2)), of half the area of that surrogate.
    assert [s["family"] for s in report.data["surrogates"]] == ["atan 4 scale peak 0.31831"]

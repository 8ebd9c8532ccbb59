"""Wrong rules of custom_jvp and custom_vjp: each is caught, and located at its line. Right ones are not."""

from __future__ import annotations

import numpy as np
import pytest

import resurge

jax = pytest.importorskip("jax", reason="no jax: pip install jax")
jax.config.update("jax_enable_x64", True)

import jax.numpy as jnp  # noqa: E402
from jax_neurons import (  # noqa: E402
    data,
    fused,
    line_of,
    network,
    parameters,
    seeds,
    slope,
    smooth,
    spike_jvp,
    spike_vjp,
    stepwise,
)


@pytest.fixture
def precision():
    yield lambda double: jax.config.update("jax_enable_x64", double)
    jax.config.update("jax_enable_x64", True)


def located(report, call, rule):
    """Asserts that the first fault is at these lines: of the call, and of the rule of what was called."""
    assert report.code == "fault" and not report.matches, report
    fault = report.data["faults"][0]
    assert fault["function"].endswith(f"(its rule: jax_neurons.py:{line_of('rule of ' + rule)})"), fault
    assert fault["place"].split(" ")[0] == call, fault
    return fault


BACKWARD = {
    "neighbour": lambda u, g: jnp.roll(g, 1, -1) * slope(u),
    "mean over the batch": lambda u, g: jnp.broadcast_to((g * slope(u)).mean(0, keepdims=True), g.shape),
    "clipped": lambda u, g: jnp.clip(g * slope(u), -1e-3, 1e-3),
    "negative": lambda u, g: -g * slope(u),
    "scaled": lambda u, g: 1.2 * g * slope(u),
    "width": lambda u, g: g * slope(u, 0.6),
    "off centre": lambda u, g: g * slope(u - 0.3),
    "one sample": lambda u, g: g * slope(u).at[1].multiply(2),
    "f32": lambda u, g: g * slope(u) * (1.1 if u.dtype == jnp.float32 else 1),
    "slope of 1": lambda u, g: g,
}


@pytest.mark.parametrize("fault", BACKWARD)
def test_a_wrong_surrogate_of_a_custom_vjp_is_located(precision, fault):
    precision(fault != "f32")
    dtype = "float32" if fault == "f32" else "float64"
    spike = spike_vjp(BACKWARD[fault])
    report = resurge.check(network(spike), parameters(0, dtype), *data(0, dtype), surrogates={spike: "sigmoid 0.5"})
    found = located(report, f"jax_neurons.py:{line_of('call')}", "spike_vjp")
    assert {"scaled": "scaled by 1.2", "f32": "scaled by 1.1", "one sample": "axis 0"}.get(fault, "") in found["how"]


SLOPES = {
    "scaled": lambda u: 1.01 * slope(u),
    "negative": lambda u: -slope(u),
    "off centre": lambda u: slope(u + 0.2),
    "derivative u": lambda u: u,
}


@pytest.mark.parametrize("fault", SLOPES)
def test_a_wrong_surrogate_of_a_custom_jvp_is_located(fault):
    spike = spike_jvp(SLOPES[fault])
    report = resurge.check(network(spike), parameters(), *data(), surrogates={spike: "sigmoid 0.5"})
    located(report, f"jax_neurons.py:{line_of('call')}", "spike_jvp")


def test_slopes_that_no_surrogate_has_are_wrong_without_a_declaration():
    report = resurge.check(network(spike_vjp(BACKWARD["negative"])), parameters(), *data())
    assert "negative" in located(report, f"jax_neurons.py:{line_of('call')}", "spike_vjp")["how"]


def test_a_rule_that_gives_another_value_than_its_function_is_seen():
    @jax.custom_vjp
    def spike(u):
        return (u > 0).astype(u.dtype)

    spike.defvjp(lambda u: ((u > 0.5).astype(u.dtype), u), lambda u, g: (g * slope(u),))
    report = resurge.check(lambda p: spike(p).sum(), jnp.asarray([-1.0, 0.2, 1.0]))
    assert report.code == "forward" and "spike" in report.words, report


@pytest.mark.parametrize("right", [True, False])
@pytest.mark.parametrize("name", ["tanh", "matmul", "square", "norm", "softmax"])
def test_a_function_without_a_jump_is_held_against_its_forward_pass(name, right):
    r = np.random.default_rng(1)
    x, w, goal = (jnp.asarray(r.standard_normal(shape)) for shape in ((4, 3), (3, 3), (4, 3)))
    function = smooth(name, right)

    def loss(w):
        return ((function(x, w) - goal) ** 2).sum()

    report = resurge.check(loss, w)
    if right:
        assert report.code == "proved", report
        return
    found = located(report, f"test_jax_faults.py:{loss.__code__.co_firstlineno + 1}", "smooth")
    assert {"matmul": "transposed", "square": "scaled by 0.5"}.get(name, "") in found["how"]


FUSED = [
    ("scaled", {}, "scaled by 1.01"),
    ("sign", {}, "of the other sign"),
    ("one step late", {}, "one step late"),
    ("missing lambda", {}, ""),
    ("theta", {}, ""),
    ("missing 1/width", {}, ""),
    ("o for 1 - o", {"reset": "zero"}, ""),
    ("u[t+1]", {}, ""),
    ("one sample", {}, "wrong at index 1 of axis 1 alone"),
    ("missing reset", {}, ""),
    ("missing reset", {"reset": "zero"}, ""),
    ("a detach too few", {"detached": True}, ""),
    ("1 + 1e-6", {}, "scaled by 1.000001"),
]


def checked(fault, options, seed=0, defined=True, dtype="float64"):
    lif = fused(fault, **options)
    (x, _), params = data(seed, dtype), parameters(seed, dtype)["hidden"]
    definition = stepwise(**({"reset": "subtract"} | options))

    def loss(p):
        spikes = lif(x @ p["w"])  # second line
        return (spikes * jnp.arange(5, dtype=x.dtype)).sum()

    line = loss.__code__.co_firstlineno + 1
    return resurge.check(loss, params, definitions={lif: definition} if defined else None), line


@pytest.mark.parametrize(("fault", "options", "how"), FUSED)
def test_a_wrong_rule_of_a_whole_sequence_is_located(fault, options, how):
    report, line = checked(fault, options)
    found = located(report, f"test_jax_faults.py:{line}", "fused")
    assert how in found["how"], found


@pytest.mark.parametrize("seed", seeds(2, 4))
@pytest.mark.parametrize("options", [{}, {"reset": "zero"}, {"detached": True}])
def test_a_right_rule_of_a_whole_sequence_is_proved(precision, options, seed):
    precision(seed % 2 == 0)
    report, _ = checked("none", options, seed, dtype=("float64", "float32")[seed % 2])
    assert report.code == "proved", report


def test_without_a_definition_it_is_taken_at_its_word():
    report, line = checked("scaled", {}, defined=False)
    assert report.code == "trusted", report
    (trusted,) = report.data["trusted"]
    assert "fused.<locals>.lif" in trusted["function"] and f":{line}" in trusted["place"]


def test_a_definition_of_another_shape_is_refused():
    lif = fused("none")
    with pytest.raises(resurge.InputError, match=r"definition of .*lif.* shape"):
        resurge.check(lambda p: lif(p).sum(), jnp.ones((3, 2)), definitions={lif: lambda x: x[0]})


@pytest.mark.parametrize("at_zero", [0.0, 0.5, 1.0])
def test_a_kink_is_left_to_the_rule(at_zero):
    @jax.custom_vjp
    def relu(x):
        return jnp.maximum(x, 0)

    back = lambda x, g: (g * jnp.where(x > 0, 1.0, jnp.where(x < 0, 0.0, at_zero)),)  # noqa: E731
    relu.defvjp(lambda x: (relu(x), x), back)
    report = resurge.check(lambda p: (relu(p) + jnp.sin(p)).sum(), jnp.asarray([-1.0, 0.0, 2.0]))
    assert report.code == "proved", report


def test_a_piecewise_function_without_a_jump_is_no_surrogate():
    @jax.custom_jvp
    def leaky(x):
        return jnp.where(x > 0, x, 0.1 * x)

    leaky.defjvps(lambda t, out, x: t * jnp.where(x > 0, 1.0, 0.2))
    report = resurge.check(lambda p: leaky(p).sum(), jnp.asarray([-1.0, 0.4, 2.0]))
    assert report.code == "fault" and "leaky" in report.data["faults"][0]["function"], report
    assert not report.data["surrogates"]

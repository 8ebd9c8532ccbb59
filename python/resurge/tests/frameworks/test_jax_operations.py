"""Primitives of JAX as operations of a program: each group is proved, with nothing taken at its word."""

from __future__ import annotations

import os

import numpy as np
import pytest

import resurge

jax = pytest.importorskip("jax", reason="no jax: pip install jax")
jax.config.update("jax_enable_x64", True)

import jax.numpy as jnp  # noqa: E402
from jax import lax  # noqa: E402

R = np.random.default_rng(0)
A, S = jnp.asarray(R.standard_normal((4, 3))), jnp.asarray(R.standard_normal((3, 3)))
P = jnp.asarray(R.uniform(0.2, 0.8, (4, 3)))
IMAGES, KERNEL = jnp.asarray(R.standard_normal((2, 6, 6, 3))), jnp.asarray(R.standard_normal((3, 3, 3, 4)))
ZEROS, AT = jnp.zeros(3), jnp.asarray([0, 2, 2, 1])
NHWC = ("NHWC", "HWIO", "NHWC")


def mixed(*arrays):
    """Every number, with a factor of its own."""
    return sum((y * jnp.cos(jnp.arange(y.size).reshape(y.shape) + 1.0)).sum() for y in arrays)


def each(names, of=jnp):
    return lambda x: mixed(*(getattr(of, name)(x) for name in names.split()))


def conv(x, k, strides=(1, 1), padding="SAME", numbers=NHWC, **rest):
    return lax.conv_general_dilated(x, k, strides, padding, dimension_numbers=numbers, **rest)


def pool(x, start, combine, window, strides, padding="VALID"):
    return lax.reduce_window(x, start, combine, (1, *window, 1), (1, *strides, 1), padding)


GROUPS = {
    "functions": (each("exp log sqrt sin cos tanh arctan exp2 log1p expm1 square cbrt arcsin arccos"), P),
    "more functions": (each("tan sinh cosh arcsinh arctanh sinc"), P),
    "error function": (lambda x: mixed(lax.erf(x), lax.erfc(x), lax.rsqrt(1 + x * x), jnp.arccosh(2 + x * x)), A),
    "activations": (each("relu softplus silu gelu elu leaky_relu relu6 softmax log_softmax", jax.nn), A),
    "powers": (lambda x: mixed(x**1.7, x**3, x**-2, x**x, 2.0**x), P),
    "piecewise": (lambda x: mixed(jnp.abs(x), jnp.maximum(x, 0.3 * x[::-1]), jnp.clip(x, -0.5, 0.5)), A),
    "at kinks": (lambda x: mixed(jnp.abs(x), jnp.maximum(x, 0), jnp.minimum(0, x), jnp.max(x), 2 * x), ZEROS),
    "parts": (lambda x: mixed(x % 0.7, jnp.fmod(x, 0.3), jnp.arctan2(x, x[::-1]), lax.clamp(-0.5, x, 0.5)), A),
    "choices": (lambda x: mixed(jnp.where(x > 0, x**2, jnp.sin(x)), jnp.where(x > 0, jnp.sqrt(jnp.abs(x)), 0.0)), A),
    "sums": (lambda x: mixed(x.mean(0), x.std(), jnp.var(x, 1), jnp.cumsum(x, 0), jnp.cumsum(x[::-1], 1)), A),
    "products": (lambda x: mixed(x.prod(0), x.prod(), jnp.cumprod(x, 1), lax.cumprod(x, 0, reverse=True)), A),
    "largest": (lambda x: mixed(x.max(0), x.min(1), jax.nn.logsumexp(x), lax.cumlogsumexp(x, 0)), A),
    "order": (lambda x: mixed(jnp.sort(x, 0), jnp.median(x), lax.top_k(x, 2)[0], x * jnp.argsort(x, 0)), A),
    "indices": (lambda x: mixed(x[AT], x[1, 2], x[1:, ::2], x[::-1], jnp.take_along_axis(x, AT[:, None], 1)), A),
    "writes": (lambda x: mixed(x.at[1].set(0.0).at[:, 1].mul(2.0), jnp.zeros((5, 3)).at[AT].add(x)), A),
    "segments": (lambda x: mixed(jax.ops.segment_sum(x, AT, 3), jnp.ones((4, 3)).at[AT].set(x)), A),
    "slices": (
        lambda x: mixed(lax.dynamic_slice(x, (1, 0), (2, 2)), lax.dynamic_update_slice(x, 3 * x[:2, :2], (1, 1))),
        A,
    ),
    "shapes": (
        lambda x: mixed(jnp.stack([x, 2 * x]), jnp.pad(x, ((1, 0), (0, 2))), jnp.roll(x, 1, 0), x.T, *jnp.split(x, 2)),
        A,
    ),
    "repetitions": (lambda x: mixed(jnp.tile(x, (2, 1)), jnp.repeat(x, 2, 0), x.reshape(2, 6), x[:, None]), A),
    "matrices": (
        lambda x: mixed(x @ S, x[0] @ x[1], jnp.einsum("ij,ik->jk", x, x), jax.vmap(lambda row: S @ row)(x)),
        A,
    ),
    "stacks of matrices": (
        lambda x: mixed(
            jnp.einsum("bij,bjk->bik", x.reshape(2, 2, 3), x.reshape(2, 3, 2)), jnp.tensordot(IMAGES, x.T, 1)
        ),
        A,
    ),
    "convolution": (lambda k: mixed(conv(IMAGES, k), conv(IMAGES, k, (2, 2), "VALID", rhs_dilation=(2, 1))), KERNEL),
    "its images": (lambda x: mixed(conv(x, KERNEL, (2, 1), ((1, 0), (0, 2)))), IMAGES),
    "transposed convolution": (lambda k: mixed(lax.conv_transpose(IMAGES, k, (2, 2), "SAME")), KERNEL),
    "convolution in groups": (
        lambda k: mixed(conv(IMAGES, k, feature_group_count=3)),
        jnp.asarray(R.standard_normal((3, 3, 1, 6))),
    ),
    "convolution of sequences": (
        lambda k: mixed(conv(IMAGES[:, :, 0], k, (1,), "SAME", ("NWC", "WIO", "NWC"))),
        jnp.asarray(R.standard_normal((3, 3, 2))),
    ),
    "pools": (
        lambda x: mixed(
            pool(x, -jnp.inf, lax.max, (2, 2), (2, 2)),
            pool(x, -jnp.inf, lax.max, (3, 3), (2, 2), "SAME"),
            pool(x, 0.0, lax.add, (3, 3), (2, 2), "SAME"),
        ),
        IMAGES,
    ),
    "pools of spikes": (
        lambda x: mixed(pool(x * jnp.round(jnp.abs(x)), -jnp.inf, lax.max, (2, 2), (1, 1))),
        jnp.asarray(R.integers(0, 2, (2, 6, 6, 3)).astype(float)),
    ),
    "random numbers": (
        lambda x: mixed(
            jnp.where(jax.random.bernoulli(jax.random.PRNGKey(0), 0.5, x.shape), x / 0.5, 0),
            jax.random.normal(jax.random.key(1), x.shape) * x,
        ),
        A,
    ),
    "straight through": (lambda x: mixed(x + lax.stop_gradient(jnp.round(x) - x), x * lax.stop_gradient(x)), A),
    "gradients inside": (lambda x: mixed(jax.grad(lambda y: (jnp.tanh(y) ** 2).sum())(x)), A),
    "scans in parallel": (
        lambda x: mixed(lax.associative_scan(lambda a, b: (a[0] * b[0], a[1] * b[0] + b[1]), (x, 2 * x))[1]),
        A,
    ),
}


# More of a kind that others are of, too: with RESURGE_CASES=all.
MORE = {"more functions", "products", "segments", "repetitions", "stacks of matrices", "its images"}
MORE |= {"convolution of sequences", "pools of spikes"}
CASES = [name for name in GROUPS if os.environ.get("RESURGE_CASES") == "all" or name not in MORE]


@pytest.mark.parametrize("group", CASES)
def test_primitives_are_proved(group):
    function, x = GROUPS[group]
    report = resurge.check(function, x)
    assert report.code == "proved" and not report.data["trusted"], report


def test_activations_at_their_kink_have_the_slopes_of_their_own_rules():
    report = resurge.check(each("relu softplus leaky_relu log_sigmoid", jax.nn), ZEROS)
    # Finite differences of a sum of such functions need not be conclusive there.
    assert report.code in ("proved", "undecided") and not report.data["faults"], report
    assert not report.gradients["wrong"].any() and (report.gradients["norm"] > 0).all()


def test_a_primitive_that_is_not_known_is_taken_at_its_word_and_named():
    report = resurge.check(lambda x: jax.scipy.special.gammaln(x).sum(), P)
    assert report.code == "trusted", report
    (trusted,) = report.data["trusted"]
    assert trusted["function"] == "jax lgamma" and "test_jax_operations.py:" in trusted["place"]


def test_reading_outside_of_an_array_is_refused():
    with pytest.raises(resurge.InputError, match=r"`gather` at .*test_jax_operations.py.*outside"):
        resurge.check(lambda x: x.at[7].get(mode="fill").sum() + x.sum(), P)

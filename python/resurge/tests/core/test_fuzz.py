"""Whatever comes in, what comes out is a report or one clear exception, and never a panic: 10,000 inputs."""

from __future__ import annotations

import json
import struct
import warnings
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st
from hypothesis.extra import numpy as hnp

import resurge
from resurge import _resurge

GOLDEN = Path(__file__).resolve().parents[4] / "crates/resurge/tests/audit/damaged/detached-f32.safetensors"
QUIET = (
    HealthCheck.too_slow,
    HealthCheck.function_scoped_fixture,
    HealthCheck.data_too_large,
    HealthCheck.filter_too_much,
)


def fuzz(count: int) -> Any:
    return settings(max_examples=count, deadline=None, derandomize=True, database=None, suppress_health_check=QUIET)


def is_clear(error: Exception) -> bool:
    """An exception of the package that is no mistake of its own, and has words."""
    return isinstance(error, resurge.ResurgeError) and not isinstance(error, resurge.InternalError) and bool(str(error))


def outcome(call: Any) -> Any:
    """What a call gives, or a clear exception."""
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")
        try:
            return call()
        except Exception as error:
            assert is_clear(error), repr(error)
            return error


def small_file() -> bytes:
    """A file with one neuron, so that 10,000 audits take a minute."""
    description = {
        "version": 1,
        "framework": {"name": "numpy", "version": "2"},
        "layers": [
            {"kind": "linear", "bias": False},
            {
                "kind": "neuron",
                "decay": 0.5,
                "reset": {"kind": "zero"},
                "reset_gradient": "full",
                "surrogate": {"kind": "atan", "slope": 2.0},
            },
        ],
        "loss": {"kind": "weighted-sum"},
    }
    tensors = {
        "input": np.ones((3, 1, 1)),
        "layers.0.weight": np.array([[0.7]]),
        "loss": np.array([0.0]),
        "loss.weight": np.ones((3, 1, 1)),
        "gradients.layers.0.weight": np.array([[0.1]]),
    }
    return resurge.Recording(description, tensors).to_bytes()


SMALL = small_file()
LENGTH = struct.unpack("<Q", SMALL[:8])[0]


def audited(data: bytes) -> Any:
    return _resurge.audit(data, proof=False, search=True, profiles=False, seed=1)


@fuzz(4000)
@given(st.lists(st.tuples(st.integers(0, len(SMALL) - 1), st.integers(0, 255)), max_size=6), st.integers(0, len(SMALL)))
def test_bytes(changes: list[tuple[int, int]], cut: int) -> None:
    data = bytearray(SMALL)
    for place, value in changes:
        data[place] = value
    made = outcome(lambda: audited(bytes(data)))
    if not isinstance(made, Exception):
        assert json.loads(made.json())["code"]
    outcome(lambda: audited(bytes(data[:cut])))


VALUES = st.one_of(
    st.none(),
    st.booleans(),
    st.integers(-(2**70), 2**70),
    st.floats(),
    st.text(max_size=6),
    st.lists(st.floats(), max_size=3),
    st.dictionaries(st.text(max_size=4), st.integers(), max_size=2),
)


@fuzz(2000)
@given(
    st.sampled_from(["decay", "threshold", "reset", "reset_gradient", "surrogate", "firing", "synapse", "kind", "x"]),
    VALUES,
)
def test_descriptions(key: str, value: Any) -> None:
    header = json.loads(SMALL[8 : 8 + LENGTH])
    description = json.loads(header["__metadata__"]["resurge_audit"])
    description["layers"][1][key] = value
    header["__metadata__"]["resurge_audit"] = json.dumps(description)
    text = json.dumps(header).encode()
    outcome(lambda: audited(struct.pack("<Q", len(text)) + text + SMALL[8 + LENGTH :]))


ARRAYS = hnp.arrays(
    st.sampled_from([np.float64, np.float32, np.float16, np.int32, np.bool_, np.complex64, np.str_, np.object_]),
    hnp.array_shapes(min_dims=0, max_dims=3, min_side=0, max_side=3),
)
ANY = st.one_of(ARRAYS, VALUES, st.binary(max_size=3))


@fuzz(2500)
@given(st.one_of(ANY, st.lists(ANY, max_size=3)), st.one_of(ANY, st.lists(ANY, max_size=3)), VALUES, VALUES)
def test_gradcheck(inputs: Any, gradient: Any, option: Any, seed: Any) -> None:
    def func(*arrays: Any) -> Any:
        return np.asarray(sum(np.sum(np.asarray(a, np.float64) ** 2) for a in arrays))

    options = {"rtol": option} if isinstance(seed, bool) else {"atol": option if option is not None else 0.0}
    made = outcome(lambda: resurge.gradcheck(func, inputs, gradient=gradient, **options))
    assert isinstance(made, resurge.GradReport | Exception)


@fuzz(1500)
@given(st.one_of(ANY, st.dictionaries(st.text(max_size=2), ANY, max_size=2)), ANY, VALUES)
def test_other_functions(first: Any, second: Any, third: Any) -> None:
    outcome(lambda: resurge.assert_gradients_match(first, second, rtol=third if third is not None else 1e-7))
    outcome(lambda: resurge.audit(first, second, third, loss=lambda out: out))
    outcome(lambda: resurge.audit([], second, None, resurge.Loss("mse"), claim=third))
    text = third if isinstance(third, str) else "zero"
    outcome(lambda: resurge.verify(reset=text, surrogate=str(third), steps=2, hidden=1, batch=1))


@pytest.mark.skipif(not GOLDEN.is_file(), reason="the goldens are not beside the tests")
def test_the_small_file_is_one() -> None:
    assert json.loads(audited(SMALL).json())["code"].startswith("loss")
    assert audited(GOLDEN.read_bytes()).text("name").startswith("name: detached")

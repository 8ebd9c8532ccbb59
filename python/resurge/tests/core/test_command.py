"""The command line in process, `verify`, and what an import costs."""

from __future__ import annotations

import json
import os
import signal
import subprocess
import sys
import time
from pathlib import Path
from typing import Any

import numpy as np
import pytest

import resurge

FRAMEWORKS = (
    "torch",
    "jax",
    "snntorch",
    "spikingjelly",
    "norse",
    "sinabs",
    "spyx",
    "flax",
    "tensorflow",
    "tqdm",
    "pandas",
)
# Beyond numpy, and the least of several runs: others use the machine, too.
MILLISECONDS = 60
GOLDENS = Path(__file__).resolve().parents[4] / "crates/resurge/tests/audit"


def python(code: str, *arguments: str) -> subprocess.CompletedProcess[str]:
    return subprocess.run([sys.executable, "-c", code, *arguments], capture_output=True, text=True, check=True)


def command(*arguments: str) -> subprocess.CompletedProcess[str]:
    return subprocess.run([sys.executable, "-m", "resurge", *arguments], capture_output=True, text=True)


def test_an_import_brings_no_framework_and_takes_little() -> None:
    code = f"import sys, resurge; print([name for name in {FRAMEWORKS} if name in sys.modules])"
    assert python(code).stdout == "[]\n"
    timed = "import numpy, time; t = time.perf_counter(); import resurge; print(1000 * (time.perf_counter() - t))"
    times = [float(python(timed).stdout) for _ in range(7)]
    assert min(times) <= MILLISECONDS, times


def test_the_command_line_is_whole() -> None:
    version = command("--version")
    assert (version.returncode, version.stdout) == (0, f"resurge {resurge.__version__}\n")
    text = command("--help").stdout
    assert all(name in text for name in ("verify", "audit", "train", "compare", "diagnose", "toy", "data"))
    assert command("no-such-command").returncode == 2
    small = command("verify", "--steps", "8", "--hidden", "4", "--batch", "1", "--reset", "zero", "--json", "-")
    assert small.returncode == 0 and json.loads(small.stdout)["summary"]["verdict"] == "passed"


@pytest.mark.skipif(not GOLDENS.is_dir(), reason="the goldens are not beside the tests")
def test_the_command_and_the_function_agree() -> None:
    for name in ("damaged/detached-f32", "goldens/spikingjelly-lif-zero", "goldens/snntorch-leaky-one-step"):
        path = GOLDENS / f"{name}.safetensors"
        report = resurge.audit_file(path)
        told = command("audit", str(path), "--json", "/dev/stdout")
        found = json.loads(told.stdout[: told.stdout.rindex("}") + 1].split("\nWritten")[0].rsplit("\n}", 1)[0] + "\n}")
        assert found["files"][0]["audit"]["code"] == report.code
        assert told.returncode == (0 if report.matches else 3 if report.undecided else 1)


@pytest.mark.skipif(not GOLDENS.is_dir(), reason="the goldens are not beside the tests")
def test_reports_of_files() -> None:
    detached = resurge.audit_file(GOLDENS / "damaged/detached-f32.safetensors")
    assert (detached.matches, detached.code, detached.claim) == (False, "detached", "full")
    assert "where the claim is full" in detached.words and 0 < detached.relative_weight < 10
    assert str(detached).startswith("detached\n") and "Gradient" in str(detached) and "proof" in str(detached)
    assert "<iframe" in detached._repr_html_() and "<svg" in detached.html()
    names = list(detached.table["name"])
    assert names[0] == "layers.0.weight" and not detached.table["matches"][0]
    assert (detached.by_lag["full"] >= 0).all() and set(detached.by_step.columns) >= {"layer", "step", "claimed"}
    with pytest.raises(resurge.GradientMismatch, match=r"layers\.0\.weight"):
        detached.raise_unless_matching()
    right = resurge.audit_file(GOLDENS / "damaged/detached-f32.safetensors", claim="detached")
    assert right and right.code == "match"
    right.raise_unless_matching()
    undecided = resurge.audit_file(GOLDENS / "goldens/snntorch-leaky-one-step.safetensors")
    with pytest.raises(resurge.Undecided):
        undecided.raise_unless_matching()


@pytest.mark.skipif(not GOLDENS.is_dir(), reason="the goldens are not beside the tests")
def test_saved_is_what_was_audited(tmp_path: Path) -> None:
    report = resurge.audit_file(GOLDENS / "goldens/spikingjelly-lif-zero.safetensors")
    path = resurge.save(report, tmp_path / "run.safetensors")
    again = resurge.audit_file(path)
    assert {k: v for k, v in again.data.items()} == report.data
    assert [entry.name for entry in tmp_path.iterdir()] == ["run.safetensors"]
    with pytest.raises(resurge.InputError):
        resurge.save({}, tmp_path / "other")  # type: ignore[arg-type]


def test_files_that_are_none(tmp_path: Path) -> None:
    path = tmp_path / "none"
    with pytest.raises(FileNotFoundError):
        resurge.audit_file(path)
    path.write_bytes(b"no safetensors")
    with pytest.raises(resurge.FileError, match="no whole safetensors file"):
        resurge.audit_file(path)
    from safetensors.numpy import save_file

    save_file({"a": np.zeros(2)}, path)
    with pytest.raises(resurge.FileError, match="resurge_audit"):
        resurge.audit_file(path)
    save_file({"a": np.zeros(2)}, path, {"resurge_audit": json.dumps({"version": 1, "layers": 3})})
    with pytest.raises(resurge.FileError, match=r"docs/audit-format\.md"):
        resurge.audit_file(path)


def test_verify_and_its_names() -> None:
    seen: list[tuple[int, int]] = []
    report = resurge.verify(
        reset=["zero", "subtract"],
        reset_gradient="full",
        surrogate="sigmoid:0.2",
        steps=8,
        hidden=4,
        batch=1,
        seeds=2,
        progress=lambda done, total: seen.append((done, total)),
    )
    assert report and len(report.table) == 2 and seen == [(1, 2), (2, 2)]
    assert (report.table["finite_difference"] < 1e-8).all() and "2 of 2 passed" in str(report)
    small: dict[str, Any] = {"reset": "zero", "surrogate": "atan", "steps": 5, "hidden": 3, "batch": 1}
    half = resurge.verify(reset_gradient="scaled:0.5", **small)
    assert list(half.table["reset_gradient"]) == ["scaled:0.5"]
    assert half.data == resurge.verify(reset_gradient="scaled-0.5", **small).data
    assert half.data == resurge.verify(reset_grad="scaled:0.5", **small).data
    wrong: list[dict[str, Any]] = [
        {"reset": "nought"},
        {"surrogate": "sigmoid:x"},
        {"surrogate": "sigmoid:-1"},
        {"reset_gradient": ["full", "?"]},
        {"steps": 0},
        {"batch": 1798},
        {"hidden": -1},
        {"seed": 0.5},
        {"reset": [3]},
    ]
    for options in wrong:
        with pytest.raises(resurge.OptionError):
            resurge.verify(**options)


def test_a_table_of_others() -> None:
    report = resurge.verify(reset="zero", reset_gradient="full", surrogate="atan", steps=5, hidden=3, batch=1)
    pandas = pytest.importorskip("pandas")
    frame = report.table.to_pandas()
    assert isinstance(frame, pandas.DataFrame) and len(frame) == 1


@pytest.mark.skipif(os.name != "posix", reason="signals of POSIX")
def test_ctrl_c_ends_work() -> None:
    code = "import resurge, time; print('on', flush=True); resurge.verify(steps=400, hidden=400, batch=200, seeds=50)"
    work = subprocess.Popen([sys.executable, "-c", code], stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True)
    assert work.stdout is not None and work.stdout.readline() == "on\n"
    time.sleep(0.5)
    work.send_signal(signal.SIGINT)
    start = time.monotonic()
    _, errors = work.communicate(timeout=60)
    assert "KeyboardInterrupt" in errors and work.returncode != 0
    assert time.monotonic() - start < 10


def test_other_threads_run_meanwhile() -> None:
    code = """
import threading, time, resurge
count, stop = 0, threading.Event()
def tick():
    global count
    while not stop.is_set():
        count += 1
        time.sleep(0.001)
thread = threading.Thread(target=tick); thread.start()
start = time.perf_counter()
resurge.verify(reset="zero", steps=25, hidden=64, batch=8)
taken = time.perf_counter() - start
stop.set(); thread.join()
print(count / (1000 * taken))
"""
    # Each tick takes a little more than a millisecond. With the lock held there would be none.
    assert float(python(code).stdout) > 0.05

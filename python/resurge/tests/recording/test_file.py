"""The file, the page that describes it, and what needs no framework."""

from __future__ import annotations

import re
import runpy
import subprocess
import sys
from pathlib import Path

import numpy as np
import pytest

from resurge.recording import Recording, read, write

PAGE = Path(__file__).resolve().parents[4] / "docs/audit-format.md"


def small() -> Recording:
    return Recording({"version": 1}, {"input": np.ones((2, 1, 3)), "spikes.1": np.array([[[1]]], np.uint8)})


def test_no_framework_is_imported_with_the_package() -> None:
    names = "'torch', 'jax', 'snntorch', 'norse'"
    code = f"import sys, resurge.recording; print([m for m in ({names}) if m in sys.modules])"
    assert subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True).stdout == "[]\n"


def test_what_is_written_is_read_again(path: Path) -> None:
    write(path, small())
    again = read(path)
    assert again.description == {"version": 1}
    assert again.tensors.keys() == {"input", "spikes.1"}
    assert again.tensors["spikes.1"].dtype == np.uint8


def test_what_must_not_be_in_a_file(path: Path) -> None:
    bad = small()
    bad.tensors["input"] = np.array([np.nan])
    with pytest.raises(ValueError, match="input: holds a NaN"):
        write(path, bad)
    mixed = small()
    mixed.tensors["loss"] = np.ones(1, np.float32)
    with pytest.raises(ValueError, match=r"\['float32', 'float64'\]"):
        write(path, mixed)
    assert not path.exists() and not list(path.parent.iterdir())


def test_a_file_of_another_kind_is_named(path: Path) -> None:
    from safetensors.numpy import save_file

    save_file({"input": np.ones(1)}, path)
    with pytest.raises(ValueError, match="no 'resurge_audit'"):
        read(path)
    write(path, Recording({"version": 3}, {"input": np.ones(1)}))
    with pytest.raises(ValueError, match="version 3, but 1 and 2 are read"):
        read(path)


def test_the_example_of_the_page_is_whole(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    block = re.search(r"```python\n(.*?)```", PAGE.read_text(), re.S)
    assert block is not None
    script = tmp_path / "example.py"
    script.write_text(block[1])
    monkeypatch.chdir(tmp_path)
    runpy.run_path(str(script))
    found = read(tmp_path / "example.safetensors")
    assert found.tensors["gradients.layers.0.weight"].shape == (4, 5)
    # That it is right: a small step of the weight of a smooth reading is not to be had, so the replay judges.
    replay = pytest.importorskip("torch") and load_replay()
    errors = replay.errors(found, replay.replay(found))
    assert max(errors.values()) < 1e-12, errors


def load_replay():  # type: ignore[no-untyped-def]
    sys.path.insert(0, str(PAGE.parents[1] / "tools/goldens/audit"))
    import replay

    return replay

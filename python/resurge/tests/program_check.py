"""Checks a program file with the binary: `resurge audit`, or what the environment says."""

from __future__ import annotations

import json
import os
import subprocess
from pathlib import Path

ROOT = Path(__file__).parents[3]


def binary() -> list[str]:
    given = os.environ.get("RESURGE_CHECK")
    if given:
        return given.split(" ")
    for build in ("release", "debug"):
        path = ROOT / "target" / build / "resurge"
        if path.exists():
            return [str(path), "audit"]
    raise FileNotFoundError("build the command first: cargo build --release")


def write(folder: Path, data: bytes) -> Path:
    path = folder / "program.safetensors"
    path.write_bytes(data)
    return path


def check(path: Path) -> dict:
    out = path.with_suffix(".json")
    done = subprocess.run([*binary(), str(path), "--json", str(out)], capture_output=True, text=True, check=False)
    assert out.exists(), done.stderr
    found = json.loads(out.read_text())["programs"][0]
    assert "program" in found, found
    return found["program"]

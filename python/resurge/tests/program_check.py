"""Checks a program file: in process, or with a command that the environment names, such as "resurge audit"."""

from __future__ import annotations

import json
import os
import subprocess
from pathlib import Path

from resurge import _resurge


def write(folder: Path, data: bytes) -> Path:
    path = folder / "program.safetensors"
    path.write_bytes(data)
    return path


def check(path: Path) -> dict:
    command = os.environ.get("RESURGE_CHECK")
    if not command:
        return json.loads(_resurge.program(path.read_bytes()).json())
    out = path.with_suffix(".json")
    line = [*command.split(), str(path), "--json", str(out)]
    done = subprocess.run(line, capture_output=True, text=True, check=False)
    assert out.exists(), done.stderr
    found = json.loads(out.read_text())["programs"][0]
    assert "program" in found, found
    return found["program"]

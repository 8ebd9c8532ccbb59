"""Resurge, as a server process: one per workload, one line in and one line of JSON out per run."""

from __future__ import annotations

import json
import os
import subprocess
import tempfile
from pathlib import Path
from types import TracebackType
from typing import Self

from workloads import Workload

THREADS = 2


def status_bytes(key: str, pid: int | str = "self") -> int:
    """VmRSS or VmHWM of a process."""
    for line in Path(f"/proc/{pid}/status").read_text().splitlines():
        if line.startswith(key + ":"):
            return 1024 * int(line.split()[1])
    raise KeyError(key)


def forget_peak(pid: int | str = "self") -> None:
    """Sets VmHWM back to VmRSS."""
    Path(f"/proc/{pid}/clear_refs").write_text("5")


class Server:
    """A running server that has read its workload. Used as a context manager."""

    def __init__(self, command: list[str], workload: Workload) -> None:
        self.folder = tempfile.TemporaryDirectory(prefix="resurge-peer-")
        file = Path(self.folder.name) / f"{workload.name}.safetensors"
        workload.save(file)
        self.process = subprocess.Popen(
            [*command, str(file), "--threads", str(THREADS)],
            stdin=subprocess.PIPE,
            stdout=subprocess.PIPE,
            text=True,
            env={**os.environ, "RAYON_NUM_THREADS": str(THREADS)},
        )
        if (line := self.read()) != "ready":
            raise RuntimeError(f"expected `ready`, got {line!r}")

    def read(self) -> str:
        assert self.process.stdout is not None
        line = self.process.stdout.readline()
        if not line:
            raise RuntimeError(f"the server ended, exit code {self.process.wait()}")
        return line.strip()

    def ask(self, command: str) -> dict:
        assert self.process.stdin is not None
        self.process.stdin.write(command + "\n")
        self.process.stdin.flush()
        return json.loads(self.read())

    def __enter__(self) -> Self:
        return self

    def __exit__(self, kind: type[BaseException] | None, value: BaseException | None, trace: TracebackType | None) -> None:
        assert self.process.stdin is not None
        self.process.stdin.close()
        try:
            self.process.wait(timeout=30)
        except subprocess.TimeoutExpired:
            self.process.kill()
        self.folder.cleanup()


def memory(command: list[str], workload: Workload, request: str) -> dict[str, int]:
    """Of one forward and backward pass in a fresh server.

    The peak is VmHWM of /proc, not the maxrss that the server reports: after fork and exec the latter starts from the size of
    the parent, which has torch and JAX loaded. It is recorded all the same.
    """
    with Server(command, workload) as server:
        pid = server.process.pid
        forget_peak(pid)
        baseline = status_bytes("VmRSS", pid)
        server.ask(request)
        peak = status_bytes("VmHWM", pid)
        reported = server.ask("memory")["peak_rss_bytes"]
    return {"baseline_bytes": baseline, "peak_bytes": peak, "added_bytes": peak - baseline, "reported_maxrss_bytes": reported}

"""Drives a server with wrk (github.com/wg/wrk) and reads what it prints.

wrk, not a client in Python: a Python client would take as much of the machine as the server it measures.
"""

from __future__ import annotations

import re
import shutil
import subprocess
import tempfile
from dataclasses import dataclass
from pathlib import Path

HOW_TO_GET_IT = "the benchmarks drive the server with wrk, which is not installed: apt-get install wrk (Debian), brew install wrk (macOS)"

SCRIPT = """
wrk.method = "POST"
wrk.body = "{}"
wrk.headers["Content-Type"] = "application/json"
"""

_UNITS_S = {"us": 1e-6, "ms": 1e-3, "s": 1.0, "m": 60.0, "h": 3600.0}


class WrkMissing(RuntimeError):
    """wrk is not installed. The text says how to get it."""


@dataclass(frozen=True, slots=True)
class Driven:
    """What wrk saw. Latencies in seconds; `refused` answers were not 2xx or 3xx, `broken` connections gave no answer."""

    requests: int
    seconds: float
    p50: float
    p99: float
    refused: int = 0
    broken: int = 0

    @property
    def rate(self) -> float:
        return self.requests / self.seconds


def post(url: str, connections: int, seconds: float) -> Driven:
    """POST an empty object there as often as so many connections can, each waiting for its answer. Raises WrkMissing, RuntimeError."""
    program = shutil.which("wrk")
    if program is None:
        raise WrkMissing(HOW_TO_GET_IT)
    with tempfile.TemporaryDirectory() as directory:
        script = Path(directory) / "post.lua"
        script.write_text(SCRIPT)
        command = [program, "-t1", f"-c{connections}", f"-d{max(1, round(seconds))}s", "--timeout=30s", "--latency", "-s", str(script), url]
        done = subprocess.run(command, capture_output=True, text=True, check=False)
    if done.returncode:
        raise RuntimeError(f"wrk failed: {done.stderr.strip() or done.stdout.strip()}")
    return parse(done.stdout)


def parse(output: str) -> Driven:
    """Read wrk's report. Raises ValueError for what is none."""
    total = re.search(r"(\d+) requests in ([\d.]+)([a-z]+),", output)
    p50, p99 = (re.search(rf"^\s*{percent}%\s+([\d.]+)([a-z]+)\s*$", output, re.MULTILINE) for percent in (50, 99))
    if total is None or p50 is None or p99 is None:
        raise ValueError(f"this is no report of wrk with --latency: {output!r}")
    refused = re.search(r"Non-2xx or 3xx responses: (\d+)", output)
    broken = re.search(r"Socket errors: connect (\d+), read (\d+), write (\d+), timeout (\d+)", output)
    return Driven(
        requests=int(total[1]),
        seconds=_seconds(total[2], total[3]),
        p50=_seconds(p50[1], p50[2]),
        p99=_seconds(p99[1], p99[2]),
        refused=int(refused[1]) if refused else 0,
        broken=sum(map(int, broken.groups())) if broken else 0,
    )


def _seconds(number: str, unit: str) -> float:
    return float(number) * _UNITS_S[unit]

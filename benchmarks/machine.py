"""Facts about the machine that a figure means nothing without. No names of hosts, users or paths: reports are published."""

from __future__ import annotations

import os
import platform
import time
from importlib.metadata import version
from pathlib import Path

_VOLATILE = ("tmpfs", "ramfs")


def facts(directory: Path) -> dict[str, str]:
    """Name and value, for people."""
    found = {
        "date": time.strftime("%Y-%m-%d"),
        "processor": f"{_processor()}, {os.cpu_count()} cores",
        "system": f"{platform.system()} {'.'.join(platform.release().split('.')[:2])}",
        "Python": f"{platform.python_implementation()} {platform.python_version()}",
        "libraries": ", ".join(f"{name} {version(name)}" for name in ("ZODB", "Flask", "gunicorn", "orjson")),
        "file system": _file_system(directory),
    }
    if hasattr(os, "getloadavg"):
        found["load average at the start"] = f"{os.getloadavg()[0]:.2f}"
    return found


def _processor() -> str:
    information = Path("/proc/cpuinfo")
    lines = information.read_text().splitlines() if information.exists() else []
    names = (line.partition(":")[2].strip() for line in lines if line.startswith("model name"))
    return next(names, platform.machine())


def _file_system(directory: Path) -> str:
    mounts = Path("/proc/mounts")
    if not mounts.exists():
        return "not known"
    best, kind = "", "not known"
    for line in mounts.read_text().splitlines():
        _, place, found, *_ = line.split()
        if directory.resolve().is_relative_to(place) and len(place) >= len(best):
            best, kind = place, found
    return f"{kind} (in memory: NOTHING here says anything about a disk)" if kind in _VOLATILE else kind

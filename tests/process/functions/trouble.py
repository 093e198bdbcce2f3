"""Functions that do to their process whatever a function can do. They say which process that is, in a file."""

from __future__ import annotations

import ctypes
import os
import re
import resource
import time
from pathlib import Path
from typing import Any

from task_functions import Context, task_function
from task_functions.call_log import logged


def begun(data: dict[str, Any], ctx: Context) -> None:
    Path(data["into"], f"{ctx.task_id}-{os.getpid()}").touch()


@task_function("spin")
@logged
def spin(data: dict[str, Any], ctx: Context) -> None:
    """Computes for ever, and asks nobody."""
    print("spinning")
    begun(data, ctx)
    while True:
        pass


@task_function("hold")
@logged
def hold(data: dict[str, Any], ctx: Context) -> None:
    """Never lets go of the interpreter's lock."""
    begun(data, ctx)
    re.match(r"(a+)+$", "a" * 64 + "b")


@task_function("leave")
@logged
def leave(data: dict[str, Any], ctx: Context) -> None:
    begun(data, ctx)
    os._exit(3)


@task_function("crash")
@logged
def crash(data: dict[str, Any], ctx: Context) -> None:
    begun(data, ctx)
    ctypes.string_at(0)


@task_function("devour")
@logged
def devour(data: dict[str, Any], ctx: Context) -> None:
    """Wants all memory there is, of which its process may have a little more than it has."""
    begun(data, ctx)
    pages = int(Path("/proc/self/statm").read_text().split()[0])
    before = resource.getrlimit(resource.RLIMIT_AS)
    resource.setrlimit(resource.RLIMIT_AS, (pages * resource.getpagesize() + (256 << 20), before[1]))
    eaten: list[bytes] = []
    try:
        while True:
            eaten.append(bytes(16 << 20))
    finally:
        eaten.clear()
        resource.setrlimit(resource.RLIMIT_AS, before)


@task_function("dream")
@logged
def dream(data: dict[str, Any], ctx: Context) -> str:
    """Waits for a file, and for nothing else."""
    begun(data, ctx)
    while not Path(data["into"], "awake").exists():
        time.sleep(0.01)
    return "awake"

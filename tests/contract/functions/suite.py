"""What the executor suite runs, in whatever process: told and heard through files in the directory that EXECUTOR_BENCH names."""

from __future__ import annotations

import ctypes
import logging
import os
import re
import sys
import threading
import time
import types
import warnings
from collections.abc import Iterator
from pathlib import Path
from typing import Any
from unittest import mock

from task_functions import Context, task_function

WAIT_S = 60.0
PAUSE = threading.Event()


def place() -> Path:
    return Path(os.environ["EXECUTOR_BENCH"])


def mark(name: str, text: str = "") -> None:
    """There at once and whole, for whoever waits for it."""
    draft = place() / f".{name}-{threading.get_ident()}"
    draft.write_text(text)
    draft.rename(place() / name)


def wait_for(name: str) -> None:
    deadline = time.monotonic() + WAIT_S
    while not (place() / name).exists() and time.monotonic() < deadline:
        PAUSE.wait(0.005)


@task_function
def wait(data: Any) -> Any:
    """Says that it has begun and waits to be released."""
    mark(f"begun-{data}")
    wait_for("release")
    return data


@task_function
def watch(data: Any, ctx: Context) -> Any:
    """Waits until it is told that nobody wants it, and writes down whether it was."""
    mark(f"begun-{data}")
    deadline = time.monotonic() + WAIT_S
    while not ctx.cancelled and time.monotonic() < deadline:
        PAUSE.wait(0.005)
    mark("seen", str(ctx.cancelled))
    return data


@task_function
def double(data: Any) -> Any:
    return data["n"] * 2


@task_function
def same(data: Any) -> Any:
    return data


class Unspeakable(Exception):
    def __str__(self) -> str:
        raise SystemExit("no text")


ERRORS: dict[str, BaseException] = {
    type(error).__name__: error
    for error in (
        SystemExit(0),
        KeyboardInterrupt(),
        GeneratorExit(),
        RecursionError("deep"),
        MemoryError(),
        Unspeakable(),
        ExceptionGroup("several", [ValueError("one"), TypeError("two")]),
        BaseExceptionGroup("worse", [KeyboardInterrupt()]),
        StopIteration(),
        UnicodeDecodeError("utf-8", b"\xff", 0, 1, "bad"),
        OSError("name \udcff of a file"),
    )
}


@task_function
def fail_as(data: Any) -> Any:
    raise ERRORS[data]


@task_function
def recurse(data: Any) -> Any:
    return recurse(data)


class Spiteful(list[Any]):
    def __iter__(self) -> Iterator[Any]:
        raise KeyboardInterrupt


RESULTS: dict[str, Any] = {
    "NaN": {"a": [1, float("nan")]},
    "bytes": {"a": {"b": b"bytes"}},
    "key": {"a": {1: "number"}},
    "surrogate": {"a": "\ud800"},
    "object": object(),
    "spite": Spiteful([1]),
}


@task_function
def odd_result(data: Any) -> Any:
    return RESULTS[data]


@task_function
def huge(data: Any) -> Any:
    return "x" * data


@task_function
def beats(data: Any, ctx: Context) -> None:
    """Heartbeats at these moments, as the context's clock has it."""
    now = [0.0]
    with mock.patch("workflows.runtime.context.time", types.SimpleNamespace(monotonic=lambda: now[0])):
        for moment in data:
            now[0] = moment
            ctx.heartbeat()


@task_function
def look(data: Any, ctx: Context) -> Any:
    members = [name for name in vars(Context) if not name.startswith("_")]
    plain = {name: value for name in members if isinstance(value := getattr(ctx, name), str | int | dict)}
    return {"members": members, "plain": plain, "results": dict(ctx.results), "left": ctx.get_remaining_time_in_millis()}


@task_function
def spoil(data: Any, ctx: Context) -> Any:
    data["list"].append(1)
    ctx.results["up"].append(1)
    return [data["list"], ctx.results["up"]]


def inner(data: Any) -> Any:
    raise ValueError("inside")


@task_function
def outer(data: Any) -> Any:
    return inner(data)


# ---------------------------------------------------------------------------------------------------------------- what they print


@task_function
def talk(data: Any, ctx: Context) -> None:
    """In every way there is."""
    print("printed")
    print("to the other stream", file=sys.stderr)
    sys.stdout.buffer.write("bytes é\n".encode())
    ctx.logger.info("logged %d", ctx.attempt)
    logging.getLogger("some.library").warning("a library's")
    warnings.warn("a warning", stacklevel=1)


@task_function
def drone(data: Any) -> None:
    """So many lines of a hundred characters."""
    for number in range(data):
        print(f"{number:099d}")


@task_function
def say_and_wait(data: Any) -> None:
    print(data)
    mark(f"begun-{data}")
    wait_for("release")


@task_function
def threads(data: Any) -> None:
    """Two attempts at once, and a thread of each: nobody's text is anybody else's."""
    for number in range(50):
        print(f"{data} {number}")
    child = threading.Thread(target=lambda: print(f"{data} child"))
    child.start()
    child.join()


# -------------------------------------------------------------------------------------------------------------- what brings down


@task_function
def leave(data: Any) -> None:
    """Ends its process, as soon as there is a file of that name."""
    print("leaving")
    mark("leaving")
    wait_for("leave")
    os._exit(data)


@task_function
def crash(data: Any) -> None:
    ctypes.string_at(0)


@task_function
def close_everything(data: Any) -> None:
    """As careless code that makes itself a daemon does."""
    os.closerange(3, max(int(descriptor) for descriptor in os.listdir("/proc/self/fd")) + 1)
    wait_for("release")


@task_function
def spin(data: Any) -> None:
    """Never ends, and asks nobody."""
    mark(f"begun-{data}")
    while True:
        pass


@task_function
def hold(data: Any) -> None:
    """Never ends, and never lets go of the interpreter's lock."""
    mark(f"begun-{data}")
    re.match(r"(a+)+$", "a" * 64 + "b")


@task_function
def hold_for(data: Any) -> Any:
    """Holds the interpreter's lock for so many seconds."""
    ctypes.PyDLL(None).usleep(int(data * 1_000_000))
    return data


@task_function
def spawn(data: Any) -> None:
    """Starts a program that outlives it, and waits."""
    import subprocess

    child = subprocess.Popen(["sleep", "300"])
    mark("spawned", str(child.pid))
    wait_for("release")


@task_function
def pid(data: Any) -> int:
    return os.getpid()


@task_function
def imported(data: Any) -> list[str]:
    return sorted(name for name in ("flask", "marshmallow", "ZODB", "gunicorn", "requests") if name in sys.modules)

"""What the benchmarks' tasks call."""

from __future__ import annotations

import os
import time
from typing import Any

from task_functions import task_function

MARKS = "BENCHMARK_MARKS"
"""Names the file in which `hold` writes when it began, one line of seconds since the epoch per attempt."""


@task_function("noop")
def noop(_data: Any) -> dict[str, bool]:
    return {"ok": True}


@task_function("hold")
def hold(_data: Any) -> None:
    with open(os.environ[MARKS], "a") as marks:
        marks.write(f"{time.time()}\n")
    time.sleep(3_600)


@task_function("spin")
def spin(_data: Any) -> None:
    """Computes for ever, and asks nobody."""
    while True:
        pass

"""Where the engine's own thread spends its time: cProfile around its turns. Workers run unprofiled on their threads."""

from __future__ import annotations

import cProfile
import tempfile
from pathlib import Path
from types import CodeType

from benchmarks.inprocess import Bench
from benchmarks.report import table
from benchmarks.server import ROOT
from workflows.settings import Settings

OUTSTANDING = 64


def profile(executions: int, store: str | None, top: int) -> str:
    """The `top` functions by own time, as a table. `store`: None for a fresh strict file in a temporary directory. The profiler itself
    about doubles the time of small Python functions, and adds nothing to what is written in C."""
    with tempfile.TemporaryDirectory() as directory:
        bench = Bench(store or str(Path(directory) / "profile.fs"), Settings())
        profiler = cProfile.Profile()
        try:
            run = bench.run(executions, OUTSTANDING, lambda turn: profiler.runcall(turn))
        finally:
            bench.close()
    head = f"{executions:,} executions in {run.seconds:.2f} s under the profiler, {run.commits:,} commits"
    return f"{head}\n\n{_table(profiler, executions, top)}"


def _table(profiler: cProfile.Profile, executions: int, top: int) -> str:
    entries = sorted(profiler.getstats(), key=lambda entry: entry.inlinetime, reverse=True)
    whole = sum(entry.inlinetime for entry in entries)
    lines = [
        (
            _name(entry.code),
            f"{entry.inlinetime / whole:.1%}",
            f"{entry.inlinetime / executions * 1e6:.1f}",
            f"{entry.totaltime / executions * 1e6:.1f}",
            f"{entry.callcount / executions:.1f}",
        )
        for entry in entries[:top]
    ]
    return table(("function", "own time", "own us", "with callees us", "calls"), lines) + "\n(times and calls per execution)"


def _name(code: CodeType | str) -> str:
    """`<built-in …>` as it is; a function as file:line name, the file within the repository or within its library."""
    if isinstance(code, str):
        return code
    path = Path(code.co_filename)
    short = path.relative_to(ROOT) if path.is_relative_to(ROOT) else Path(*path.parts[-2:])
    return f"{short}:{code.co_firstlineno} {code.co_name}"

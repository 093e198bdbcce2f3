"""Where the engine's own thread spends its time: cProfile around its turns. Workers run unprofiled on their threads."""

from __future__ import annotations

import cProfile
import pstats
import tempfile
from pathlib import Path

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
    stats = pstats.Stats(profiler).get_stats_profile()
    functions = [(name, one) for name, one in stats.func_profiles.items()]
    functions.sort(key=lambda pair: pair[1].tottime, reverse=True)
    return table((), [])

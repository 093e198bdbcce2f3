"""What only the executor of the server's own threads promises: threads cannot be killed, so they are abandoned and replaced."""

from __future__ import annotations

import threading
from collections.abc import Iterator
from pathlib import Path

import pytest

from task_functions.registry import REGISTRY
from tests.contract.bench import FUNCTIONS, Bench, make_inline
from workflows.runtime.executor import Done, Identity


@pytest.fixture
def bench(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Iterator[Bench]:
    monkeypatch.setenv("EXECUTOR_BENCH", str(tmp_path))
    before = REGISTRY.snapshot()
    made = Bench(make_inline([FUNCTIONS], 2), tmp_path)
    made.start(2)
    yield made
    made.say("release")
    made.executor.close()
    REGISTRY.restore(before)


def test_abandoned_workers_are_replaced_as_often_as_there_are_workers(bench: Bench) -> None:
    """Two workers: two abandoned are replaced, the third and fourth are not, and capacity comes back as they return."""
    for round_ in range(2):
        for number in (1, 2):
            bench.submit(10 * round_ + number, "wait", f'"{round_}-{number}"')
            bench.seen(f"begun-{round_}-{number}")
        for number in (1, 2):
            bench.executor.cancel(Identity(10 * round_ + number, "/t", 1))
        assert bench.executor.capacity == (2, 0)[round_]
        assert bool(bench.executor.troubles()) is bool(round_)
        if round_ == 0:
            bench.submit(5, "double", '{"n": 1}')
            assert bench.outcome() == Done("2")
    assert "2 of 2 workers" in bench.executor.troubles()[0]
    bench.say("release")
    assert len({bench.report()[0] for _ in range(4)}) == 4
    assert bench.executor.capacity == 2
    assert bench.executor.troubles() == []
    assert bench.quiet()


def test_a_system_without_threads_to_spare_costs_workers_only(bench: Bench, monkeypatch: pytest.MonkeyPatch) -> None:
    for number in (1, 2):
        bench.submit(number, "wait", f'"{number}"')
        bench.seen(f"begun-{number}")

    def refuse(_: threading.Thread) -> None:
        raise RuntimeError("can't start new thread")

    with monkeypatch.context() as patch:
        patch.setattr(threading.Thread, "start", refuse)
        bench.executor.cancel(Identity(1, "/t", 1))
    assert bench.executor.capacity == 1
    assert bench.executor.troubles()
    bench.say("release")
    assert {bench.report()[0].number for _ in range(2)} == {1, 2}
    assert bench.executor.capacity == 2


def test_close_tells_who_runs(bench: Bench) -> None:
    bench.submit(1, "watch", '"a"')
    bench.seen("begun-a")
    bench.executor.close()
    assert bench.seen("seen") == "True"
    assert bench.report() == (Identity(1, "/t", 1), Done('"a"'))

"""What only worker processes promise: whatever happens in one stays there, they end when they are to, and are replaced."""

from __future__ import annotations

import logging
import os
import signal
import threading
from collections.abc import Callable, Iterator
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path

import pytest

from tests.contract.bench import FUNCTIONS, Bench, until
from workflows.runtime.executor import Done, Erred, Identity, Logged, Lost
from workflows.runtime.workers import pool
from workflows.runtime.workers.child import SPEECH_BYTES, Child
from workflows.runtime.workers.pool import WorkerPool

Make = Callable[..., Bench]


@pytest.fixture
def make(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Iterator[Make]:
    """A started pool; by default shared, with one worker of four threads."""
    monkeypatch.setenv("EXECUTOR_BENCH", str(tmp_path))
    made: list[Bench] = []

    def build(*sources: str, capacity: int = 4, workers: int = 1, threads: int = 4, **options: int | bool) -> Bench:
        places = [FUNCTIONS, str(tmp_path), *sources]
        bench = Bench(WorkerPool("test", places, workers=workers, threads=threads, **options), tmp_path)  # type: ignore[arg-type]
        made.append(bench)
        bench.start(capacity)
        return bench

    yield build
    for bench in made:
        bench.say("release")
        bench.executor.close()
        until(lambda bench=bench: not processes(bench), "a worker has outlived its pool")  # type: ignore[misc]


@pytest.fixture
def isolated(make: Make) -> Bench:
    return make(capacity=2, workers=2, threads=1, alone=True)


def processes(bench: Bench) -> int:
    return bench.executor.gauges()["processes"]


def pid_of(bench: Bench) -> int:
    bench.submit(10_000, "pid")
    outcome = bench.outcome()
    assert isinstance(outcome, Done)
    return int(outcome.output)


def alive(pid: int) -> bool:
    """A zombie is not."""
    try:
        return Path(f"/proc/{pid}/stat").read_text().rpartition(")")[2].split()[0] != "Z"
    except OSError:
        return False


# ------------------------------------------------------------------------------------------------------------------ life


def test_nothing_is_started_before_somebody_waits(make: Make) -> None:
    bench = make(capacity=0)
    assert (processes(bench), bench.executor.capacity) == (0, 0)
    bench.grow(4)
    assert (processes(bench), bench.executor.capacity) == (1, 4)
    assert bench.executor.gauges()["workers"] == 4


def test_attempts_at_once_are_spread_over_workers_and_growth_ends(make: Make) -> None:
    bench = make(workers=3)
    for number in range(12):
        bench.submit(number, "wait", f'"{number}"')
        bench.grow(number + 2 if number < 11 else 12)
    until(lambda: processes(bench) == 3, "there are not three")
    for number in range(12):
        bench.seen(f"begun-{number}")
    bench.executor.prepare()
    bench.say("release")
    assert len({bench.report()[0] for _ in range(12)}) == 12
    assert (processes(bench), bench.executor.capacity) == (3, 12)


def test_a_worker_imports_little(make: Make) -> None:
    bench = make()
    bench.submit(1, "imported")
    assert bench.outcome() == Done("[]")


def test_a_worker_is_replaced_after_so_many_attempts(make: Make) -> None:
    bench = make(recycle_after=3)
    seen = []
    for _ in range(9):
        bench.grow(1)
        seen.append(pid_of(bench))
    assert seen == [seen[0]] * 3 + [seen[3]] * 3 + [seen[6]] * 3
    assert len(set(seen)) == 3
    until(lambda: not alive(seen[0]) and not alive(seen[3]), "a worker that was replaced has not ended")
    assert bench.executor.troubles() == []


def test_a_worker_that_is_replaced_ends_its_attempts_first(make: Make) -> None:
    bench = make(recycle_after=1)
    bench.submit(1, "wait", '"a"')
    bench.seen("begun-a")
    bench.grow(2)
    assert processes(bench) == 2
    bench.say("release")
    assert bench.report() == (Identity(1, "/t", 1), Done('"a"'))
    until(lambda: processes(bench) == 1, "the first has not ended")


def test_signals_for_the_server_do_not_end_a_worker(make: Make) -> None:
    bench = make()
    pid = pid_of(bench)
    for number in (signal.SIGINT, signal.SIGTERM, signal.SIGHUP):
        os.kill(pid, number)
    assert pid_of(bench) == pid
    assert os.getpgid(pid) == pid != os.getpgid(0), "a Ctrl-C in the terminal does not reach it"


# ------------------------------------------------------------------------------------------------------------ what brings down


@pytest.mark.parametrize(
    ("function", "how"),
    [
        ("crash", ("its worker was killed by signal 11 (SIGSEGV)",)),
        # What it closes may belong to a library, which then crashes before the worker notices that the server is gone.
        ("close_everything", ("its worker ended with exit code 0", "its worker was killed by signal 11 (SIGSEGV)")),
    ],
)
def test_an_attempt_that_brings_its_worker_down_is_lost(make: Make, function: str, how: tuple[str, ...]) -> None:
    bench = make()
    identity = bench.submit(1, function)
    (lost,) = bench.until_end(identity)
    assert lost in [Lost(clean=False, alone=True, why=one) for one in how]
    assert bench.executor.capacity == 0
    assert bench.quiet(), "and there is another worker"


def test_neighbours_are_lost_with_it_and_all_of_them_to_go_alone(make: Make) -> None:
    bench = make()
    for number in (1, 2):
        bench.submit(number, "say_and_wait", f'"{number}"')
        bench.seen(f"begun-{number}")
    bench.submit(3, "leave", "7")
    bench.seen("leaving")
    texts: dict[int, str] = {}
    while texts != {1: "1\n", 2: "2\n", 3: "leaving\n"}:
        identity, outcome = bench.report()
        assert isinstance(outcome, Logged)
        texts[identity.number] = outcome.text
    bench.say("leave")
    lost = Lost(clean=False, alone=True, why="its worker ended with exit code 7")
    ends = dict(bench.report() for _ in range(3))
    assert ends == {Identity(number, "/t", 1): lost for number in (1, 2, 3)}


def test_a_killed_worker_costs_its_own_attempt_only(isolated: Bench) -> None:
    for number in (1, 2):
        isolated.submit(number, "say_and_wait", f'"{number}"')
        isolated.seen(f"begun-{number}")
    victim = next(child for child in isolated.executor._children if child.attempts)  # type: ignore[attr-defined]
    lost = next(iter(victim.attempts.values())).run.identity
    os.kill(victim.pid, signal.SIGKILL)
    assert isolated.until_end(lost)[-1] == Lost(clean=False, alone=True, why="its worker was killed by signal 9 (SIGKILL)")
    isolated.say("release")
    assert isolated.until_end(Identity(3 - lost.number, "/t", 1))[-1] == Done("null")


def test_workers_that_keep_dying_are_told_of(make: Make) -> None:
    bench = make()
    for number in range(3):
        bench.grow(1)
        assert isinstance(bench.until_end(bench.submit(number, "crash"))[-1], Lost)
    assert bench.executor.troubles() == ["at least 3 test workers died within a minute: the last one was killed by signal 11 (SIGSEGV)"]


def test_workers_that_do_not_start_are_told_of_and_tried_again(make: Make, tmp_path: Path) -> None:
    bench = make(capacity=0)
    (tmp_path / "deadly.py").write_text("import os\nos._exit(9)\n")
    bench.executor.prepare()
    until(lambda: bool(bench.executor.troubles()), "nobody tells")
    assert bench.executor.troubles() == ["test workers do not start: the last one ended with exit code 9"]
    identity = bench.submit(1, "pid")
    bench.executor.cancel(identity)
    assert bench.report() == (identity, Lost())
    (tmp_path / "deadly.py").unlink()
    bench.grow(1)
    assert bench.executor.troubles() == []


def test_a_defect_of_the_pool_is_told_and_loses_no_report(make: Make, monkeypatch: pytest.MonkeyPatch) -> None:
    bench = make()
    pid = pid_of(bench)
    bench.submit(1, "wait", '"a"')
    bench.seen("begun-a")

    def broken(*_: object) -> None:
        raise RuntimeError("made up: a defect")

    monkeypatch.setattr(WorkerPool, "_assign", broken)
    bench.submit(2, "wait", '"b"')
    assert dict(bench.report() for _ in range(2)) == {Identity(number, "/t", 1): Lost(clean=True) for number in (1, 2)}
    assert "gone after a defect" in bench.executor.troubles()[0]
    assert bench.executor.capacity == 0
    until(lambda: not alive(pid), "the worker has outlived its pool")
    bench.executor._children.clear()  # type: ignore[attr-defined]  # nobody is left to bury them


def test_a_file_that_a_worker_cannot_load_is_named_by_its_attempts(make: Make, tmp_path: Path) -> None:
    (tmp_path / "faulty.py").write_text("import nothing_of_that_name\n")
    bench = make()
    bench.submit(1, "in_that_file")
    outcome = bench.outcome()
    assert isinstance(outcome, Erred)
    assert outcome.error.type == "FunctionNotFound"
    assert "nothing_of_that_name" in outcome.error.message
    bench.submit(2, "double", '{"n": 1}')
    assert bench.outcome() == Done("2"), "the other files are there"


def test_what_is_said_outside_of_attempts_is_in_the_servers_log(make: Make, tmp_path: Path, caplog: pytest.LogCaptureFixture) -> None:
    caplog.set_level("INFO")
    (tmp_path / "talkative.py").write_text("import logging, os\nprint('on import')\nlogging.warning('logged')\nos.write(1, b'from C\\n')\n")
    bench = make()
    pid = pid_of(bench)
    bench.submit(1, "crash")
    assert isinstance(bench.outcome(), Lost)

    def said() -> set[tuple[str, str]]:
        return {(record.levelname, record.getMessage()) for record in caplog.records if record.__dict__.get("pid") == pid}

    for line in (("INFO", "on import"), ("WARNING", "logged"), ("INFO", "from C"), ("INFO", "Fatal Python error: Segmentation fault")):
        until(lambda line=line: line in said(), f"not in the log: {line}")  # type: ignore[misc]


def test_nobody_waits_for_a_log_that_is_slow(make: Make, tmp_path: Path) -> None:
    """The engine's thread asks for the capacity and submits; a log is a pipe or a disk, and may be full."""
    loud = "import os\nfrom task_functions import task_function\n@task_function\ndef loud(data):\n    os.write(1, b'from C\\n')\n"
    (tmp_path / "loud.py").write_text(loud)
    met, released = threading.Event(), threading.Event()

    class Full(logging.Handler):
        def emit(self, _record: logging.LogRecord) -> None:
            met.set()
            released.wait()

    logger, full = logging.getLogger("workflows.runtime.workers.worker"), Full()
    logger.addHandler(full)
    logger.setLevel(logging.INFO)
    try:
        bench = make()
        bench.submit(1, "loud")
        assert met.wait(60)
        with ThreadPoolExecutor(1) as other:
            try:
                assert other.submit(lambda: bench.executor.capacity).result(60) == 4
            finally:
                released.set()
        assert bench.outcome() == Done("null")
    finally:
        released.set()
        logger.removeHandler(full)
        logger.setLevel(logging.NOTSET)


def test_of_a_flood_a_little_is_heard_at_a_time(make: Make, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """So that attempts are looked after in between."""
    (tmp_path / "flood.py").write_text("import os\nos.write(1, b'y\\n' * 20_000)\n")
    heard: list[int] = []
    overhear = Child.overhear

    def counting(child: Child, *, all: bool = False) -> bool:
        before = len(child._said)
        more = overhear(child, all=all)
        heard.append(len(child._said) - before)
        return more

    monkeypatch.setattr(Child, "overhear", counting)
    make()
    until(lambda: sum(heard) >= 20_000, "not all is heard")
    assert max(heard) <= SPEECH_BYTES


# ----------------------------------------------------------------------------------------------------------------- stopping


@pytest.mark.parametrize("function", ["spin", "hold"])
def test_an_isolated_attempt_is_killed_whatever_it_does(isolated: Bench, function: str) -> None:
    identity = isolated.submit(1, function, '"a"')
    isolated.seen("begun-a")
    isolated.executor.cancel(identity)
    assert isinstance(isolated.until_end(identity)[-1], Lost)
    isolated.grow(2)
    assert isolated.executor.troubles() == []


def test_what_an_isolated_attempt_has_started_is_killed_with_it(isolated: Bench) -> None:
    identity = isolated.submit(1, "spawn")
    child = int(isolated.seen("spawned"))
    assert alive(child)
    isolated.executor.cancel(identity)
    assert isinstance(isolated.until_end(identity)[-1], Lost)
    until(lambda: not alive(child), "the program that it has started still runs")


def test_a_shared_worker_waits_for_its_other_attempts_before_it_is_killed(make: Make, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(pool, "GRACE_S", 20.0)
    bench = make()
    bench.submit(1, "wait", '"a"')
    stuck = bench.submit(2, "spin", '"b"')
    bench.seen("begun-a")
    bench.seen("begun-b")
    bench.executor.cancel(stuck)
    assert bench.executor.capacity == 3, "it may still notice"
    monkeypatch.setattr(pool, "GRACE_S", 0.2)
    until(lambda: bool(bench.executor.troubles()), "nobody tells that the worker is held up")
    bench.grow(4)  # another has taken its place
    assert bench.executor.capacity == 5, "and what still runs does not count against it"
    bench.say("release")
    assert bench.until_end(Identity(1, "/t", 1)) == [Done('"a"')]
    assert isinstance(bench.until_end(stuck)[-1], Lost)
    assert bench.executor.capacity == 4
    assert bench.executor.troubles() == []


def test_a_held_lock_costs_the_worker_and_is_not_held_against_neighbours(make: Make, monkeypatch: pytest.MonkeyPatch) -> None:
    for name, seconds in (("GRACE_S", 0.1), ("PING_S", 0.05)):
        monkeypatch.setattr(pool, name, seconds)
    bench = make()
    bench.submit(1, "wait", '"a"')
    bench.seen("begun-a")
    holding = bench.submit(2, "hold", '"b"')
    bench.seen("begun-b")
    monkeypatch.setattr(pool, "SILENT_S", 0.3)  # not before: on a busy machine any worker may be silent for so long
    until(lambda: bench.executor.capacity == 2, "the silent worker is offered still")  # its two attempts, and nothing free
    bench.grow(6)  # a worker that answers
    bench.submit(3, "double", '{"n": 1}')
    assert bench.outcome() == Done("2")
    bench.executor.cancel(holding)
    ends = dict(bench.report() for _ in range(2))
    why = "its worker was killed for an attempt that did not end when told"
    assert ends[Identity(1, "/t", 1)] == Lost(clean=True, alone=True, why=why)
    assert isinstance(ends[holding], Lost)


def test_who_shares_with_one_that_holds_the_lock_goes_on_elsewhere(make: Make, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(pool, "PING_S", 0.05)
    bench = make()
    bench.submit(1, "hold", '"a"')
    bench.seen("begun-a")
    bench.submit(2, "double", '{"n": 1}')
    until(lambda: len(bench.executor._children[0].attempts) == 2, "they do not share")  # type: ignore[attr-defined]
    for name, seconds in (("SILENT_S", 0.2), ("HELD_S", 0.5)):
        monkeypatch.setattr(pool, name, seconds)
    why = "its worker was killed, as one of its attempts held the interpreter's lock for too long"
    lost = Lost(clean=True, alone=True, why=why)
    assert dict(bench.report() for _ in range(2)) == {Identity(1, "/t", 1): lost, Identity(2, "/t", 1): lost}


def test_alone_an_attempt_may_hold_the_lock(make: Make, monkeypatch: pytest.MonkeyPatch) -> None:
    for name, seconds in (("PING_S", 0.05), ("SILENT_S", 0.1), ("HELD_S", 0.1)):
        monkeypatch.setattr(pool, name, seconds)
    bench = make(capacity=2, workers=2, threads=1, alone=True)
    identity = bench.submit(1, "hold_for", "1.0")
    assert bench.until_end(identity) == [Done("1.0")]


def test_no_more_workers_are_held_up_than_there_are_places(make: Make, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(pool, "GRACE_S", 0.05)
    bench = make()
    for number in (1, 2):
        bench.grow(4)
        bench.submit(number, "wait", f'"wait-{number}"')
        bench.submit(10 + number, "spin", f'"spin-{number}"')
        bench.seen(f"begun-wait-{number}")
        bench.seen(f"begun-spin-{number}")
        bench.executor.cancel(Identity(10 + number, "/t", 1))
    ends = dict(bench.report() for _ in range(2))
    assert ends.keys() == {Identity(1, "/t", 1), Identity(11, "/t", 1)}, "the worker that has waited longer is killed"
    assert ends[Identity(1, "/t", 1)] == Lost(clean=True, alone=True, why="its worker was killed for an attempt that did not end when told")


def test_close_kills_what_runs_at_once(make: Make) -> None:
    bench = make()
    pid = pid_of(bench)
    bench.submit(1, "hold", '"a"')
    bench.seen("begun-a")
    bench.executor.close()
    assert bench.report() == (Identity(1, "/t", 1), Lost(clean=True, why="its worker was stopped"))
    assert not alive(pid)
    assert bench.executor.capacity == 0

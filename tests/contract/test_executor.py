"""What every executor promises. One suite; a new executor joins by one line in `KINDS`.

No test sleeps: functions wait for events, and the tests wait for reports.
"""

from __future__ import annotations

import queue
import threading
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import pytest

from task_functions.context import Context
from task_functions.registry import Function, Registry, describe
from workflows.runtime.executor import Beat, Done, Erred, Executor, Identity, Lost, Outcome, Run
from workflows.runtime.inline import InlineExecutor

WAIT_S = 10.0

KINDS: dict[str, Callable[[Callable[[str], Function | None], int], Executor]] = {"inline": InlineExecutor}


class Bench:
    """An executor, its functions, and the reports it makes."""

    def __init__(self, kind: str, workers: int) -> None:
        self.registry = Registry()
        self.executor = KINDS[kind](self.registry.get, workers)
        self.reports: queue.Queue[tuple[Identity, Outcome]] = queue.Queue()
        self.release = threading.Event()
        self.begun: queue.Queue[str] = queue.Queue()
        self.function(self.wait, "wait")

    def function(self, call: Callable[..., Any], name: str = "f") -> None:
        self.registry.add(describe(name, call))

    def wait(self, data: Any) -> Any:
        self.begun.put(str(data))
        self.release.wait(WAIT_S)
        return data

    def start(self) -> None:
        self.executor.start(lambda identity, outcome: self.reports.put((identity, outcome)))

    def submit(self, number: int, function: str = "f", data: str = "{}", **more: Any) -> Identity:
        identity = Identity(number, "/t", 1)
        run = Run(
            identity=identity,
            function=function,
            input=data,
            execution_id=f"exec-0-{number}-x",
            job_id="job",
            task_id="t",
            attempt=more.pop("attempt", 1),
            idempotency_key="key",
            **more,
        )
        self.executor.submit(run)
        return identity

    def report(self) -> tuple[Identity, Outcome]:
        return self.reports.get(timeout=WAIT_S)

    def outcome(self) -> Outcome:
        return self.report()[1]

    def quiet(self) -> bool:
        """Nothing more is reported: an attempt submitted now is the next to report."""
        marker = self.submit(999_999, "nothing of that name")
        return self.report()[0] == marker and self.reports.empty()


@pytest.fixture(params=KINDS)
def kind(request: pytest.FixtureRequest) -> str:
    return str(request.param)


@pytest.fixture
def bench(kind: str) -> Iterator[Bench]:
    made = Bench(kind, 2)
    made.start()
    yield made
    made.release.set()
    made.executor.close()


def test_there_is_one_report_for_each_submit(bench: Bench) -> None:
    bench.function(double)
    identities = {bench.submit(number, data=f'{{"n": {number}}}') for number in range(50)}
    reports = dict(bench.report() for _ in identities)
    assert set(reports) == identities
    assert reports[Identity(7, "/t", 1)] == Done("14")
    assert bench.quiet()


def double(data: Any) -> Any:
    return data["n"] * 2


def test_a_submit_of_an_attempt_in_flight_is_ignored(bench: Bench) -> None:
    bench.submit(1, "wait", '"a"')
    bench.begun.get(timeout=WAIT_S)
    bench.submit(1, "wait", '"b"')
    bench.release.set()
    assert bench.report() == (Identity(1, "/t", 1), Done('"a"'))
    assert bench.quiet()


def test_an_identity_may_be_submitted_again_once_it_has_reported(bench: Bench) -> None:
    bench.function(double)
    for _ in range(3):
        bench.submit(1, data='{"n": 1}')
        assert bench.outcome() == Done("2")


class Unspeakable(Exception):
    def __str__(self) -> str:
        raise SystemExit("no text")


@pytest.mark.parametrize(
    "error",
    [
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
    ],
    ids=lambda error: type(error).__name__,
)
def test_whatever_a_function_raises_ends_its_attempt_and_nothing_else(bench: Bench, error: BaseException) -> None:
    def fail(data: Any) -> Any:
        raise error

    bench.function(fail)
    for number in range(5):
        bench.submit(number)
        outcome = bench.outcome()
        assert isinstance(outcome, Erred)
        assert outcome.error.type == type(error).__name__
        (outcome.error.message + outcome.error.traceback).encode()
    assert bench.executor.capacity == 2
    assert bench.quiet()


def test_real_recursion_ends_the_attempt(bench: Bench) -> None:
    def deeper(data: Any) -> Any:
        return deeper(data)

    bench.function(deeper)
    bench.submit(1)
    outcome = bench.outcome()
    assert isinstance(outcome, Erred)
    assert outcome.error.type == "RecursionError"
    assert len(outcome.error.traceback) < 20_000


class Spiteful(list[Any]):
    def __iter__(self) -> Iterator[Any]:
        raise KeyboardInterrupt


@pytest.mark.parametrize(
    ("result", "kind_of_error", "place"),
    [
        ({"a": [1, float("nan")]}, "InvalidResult", "/a/1"),
        ({"a": {"b": b"bytes"}}, "InvalidResult", "/a/b"),
        ({"a": {1: "number"}}, "InvalidResult", "/a"),
        ({"a": "\ud800"}, "InvalidResult", "/a"),
        (object(), "InvalidResult", "object"),
        (Spiteful([1]), "KeyboardInterrupt", ""),
    ],
    ids=["NaN", "bytes", "key", "surrogate", "object", "spite"],
)
def test_a_result_that_is_no_json_fails_and_says_where(bench: Bench, result: Any, kind_of_error: str, place: str) -> None:
    bench.function(returning(result))
    bench.submit(1)
    outcome = bench.outcome()
    assert isinstance(outcome, Erred)
    assert outcome.error.type == kind_of_error
    assert place in outcome.error.message
    assert bench.quiet()


def returning(result: Any) -> Callable[[Any], Any]:
    def f(data: Any) -> Any:
        return result

    return f


def test_a_function_that_is_gone_is_an_error_that_names_it(bench: Bench) -> None:
    bench.submit(1, "gone")
    outcome = bench.outcome()
    assert isinstance(outcome, Erred)
    assert (outcome.error.type, "'gone'" in outcome.error.message) == ("FunctionNotFound", True)


def test_a_queued_attempt_that_is_cancelled_never_begins(bench: Bench) -> None:
    for number in (1, 2):
        bench.submit(number, "wait", f'"{number}"')
        bench.begun.get(timeout=WAIT_S)
    queued = bench.submit(3, "wait", '"3"')
    bench.executor.cancel(queued)
    bench.release.set()
    reports = dict(bench.report() for _ in range(3))
    assert reports[queued] == Lost()
    assert bench.begun.empty()
    assert bench.executor.capacity == 2


def test_a_cancelled_attempt_is_told_and_still_reports_once(bench: Bench) -> None:
    seen: queue.Queue[bool] = queue.Queue()

    def watch(data: Any, ctx: Context) -> Any:
        bench.begun.put("")
        bench.release.wait(WAIT_S)
        seen.put(ctx.cancelled)

    bench.function(watch)
    identity = bench.submit(1)
    bench.begun.get(timeout=WAIT_S)
    bench.executor.cancel(identity)
    bench.executor.cancel(identity)
    bench.executor.cancel(Identity(9, "/unknown", 9))
    bench.release.set()
    assert seen.get(timeout=WAIT_S)
    assert bench.report()[0] == identity
    assert bench.quiet()


def test_abandoned_workers_are_replaced_as_often_as_there_are_workers(bench: Bench) -> None:
    """Two workers: two abandoned are replaced, the third and fourth are not, and capacity comes back as they return."""
    bench.function(double)
    for round_ in range(2):
        for number in (1, 2):
            bench.submit(10 * round_ + number, "wait", '"x"')
            bench.begun.get(timeout=WAIT_S)
        for number in (1, 2):
            bench.executor.cancel(Identity(10 * round_ + number, "/t", 1))
        assert bench.executor.capacity == (2, 0)[round_]
        assert bool(bench.executor.troubles()) is bool(round_)
        if round_ == 0:
            bench.submit(5, data='{"n": 1}')
            assert bench.outcome() == Done("2")
    assert "2 of 2 workers" in bench.executor.troubles()[0]
    bench.release.set()
    assert len({bench.report()[0] for _ in range(4)}) == 4
    assert bench.executor.capacity == 2
    assert bench.executor.troubles() == []
    assert bench.quiet()


def test_a_system_without_threads_to_spare_costs_workers_only(kind: str, monkeypatch: pytest.MonkeyPatch) -> None:
    bench = Bench(kind, 1)
    bench.function(bench.wait, "wait2")
    bench.start()
    waiting = bench.submit(1, "wait2")
    bench.begun.get(timeout=WAIT_S)

    def refuse(_: threading.Thread) -> None:
        raise RuntimeError("can't start new thread")

    with monkeypatch.context() as patch:
        patch.setattr(threading.Thread, "start", refuse)
        bench.executor.cancel(waiting)
    assert bench.executor.capacity == 0
    assert bench.executor.troubles()
    bench.release.set()
    assert bench.report()[0] == waiting
    assert bench.executor.capacity == 1
    bench.executor.close()


def test_close_before_start_and_twice(kind: str) -> None:
    bench = Bench(kind, 1)
    bench.executor.close()
    bench.start()
    bench.executor.close()
    assert bench.executor.troubles() == []
    assert bench.executor.capacity == 0


def test_start_twice_makes_no_more_workers(bench: Bench) -> None:
    bench.start()
    assert bench.executor.capacity == 2


def test_close_waits_for_nothing_and_tells_who_runs(bench: Bench) -> None:
    bench.submit(1, "wait", '"1"')
    bench.begun.get(timeout=WAIT_S)
    bench.executor.close()
    bench.release.set()
    assert bench.report() == (Identity(1, "/t", 1), Done('"1"'))


def test_heartbeats_are_coalesced(bench: Bench, monkeypatch: pytest.MonkeyPatch) -> None:
    """Within a quarter of the interval one is enough; without an interval nobody asks for any."""
    now = [0.0]
    monkeypatch.setattr("workflows.runtime.context.time.monotonic", lambda: now[0])

    def beats(data: Any, ctx: Context) -> Any:
        for moment in (0.0, 0.5, 0.9, 1.0, 1.5, 2.5, 2.6):
            now[0] = moment
            ctx.heartbeat()

    bench.function(beats)
    bench.submit(1, heartbeat=4.0)
    assert [type(bench.outcome()) for _ in range(4)] == [Beat, Beat, Beat, Done]
    bench.submit(2)
    assert isinstance(bench.outcome(), Done)
    assert bench.quiet()


def test_the_context_has_what_the_protocol_promises(bench: Bench) -> None:
    members = [name for name in vars(Context) if not name.startswith("_")]
    assert len(members) > 15
    seen: queue.Queue[Any] = queue.Queue()

    def look(data: Any, ctx: Context) -> Any:
        seen.put({name: getattr(ctx, name) for name in members})
        seen.put((dict(ctx.results), ctx.get_remaining_time_in_millis()))

    bench.function(look)
    bench.submit(3, attempt=2, labels={"team": "a"}, results={"up": '{"n": [1]}'}, timeout=60.0)
    values = seen.get(timeout=WAIT_S)
    expected = {
        "execution_id": "exec-0-3-x",
        "job_id": "job",
        "task_id": "t",
        "attempt": 2,
        "idempotency_key": "key",
        "labels": {"team": "a"},
    }
    assert expected.items() <= values.items()
    assert (values["function_name"], values["cancelled"]) == ("f", False)
    results, left = seen.get(timeout=WAIT_S)
    assert results == {"up": {"n": [1]}}
    assert 0 < left <= 60_000
    assert isinstance(bench.outcome(), Done)


def test_attempts_share_neither_input_nor_results(bench: Bench) -> None:
    def spoil(data: Any, ctx: Context) -> Any:
        data["list"].append(1)
        ctx.results["up"].append(1)
        return [data["list"], ctx.results["up"]]

    bench.function(spoil)
    for number in range(3):
        bench.submit(number, data='{"list": []}', results={"up": "[]"})
        assert bench.outcome() == Done("[[1],[]]")


def test_a_traceback_shows_the_functions_frames_and_none_of_ours(bench: Bench) -> None:
    def inner(data: Any) -> Any:
        raise ValueError("inside")

    def outer(data: Any) -> Any:
        return inner(data)

    bench.function(outer)
    bench.submit(1)
    outcome = bench.outcome()
    assert isinstance(outcome, Erred)
    text = outcome.error.traceback
    assert text.index("in outer") < text.index("in inner") < text.index("ValueError: inside")
    assert "inline.py" not in text
    assert "registry.py" not in text


def test_integers_keep_their_digits(bench: Bench) -> None:
    bench.function(same)
    bench.submit(1, data="[123456789012345678901234567890, 1.5]")
    assert bench.outcome() == Done("[123456789012345678901234567890,1.5]")


def same(data: Any) -> Any:
    return data


@pytest.mark.parametrize("body", ["b'{\"n\": 1.00}'", "bytearray(b'{\"n\": 1.00}')", "memoryview(b'{\"n\": 1.00}')"])
def test_bytes_from_a_handler_are_the_text_of_its_result(bench: Bench, tmp_path: Path, body: str) -> None:
    (tmp_path / "raw.py").write_text(f"def handler(event, context):\n    return {body}\n")
    bench.registry.handlers.add(tmp_path)
    bench.submit(1, "raw")
    assert bench.outcome() == Done('{"n": 1.00}')


def test_bytes_from_a_handler_that_are_no_json_fail_and_its_tracebacks_are_its_own(bench: Bench, tmp_path: Path) -> None:
    (tmp_path / "odd.py").write_text("def handler(event, context):\n    return b'no' if event else 1 / 0\n")
    bench.registry.handlers.add(tmp_path)
    bench.submit(1, "odd", data="true")
    outcome = bench.outcome()
    assert isinstance(outcome, Erred)
    assert outcome.error.type == "InvalidResult"
    bench.submit(2, "odd", data="false")
    outcome = bench.outcome()
    assert isinstance(outcome, Erred)
    assert outcome.error.traceback.count("File ") == 1

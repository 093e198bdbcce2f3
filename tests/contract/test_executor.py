"""What every executor promises. One suite; a new executor joins by one line in `bench.KINDS`.

No test sleeps: functions wait for files, and the tests wait for reports. What only one kind promises is in `tests/runtime`.
"""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path

import pytest

from task_functions.context import Context
from task_functions.registry import REGISTRY
from tests.contract.bench import FUNCTIONS, KINDS, WAIT_S, Bench
from workflows.runtime.capture import LOG_BYTES
from workflows.runtime.executor import Beat, Done, Erred, Identity, Logged, Lost
from workflows.runtime.workers import pool


@pytest.fixture(params=KINDS)
def kind(request: pytest.FixtureRequest) -> str:
    return str(request.param)


@pytest.fixture
def idle(kind: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Iterator[Bench]:
    """Not started; it will run two attempts at once."""
    monkeypatch.setenv("EXECUTOR_BENCH", str(tmp_path))
    monkeypatch.setattr(pool, "GRACE_S", WAIT_S)  # on a busy machine the usual one may be over before a function gets to look
    before = REGISTRY.snapshot()
    made = Bench(KINDS[kind]([FUNCTIONS, str(tmp_path)], 2), tmp_path)
    yield made
    made.say("release")
    made.executor.close()
    REGISTRY.restore(before)


@pytest.fixture
def bench(idle: Bench) -> Bench:
    idle.start(2)
    return idle


# ---------------------------------------------------------------------------------------------------------------------- reports


def test_there_is_one_report_for_each_submit(bench: Bench) -> None:
    identities = {bench.submit(number, "double", f'{{"n": {number}}}') for number in range(50)}
    reports = dict(bench.report() for _ in identities)
    assert set(reports) == identities
    assert reports[Identity(7, "/t", 1)] == Done("14")
    assert bench.quiet()


def test_a_submit_of_an_attempt_in_flight_is_ignored(bench: Bench) -> None:
    bench.submit(1, "wait", '"a"')
    bench.seen("begun-a")
    bench.submit(1, "wait", '"b"')
    bench.say("release")
    assert bench.report() == (Identity(1, "/t", 1), Done('"a"'))
    assert bench.quiet()


def test_an_identity_may_be_submitted_again_once_it_has_reported(bench: Bench) -> None:
    for _ in range(3):
        bench.submit(1, "double", '{"n": 1}')
        assert bench.outcome() == Done("2")


@pytest.mark.parametrize(
    "name",
    [
        *("SystemExit", "KeyboardInterrupt", "GeneratorExit", "RecursionError", "MemoryError", "Unspeakable", "ExceptionGroup"),
        *("BaseExceptionGroup", "StopIteration", "UnicodeDecodeError", "OSError"),
    ],
)
def test_whatever_a_function_raises_ends_its_attempt_and_nothing_else(bench: Bench, name: str) -> None:
    for number in range(5):
        bench.submit(number, "fail_as", f'"{name}"')
        outcome = bench.outcome()
        assert isinstance(outcome, Erred)
        assert outcome.error.type == name
        (outcome.error.message + outcome.error.traceback).encode()
    assert bench.executor.capacity == 2
    assert bench.quiet()


def test_real_recursion_ends_the_attempt(bench: Bench) -> None:
    bench.submit(1, "recurse")
    outcome = bench.outcome()
    assert isinstance(outcome, Erred)
    assert outcome.error.type == "RecursionError"
    assert len(outcome.error.traceback) < 20_000


@pytest.mark.parametrize(
    ("result", "kind_of_error", "place"),
    [
        ("NaN", "InvalidResult", "/a/1"),
        ("bytes", "InvalidResult", "/a/b"),
        ("key", "InvalidResult", "/a"),
        ("surrogate", "InvalidResult", "/a"),
        ("object", "InvalidResult", "object"),
        ("spite", "KeyboardInterrupt", ""),
    ],
)
def test_a_result_that_is_no_json_fails_and_says_where(bench: Bench, result: str, kind_of_error: str, place: str) -> None:
    bench.submit(1, "odd_result", f'"{result}"')
    outcome = bench.outcome()
    assert isinstance(outcome, Erred)
    assert outcome.error.type == kind_of_error
    assert place in outcome.error.message
    assert bench.quiet()


def test_a_result_that_nobody_would_take_is_refused_where_it_is(bench: Bench) -> None:
    bench.submit(1, "huge", str(16 * 1024 * 1024))
    outcome = bench.outcome()
    assert isinstance(outcome, Erred)
    assert outcome.error.type == "States.DataLimitExceeded"
    bench.submit(2, "huge", str(16 * 1024 * 1024 - 2))
    assert isinstance(bench.outcome(), Done)


def test_a_function_that_is_gone_is_an_error_that_names_it(bench: Bench) -> None:
    bench.submit(1, "gone")
    outcome = bench.outcome()
    assert isinstance(outcome, Erred)
    assert (outcome.error.type, "'gone'" in outcome.error.message) == ("FunctionNotFound", True)


def test_integers_keep_their_digits(bench: Bench) -> None:
    bench.submit(1, "same", "[123456789012345678901234567890, 1.5]")
    assert bench.outcome() == Done("[123456789012345678901234567890,1.5]")


def test_a_traceback_shows_the_functions_frames_and_none_of_ours(bench: Bench) -> None:
    bench.submit(1, "outer")
    outcome = bench.outcome()
    assert isinstance(outcome, Erred)
    text = outcome.error.traceback
    assert text.index("in outer") < text.index("in inner") < text.index("ValueError: inside")
    assert "calling.py" not in text
    assert "registry.py" not in text


@pytest.mark.parametrize("body", ["b'{\"n\": 1.00}'", "bytearray(b'{\"n\": 1.00}')", "memoryview(b'{\"n\": 1.00}')"])
def test_bytes_from_a_handler_are_the_text_of_its_result(bench: Bench, body: str) -> None:
    (bench.directory / "raw.py").write_text(f"def handler(event, context):\n    return {body}\n")
    bench.submit(1, "raw")
    assert bench.outcome() == Done('{"n": 1.00}')


def test_bytes_from_a_handler_that_are_no_json_fail_and_its_tracebacks_are_its_own(bench: Bench) -> None:
    (bench.directory / "odd.py").write_text("def handler(event, context):\n    return b'no' if event else 1 / 0\n")
    bench.submit(1, "odd", data="true")
    outcome = bench.outcome()
    assert isinstance(outcome, Erred)
    assert outcome.error.type == "InvalidResult"
    bench.submit(2, "odd", data="false")
    outcome = bench.outcome()
    assert isinstance(outcome, Erred)
    assert outcome.error.traceback.count("File ") == 1


# ---------------------------------------------------------------------------------------------------------------- cancel and close


def test_a_queued_attempt_that_is_cancelled_never_begins(bench: Bench) -> None:
    for number in (1, 2):
        bench.submit(number, "wait", f'"{number}"')
        bench.seen(f"begun-{number}")
    queued = bench.submit(3, "wait", '"3"')
    bench.executor.cancel(queued)
    bench.say("release")
    reports = dict(bench.report() for _ in range(3))
    assert reports[queued] == Lost()
    assert not (bench.directory / "begun-3").exists()
    assert bench.executor.capacity == 2


def test_a_cancelled_attempt_is_told_or_killed_and_still_reports_once(bench: Bench, kind: str) -> None:
    identity = bench.submit(1, "watch", '"a"')
    bench.seen("begun-a")
    bench.executor.cancel(identity)
    bench.executor.cancel(identity)
    bench.executor.cancel(Identity(9, "/unknown", 9))
    if kind == "isolated":
        assert bench.report()[0] == identity
        bench.grow(2)
        assert not (bench.directory / "seen").exists()
    else:
        assert bench.seen("seen") == "True"
        assert bench.report() == (identity, Done('"a"'))
    assert bench.executor.capacity == 2
    assert bench.quiet()


def test_close_before_start_and_twice(idle: Bench) -> None:
    idle.executor.close()
    idle.start()
    idle.executor.close()
    assert idle.executor.troubles() == []
    assert idle.executor.capacity == 0


def test_start_twice_makes_no_more_workers(bench: Bench) -> None:
    before = bench.executor.gauges()
    bench.start()
    bench.executor.prepare()
    assert bench.executor.capacity == 2
    assert bench.executor.gauges() == before


def test_close_waits_for_nothing_and_each_attempt_still_reports(bench: Bench) -> None:
    bench.submit(1, "say_and_wait", '"1"')
    bench.seen("begun-1")
    bench.executor.close()
    bench.say("release")
    reported, outcome = bench.report()
    while isinstance(outcome, Logged):
        reported, outcome = bench.report()
    assert reported == Identity(1, "/t", 1)
    assert outcome in (Done("null"), Lost(clean=True, why="its worker was stopped"))
    assert bench.reports.empty()


# --------------------------------------------------------------------------------------------------------------------- the context


def test_heartbeats_are_coalesced(bench: Bench) -> None:
    """Within a quarter of the interval one is enough; without an interval nobody asks for any."""
    moments = "[0.0, 0.5, 0.9, 1.0, 1.5, 2.5, 2.6]"
    bench.submit(1, "beats", moments, heartbeat=4.0)
    assert [type(bench.outcome()) for _ in range(4)] == [Beat, Beat, Beat, Done]
    bench.submit(2, "beats", moments)
    assert isinstance(bench.outcome(), Done)
    assert bench.quiet()


def test_the_context_has_what_the_protocol_promises(bench: Bench) -> None:
    from json import loads

    bench.submit(3, "look", attempt=2, labels={"team": "a"}, results={"up": '{"n": [1]}'}, timeout=60.0)
    outcome = bench.outcome()
    assert isinstance(outcome, Done), outcome
    seen = loads(outcome.output)
    assert len(seen["members"]) > 15
    assert seen["members"] == [name for name in vars(Context) if not name.startswith("_")]
    expected = {
        "execution_id": "exec-0-3-x",
        "job_id": "job",
        "task_id": "t",
        "attempt": 2,
        "idempotency_key": "key",
        "labels": {"team": "a"},
        "function_name": "look",
        "cancelled": False,
    }
    assert expected.items() <= seen["plain"].items()
    assert seen["results"] == {"up": {"n": [1]}}
    assert 0 < seen["left"] <= 60_000


def test_attempts_share_neither_input_nor_results(bench: Bench) -> None:
    for number in range(3):
        bench.submit(number, "spoil", '{"list": []}', results={"up": "[]"})
        assert bench.outcome() == Done("[[1],[]]")


# -------------------------------------------------------------------------------------------------------------- what they print


def test_what_an_attempt_prints_and_logs_is_reported_before_its_end(bench: Bench, kind: str) -> None:
    *texts, end = bench.until_end(bench.submit(1, "talk", attempt=3))
    assert isinstance(end, Done)
    logged = texts[-1]  # of several, if it talks for longer than a second, each has all that was said before
    assert isinstance(logged, Logged)
    assert (logged.task, logged.attempt, logged.truncated) == ("t", 3, False)
    for line in (
        "printed",
        "to the other stream",
        "bytes é",
        "INFO stepwell.task.talk: logged 3",
        "WARNING some.library: a library's",
    ):
        assert line in logged.text
    assert "UserWarning: a warning" in logged.text or kind == "inline", "in this process pytest keeps the warnings"


def test_of_much_text_the_end_is_kept(bench: Bench) -> None:
    heard = bench.until_end(bench.submit(1, "drone", "1000"))
    logged = [outcome for outcome in heard if isinstance(outcome, Logged)][-1]
    assert logged.truncated
    assert LOG_BYTES - 200 < len(logged.text) <= LOG_BYTES
    assert logged.text.endswith(f"{999:099d}\n")


def test_each_attempt_has_its_own_text(bench: Bench) -> None:
    both = {bench.submit(number, "threads", f'"{number}"') for number in (1, 2)}
    texts: dict[Identity, str] = {}
    while both:
        identity, outcome = bench.report()
        if isinstance(outcome, Logged):
            texts[identity] = outcome.text
        else:
            both.remove(identity)
    for identity, text in texts.items():
        ours = [line for line in text.splitlines() if "child" not in line]
        assert ours == [f"{identity.number} {number}" for number in range(50)]
        assert "child" not in text or f"{identity.number} child" in text
    assert len(texts) == 2


def test_text_is_seen_while_the_attempt_runs_and_when_it_is_stopped(bench: Bench) -> None:
    identity = bench.submit(1, "say_and_wait", '"so far"')
    bench.seen("begun-so far")
    while (heard := bench.report()) == (identity, Logged("t", 1, "so far", False)):
        pass  # the end of the line is written, and may be told, by itself
    assert heard == (identity, Logged("t", 1, "so far\n", False))
    bench.executor.cancel(identity)
    bench.say("release")
    assert all(not isinstance(outcome, Logged) for outcome in bench.until_end(identity)), "nothing was added"

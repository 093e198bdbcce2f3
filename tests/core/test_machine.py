"""Attempts, deadlines, retries, interruptions and endings, in the smallest dialect that shows each."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import replace
from typing import Any

import pytest

from tests.core.test_attacks import TASK, one, started, states
from tests.core.toy import Toy, toy
from tests.core.world import World
from workflows.core import machine as machine_module
from workflows.core.draft import Step
from workflows.core.machine import ERROR_CHARACTERS, INTERRUPTIONS, Machine, read_error
from workflows.core.retry import choose, matches, seconds
from workflows.core.waits import Wait, Work, due, work
from workflows.errors import Invalid, Problem
from workflows.events import Broke, Cancelled, Failed, Fired, Interrupted, Started, Succeeded
from workflows.model import (
    ENDED,
    INLINE_BYTES,
    ROOT,
    At,
    Delay,
    Error,
    Frame,
    Retrier,
    Status,
    child_path,
    exceeds,
    parent_path,
)

# -------------------------------------------------------------------------------------------------------- attempts and deadlines


def test_an_attempt_from_scheduled_to_the_end() -> None:
    world = started(one({"Type": "Task", "TimeoutSeconds": 30}), {"a": 1})
    assert world.status() is Status.QUEUED
    assert world.waits() == {ROOT: Wait(Work.RUN, world.visit(), False)}
    assert world.timers() == {}, "a function's time-out does not count while it queues"
    world.now += 100
    world.take()
    assert world.status() is Status.RUNNING
    assert world.head().started == world.at().started == world.now
    assert world.waits() == {ROOT: Wait(Work.RUN, world.visit(), True)}
    assert world.timers() == {ROOT: world.now + 30}
    world.succeed(output=[1, 2])
    assert world.output() == [1, 2]
    assert world.types() == [
        "ExecutionStarted",
        "TaskStateEntered",
        "TaskScheduled",
        "TaskStarted",
        "TaskSucceeded",
        "TaskStateExited",
        "ExecutionSucceeded",
    ]
    assert [entry.previous for entry in world.history] == [0, 1, 2, 3, 4, 5, 6]
    world.check()


def test_a_time_out_fails_the_attempt() -> None:
    world = started(one({"Type": "Task", "TimeoutSeconds": 30}))
    world.take()
    world.fire()
    assert world.error() == Error("States.Timeout", "the attempt did not end within 30 seconds")
    assert "TaskTimedOut" in world.types()


def test_a_heartbeat_moves_the_deadline_and_not_the_visit() -> None:
    world = started(one({"Type": "Task", "HeartbeatSeconds": 10, "TimeoutSeconds": 100}))
    world.take()
    visit, late = world.visit(), world.timers()[ROOT]
    world.now += 8
    world.heartbeat()
    assert world.visit() == visit
    assert world.timers() == {ROOT: late + 8}
    assert not world.feed(Fired(late, 1, ROOT, visit, late)).changed
    world.fire()
    assert world.error() == Error("States.HeartbeatTimeout", "no heartbeat for 10 seconds")


def test_of_deadlines_due_at_once_the_weightiest_decides() -> None:
    world = started(one({"Type": "Task", "HeartbeatSeconds": 10, "TimeoutSeconds": 10, "Retry": [{}]}), timeout=10)
    world.take()
    ordered = dict(sorted(world.at().deadlines.items(), reverse=True))
    assert list(ordered) == ["timeout", "heartbeat", "execution"]
    world.frames[ROOT] = replace(world.at(), deadlines=ordered)  # as a store that sorts its keys may give them back
    world.fire()
    assert world.types()[-1] == "ExecutionTimedOut"

    world = started(one({"Type": "Task", "HeartbeatSeconds": 10, "TimeoutSeconds": 10}))
    world.take()
    world.fire()
    assert world.error().type == "States.Timeout"


def test_the_execution_time_out_counts_from_admission_and_outlasts_every_wait_of_the_root() -> None:
    machine = states(
        A={"Type": "Task", "Retry": [{"IntervalSeconds": 5}], "Next": "W"},
        W={"Type": "Wait", "Seconds": 10, "Next": "P"},
        P={"Type": "Parallel", "Branches": [one({"Type": "Wait", "Seconds": 3})], "Next": "B"},
        B=TASK,
    )
    world = started(machine, timeout=60)
    world.now += 1_000
    assert world.timers() == {}
    world.take()
    end = world.now + 60
    moves: list[Callable[[], Step]] = [world.fail, world.fire, world.interrupt, world.succeed, world.fire]
    for move in moves:
        assert world.at().deadlines["execution"] == end
        move()
        world.check()
    assert world.at().status is At.OPEN
    world.fire(next(path for path in world.frames if path))
    assert world.at().state == "B"
    assert world.timers() == {ROOT: end}, "the root is READY, and its execution may still time out"
    world.fire()
    assert world.status() is Status.FAILED
    assert world.at().status is At.FAILED
    assert world.error() == Error("States.Timeout", "the execution did not end within 60 seconds")
    assert world.now == end


def test_an_execution_that_begins_with_a_wait_is_running_and_has_its_time_out() -> None:
    world = started(one({"Type": "Wait", "Seconds": 100}), timeout=60)
    assert world.status() is Status.RUNNING
    world.fire()
    assert world.types()[-1] == "ExecutionTimedOut"


def test_a_branch_that_waits_first_gives_the_root_its_deadline() -> None:
    world = started(one({"Type": "Parallel", "Branches": [one({"Type": "Wait", "Seconds": 100})]}), timeout=60)
    assert world.timers()[ROOT] == world.now + 60
    world.fire()
    assert {frame.status for frame in world.frames.values()} == {At.FAILED, At.CANCELLED}
    assert not world.waits()
    assert not world.timers()


def test_the_next_state_starts_with_a_clean_frame() -> None:
    world = started(states(A={"Type": "Task", "Retry": [{}], "Next": "B"}, B=TASK))
    world.fail()
    world.fire()
    world.interrupt()
    world.now += 10
    world.succeed()
    frame = world.at()
    assert (frame.state, frame.attempt, frame.retries, frame.interruptions) == ("B", 1, (), 0)
    assert frame.started is frame.error is frame.output is None
    assert dict(frame.deadlines) == dict(frame.counts) == {}


# ---------------------------------------------------------------------------------------------------------------------- retries


def delays(retry: dict[str, Any], *, seed: int = 1, errors: tuple[str, ...] = ("Boom",) * 9) -> list[float]:
    """Delays before the retries of a task that fails with these errors until its retries are spent."""
    world = World(toy(one({"Type": "Task", "Retry": [retry]})), seed=seed)
    world.start()
    found: list[float] = []
    for error in errors:
        world.fail(error=error)
        if world.status() in ENDED:
            return found
        found.append(world.timers()[ROOT] - world.now)
        world.fire()
    return found


def test_delays_are_exponential_by_default() -> None:
    assert delays({"MaxAttempts": 5}) == [1.0, 2.0, 4.0, 8.0, 16.0]


def test_delays_may_be_constant_and_are_capped() -> None:
    assert delays({"MaxAttempts": 3, "IntervalSeconds": 7.0, "BackoffRate": 1.0}) == [7.0, 7.0, 7.0]
    assert [seconds(Delay(maximum=3.0), n, 0.5) for n in range(4)] == [1.0, 2.0, 3.0, 3.0]
    assert seconds(Delay(5.0, 1.0, maximum=3.0), 0, 0.5) == 3.0
    assert seconds(Delay(), 10_000_000, 0.5) == 86_400.0
    assert seconds(Delay(0.0, 10.0), 100_000, 0.5) == 0.0


def test_jitter_is_a_share_of_the_delay_and_decided_by_the_seed() -> None:
    retry = {"MaxAttempts": 6, "Jitter": True}
    drawn = delays(retry, seed=7)
    assert drawn == delays(retry, seed=7)
    assert drawn != delays(retry, seed=8)
    assert all(0 <= delay < full for delay, full in zip(drawn, (1, 2, 4, 8, 16, 32), strict=True))


def test_each_retrier_counts_for_itself() -> None:
    retry = [{"ErrorEquals": ["A"], "MaxAttempts": 1}, {"ErrorEquals": ["B"], "MaxAttempts": 2, "IntervalSeconds": 10.0}]
    world = started(one({"Type": "Task", "Retry": retry}))
    seen = []
    for error in ("B", "A", "B"):
        world.fail(error=error)
        seen.append((world.at().retries, world.timers()[ROOT] - world.now))
        world.fire()
    assert seen == [((0, 1), 10.0), ((1, 1), 1.0), ((1, 2), 20.0)]
    world.fail(error="A")
    assert world.error() == Error("A", "it broke")


def test_which_errors_a_name_means() -> None:
    table = {
        "States.ALL": {"Boom", "States.Timeout", "States.HeartbeatTimeout", "Interrupted"},
        "States.TaskFailed": {"Boom", "Interrupted"},
        "States.Timeout": {"States.Timeout", "States.HeartbeatTimeout"},
        "States.HeartbeatTimeout": {"States.HeartbeatTimeout"},
        "States.Runtime": {"States.Runtime"},
        "States.DataLimitExceeded": {"States.DataLimitExceeded"},
        "Boom": {"Boom"},
    }
    errors = set.union(*table.values())
    for name, meant in table.items():
        assert {error for error in errors if matches(error, (name,))} == meant
    assert not matches("Boom", ())


def test_choosing_a_retrier() -> None:
    never_type_errors = Retrier(2, excluded=("TypeError",))
    assert choose((), "Boom", ()) is None
    assert choose((never_type_errors,), "Boom", (1,)) == 0
    assert choose((never_type_errors,), "Boom", (2,)) is None
    assert choose((never_type_errors,), "TypeError", ()) is None
    assert choose((never_type_errors, Retrier(1)), "TypeError", ()) == 1
    assert choose((Retrier(0, errors=("Boom",)), Retrier(5)), "Boom", ()) is None, "the first that matches decides"
    assert choose((Retrier(5, errors=("States.Runtime",)),), "States.Runtime", ()) is None


def test_the_idempotency_key_is_the_entry_into_the_task() -> None:
    world = started(states(A={"Type": "Task", "Retry": [{"MaxAttempts": 5}], "Next": "A"}))
    entry, visits = world.at().entry, {world.visit()}
    for _ in range(2):
        world.fail()
        visits.add(world.visit())
        world.fire()
        visits.add(world.visit())
        world.interrupt()
        world.take()
        assert world.at().entry == entry
    assert len(visits) == 5, "each attempt is a wait of its own, and each pause between two"
    world.succeed()
    assert world.at().entry != entry


def test_no_error_is_left_over_after_a_retry_that_succeeds() -> None:
    world = started(one({"Type": "Task", "Retry": [{}]}))
    world.fail()
    assert read_error(world.text(world.at().error)).type == "Boom"
    world.fire()
    assert world.at().error is None
    world.succeed()
    assert (world.at().error, world.head().error) == (None, None)


def test_a_scope_is_retried_and_then_caught() -> None:
    catch = [{"ErrorEquals": ["Other"], "Next": "Y"}, {"ErrorEquals": ["States.ALL"], "Next": "Z"}]
    parallel = {"Type": "Parallel", "Branches": [one(TASK)], "Retry": [{"MaxAttempts": 1}], "Catch": catch}
    world = started(states(P=parallel, Y=TASK, Z={"Type": "Succeed"}))
    for _ in range(2):
        (path,) = world.waits()
        world.fail(path)
        world.check()
        if world.status() not in ENDED:
            world.fire()
    assert world.output() == {"error": "Boom"}


# ---------------------------------------------------------------------------------------------------------------- interruptions


def test_an_interrupted_attempt_is_issued_again_under_its_identity() -> None:
    world = started(one({"Type": "Task", "TimeoutSeconds": 10}))
    wait = world.waits()[ROOT]
    world.take()
    world.interrupt()
    assert world.waits() == {ROOT: wait}
    assert world.timers() == {}, "its time-out counts anew when it is taken again"
    assert world.at().attempt == 1
    assert not world.feed(Succeeded(world.now, 1, ROOT, wait.visit, "1")).changed, "the lost worker no longer has it"


def test_the_fourth_unclean_interruption_fails_the_attempt_subject_to_its_retries() -> None:
    world = started(one({"Type": "Task", "Retry": [{"ErrorEquals": ["Interrupted"], "MaxAttempts": 1}]}))
    for _ in range(INTERRUPTIONS - 1):
        world.interrupt()
        assert world.at().status is At.READY
    world.interrupt()
    assert world.at().status is At.RETRYING
    world.fire()
    for _ in range(INTERRUPTIONS):
        world.interrupt()
    assert world.error() == Error("Interrupted", "the attempt was interrupted 4 times; at last the server died")


def test_clean_interruptions_never_count() -> None:
    world = started(one(TASK))
    for _ in range(3 * INTERRUPTIONS):
        world.interrupt(clean=True)
    assert world.at().interruptions == 0
    assert world.at().status is At.READY


@pytest.mark.parametrize("clean", [True, False])
def test_an_attempt_that_must_not_run_twice_fails_when_interrupted(clean: bool) -> None:
    world = started(one({"Type": "Task", "OnInterrupt": "fail"}))
    visit = world.visit()
    assert not world.feed(Interrupted(world.now, 1, ROOT, visit)).changed, "it had not begun"
    world.interrupt(clean=clean)
    assert world.error().type == "Interrupted"


# ----------------------------------------------------------------------------------------------------------------------- endings


def test_cancelling_stops_everything() -> None:
    branches = [one(TASK), one({"Type": "Wait", "Seconds": 5}), one(TASK), one({"Type": "Parallel", "Branches": [one(TASK)]})]
    world = started(one({"Type": "Parallel", "Branches": branches}), timeout=60)
    done, taken, *_ = world.waits()
    world.succeed(done)
    world.take(taken)
    assert world.cancel().answer == "CANCELLED"
    assert not world.waits()
    assert not world.timers()
    assert world.at(done).status is At.SUCCEEDED
    assert {frame.status for path, frame in world.frames.items() if path not in (ROOT, done)} == {At.CANCELLED}
    assert world.at(taken).reason == "the execution was cancelled"
    assert world.types()[-1] == "ExecutionAborted"
    assert world.head().error is None
    world.check()


def test_an_execution_whose_step_broke_fails() -> None:
    world = started(one(TASK))
    world.feed(Broke(world.now, 1, Error("States.Runtime", "KeyError: 'x'")))
    assert world.status() is Status.FAILED
    assert world.at().status is At.FAILED
    assert world.error() == Error("States.Runtime", "KeyError: 'x'")


def test_a_machine_that_never_waits_ends_in_its_first_step() -> None:
    assert started(one({"Type": "Pass"}), 5).output() == 5
    assert started(one({"Type": "Succeed"}), 5).output() == 5
    assert started(one({"Type": "Fail", "Error": "Bad"})).error() == Error("Bad")
    assert started(one({"Type": "Choice"})).error() == Error("States.NoChoiceMatched")
    assert started(one({"Type": "Map", "Each": one(TASK)}), "no array").error() == Error("NotAnArray")
    assert started(one({"Type": "Map", "Each": one(TASK)}), []).output() == []


def test_a_counted_loop() -> None:
    machine = states(
        Start={"Type": "Pass", "Result": {"n": 0}, "Next": "Add"},
        Add={"Type": "Pass", "Add": ["n", 1], "Next": "Enough"},
        Enough={"Type": "Choice", "Choices": [{"equals": ["n", 200], "Next": "Done"}], "Default": "Add"},
        Done={"Type": "Succeed"},
    )
    world = started(machine)
    world.run()
    assert world.output() == {"n": 200}


# ------------------------------------------------------------------------------------------------------------ sizes and payloads


def test_a_result_that_is_too_large_fails_the_attempt(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("workflows.core.dialect.RESULT_BYTES", 100)
    for text, fails in (("x" * 98, False), ("x" * 99, True), ("é" * 49, False), ("é" * 50, True)):
        world = started(one({"Type": "Task", "Retry": [{}]}))
        world.succeed(output=text)
        assert (world.status() is Status.FAILED) == fails
        if fails:
            assert world.error() == Error("States.DataLimitExceeded", "the result is longer than 100 bytes")


@pytest.mark.parametrize("inline", [True, False])
def test_an_output_that_is_too_large_fails_the_execution_and_is_not_stored(monkeypatch: pytest.MonkeyPatch, inline: bool) -> None:
    limit = 100 if inline else INLINE_BYTES + 100
    monkeypatch.setattr(machine_module, "RESULT_BYTES", limit)
    world = started(one({"Type": "Parallel", "Branches": [one(TASK), one(TASK)]}))
    first, second = world.waits()
    world.succeed(first, "x" * (limit // 2))
    world.succeed(second, "x" * (limit // 2))
    assert world.error() == Error("States.DataLimitExceeded", f"the output is longer than {limit:,} bytes")
    assert world.payloads == {}


@pytest.mark.parametrize("letter", ["x", "é", "€", "😀"])
def test_a_payload_is_inlined_up_to_the_limit_in_bytes(letter: str) -> None:
    size = len(letter.encode())
    room = INLINE_BYTES - 2  # within quotes
    fits = letter * (room // size) + "x" * (room % size)
    for text, inlined in ((fits, True), (fits + "x", False)):
        world = started(one(TASK))
        world.succeed(output=text)
        assert world.output() == text
        assert isinstance(world.head().output, str) == inlined
        assert len(world.payloads) == (not inlined)
        assert world.head().payloads == (not inlined)


def test_a_payload_with_half_a_surrogate_pair_is_measured_too() -> None:
    assert not exceeds("\ud800", 3)
    assert exceeds("\ud800", 2)


def test_a_long_payload_is_read_back_by_reference() -> None:
    world = started(states(A={"Type": "Task", "Next": "M"}, M={"Type": "Map", "Each": one(TASK)}))
    world.succeed(output=["long " * 1_000, "short"])
    assert isinstance(world.at().input, int)
    world.run(output=1)
    assert world.output() == [1, 1]


def test_of_a_long_error_the_beginning_of_the_message_and_the_end_of_the_traceback_are_kept() -> None:
    world = started(one(TASK))
    world.take()
    long = "a" + "." * ERROR_CHARACTERS + "z"
    world.feed(Failed(world.now, 1, ROOT, world.visit(), Error("Boom", long, long)))
    assert world.error().message == long[:ERROR_CHARACTERS]
    assert world.error().traceback == long[-ERROR_CHARACTERS:]


# -------------------------------------------------------------------------------------------------------------- layer 0, drafts


def test_paths_escape_what_separates_them() -> None:
    path = child_path(child_path(ROOT, "a/b~c"), "d")
    assert path == "/a~1b~0c/d"
    assert parent_path(path) == "/a~1b~0c"
    assert parent_path("/a") == parent_path(ROOT) == ROOT


def test_the_end_of_a_child_that_was_dropped_meanwhile_is_not_told_to_the_scope_as_it_is_now() -> None:
    class Deaf(Toy):
        def child_ended(self, m: Machine, scope: Frame, child: Frame) -> None:
            raise AssertionError("told of a child of its past")

    world = started(one({"Type": "Parallel", "Branches": [one(TASK)]}))
    (path,) = world.waits()
    world.take(path)
    machine = Machine(Deaf(world.dialect.definition), world, Cancelled(world.now, 1))  # type: ignore[arg-type]
    machine.conclude(world.at(path), At.SUCCEEDED, output="1")
    machine.close(world.at(ROOT))
    machine.open(world.at(ROOT), left=1)
    machine.settle()
    assert machine.finish().frames[path] is None


def test_no_frame_waits_for_nothing() -> None:
    assert work(None) is None
    assert due(None) is None


def test_problems_read_well() -> None:
    problems = (Problem("/tasks/0", "unknown member 'nmae'", "name"), Problem("", "is not an object"))
    assert str(Invalid(problems)) == "/tasks/0: unknown member 'nmae'; did you mean 'name'?; /: is not an object"


def test_a_state_whose_name_needs_escaping_can_be_a_scope() -> None:
    world = started(states(**{"a/b~:c": {"Type": "Parallel", "Branches": [one(TASK)]}}))
    world.run(output=3)
    assert world.output() == [3]


def test_the_first_event_makes_the_header() -> None:
    world = World(toy(one(TASK)))
    step = world.feed(Started(5.0, 1, "x-9", "toy", 3, '{"a":1}'))
    header = world.head()
    assert step.answer == "x-9"
    assert (header.id, header.definition, header.revision, header.input, header.created) == ("x-9", "toy", 3, '{"a":1}', 5.0)
    assert header.work == 1

"""Which event counts where, and which moves the transition tables allow: every combination."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import replace
from typing import Any

import pytest

from tests.core.test_attacks import TASK, one, started, states
from tests.core.toy import toy
from tests.core.world import World
from workflows.core.draft import Draft, Step
from workflows.core.machine import step
from workflows.core.waits import due
from workflows.errors import IllegalTransition
from workflows.events import (
    Broke,
    Cancelled,
    Continue,
    Event,
    Failed,
    Fired,
    Heartbeat,
    Interrupted,
    Succeeded,
    Taken,
)
from workflows.model import ENDED, FINISHED, ROOT, At, Error, Frame, Header, Status
from workflows.transitions import STATUS_TRANSITIONS, TRANSITIONS

# ------------------------------------------------------------------------------------------------------ late and stale events


def standing(status: At) -> World:
    """A world with a frame at "/b" (a branch) that has this status, beneath a root that runs on."""
    branch = {
        At.READY: TASK,
        At.RUNNING: {"Type": "Task", "TimeoutSeconds": 9, "HeartbeatSeconds": 5},
        At.RETRYING: {"Type": "Task", "Retry": [{}]},
        At.WAITING: {"Type": "Wait", "Seconds": 5},
        At.OPEN: {"Type": "Parallel", "Branches": [one(TASK)]},
        At.SUCCEEDED: TASK,
    }.get(status, TASK)
    machine = states(A={"Type": "Pass", "Next": "A"}) if status is At.PARKED else one(branch)
    world = started(one({"Type": "Parallel", "Branches": [machine, one(TASK)]}))
    path = next(path for path in world.frames if path.endswith(":0"))
    match status:
        case At.RUNNING:
            world.take(path)
        case At.RETRYING:
            world.fail(path)
        case At.SUCCEEDED:
            world.succeed(path)
        case At.PENDING | At.FAILED | At.SKIPPED | At.CANCELLED:  # the toy has no frame that stays there: put one
            world.frames[path] = replace(world.at(path), status=status, deadlines={})
    assert world.at(path).status is status
    return world


def branch_events(world: World, path: str, visit: int, moment: float) -> dict[str, Event]:
    at, seed = world.now, 1
    return {
        "Taken": Taken(at, seed, path, visit, "w"),
        "Succeeded": Succeeded(at, seed, path, visit, "1"),
        "Failed": Failed(at, seed, path, visit, Error("Boom")),
        "Heartbeat": Heartbeat(at, seed, path, visit),
        "Fired": Fired(max(at, moment), seed, path, visit, moment),
        "Interrupted": Interrupted(at, seed, path, visit),
        "Continue": Continue(at, seed, path, visit),
    }


COUNTS = {
    At.READY: {"Taken"},
    At.RUNNING: {"Succeeded", "Failed", "Heartbeat", "Fired", "Interrupted"},
    At.RETRYING: {"Fired"},
    At.WAITING: {"Fired"},
    At.PARKED: {"Continue"},
}
NAMES = ("Taken", "Succeeded", "Failed", "Heartbeat", "Fired", "Interrupted", "Continue")


@pytest.mark.parametrize("status", list(At))
@pytest.mark.parametrize("name", NAMES)
def test_an_event_counts_only_for_a_frame_that_waits_for_it_and_only_with_its_visit(status: At, name: str) -> None:
    world = standing(status)
    path = next(path for path in world.frames if path.endswith(":0"))
    frame = world.at(path)
    moment = due(frame) or world.now
    before = dict(world.frames)
    for visit in (frame.visit - 1, frame.visit + 1, 0):
        assert not world.feed(branch_events(world, path, visit, moment)[name]).changed
    assert not world.feed(branch_events(world, "/nowhere", frame.visit, moment)[name]).changed
    assert world.frames == before
    event = branch_events(world, path, frame.visit, moment)[name]
    assert step(world.dialect, world, event).changed == (name in COUNTS.get(status, set()))


@pytest.mark.parametrize("ending", ["completed", "failed", "cancelled"])
def test_nothing_changes_an_execution_that_has_ended(ending: str) -> None:
    world = started(one(TASK), timeout=60)
    world.take()
    visit, moment = world.visit(), world.timers()[ROOT]
    moves: dict[str, Callable[[], Step]] = {"completed": world.succeed, "failed": world.fail, "cancelled": world.cancel}
    moves[ending]()
    assert world.status() in ENDED
    events = [*branch_events(world, ROOT, visit, moment).values(), *branch_events(world, ROOT, world.visit(), moment).values()]
    for event in (*events, Cancelled(world.now, 1), Broke(world.now, 1, Error("Bug"))):
        assert not world.feed(event).changed
    assert world.cancel().answer == world.status()


def test_events_for_an_execution_that_does_not_exist_change_nothing() -> None:
    world = World(toy(one(TASK)))
    for event in (Cancelled(1.0, 1), Broke(1.0, 1, Error("Bug")), Taken(1.0, 1, ROOT, 1, "w")):
        assert step(world.dialect, world, event) == Step(None, {}, (), {})


def test_starting_a_known_execution_again_answers_what_it_is_and_changes_nothing() -> None:
    world = started(one(TASK))
    again = world.start("other")
    assert again.answer == "x-1"
    assert not again.changed


def test_a_heartbeat_of_a_task_without_a_limit_changes_nothing() -> None:
    world = started(one(TASK))
    world.take()
    assert not world.heartbeat().changed


def test_a_timer_that_comes_early_or_was_moved_is_not_due() -> None:
    world = started(one({"Type": "Wait", "Seconds": 10}))
    moment = world.timers()[ROOT]
    assert not world.feed(Fired(world.now, 1, ROOT, world.visit(), moment)).changed
    assert not world.feed(Fired(moment + 5, 1, ROOT, world.visit(), moment - 1)).changed
    world.fire()
    assert world.status() is Status.COMPLETED


def test_time_never_runs_backwards_within_an_execution() -> None:
    world = started(one({"Type": "Wait", "Seconds": 10}))
    world.now -= 500
    world.cancel()
    assert world.head().at == world.head().ended == 1_000.0


# --------------------------------------------------------------------------------------------------------- the transition tables


@pytest.mark.parametrize("old", [None, *At])
@pytest.mark.parametrize("new", list(At))
def test_a_frame_moves_only_where_the_table_lets_it(old: At | None, new: At) -> None:
    world = World(toy(one(TASK)))
    world.header = Header("x", "d", 1, "{}", 1.0, 1.0)
    if old is not None:
        world.frames["/a"] = Frame("/a", old)
    draft = Draft(world, 1.0, 1)
    if new in TRANSITIONS[old]:
        assert draft.put(Frame("/a", new)).status is new
    else:
        with pytest.raises(IllegalTransition, match="/a: "):
            draft.put(Frame("/a", new))


@pytest.mark.parametrize("old", list(Status))
@pytest.mark.parametrize("new", list(Status))
def test_an_execution_moves_only_where_the_table_lets_it(old: Status, new: Status) -> None:
    world = World(toy(one(TASK)))
    world.header = Header("x", "d", 1, "{}", 1.0, 1.0, status=old)
    draft = Draft(world, 1.0, 1)
    if new in STATUS_TRANSITIONS[old]:
        draft.set_status(new)
        assert draft.header.status is new
    else:
        with pytest.raises(IllegalTransition, match="execution x"):
            draft.set_status(new)


@pytest.mark.parametrize(
    ("table", "ends", "again", "success"),
    [(TRANSITIONS, FINISHED, At.PENDING, At.SUCCEEDED), (STATUS_TRANSITIONS, ENDED, Status.QUEUED, Status.COMPLETED)],
)
def test_every_status_can_be_reached_and_only_a_redrive_leaves_an_end(
    table: dict[Any, frozenset[Any]], ends: frozenset[Any], again: Any, success: Any
) -> None:
    reached: set[Any] = set()
    todo: list[Any] = [None]
    while todo:
        new = table[todo.pop()] - reached
        reached |= new
        todo += new
    assert reached == set(table) - {None}
    assert {status for status, after in table.items() if status and not after - {again}} == ends
    assert {status for status, after in table.items() if not after} == {success}

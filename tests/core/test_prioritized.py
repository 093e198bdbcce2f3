"""Another priority: while the execution is queued, and with an entry that stands beside the course of things."""

from __future__ import annotations

import pytest

from tests.core.jobs import begun, task
from tests.core.world import World
from workflows.model import Status


def at(status: Status) -> World:
    world = begun(task("a"))
    if status is Status.CANCELLED:
        world.cancel()
    elif status is Status.RUNNING:
        world.take("/a")
    elif status is not Status.QUEUED:
        (world.succeed if status is Status.COMPLETED else world.fail)("/a")
    return world


def test_it_counts_while_queued_and_is_told_of_once() -> None:
    world = at(Status.QUEUED)
    before = world.history[-1].id
    step = world.prioritize(7)
    assert (step.answer, step.changed, world.head().priority) == (Status.QUEUED, True, 7)
    assert not world.prioritize(7).changed
    world.take("/a")
    assert [entry.type for entry in world.history].count("ExecutionPrioritized") == 1
    assert (world.history[-1].type, world.history[-1].previous) == ("TaskStarted", before)


def test_one_that_is_paused_in_line_may_have_another() -> None:
    world = at(Status.QUEUED)
    world.pause()
    world.prioritize(-3)
    assert (world.head().priority, world.head().paused) == (-3, True)


@pytest.mark.parametrize("status", [Status.RUNNING, Status.COMPLETED, Status.FAILED, Status.CANCELLED])
def test_later_it_changes_nothing(status: Status) -> None:
    world = at(status)
    step = world.prioritize(7)
    assert (step.answer, step.changed, world.head().priority) == (status, False, 0)


def test_one_that_is_queued_again_by_a_redrive_may_have_another() -> None:
    world = at(Status.FAILED)
    world.redrive()
    world.prioritize(9)
    assert (world.head().status, world.head().priority) == (Status.QUEUED, 9)

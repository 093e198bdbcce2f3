"""Random jobs and machines, driven at random: the invariants hold after every event, every run ends, and order decides nothing.

A run is decided by a few drawn values and one seed; Hypothesis shrinks the definition and prints what it needs to be replayed.
"""

from __future__ import annotations

import random
from typing import Any

from hypothesis import HealthCheck, Phase, given, settings
from hypothesis import strategies as st

from tests.core.jobs import dag, task
from tests.core.toy import State, toy
from tests.core.world import World
from workflows.core.dialect import Dialect
from workflows.core.machine import read_error
from workflows.core.waits import Work, due
from workflows.events import Event, Failed, Fired, Succeeded
from workflows.model import ENDED, FINISHED, ROOT, At, Delay, Error, Retrier, Rule, Status, Task, TaskSpec

PHASES = (Phase.explicit, Phase.generate, Phase.shrink)
examples = settings(deadline=None, derandomize=True, max_examples=100, phases=PHASES, suppress_health_check=[HealthCheck.too_slow])

LIMIT = 5_000
"""Events after which a run counts as endless."""

# ---------------------------------------------------------------------------------------------------------------- the adversary


class Adversary:
    """Drives a world to its end, choosing at random what happens next, and repeats old reports whenever it likes.

    Whether an attempt fails depends on nothing but the frame, the entry's place and the attempt (`fails`), never on the order of things.
    """

    def __init__(self, world: World, seed: int, *, failing: float = 0.3, chaos: bool = True, cancel_at: int | None = None) -> None:
        self.world = world
        self.chance = random.Random(seed)
        self.failing = failing
        self.chaos = chaos
        self.cancel_at = cancel_at
        self.interrupted = 0
        self.old: list[Event] = []

    def run(self) -> None:
        world = self.world
        for count in range(LIMIT):
            world.check()
            if count == self.cancel_at:
                ended = world.status() in ENDED
                assert world.cancel().changed is not ended
            if world.status() in ENDED:
                break
            if self.old and self.chance.random() < 0.3:
                self.repeat()
            self.act()
        assert world.status() in ENDED, "every run ends"
        world.check()
        assert not world.waits()
        assert not world.timers()
        for _ in range(5):
            self.repeat()

    def act(self) -> None:
        """Let one of the things happen that are waited for."""
        world = self.world
        waits, timers = world.waits(), world.timers()
        options = [*waits, *(path for path in timers if path not in waits)]
        assert options, "an execution that has not ended waits for something"
        path = self.chance.choice(options)
        wait = waits.get(path)
        if wait is None:
            self.note(Fired(world.now, 1, path, world.visit(path), timers[path]))
            world.fire(path)
        elif wait.kind is Work.CONTINUE:
            world.go_on(path)
        elif not wait.taken:
            world.take(path)
        else:
            self.report(path)

    def report(self, path: str) -> None:
        world, frame = self.world, self.world.at(path)
        draw = self.chance.random() if self.chaos else 1.0
        if draw < 0.1 and self.interrupted < 20:
            self.interrupted += 1
            world.interrupt(path, clean=draw < 0.05)
        elif draw < 0.2:
            world.heartbeat(path)
        elif draw < 0.25 and due(frame, world.paused) is not None:
            world.fire(path)
        elif self.fails(path):
            self.note(Failed(world.now, 1, path, frame.visit, Error("Boom")))
            world.fail(path)
        else:
            self.note(Succeeded(world.now, 1, path, frame.visit, "7"))
            world.succeed(path, {"n": frame.attempt})

    def fails(self, path: str) -> bool:
        frame = self.world.at(path)
        return random.Random(f"{self.failing}{path}{frame.state}{frame.attempt}").random() < self.failing

    def note(self, event: Event) -> None:
        self.old.append(event)

    def repeat(self) -> None:
        """An old report comes again; it is for a wait that is over."""
        if self.old:
            assert not self.world.feed(self.chance.choice(self.old)).changed


class Operator(Adversary):
    """Pauses and resumes at random, and redrives what has ended without success, until it completes or `redrives` are spent."""

    def __init__(self, world: World, seed: int, *, redrives: int, **options: Any) -> None:
        super().__init__(world, seed, **options)
        self.redrives = redrives
        self.done: set[tuple[str, int]] = set()

    def act(self) -> None:
        world = self.world
        if world.paused and (not world.waits() | world.timers() or self.chance.random() < 0.3):
            world.resume()
        elif self.chance.random() < 0.15:
            world.pause()
        else:
            super().act()

    def report(self, path: str) -> None:
        frame = self.world.at(path)
        assert (path, frame.entry) not in self.done, "invariant 6"
        super().report(path)
        if path not in self.world.frames or self.world.at(path).status is At.SUCCEEDED:
            self.done.add((path, frame.entry))

    def run(self) -> None:
        super().run()
        while self.world.status() is not Status.COMPLETED and self.redrives > 0:
            self.redrives -= 1
            self.failing /= 2
            assert self.world.redrive().changed
            super().run()


def driven(dialect: Dialect, seed: int, data: Any = None, **options: Any) -> World:
    world = World(dialect, seed=seed)
    world.start(data)
    Adversary(world, seed, **options).run()
    return world


# -------------------------------------------------------------------------------------------------------------------------- DAGs


@st.composite
def jobs(draw: st.DrawFn, rules: tuple[Rule, ...] = tuple(Rule)) -> list[Task]:
    tasks: list[Task] = []
    for number in range(draw(st.integers(1, 8))):
        earlier = [task.id for task in tasks]
        upstream: set[str] = draw(st.sets(st.sampled_from(earlier), max_size=3)) if earlier else set()
        retrier = Retrier(draw(st.integers(0, 2)), Delay(jitter=draw(st.booleans())))
        spec = TaskSpec(
            "f",
            retriers=(retrier,),
            timeout=draw(st.sampled_from([None, 30.0])),
            heartbeat=draw(st.sampled_from([None, 10.0])),
            fail_on_interrupt=draw(st.booleans()),
        )
        options: dict[str, Any] = {"continue_on_failure": draw(st.booleans()), "spec": spec}
        tasks.append(task(f"t{number}", *sorted(upstream), rule=draw(st.sampled_from(rules)), **options))
    return tasks


seeds = st.integers(0, 2**32)
moments = st.none() | st.integers(0, 30)
failing = st.sampled_from([0.0, 0.2, 0.5, 1.0])


@examples
@given(jobs(), seeds, failing, moments, st.sampled_from([None, 20.0]))
def test_random_jobs_hold_the_invariants_and_end(tasks: list[Task], seed: int, failing: float, cancel: int | None, timeout: float) -> None:
    world = driven(dag(*tasks, timeout=timeout), seed, failing=failing, cancel_at=cancel)
    names = {task.id: task for task in tasks}
    ends = {frame.state: frame for path, frame in world.frames.items() if path}
    broken = [name for name, frame in ends.items() if frame.status is At.FAILED and not names[name].continue_on_failure]
    if world.types()[-1] == "ExecutionTimedOut" or world.status() is Status.CANCELLED:
        return
    assert set(ends) == set(names), "every task has been reached"
    assert {frame.status for frame in ends.values()} <= FINISHED - {At.CANCELLED}
    assert (world.status() is Status.FAILED) == bool(broken)
    if broken:
        assert world.error().task in broken


@examples
@given(jobs(), seeds, seeds, failing)
def test_the_outcome_of_a_job_does_not_depend_on_the_order_of_reports(tasks: list[Task], one: int, other: int, failing: float) -> None:
    """Of no rule: oneSuccessful and oneFailed start sooner or later, but whether they start is decided by what ended, not by when."""

    def outcome(seed: int) -> Any:
        world = driven(dag(*tasks), seed, failing=failing, chaos=False)
        return world.status(), {path: (frame.status, frame.attempt, frame.output) for path, frame in world.frames.items() if path}

    assert outcome(one) == outcome(other)


@examples
@given(jobs(), seeds)
def test_a_finished_task_is_never_issued_again(tasks: list[Task], seed: int) -> None:
    """Invariant 6, read off the history: each task is entered once, and scheduled as often as it was tried."""
    world = driven(dag(*tasks), seed)
    entered = [entry.details["name"] for entry in world.history if entry.type == "TaskStateEntered"]
    assert len(entered) == len(set(entered))
    assert world.types().count("TaskScheduled") == sum(frame.attempt for frame in world.frames.values())


@examples
@given(jobs(), seeds, failing, moments, st.sampled_from([None, 60.0]))
def test_a_job_that_is_paused_and_redriven_runs_each_task_to_its_end_once(
    tasks: list[Task], seed: int, failing: float, cancel: int | None, timeout: float | None
) -> None:
    world = World(dag(*tasks, timeout=timeout), seed=seed)
    world.start()
    Operator(world, seed, failing=failing, cancel_at=cancel, redrives=6).run()
    succeeded = {frame.state for path, frame in world.frames.items() if path and frame.status is At.SUCCEEDED}
    exited = [entry for entry in world.history if entry.type == "TaskStateExited"]
    followed = {entry.id: entry.type for entry in world.history}
    done = [entry.details["name"] for entry in exited if followed[entry.previous] == "TaskSucceeded"]
    assert sorted(done) == sorted(succeeded)


# ----------------------------------------------------------------------------------------------------------------- toy machines


@st.composite
def machines(draw: st.DrawFn, depth: int = 3) -> dict[str, Any]:
    """States in a row, so that every run ends; scopes nest `depth` deep. A catch leads onward too."""
    size = draw(st.integers(1, 4))
    names = [f"S{number}" for number in range(size)]
    kinds = ["Task", "Task", "Pass", "Wait", "Choice", "Fail", "Succeed"] + ["Parallel", "Map"] * (depth > 0)
    found: dict[str, State] = {}
    for number, name in enumerate(names):
        later = names[number + 1 :]
        kind = draw(st.sampled_from(kinds if later else [kind for kind in kinds if kind != "Choice"]))
        state: dict[str, Any] = {"Type": kind}
        match kind:
            case "Choice":
                state |= {"Choices": [{"equals": ["n", 1], "Next": draw(st.sampled_from(later))}], "Default": later[0]}
            case "Wait":
                state["Seconds"] = draw(st.integers(0, 9))
            case "Fail":
                state["Error"] = "Bad"
            case "Parallel":
                state["Branches"] = draw(st.lists(machines(depth - 1), min_size=1, max_size=3))
            case "Map":
                state |= {"Items": [1, 2, 3], "MaxConcurrency": draw(st.integers(0, 3)), "Each": draw(machines(depth - 1))}
        if kind in ("Task", "Parallel", "Map"):
            state["Retry"] = draw(st.sampled_from([[], [{"MaxAttempts": 1}], [{"ErrorEquals": ["Bad"], "MaxAttempts": 1}]]))
            caught: bool = draw(st.booleans())
            if later and caught:
                state["Catch"] = [{"ErrorEquals": ["States.ALL"], "Next": later[-1]}]
        if kind not in ("Choice", "Fail", "Succeed") and later:
            state["Next"] = later[0]
        found[name] = state
    return {"StartAt": "S0", "States": found}


@examples
@given(machines(), seeds, failing, moments, st.sampled_from([None, 20.0]))
def test_random_machines_hold_the_invariants_and_end(machine: State, seed: int, failing: float, cancel: int | None, timeout: float) -> None:
    world = driven(toy(machine, timeout=timeout), seed, failing=failing, cancel_at=cancel)
    if world.status() is Status.COMPLETED:
        assert set(world.frames) == {ROOT}, "closed scopes left nothing behind"


@examples
@given(machines(), seeds, failing, moments)
def test_random_machines_are_paused_and_redriven(machine: State, seed: int, failing: float, cancel: int | None) -> None:
    world = World(toy(machine, timeout=200.0), seed=seed)
    world.start()
    Operator(world, seed, failing=failing, cancel_at=cancel, redrives=3).run()


def looping(rounds: int, body: State) -> dict[str, Any]:
    """The body so many times in a loop, then the end: scopes are entered again and again."""
    return {
        "StartAt": "Start",
        "States": {
            "Start": {"Type": "Pass", "Result": {"n": 0}, "Next": "Body"},
            "Body": {"Type": "Parallel", "Branches": [body, body], "Retry": [{"MaxAttempts": 1}], "Next": "Count"}
            | {"Catch": [{"ErrorEquals": ["States.ALL"], "Next": "Count"}]},
            "Count": {"Type": "Pass", "Add": ["n", 1], "Next": "Again"},
            "Again": {"Type": "Choice", "Choices": [{"equals": ["n", rounds], "Next": "Done"}], "Default": "Body"},
            "Done": {"Type": "Succeed"},
        },
    }


@settings(examples, max_examples=30)
@given(machines(depth=1), seeds, st.integers(0, 15))
def test_random_machines_in_a_loop_can_be_stopped_at_any_point(body: State, seed: int, cancel: int) -> None:
    """The scope's output is no counter, so the loop never ends by itself."""
    world = driven(toy(looping(5, body)), seed, cancel_at=cancel)
    assert world.status() is Status.CANCELLED


@examples
@given(machines(), seeds)
def test_what_an_execution_waits_for_is_all_that_it_needs_to_go_on(machine: State, seed: int) -> None:
    """Recovery: a world that is forgotten and read back after every event goes on from its frames alone."""
    adversary = Adversary(World(toy(machine), seed=seed), seed, chaos=False)
    adversary.world.start()
    for _ in range(LIMIT):
        world = adversary.world
        if world.status() in ENDED:
            break
        if adversary.chance.random() < 0.3:
            adversary.world = recovered(world)
        adversary.act()
    assert world.status() in ENDED
    if world.status() is Status.FAILED:
        assert read_error(world.text(world.head().error)).type in {"Boom", "Bad"}


def recovered(world: World) -> World:
    """A new world with the header, frames and payloads of this one and nothing else; nobody has the attempts that were taken."""
    reborn = World(world.dialect, seed=world.seed)
    reborn.header, reborn.payloads, reborn.now = world.header, dict(world.payloads), world.now
    for frame in world.frames.values():
        reborn.restore(frame)
    assert (reborn.waits(), reborn.timers()) == (world.waits(), world.timers())
    for path, wait in reborn.waits().items():
        if wait.taken:
            reborn.interrupt(path, clean=True)
    return reborn

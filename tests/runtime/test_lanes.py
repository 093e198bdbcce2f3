"""The engine with several executors: none holds another up, what was lost with others goes alone, and what is printed is stored."""

from __future__ import annotations

from dataclasses import replace
from typing import Any

import pytest

from task_functions.registry import REGISTRY, Registry, describe, load
from tests.core.jobs import dag, task
from tests.runtime.house import House
from tests.simulation.faults import Fuse, SimExecutor
from workflows.model import DELIVERING, INLINE, ISOLATED, SHARED, At, Definition, Error, Retrier, Status, TaskSpec
from workflows.runtime.engine import Clocks, Engine
from workflows.runtime.executor import Done, Erred, Identity, Logged, Lost, Outcome
from workflows.runtime.functions import RegisteredFunctions
from workflows.settings import BUILT_IN


def spec(executor: str, retries: int = 0, **options: Any) -> TaskSpec:
    return TaskSpec("f", (Retrier(retries),) if retries else (), executor=executor, **options)


class Lanes(House):
    """With room for so many attempts in each of three executors."""

    def __init__(self, *definitions: Definition, inline: int = 2, shared: int = 2, isolated: int = 1, max_jobs: int = 10) -> None:
        self._room = {INLINE: inline, SHARED: shared, ISOLATED: isolated}
        super().__init__(*definitions, max_jobs=max_jobs)

    def boot(self) -> None:
        super().boot()
        self.executors = [
            SimExecutor(room, Fuse(), lambda _, run: self.runs.append(run), lambda identity: None, name)
            for name, room in self._room.items()
        ]
        self.engine = Engine(
            self.ledger,
            self.catalogue,
            self.executors,
            self,
            max_jobs=self.max_jobs,
            clocks=Clocks(lambda: self.now, lambda: self.steady),
            seed=lambda: 1,
        )
        for executor in self.executors:
            executor.start(self.engine.report)

    def lane(self, spec: TaskSpec, alone: bool) -> str:
        return ISOLATED if alone else spec.executor or SHARED

    def at(self, lane: str) -> SimExecutor:
        return next(executor for executor in self.executors if executor.name == lane)

    def under_way(self, lane: str) -> list[tuple[int, str]]:
        return [(identity.number, identity.path) for identity in self.at(lane).attempts]

    def report(self, lane: str, *outcomes: Outcome, number: int = 1) -> Identity:
        """Of the first attempt of this execution there, and take a turn."""
        executor = self.at(lane)
        identity = next(identity for identity in executor.attempts if identity.number == number)
        for outcome in outcomes:
            if isinstance(outcome, Done | Erred | Lost):
                del executor.attempts[identity]
            executor.tell(identity, outcome)
        self.turn()
        return identity


def of(name: str, *tasks: Any, **options: Any) -> Definition:
    return replace(dag(*tasks, **options).definition, id=name)


# -------------------------------------------------------------------------------------------------------------- lanes


def test_each_attempt_goes_to_its_executor_and_its_history_says_so() -> None:
    house = Lanes(of("job", *(task(name, spec=spec(name)) for name in (INLINE, SHARED, ISOLATED))))
    house.begin("job")
    for name in (INLINE, SHARED, ISOLATED):
        assert house.under_way(name) == [(1, f"/{name}")]
    begun = [row[4]["worker"] for row in house.stored(1).rows() if row[2] == "TaskStarted"]
    assert sorted(begun) == sorted([INLINE, SHARED, ISOLATED])


def test_a_full_executor_holds_up_nobody_else() -> None:
    house = Lanes(of("slow", *(task(f"s{n}", spec=spec(ISOLATED)) for n in range(3))), of("quick", task("q", spec=spec(INLINE))))
    house.begin("slow", "slow", "quick")
    assert house.under_way(ISOLATED) == [(1, "/s0")]
    assert house.under_way(INLINE) == [(3, "/q")]
    assert house.at(ISOLATED).asked > 0, "it hears that attempts wait"
    assert house.at(INLINE).asked == house.at(SHARED).asked == 0


def test_executions_that_wait_for_a_full_executor_leave_their_slots_to_others() -> None:
    """Each has begun, so each holds a slot, and none of them can run."""
    chain = of("chain", task("a", spec=spec(INLINE)), task("b", "a", spec=spec(ISOLATED)))
    house = Lanes(chain, of("quick", task("q", spec=spec(INLINE))), max_jobs=2, inline=1)
    house.begin("chain", "chain", "chain", "quick")
    for number in (1, 2):
        house.report(INLINE, Done("1"), number=number)
    assert house.under_way(ISOLATED) == [(1, "/b")]
    assert house.under_way(INLINE) == [(3, "/a")], "the second, which cannot go on, holds nobody up"
    house.report(INLINE, Done("1"), number=3)
    assert house.under_way(INLINE) == [(4, "/q")]
    house.report(INLINE, Done("1"), number=4)
    assert house.header(4).status is Status.COMPLETED
    for _ in range(3):
        ((number, _),) = house.under_way(ISOLATED)
        house.report(ISOLATED, Done("1"), number=number)
    assert {house.header(number).status for number in (1, 2, 3)} == {Status.COMPLETED}, "and they go on in their turn"
    assert house.engine.gauges()["admitted"] == 0


def test_no_more_executions_run_at_once_than_there_are_slots() -> None:
    both = of("both", task("a", spec=spec(INLINE)), task("b", spec=spec(SHARED)))
    house = Lanes(both, max_jobs=2, inline=8, shared=8)
    house.begin(*["both"] * 5)
    running = {number for lane in (INLINE, SHARED) for number, _ in house.under_way(lane)}
    assert running == {1, 2}
    assert len(house.under_way(INLINE)) == len(house.under_way(SHARED)) == 2


def test_more_room_is_used_when_it_is_told_of() -> None:
    house = Lanes(of("job", task("a", spec=spec(SHARED))), shared=0)
    house.begin("job", "job")
    assert (house.under_way(SHARED), house.at(SHARED).asked) == ([], 1)
    house.at(SHARED).capacity = 1
    house.turn()
    assert house.under_way(SHARED) == [(1, "/a")]
    assert house.header(2).status is Status.QUEUED


def test_gauges_and_troubles_are_those_of_all() -> None:
    house = Lanes(of("job", task("a", spec=spec(SHARED))))
    house.begin("job")
    gauges = house.engine.gauges()
    assert (gauges["workers"], gauges["running"]) == (5, 1)
    assert gauges["classes"] == [
        {"name": INLINE, "running": 0, "workers": 2, "processes": 0},
        {"name": SHARED, "running": 1, "workers": 2, "processes": 0},
        {"name": ISOLATED, "running": 0, "workers": 1, "processes": 0},
    ]


# -------------------------------------------------------------------------------------------------------------- lost


def lost(clean: bool = False) -> Lost:
    return Lost(clean=clean, alone=True, why="its worker was killed by signal 11 (SIGSEGV)")


def test_what_was_lost_with_a_worker_runs_alone_from_then_on() -> None:
    """Its retries, too: a culprit that is tried again would bring others down again."""
    house = Lanes(of("job", task("a", spec=spec(SHARED, retries=1))))
    house.begin("job")
    house.report(SHARED, lost())
    assert house.under_way(ISOLATED) == [(1, "/a")]
    assert house.task(1, "a").interruptions == 1
    house.report(ISOLATED, Erred(Error("Oops")))
    assert house.task(1, "a").status is At.RETRYING
    house.wait(60)
    house.turn()
    house.turn()
    assert house.under_way(ISOLATED) == [(1, "/a")]
    assert (house.task(1, "a").attempt, house.task(1, "a").interruptions) == (2, 0)


def test_the_culprit_fails_at_the_fourth_death_and_says_of_what() -> None:
    house = Lanes(of("job", task("a", spec=spec(SHARED))))
    house.begin("job")
    house.report(SHARED, lost())
    for _ in range(3):
        house.report(ISOLATED, lost())
    assert house.header(1).status is Status.FAILED
    error = house.stored(1).text(house.header(1).error or "")
    assert '"Interrupted"' in error
    assert "interrupted 4 times; at last its worker was killed by signal 11 (SIGSEGV)" in error


def test_neighbours_of_one_that_had_to_be_killed_are_not_counted() -> None:
    house = Lanes(of("job", task("a", spec=spec(SHARED))))
    house.begin("job")
    house.report(SHARED, lost(clean=True))
    frame = house.task(1, "a")
    assert (frame.status, frame.alone, frame.interruptions) == (At.RUNNING, True, 0)
    assert house.under_way(ISOLATED) == [(1, "/a")]


def test_one_that_is_not_to_be_interrupted_says_why_it_failed() -> None:
    house = Lanes(of("job", task("a", spec=spec(SHARED, fail_on_interrupt=True))))
    house.begin("job")
    house.report(SHARED, lost())
    assert "(SIGSEGV) during the attempt, which is not to be run again" in house.stored(1).text(house.header(1).error or "")


# ------------------------------------------------------------------------------------------------------- what they print


def printed(text: str, truncated: bool = False) -> Logged:
    return Logged("a", 1, text, truncated)


def test_what_an_attempt_prints_is_in_the_commit_of_its_report() -> None:
    house = Lanes(of("job", task("a", spec=spec(SHARED))))
    house.begin("job")
    before = len(house.commits)
    identity = house.report(SHARED, printed("hello\n"), Done("1"))
    assert len(house.commits) == before + 1
    record = house.ledger.read("log", (1, identity.visit))
    assert record | {"at": 0} == {"path": "/a", "task": "a", "attempt": 1, "at": 0, "text": "hello\n", "truncated": False}
    assert house.ledger.scan("logs", None, 10) == [(1, identity.visit)]
    assert house.header(1).status is Status.COMPLETED


def test_it_can_be_read_while_the_attempt_runs_and_changes_nothing_else() -> None:
    house = Lanes(of("job", task("a", spec=spec(SHARED))))
    house.begin("job")
    before = house.stored(1)
    identity = house.report(SHARED, printed("one\n"))
    house.report(SHARED, printed("one\ntwo\n", truncated=True))
    record = house.ledger.read("log", (1, identity.visit))
    assert (record["text"], record["truncated"]) == ("one\ntwo\n", True)
    after = house.stored(1)
    assert (after.header, after.frames) == (before.header, before.frames)


def test_what_comes_after_a_cancel_is_stored_until_the_executor_is_done() -> None:
    house = Lanes(of("job", task("a", spec=spec(SHARED))))
    house.begin("job")
    identity = next(iter(house.at(SHARED).attempts))
    house.cancel(1)
    house.turn()
    for outcome in (printed("so far\n"), Lost()):
        house.at(SHARED).tell(identity, outcome)
    house.turn()
    assert house.ledger.read("log", (1, identity.visit))["text"] == "so far\n"
    assert house.header(1).status is Status.CANCELLED
    house.at(SHARED).tell(identity, printed("from nobody"))
    house.at(SHARED).tell(Identity(1, "/never", 99), printed("from nobody"))
    commits = len(house.commits)
    house.turn()
    assert len(house.commits) == commits


def test_it_is_kept_for_the_next_try_when_a_commit_fails() -> None:
    house = Lanes(of("job", task("a", spec=spec(SHARED))))
    house.begin("job")
    house.store.plan.append("clean")
    identity = house.report(SHARED, printed("hello"), Done("1"))
    assert house.ledger.read("log", (1, identity.visit)) is None
    house.wait(60)
    house.turn()
    assert house.header(1).status is Status.COMPLETED
    assert house.ledger.read("log", (1, identity.visit))["text"] == "hello"


def test_text_that_cannot_be_stored_costs_nobody_anything() -> None:
    house = Lanes(of("job", task("a", spec=spec(SHARED))))
    house.begin("job")
    house.report(SHARED, printed("\ud800"), Done("1"))
    assert house.header(1).status is Status.COMPLETED


# ---------------------------------------------------------------------------------------------------------- who goes where


@pytest.mark.parametrize(
    ("own", "asked", "default", "alone", "expected"),
    [
        (None, None, SHARED, False, SHARED),
        (None, None, ISOLATED, False, ISOLATED),
        (ISOLATED, None, SHARED, False, ISOLATED),
        (ISOLATED, SHARED, SHARED, False, SHARED),
        (INLINE, None, SHARED, False, INLINE),
        (INLINE, ISOLATED, SHARED, False, ISOLATED),
        (None, INLINE, SHARED, False, SHARED),
        (ISOLATED, INLINE, SHARED, False, SHARED),
        (None, None, SHARED, True, ISOLATED),
        (INLINE, None, SHARED, True, INLINE),
    ],
)
def test_the_task_decides_then_the_function_then_the_server(
    own: str | None, asked: str | None, default: str, alone: bool, expected: str
) -> None:
    registry = Registry()
    registry.add(describe("f", lambda data: data, own))
    assert RegisteredFunctions(registry, default).lane(TaskSpec("f", executor=asked), alone) == expected


def test_what_delivers_alerts_has_threads_of_its_own_unless_the_task_says_otherwise() -> None:
    functions = RegisteredFunctions(REGISTRY)
    load(BUILT_IN)
    delivering = ["alert.email", "alert.slack", "alert.webhook"]
    assert [name for name in REGISTRY.names() if functions.lane(TaskSpec(name), False) == DELIVERING] == delivering
    assert functions.lane(TaskSpec("alert.email", executor=INLINE), True) == DELIVERING
    assert functions.lane(TaskSpec("alert.email", executor=ISOLATED), False) == ISOLATED


def test_a_function_that_is_gone_and_a_handler_with_variables_have_their_place(tmp_path: Any) -> None:
    registry = Registry()
    registry.handlers.add(tmp_path)
    for name in ("plain", "with-variables"):
        (tmp_path / f"{name}.py").write_text("def handler(event, context): ...\n")
    (tmp_path / "with-variables.env.json").write_text('{"A": "1"}')
    functions = RegisteredFunctions(registry)
    assert [functions.lane(TaskSpec(name), False) for name in ("gone", "plain", "with-variables")] == [SHARED, SHARED, ISOLATED]

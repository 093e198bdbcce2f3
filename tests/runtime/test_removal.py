"""Deleting definitions and revisions: nothing that is needed goes, whatever comes at the same moment."""

from __future__ import annotations

from dataclasses import replace
from typing import Any

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from storage.protocol import Key
from tests.core.jobs import dag, task
from tests.runtime.house import House, answer
from workflows.errors import Conflict, NotFound, Unavailable
from workflows.model import Definition, Status
from workflows.runtime.catalogue import Registration
from workflows.runtime.inbox import Request
from workflows.runtime.ledger import Pending
from workflows.runtime.names import Accepted
from workflows.runtime.removal import Remove, revisions_of
from workflows.runtime.requests import Read, Start, Write

JOB = dag(task("a")).definition


def remove(house: House, revision: int | None = None, seen: int = 0) -> Request:
    return house.ask(Remove("job", revision, seen, lambda: house.catalogue.drop("job")))


def register(house: House, content: str) -> Request:
    def write(pending: Pending, read: Read, now: float) -> Registration:
        return house.catalogue.register(pending, read, "job", "job", content, now)

    return house.ask(Write(write, lambda _: None, lambda: house.catalogue.forget("job")))


def begin(house: House, revision: int) -> Request:
    """As somebody does who has read the revision before."""
    definition: Definition = replace(house.definitions["job"], revision=revision)
    return house.ask(Start(definition, "{}"))


def revisions(house: House) -> list[int]:
    with house.ledger.snapshot() as snapshot:
        return [-int(key[1]) for key in revisions_of(snapshot, "job", ("job",))]


def record(house: House, revision: int) -> Any:
    return house.ledger.read("definition", ("job", revision))


def listed(house: House) -> list[Key]:
    return house.ledger.scan("definitions", None, 9)


def test_what_nothing_ran_on_is_gone_without_a_trace_but_its_number() -> None:
    house = House(JOB)
    done = remove(house)
    house.turn()
    assert (answer(done), listed(house), revisions(house), record(house, 1)) == (None, [], [], None)
    assert house.catalogue.latest("job") is None
    with pytest.raises(LookupError):
        house.catalogue.get("job", 1)
    again = register(house, "new")
    house.turn()
    assert answer(again) == Registration("job", 2, created=True)
    assert (revisions(house), house.catalogue.latest("job")) == ([2], 2)


def test_what_is_not_there_cannot_be_deleted() -> None:
    house = House(JOB)
    asked = [house.ask(Remove("nobody's", None, 0, lambda: None)), remove(house, 7), remove(house), remove(house), remove(house, 1)]
    house.turn()
    assert [type(answer(one)) for one in asked] == [NotFound, NotFound, type(None), NotFound, NotFound]


@pytest.mark.parametrize("same_batch", [True, False])
def test_an_execution_that_has_just_begun_keeps_its_definition(same_batch: bool) -> None:
    house = House(JOB)
    started = house.start()
    if not same_batch:
        house.turn()
    done = remove(house)
    house.turn()
    told = answer(done)
    assert isinstance(told, Conflict)
    assert str(told).startswith("1 execution needs the job definition 'job' and has not ended: exec-0-1-")
    assert answer(started).id in str(told)
    assert (listed(house), revisions(house)) == ([("job",)], [1])


@pytest.mark.parametrize("same_batch", [True, False])
def test_nothing_begins_on_what_was_deleted_a_moment_ago(same_batch: bool) -> None:
    house = House(JOB)
    assert house.catalogue.latest("job") == 1
    done = remove(house)
    if not same_batch:
        house.turn()
    started = begin(house, 1)
    house.turn()
    assert answer(done) is None
    assert isinstance(answer(started), NotFound)
    assert house.ledger.scan("created", None, 9) == []


def test_a_refusal_counts_all_and_names_a_few() -> None:
    house = House(JOB)
    house.begin(*["job"] * 5)
    done = remove(house)
    house.turn()
    assert str(answer(done)).startswith("5 executions need the job definition 'job' and have not ended: exec-0-5-")
    assert str(answer(done)).count("exec-0-") == 3


def test_what_has_ended_keeps_the_revision_it_ran_on_and_nothing_else_does() -> None:
    house = House(JOB)
    house.begin("job")
    house.end(1)
    for content in "bc":
        register(house, content)
    house.turn()
    done = remove(house)
    house.turn()
    assert answer(done) is None
    assert [record(house, n) is not None for n in (1, 2, 3)] == [True, False, False]
    assert (listed(house), revisions(house), house.catalogue.latest("job")) == ([], [], None)
    assert house.catalogue.get("job", house.header(1).revision).id == "job"
    late = begin(house, 1)
    register(house, "d")
    house.turn()
    other = begin(house, 1)
    house.turn()
    assert isinstance(answer(late), NotFound)
    assert isinstance(answer(other), NotFound), "an old revision does not come back with the definition"
    assert revisions(house) == [4]


def test_registered_again_in_the_same_batch_it_is_there() -> None:
    house = House(JOB)
    asked = [remove(house), register(house, "b"), begin(house, 1)]
    house.turn()
    assert isinstance(answer(asked[2]), NotFound)
    begin(house, 2)
    house.turn()
    assert house.header(1).revision == 2
    assert (revisions(house), listed(house), record(house, 1)) == ([2], [("job",)], None)
    house.end(1)
    asked = [register(house, "c"), register(house, "d"), remove(house)]
    house.turn()
    assert answer(asked[2]) is None
    assert (revisions(house), listed(house)) == ([], [])
    assert [record(house, n) is not None for n in (2, 3, 4)] == [True, False, False]


def test_a_commit_that_fails_deletes_nothing() -> None:
    house = House(JOB)
    house.store.plan = ["clean"]
    done = remove(house)
    house.turn()
    assert isinstance(answer(done), Unavailable)
    house.wait(10)
    started = begin(house, 1)
    house.turn()
    assert (answer(started).id, revisions(house)) == (house.header(1).id, [1])


# ------------------------------------------------------------------------------------------------------------ revisions


def test_a_revision_goes_when_nothing_ran_on_it_and_it_is_not_the_newest() -> None:
    house = House(JOB)
    house.begin("job")
    house.end(1)
    for content in "bcd":
        register(house, content)
    house.turn()
    begin(house, 3)
    refused = {1: remove(house, 1), 3: remove(house, 3), 4: remove(house, 4)}
    done = remove(house, 2)
    house.turn()
    assert "1 execution needs revision 1 of 'job': exec-0-1-" in str(answer(refused[1]))
    assert "1 execution needs revision 3 of 'job': exec-0-2-" in str(answer(refused[3]))
    assert "newest" in str(answer(refused[4]))
    assert {type(answer(one)) for one in refused.values()} == {Conflict}
    assert answer(done) is None
    assert (revisions(house), record(house, 2)) == ([4, 3, 1], None)
    late = begin(house, 2)
    house.turn()
    assert isinstance(answer(late), NotFound)


# ------------------------------------------------------------------------------------------------------------- together

doings = st.one_of(
    st.tuples(st.just("register"), st.integers(0, 2)),
    st.tuples(st.just("start"), st.integers(1, 5)),
    st.tuples(st.just("remove"), st.none() | st.integers(1, 4)),
    st.tuples(st.just("end"), st.integers(1, 6)),
)


@settings(max_examples=150, deadline=None)
@given(st.lists(st.lists(doings, min_size=1, max_size=4), max_size=8))
def test_whatever_comes_together_nothing_that_is_needed_goes(batches: list[list[tuple[str, Any]]]) -> None:
    """Batches of requests; then all that is kept can be read, and what is listed is what was registered and not deleted since."""
    house = House(JOB, workers=20, max_jobs=20)
    alive = {1}
    for batch in batches:
        asked, known = [], set(alive)
        for what, value in batch:
            if what == "register":
                asked.append((what, value, register(house, str(value))))
            elif what == "start" and value in known:
                asked.append((what, value, begin(house, value)))
            elif what == "remove":
                asked.append((what, value, remove(house, value)))
        house.turn()
        for what, value, request in asked:
            told = answer(request)
            if what == "register" and told.created:
                alive.add(told.revision)
            elif what == "remove" and told is None:
                alive -= {value} if value else set(alive)
            elif what == "start":
                assert isinstance(told, Accepted) == (value in alive), (value, alive, told)
        for what, value in batch:
            if what == "end" and any(number == value for number, _ in house.running()):
                house.end(value)
        check(house, alive)


def check(house: House, alive: set[int]) -> None:
    assert set(revisions(house)) == alive
    assert house.catalogue.latest("job") == max(alive, default=None)
    for key in house.ledger.scan("created", None, 100):
        header = house.header(-int(key[0]))
        assert record(house, header.revision) is not None, header
        assert header.status in (Status.COMPLETED, Status.FAILED) or header.revision in alive, header
        index = f"revision/job/{header.revision}"
        assert key in house.ledger.scan(index, None, 100)

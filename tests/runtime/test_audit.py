"""The audit log: a record in the commit of each change, none for what changed nothing, none for what was not committed."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

import pytest

from storage.memory import MemoryStore
from storage.protocol import Batch
from tests.core.jobs import dag, task
from tests.runtime.house import House, answer
from workflows.errors import Conflict, Invalid
from workflows.runtime.audit import MEMBERS, TEXT_CHARACTERS, Act, Origin
from workflows.runtime.inbox import Request
from workflows.runtime.ledger import Pending
from workflows.runtime.removal import Remove
from workflows.runtime.requests import Cancel, Control, Pause, Redrive, Resume, Start, Write
from workflows.service.audit import LOOKED_AT, Audit, AuditRecord

ADA = Origin("key-ada", "Ada", "10.0.0.1", "request-1")
BOB = Origin("key-bob", "Bob")
JOB = dag(task("a")).definition


@pytest.fixture
def house() -> House:
    return House(JOB)


def by(origin: Origin | None, request: Request) -> Request:
    request.origin = origin
    return request


def log(house: House, **filters: Any) -> list[AuditRecord]:
    return list(Audit(house.ledger).list(**filters).items)


def write(name: str = "x", details: Mapping[str, Any] | None = None) -> Write:
    def apply(pending: Pending, _read: Any, _now: float) -> str:
        pending.put("document", ("thing", name), {"name": name})
        return name

    return Write(apply, lambda done: Act("put", done, details or {}))


def audited(batch: Batch) -> list[tuple[str, Any]]:
    return [(kind, key) for kind, key in batch.records if kind == "audit"]


def test_a_change_and_its_record_are_one_commit(house: House) -> None:
    started = house.ask(by(ADA, Start(JOB, "{}")))
    house.turn()
    (batch,) = house.commits
    assert audited(batch) == [("audit", (-1,))]
    assert ("execution", (1,)) in batch.records
    (record,) = log(house)
    assert (record.sequence, record.at, record.who, record.name) == (1, 1_000.0, "key-ada", "Ada")
    assert (record.action, record.target, record.details) == ("execute", answer(started).id, {"definition": JOB.id, "revision": 1})
    assert (record.address, record.request) == ("10.0.0.1", "request-1")
    house.ask(by(BOB, Cancel(1)))
    house.turn()
    newest = log(house)[0]
    assert (newest.who, newest.action, newest.target) == ("key-bob", "cancel", answer(started).id)
    assert audited(house.commits[-1]) == [("audit", (-2,))]


def test_what_changes_nothing_is_no_change(house: House) -> None:
    house.begin(JOB.id)
    for _ in range(2):
        house.ask(by(ADA, Cancel(1)))
        house.turn()
    house.ask(by(ADA, Cancel(99)))
    house.ask(by(ADA, Write(lambda *_: "nothing", lambda done: Act("put", done))))
    house.ask(by(ADA, Write(lambda pending, *_: pending.put("document", ("quiet",), 1), lambda _: None)))
    house.turn()
    assert [one.action for one in log(house)] == ["cancel"]


def test_every_kind_of_request_says_what_it_does() -> None:
    """One that is about an execution says so by its name."""

    def kinds(kind: type[Request]) -> list[type[Request]]:
        return [inner for one in kind.__subclasses__() for inner in (one, *kinds(one))]

    known = [kind for kind in kinds(Request) if kind.__module__.startswith("workflows.")]
    assert {Start, Cancel, Write, Remove} <= set(known)
    assert [kind for kind in known if not issubclass(kind, Control) and "act" not in vars(kind)] == []


def test_a_deletion_and_a_redrive_are_told_of(house: House) -> None:
    house.ask(by(ADA, Start(JOB, "{}")))
    house.turn()
    house.end(1, error="Broken")
    for request in (Pause(1), Redrive(1, None, '{"new": 1}'), Pause(1), Resume(1), Cancel(1)):
        house.ask(by(ADA, request))
        house.turn()
    assert [one.action for one in log(house)] == ["cancel", "resume", "pause", "redrive", "execute"]
    assert [one.details for one in log(house) if one.action == "redrive"] == [{"input": "replaced"}]
    assert len({one.target for one in log(house)}) == 1


def test_what_is_refused_is_no_change(house: House) -> None:
    def refuse(pending: Pending, _read: Any, _now: float) -> None:
        pending.put("document", ("half",), 1)
        raise Conflict("no")

    refused = house.ask(by(ADA, Write(refuse, lambda _: Act("put"))))
    house.turn()
    assert isinstance(answer(refused), Conflict)
    assert log(house) == []
    assert house.commits == []


def test_nobody_asked_nobody_is_named(house: House) -> None:
    house.begin(JOB.id)
    assert log(house) == []


@pytest.mark.parametrize("plan", ["clean", "ambiguous"])
def test_a_failed_commit_leaves_neither_change_nor_record_and_no_gap(house: House, plan: str) -> None:
    house.ask(by(ADA, write("first")))
    house.turn()
    house.store.plan.append(plan)
    house.ask(by(ADA, write("second")))
    house.turn()
    there = house.ledger.read("document", ("thing", "second")) is not None
    assert [one.target for one in log(house)] == (["second", "first"] if there else ["first"])
    assert there is (plan == "ambiguous")
    house.wait(10)
    house.ask(by(ADA, write("third")))
    house.turn()
    assert [one.sequence for one in log(house)] == list(range(len(log(house)), 0, -1))
    assert log(house)[0].target == "third"


def test_the_sequence_goes_on_after_a_restart(house: House) -> None:
    house.ask(by(ADA, write("first")))
    house.turn()
    house.boot()
    house.ask(by(ADA, write("second")))
    house.turn()
    assert [(one.sequence, one.target) for one in log(house)] == [(2, "second"), (1, "first")]


def test_times_never_run_backwards(house: House) -> None:
    house.ask(by(ADA, write("first")))
    house.turn()
    house.now -= 500
    house.ask(by(ADA, write("second")))
    house.turn()
    assert [one.at for one in log(house)] == [1_000.0, 1_000.0]


def test_an_execution_that_cannot_be_stored_is_not_in_the_log(house: House) -> None:
    bad, good = house.ask(by(ADA, Start(JOB, '"\ud800"'))), house.ask(by(BOB, Start(JOB, "{}")))
    house.turn()
    assert isinstance(answer(bad), Exception)
    assert [(one.sequence, one.who, one.target) for one in log(house)] == [(1, "key-bob", answer(good).id)]


def test_details_are_cut_and_cannot_fail_a_commit(house: House) -> None:
    details = {"text": "\ud800" + "x" * 5_000, "many": list(range(1_000)), "big": 2**70, "deep": {"a": [{"b": None}]}, "odd": {1}}
    house.ask(by(ADA, write("x", details)))
    house.turn()
    (record,) = log(house)
    assert record.details["text"].startswith("\\ud800xxx")
    assert len(record.details["text"]) < TEXT_CHARACTERS + 10
    assert len(record.details["many"]) == MEMBERS
    assert record.details["big"] == str(2**70)
    assert record.details["deep"] == {"a": [{"b": None}]}


def test_pages_and_filters() -> None:
    house = House(JOB, store=MemoryStore())
    for n in range(10):
        house.ask(by(ADA if n % 2 else BOB, write(f"thing-{n}")))
        house.turn()
        house.wait(10)
    audit, seen, cursor = Audit(house.ledger), [], None
    for _ in range(4):
        page = audit.list(limit=3, after=cursor)
        seen += [record.target for record in page.items]
        cursor = page.next
    assert seen == [f"thing-{n}" for n in range(9, -1, -1)]
    assert cursor is None
    assert [one.target for one in log(house, who="Ada")] == [f"thing-{n}" for n in (9, 7, 5, 3, 1)]
    assert [one.target for one in log(house, who="key-bob", limit=2)] == ["thing-8", "thing-6"]
    assert [one.target for one in log(house, since=1_030.0, until=1_060.0)] == ["thing-5", "thing-4", "thing-3"]
    assert log(house, until=1_000.0) == []
    assert log(house, since=2_000.0) == []
    first = audit.list(limit=1, since=1_030.0, until=1_060.0)
    assert [one.target for one in log(house, after=first.next, since=1_030.0, until=1_060.0)] == ["thing-4", "thing-3"]
    with pytest.raises(Invalid):
        audit.list(after=first.next, who="Ada")
    assert log(house, who="nobody") == []


def test_a_rare_name_is_looked_for_in_several_pages(house: House) -> None:
    house.ask(by(BOB, write("wanted")))
    for _ in range(6):
        for n in range(LOOKED_AT // 4):
            house.ask(by(ADA, write(f"other-{n}")))
        house.turn()
    audit = Audit(house.ledger)
    first = audit.list(who="Bob")
    assert first.items == ()
    assert [one.target for one in audit.list(who="Bob", after=first.next).items] == ["wanted"]

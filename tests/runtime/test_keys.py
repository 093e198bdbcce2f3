"""The use of a key is noted, but not at each request; and looking one up waits for nobody."""

from __future__ import annotations

from tests.core.jobs import dag, task
from tests.runtime.house import House, answer
from workflows.roles import Role
from workflows.runtime import keys
from workflows.runtime.keys import NewKey
from workflows.runtime.requests import Write
from workflows.service.keys import USE_S, Keys

JOB = dag(task("a")).definition


def with_key(house: House) -> tuple[Keys, NewKey]:
    id, secret = keys.draw()
    request = house.ask(Write(lambda pending, _, now: keys.add(pending, id, secret, "Ada", Role.OPERATOR, now), lambda _: None))
    house.turn()
    house.commits.clear()
    return Keys(house.ledger, house.engine, lambda: house.now), answer(request)


def test_a_use_is_written_at_most_once_a_minute() -> None:
    house = House(JOB)
    service, key = with_key(house)
    for _ in range(200):
        assert service.actor(key.secret, "10.0.0.1") is not None
        house.turn()
    assert len(house.commits) == 1
    assert (service.list()[0].used, service.list()[0].address) == (house.now, "10.0.0.1")
    house.wait(USE_S - 1)
    service.actor(key.secret, "10.0.0.2")
    house.turn()
    assert len(house.commits) == 1
    house.wait(1)
    service.actor(key.secret, "10.0.0.3")
    house.turn()
    assert len(house.commits) == 2
    assert service.list()[0].address == "10.0.0.3"


def test_nor_more_often_after_a_restart() -> None:
    house = House(JOB)
    service, key = with_key(house)
    service.actor(key.secret)
    house.turn()
    house.boot()
    service = Keys(house.ledger, house.engine, lambda: house.now)
    service.actor(key.secret)
    house.turn()
    assert len(house.commits) == 1


def test_a_use_that_cannot_be_noted_turns_nobody_away() -> None:
    house = House(JOB)
    service, key = with_key(house)
    house.engine.inbox.close()
    actor = service.actor(key.secret)
    assert actor is not None
    assert (actor.id, actor.name, actor.role) == (key.key.id, "Ada", Role.OPERATOR)


def test_a_use_does_not_bring_a_revoked_key_back() -> None:
    house = House(JOB)
    service, key = with_key(house)
    assert service.actor(key.secret) is not None  # noted in the same batch as, and after, the revocation
    house.ask(Write(lambda pending, read, now: keys.revoke(pending, read, key.key.id, now), lambda _: None))
    house.turn()
    assert service.actor(key.secret) is None
    assert not service.any()


def test_keys_of_the_settings_are_told_apart_by_their_places() -> None:
    house = House(JOB)
    service = Keys(house.ledger, house.engine)
    assert not service.any()
    service.configure([(Role.VIEWER, "viewer-0123456789"), (Role.ADMIN, "admin-0123456789")])
    assert service.any()
    actor = service.actor("admin-0123456789")
    assert actor is not None
    assert (actor.id, actor.role) == ("settings-2", Role.ADMIN)
    assert service.actor("admin-012345678") is None
    assert service.list() == []

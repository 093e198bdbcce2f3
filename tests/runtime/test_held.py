"""Attempts that are held for want of their function."""

from __future__ import annotations

from workflows.runtime.held import NAME_CHARACTERS, TOLD, Held


def test_many_and_long_names_make_no_long_answer() -> None:
    held = Held()
    for number in range(TOLD + 5):
        held.add(number, "/a", f"f{number:02}" + "x" * 10_000)
    troubles = held.troubles()
    assert len(troubles) == TOLD + 1
    assert troubles[-1] == "5 more functions are not registered"
    assert max(len(trouble) for trouble in troubles) < NAME_CHARACTERS + 80


def test_what_is_no_longer_ready_is_let_go() -> None:
    held = Held()
    held.add(1, "/a", "f")
    held.add(1, "/b", "g")
    held.add(2, "/a", "f")
    held.let_go({1}, lambda _: ["/b"])
    assert held.troubles() == [f"no function {name!r} is registered: its attempts are held" for name in ("f", "g")]
    held.let_go({1, 2}, lambda _: [])
    assert (held.troubles(), bool(held)) == ([], False)

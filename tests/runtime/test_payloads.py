"""The memory of payloads: what is in it, and what it saves."""

from __future__ import annotations

from storage.protocol import Key
from tests.core.machines import compiled, machine
from tests.runtime.test_execution import Disk
from workflows.runtime.payloads import Payloads


def test_a_text_is_read_once() -> None:
    reads: list[str] = []

    def read() -> str:
        reads.append("read")
        return "text"

    payloads = Payloads()
    assert payloads.text((1, 1), read) == payloads.text((1, 1), read) == "text"
    assert len(reads) == 1


def test_the_least_recently_used_go_first() -> None:
    payloads = Payloads(characters=10)
    known: dict[Key, str] = {(1, n): "x" * 4 for n in (1, 2)}
    payloads.keep(known)
    payloads.text((1, 1), lambda: "unasked")
    payloads.keep({(1, 3): "x" * 4})
    assert payloads.text((1, 1), lambda: "gone") == "x" * 4
    assert payloads.text((1, 2), lambda: "gone") == "gone"


def test_one_that_is_longer_than_all_together_may_be_is_not_kept() -> None:
    payloads = Payloads(characters=10)
    assert payloads.text((1, 1), lambda: "x" * 11) == "x" * 11
    assert payloads.text((1, 1), lambda: "read again") == "read again"


def test_keeping_what_is_kept_counts_once() -> None:
    payloads = Payloads(characters=10)
    for _ in range(3):
        payloads.keep({(1, 1): "x" * 5})
    payloads.keep({(1, 2): "x" * 5})
    assert payloads.text((1, 1), lambda: "gone") == "x" * 5


def test_what_was_written_is_not_read_back() -> None:
    """Each iteration takes its item out of an array that has a record of its own."""
    each = {"StartAt": "Do", "States": {"Do": {"Type": "Task", "Resource": "noop", "End": True}}}
    disk = Disk(compiled(machine(Each={"Type": "Map", "ItemProcessor": each})))
    disk.start("[" + ",".join(f'"item {n}"' for n in range(300)) + "]")
    disk.write()
    asked: list[str] = []

    def noted(kind: str, key: Key) -> None:
        asked.append(kind)

    disk.execution._read = noted
    for n in range(100):
        disk.run(next(path for path in disk.execution.children("") if path.endswith(f":{n}")))
        disk.write()
    assert asked == []

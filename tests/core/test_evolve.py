"""A copy with changed fields is what `dataclasses.replace` makes."""

from __future__ import annotations

import dataclasses
from dataclasses import dataclass, field

import pytest
from hypothesis import given
from hypothesis import strategies as st

from workflows.core.evolve import replace
from workflows.model import At, Error, Frame, Status

NAMES = [one.name for one in dataclasses.fields(Frame)]
FRAME = Frame("/a", At.OPEN, deadlines={"wait": 1.0}, counts={"left": 2}, last=7)


@given(st.dictionaries(st.sampled_from(NAMES), st.integers()))
def test_it_is_the_record_that_the_library_makes(changes: dict[str, int]) -> None:
    before = dataclasses.asdict(FRAME)
    made, expected = replace(FRAME, **changes), dataclasses.replace(FRAME, **changes)  # type: ignore[arg-type]
    assert made == expected
    assert hash(made.path) == hash(expected.path)
    assert [getattr(made, name) is getattr(expected, name) for name in NAMES] == [True] * len(NAMES)
    assert dataclasses.asdict(FRAME) == before


def test_records_of_other_kinds() -> None:
    assert replace(Error("A", "b"), task="t") == Error("A", "b", task="t")


@pytest.mark.parametrize("name", ["", "paths", "__class__"])
def test_a_field_that_there_is_not(name: str) -> None:
    with pytest.raises(TypeError, match=f"Frame has no field '{name}'"):
        replace(FRAME, **{name: 1})  # type: ignore[arg-type]


@dataclass(frozen=True, slots=True)
class Checked:
    a: int = 0
    b: int = 0

    def __post_init__(self) -> None:
        assert self.a >= 0


@dataclass(frozen=True)
class Open:
    a: int = 0
    b: list[int] = field(default_factory=list)


@dataclass(frozen=True, slots=True)
class Lonely:
    a: int = 0


@pytest.mark.parametrize("record", [Checked(), Open(), Lonely(), Status.FAILED])
def test_what_it_cannot_copy_is_refused(record: object) -> None:
    with pytest.raises(TypeError):
        replace(record, a=1)  # type: ignore[type-var]

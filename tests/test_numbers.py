"""Numbers keep their text through reading and writing."""

from __future__ import annotations

import pickle
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from workflows.numbers import Real, dumps, is_number, loads, pretty, real

TEXTS = ("0", "-1", "1.0", "1.10", "1e2", "1E+2", "-0.0", "0.1", "3.14", "1e-7", "100000000000000000000000000000000000001", "5e-324")


@pytest.mark.parametrize("text", TEXTS)
def test_a_number_is_written_as_it_was_read(text: str) -> None:
    for document in (text, f"[{text}]", f'{{"a":{{"b":[1,{text},"1.10"]}}}}'):
        assert dumps(loads(document)) == document
    assert pretty(loads(f'{{"a":[{text},"é"]}}')) == f'{{\n  "a": [\n    {text},\n    "é"\n  ]\n}}\n'


NUMBER = st.from_regex(r"-?(0|[1-9][0-9]{0,30})(\.[0-9]{1,20})?([eE][+-]?[0-9]{1,2})?", fullmatch=True).filter(lambda text: text != "-0")


@given(st.lists(NUMBER), st.text(st.characters(exclude_categories=["Cs"])))
def test_documents_come_back_unchanged(numbers: list[str], text: str) -> None:
    document = f'{{"numbers":[{",".join(numbers)}],"text":{dumps(text)}}}'
    assert dumps(loads(document)) == document


def test_only_odd_writing_costs_anything() -> None:
    assert type(real("1.5")) is float
    odd = real("1.50")
    assert type(odd) is Real
    assert odd == 1.5
    assert type(odd + 1) is float
    copy = pickle.loads(pickle.dumps(odd))
    assert type(copy) is Real
    assert copy.text == "1.50"


@pytest.mark.parametrize("text", ["NaN", "Infinity", "-Infinity", "1e999", "{", "", "[1,]"])
def test_what_is_not_json_is_a_value_error(text: str) -> None:
    with pytest.raises(ValueError):
        loads(text)


def test_infinity_is_not_written() -> None:
    with pytest.raises(ValueError):
        dumps([float("inf")])


@pytest.mark.parametrize(("value", "yes"), [(1, True), (1.5, True), (real("1.50"), True), (True, False), ("1", False), (None, False)])
def test_booleans_are_no_numbers(value: Any, yes: bool) -> None:
    assert is_number(value) is yes

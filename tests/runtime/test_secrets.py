"""Secrets: where they are looked up, where they are put, and what is masked."""

from __future__ import annotations

import json
import logging
import re
import sys
from pathlib import Path
from typing import Any
from urllib.parse import quote, quote_plus

import pytest
from hypothesis import given
from hypothesis import strategies as st

from workflows.runtime.capture import Tail, captured
from workflows.runtime.secrets import MASK, MASKED_CHARACTERS, NOTHING, SECRET_BYTES, Mask, SecretNotFound, Vault


def vault(directory: Path | None = None, **values: str) -> Vault:
    return Vault(directory, {f"STEPWELL_SECRET_{name}": value for name, value in values.items()})


# ----------------------------------------------------------------------------------------------------------------- looking up


def test_the_environment_goes_before_the_directory(tmp_path: Path) -> None:
    for name, text in (("A", "a of the file"), ("B", "b of the file\n"), ("C", "two\nlines\r\n"), ("D", "\n\n"), ("E", "")):
        (tmp_path / name).write_bytes(text.encode())
    found = vault(tmp_path, A="a of the environment")
    assert [found.get(name) for name in "ABCDE"] == ["a of the environment", "b of the file", "two\nlines", "\n", ""]
    assert found.has("A")
    assert not found.has("F")


def test_a_changed_secret_is_seen_at_the_next_call(tmp_path: Path) -> None:
    found = vault(tmp_path)
    for text in ("first", "second"):
        (tmp_path / "A").write_text(text)
        assert found.get("A") == text


@pytest.mark.parametrize("name", ["", "../A", "A/B", ".", "..", "a-b", "1A", "A\n", "é", "A" * 129, "\0"])
def test_no_name_leads_out_of_the_directory(tmp_path: Path, name: str) -> None:
    (tmp_path / "inner").mkdir()
    (tmp_path / "A").write_text("outside")
    with pytest.raises(SecretNotFound, match="is no name of a secret"):
        vault(tmp_path / "inner").get(name)


def test_what_cannot_be_had_is_named_without_its_value(tmp_path: Path) -> None:
    (tmp_path / "BINARY").write_bytes(b"s3cret\xff")
    (tmp_path / "LARGE").write_bytes(b"s3cret" * SECRET_BYTES)
    (tmp_path / "DIRECTORY").mkdir()
    expected = {"BINARY": "UTF-8", "LARGE": "longer than", "DIRECTORY": "Is a directory", "MISSING": "STEPWELL_SECRET_MISSING is not set"}
    for name, words in expected.items():
        with pytest.raises(SecretNotFound, match=words) as caught:
            vault(tmp_path).get(name)
        assert name in str(caught.value)
        assert "s3cret" not in str(caught.value)
    with pytest.raises(SecretNotFound, match="no directory of secrets"):
        vault().get("MISSING")


# --------------------------------------------------------------------------------------------------------------- putting in place


def test_secrets_are_put_where_the_definition_says_and_nowhere_else() -> None:
    one = {"$secret": "A"}
    data = {"a": one, "list": [1, {"b/c": dict(one)}], "data": dict(one), "other": {"$secret": "B"}}
    filled, mask = vault(A="alpha", B="beta").fill(data, {"/a": "A", "/list/1/b~1c": "A"})
    assert filled == {"a": "alpha", "list": [1, {"b/c": "alpha"}], "data": one, "other": {"$secret": "B"}}
    assert mask("alpha beta") == f"{MASK} beta"


def test_the_whole_input_may_be_one() -> None:
    assert vault(A="alpha").fill({"$secret": "A"}, {"": "A"})[0] == "alpha"


def test_where_there_is_none_nothing_is_looked_up() -> None:
    data = {"$secret": "A"}
    filled, mask = vault().fill(data, {})
    assert filled is data
    assert mask is NOTHING
    assert not mask
    assert mask("text") == "text"


@pytest.mark.parametrize("data", [{"a": "plain"}, {"a": {"$secret": "B"}}, {"a": {"$secret": "A", "more": 1}}])
def test_a_place_that_holds_something_else_is_left_alone(data: Any) -> None:
    with pytest.raises(SecretNotFound, match="the definition has changed"):
        vault(A="alpha").fill(data, {"/a": "A"})


# ------------------------------------------------------------------------------------------------------------------------ masking

AWKWARD = "p\"a\\ss w/ö'rd&=\n%41"


@pytest.mark.parametrize(
    "write", [str, json.dumps, lambda s: json.dumps(s, ensure_ascii=False), repr, quote, quote_plus, lambda s: repr([s])]
)
def test_a_value_is_masked_however_it_is_written(write: Any) -> None:
    text = Mask([AWKWARD])(f"before {write(AWKWARD)} after")
    assert text.replace('"', "").replace("'", "").replace("[", "").replace("]", "") == f"before {MASK} after"


def test_each_line_of_it_is_masked() -> None:
    key = "-----BEGIN KEY-----\nMIIEowIBAAKC\nab\n-----END KEY-----"
    assert Mask([key])("x MIIEowIBAAKC y ab") == f"x {MASK} y ab"


def test_the_longer_one_goes_first() -> None:
    assert Mask(["secret", "secret-and-more"])("secret-and-more secret") == f"{MASK} {MASK}"


def test_what_is_short_is_left() -> None:
    assert not Mask(["", "a", "x" * (MASKED_CHARACTERS - 1)])
    assert Mask(["x" * MASKED_CHARACTERS])("xxxx x") == f"{MASK} x"


@pytest.mark.parametrize("cut", range(MASKED_CHARACTERS, 12))
def test_a_text_that_is_cut_within_it_gives_nothing_away(cut: int) -> None:
    mask = Mask(["correct horse battery"])
    assert mask("not {'token': 'correct horse battery"[: 15 + cut]) == f"not {{'token': '{MASK}"
    assert mask("a: correct horse battery"[: 3 + cut] + "\nnext line") == f"a: {MASK}\nnext line"
    assert mask("correct answer") == "correct answer"


@given(st.text(min_size=MASKED_CHARACTERS, alphabet=st.characters(codec="utf-8")), st.text(), st.text())
def test_no_value_stays_in_any_text(value: str, before: str, after: str) -> None:
    if value in MASK * 2 or (before + MASK + after).count(value):
        return  # made of the mask itself, or by what stands around it
    text = Mask([value])(before + value + after)
    assert value not in text


# ---------------------------------------------------------------------------------------------------------------------------- logs


def test_what_an_attempt_logs_is_masked_by_whatever_logger(caplog: pytest.LogCaptureFixture) -> None:
    tail = Tail()
    tail.mask = Mask(["s3cret-value"])
    with captured(tail):
        logging.getLogger("some.library").warning("token %s", "s3cret-value")
        logging.getLogger("other").warning("fits not: s3cret-value %d", "s3cret-value")
        try:
            raise ValueError("the s3cret-value is wrong")
        except ValueError:
            logging.getLogger("third").exception("it broke")
    logging.getLogger("some.library").warning("token %s", "s3cret-value")
    *masked, last = [record.getMessage() for record in caplog.records]
    assert masked[0] == f"token {MASK}"
    assert f"fits not: {MASK}" in masked[1]
    assert f"the {MASK} is wrong" in masked[2]
    assert "Traceback" in masked[2]
    assert last == "token s3cret-value", "only what is logged by the call"
    assert caplog.text.count("s3cret-value") == 1
    written = tail.take(keep=True)
    assert written is not None
    assert "s3cret-value" not in written[0]
    assert f"token {MASK}" in written[0]


def test_what_an_attempt_prints_is_masked_also_in_pieces_cut_and_too_late(capsys: pytest.CaptureFixture[str]) -> None:
    tail = Tail(limit=200)
    tail.mask = Mask(["s3cret-value"])
    with captured(tail):
        print("one s3cret-value")
        sys.stdout.write("two s3cret")
        sys.stdout.write("-value\n")
        assert tail.take(keep=True) == (f"one {MASK}\ntwo {MASK}\n", False)
        for n in range(100):
            print("s3cret-value", n)
        taken = tail.take(keep=True)
        assert taken is not None
        assert taken[1]
        assert re.fullmatch(r"[^s]*\n?(\*{3} \d+\n)+", taken[0])
        tail.close()
        print("late s3cret-value")
    assert capsys.readouterr().out == f"late {MASK}\n"

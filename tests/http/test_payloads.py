"""Payloads: what comes out is the text that went in, and what cannot be kept so is refused with a reason."""

from __future__ import annotations

import json

import pytest

from tests.http.client import Client, job, problem, task

EXACT = [
    "1.00",
    "1e2",
    "-0",
    "-0.0",
    "1E+2",
    "123456789012345678901234567890",
    "-99999999999999999999.5",
    "0.1000000000000000055511151231257827",
    "1e-400",
    "1.7976931348623157e308",
    "true",
    "null",
    '""',
    '"\\u0041"',
    '"\\/"',
    '"\\ud83d\\ude42"',
    '"\\u0000"',
    '"\\u2028"',
    '"naïve 日本語 🙂"',
    '"</script>"',
    "[ 1,\t2 ,\n 3 ]",
    '{"b" : 1, "a" : 2}',
    '{"twice": 1, "twice": 2}',
    "[" * 198 + "]" * 198,
    '"' + "x" * 100_000 + '"',
    "9" * 300,
]

REFUSED = {
    "cut off": ('{"a": [1, 2', "line 1, column"),
    "no JSON": ("{a: 1}", "line 1, column 2"),
    "two values": ("{} {}", "line 1"),
    "a comma too many": ('{"a": 1,}', "line 1"),
    "single quotes": ("{'a': 1}", "line 1, column 2"),
    "a tab in a text": ('{"a": "\t"}', "line 1"),
    "NaN": ('{"a": NaN}', "NaN is not a JSON value"),
    "infinity": ('{"a": -Infinity}', "not a JSON value"),
    "out of range": ('{"a": 1e400}', "out of range"),
    "5,000 digits": ('{"a": ' + "9" * 5_000 + "}", "out of range"),
    "half a pair, escaped": ('{"a": "\\ud800"}', "half a surrogate pair"),
    "half a pair, as a key": ('{"\\udfff": 1}', "half a surrogate pair"),
    "half a pair, encoded": (b'{"a": "\xed\xa0\x80"}', "not UTF-8"),
    "no UTF-8": (b'{"a": "\xff"}', "not UTF-8: byte 0xff at line 1, column 8"),
    "UTF-16": ('{"a": 1}'.encode("utf-16"), "not UTF-8"),
    "byte order mark": (b"\xef\xbb\xbf{}", "byte order mark"),
    "zeros": (b"\0\0\0\0", "line 1"),
    "300 deep": ('{"a":' * 300 + "1" + "}" * 300, "200 levels"),
    "100,000 deep": ("[" * 100_000, "200 levels"),
}


def echo(api: Client) -> str:
    return api.register(job(task("a")))


@pytest.mark.parametrize("text", EXACT, ids=lambda text: text[:20])
def test_the_input_comes_out_as_it_went_in(api: Client, text: str) -> None:
    body = '{"a": ' + text + "}"
    execution_id = api.execute(echo(api), body)
    answer = api.get(f"/jobs/{execution_id}/state")
    assert f'"input":{body},"output"'.encode() in answer.content
    assert json.loads(answer.text)["input"] == json.loads(body)


@pytest.mark.parametrize("text", ["123456789012345678901234567890", '"naïve 🙂 \\u0000 \\" \\\\"', "1.5", "-0.0", "[" * 190 + "]" * 190])
def test_values_pass_from_task_to_task_unharmed(api: Client, text: str) -> None:
    first, second = task("a", parameters={"x.$": "$.input.x"}), task("b", parameters={"y.$": "$.results.a.x"})
    state = api.run(job(first, second), '{"x": ' + text + "}")
    value = json.loads(text)
    assert state["output"] == {"b": {"y": value}}
    assert [one["result"] for one in state["tasks"]] == [{"x": value}, {"y": value}]


@pytest.mark.parametrize("name", REFUSED)
def test_what_is_no_json_starts_nothing(api: Client, name: str) -> None:
    body, *words = REFUSED[name]
    found = problem(api.post("/jobs/hello/execute", body), 400, *words)
    assert found["type"] == "urn:stepwell:problem:unreadable"
    assert len(found["detail"]) < 300
    problem(api.post("/job-definitions", body), 400, *words)
    assert api.get("/health").status_code == 200


def test_a_small_name_of_a_large_thing_is_refused_where_it_would_be_too_deep(api: Client) -> None:
    """The input is as deep as it may be; wrapped by `parameters` it is deeper, and that must not take anything down."""
    deep = '{"x":' + "[" * 199 + "]" * 199 + "}"
    state = api.run(job(task("a", parameters={"a": {"b": {"c.$": "$.input"}}})), deep)
    assert state["status"] in ("COMPLETED", "FAILED")
    assert api.get(f"/jobs/{state['id']}/state").content.count(b"[" * 199) >= 1
    assert api.get("/health").json() == {"status": "ok", "troubles": []}

"""The forms of values, as clients of other systems read them."""

from __future__ import annotations

import re
from collections.abc import Mapping
from typing import Any

import requests

RFC_3339 = re.compile(r"\d{4}-\d\d-\d\dT\d\d:\d\d:\d\d(\.\d{1,9})?Z")
"""What Go's time.Time takes, in UTC."""

NEVER = "0001-01-01T00:00:00Z"


def moment(value: Any) -> str:
    assert isinstance(value, str), value
    assert RFC_3339.fullmatch(value), value
    return value


def json_of(answer: requests.Response, status: int = 200) -> Any:
    assert answer.status_code == status, answer.text
    assert answer.headers["Content-Type"] == "application/json"
    assert "Access-Control-Allow-Origin" not in answer.headers, "no page of another site may read this"
    return answer.json()


def members(value: Mapping[str, Any], *names: str) -> Mapping[str, Any]:
    """It has these, and no others."""
    assert sorted(value) == sorted(names)
    return value


def next_of(answer: requests.Response) -> str | None:
    """The path that the header `Link` leads on to."""
    link = answer.links.get("next")
    return None if link is None else link["url"]

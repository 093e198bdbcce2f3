"""Pages for clients whose answers have no room for a cursor: the header `Link` leads on (RFC 8288)."""

from __future__ import annotations

from collections.abc import Mapping
from urllib.parse import quote, urlencode

from flask import request


def onward(next: str | None) -> Mapping[str, str]:
    """The header that leads to the next page of the present question; none after the last one."""
    if next is None:
        return {}
    asked = urlencode({**request.args.to_dict(), "cursor": next})
    return {"Link": f'<{quote(request.path)}?{asked}>; rel="next"'}


LINKED = 'If there is more, the header `Link` has the address of the next page (rel="next").'

BOUNDED = f"{LINKED} Where rows are long, a page ends after about 1 MiB."

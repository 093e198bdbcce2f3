"""The audit log on the wire."""

from __future__ import annotations

from marshmallow import fields

from workflows.api.schemas.base import Moment, Shape, Words, about, given, next_page, nullable
from workflows.api.schemas.queries import Instant, PageQuery, Word


class AuditRecordSchema(Shape):
    sequence = fields.Integer(**given("Its number in the log, from 1, without gaps.", 42))
    at = Moment(data_key="time", **nullable("When it was committed.", "2026-11-21T03:00:00.000Z"))
    who = Words(
        **nullable(
            "Who did it: a key's id, `settings-1` for the first key of the settings, `loopback`, `insecure`, `startup` for the definition "
            "files, `schedule` and `alert` for what these start, `offline` for the command line without a server, or `server`.",
            "9f86d08188",
        )
    )
    name = Words(**nullable("The key's name.", "build server"))
    action = fields.String(**given("What was done, such as execute, cancel or register.", "execute"))
    target = Words(**nullable("Id of what it was done to.", "exec-0-42-9f86d081"))
    details = fields.Dict(**given("What else there is to say of it, in short; never a payload.", {"definition": "hello", "revision": 1}))
    address = Words(**nullable("Where the request came from.", "10.0.0.7"))
    request = Words(data_key="requestId", **nullable("The X-Request-ID it had.", "b6a1"))


class AuditSchema(Shape):
    records = fields.List(fields.Nested(AuditRecordSchema), attribute="items", data_key="records", **given("The newest first."))
    next = next_page()


class AuditQuery(PageQuery):
    since = Instant(load_default=None, metadata=about("Only what was done then or later (RFC 3339)."))
    until = Instant(load_default=None, metadata=about("Only what was done before (RFC 3339)."))
    who = Word(load_default=None, metadata=about("Only what was done by the key of this id or name."))

"""Which executions are meant, as it is asked for in an address and in the body of a change in bulk. Both give the members of the
service's Filter."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from marshmallow import Schema, ValidationError, post_load, validate, validates_schema

from workflows.api.schemas.base import about
from workflows.api.schemas.queries import Flag, Instant, Labels, OneOf, PageQuery, Word
from workflows.language import shapes
from workflows.model import Status

TEXT_CHARACTERS = 200

_JOB = about("Only executions of the definition with this id.", "hello")
_STATUS = "Only executions with this status."
_SINCE = about("Only executions submitted at this moment or later.", "2026-11-21T03:00:00Z")
_UNTIL = about("Only executions submitted before this moment.", "2026-11-22T03:00:00Z")
_TEXT = about("Only executions with this text in their input, output or error, whatever the case. It is searched, not looked up.", "no tea")
_PAUSED = about("Only executions that are paused, or only those that are not.", True)
_SHORT = validate.Length(max=TEXT_CHARACTERS, error=f"this must not be longer than {TEXT_CHARACTERS} characters")


class _Times(Schema):
    """What holds of both."""

    @validates_schema
    def _ordered(self, data: Mapping[str, Any], **_: Any) -> None:
        since, until = data.get("since"), data.get("until")
        if since is not None and until is not None and since >= until:
            raise ValidationError("this must be later than since", "until")


class ExecutionsQuery(PageQuery, _Times):
    """Gives `wanted`, the members of a Filter, beside `limit` and `cursor`."""

    job = Word(validate=_SHORT, metadata=_JOB)
    status = OneOf(Status, _STATUS)
    since = Instant(metadata=_SINCE)
    until = Instant(metadata=_UNTIL)
    label = Labels(
        load_default=dict, metadata=about("Only executions with this label, as key:value; may be given more than once.", ["team:payments"])
    )
    text = Word(validate=_SHORT, metadata=_TEXT)
    paused = Flag(metadata=_PAUSED)

    @post_load
    def _filter(self, data: dict[str, Any], **_: Any) -> dict[str, Any]:
        page = {name: data.pop(name) for name in ("limit", "cursor")}
        return {**page, "wanted": _members(data, data.pop("label"))}


class MomentText(shapes.Text):
    """A moment (RFC 3339), as seconds since the epoch."""

    def _deserialize(self, value: Any, *args: Any, **more: Any) -> Any:
        return Instant().deserialize(super()._deserialize(value, *args, **more))


class FilterShape(shapes.Shape, _Times):
    """Gives the members of a Filter."""

    job = shapes.Text(validate=_SHORT, metadata=_JOB)
    status = shapes.Choice(Status, metadata=about(_STATUS))
    since = MomentText(metadata=_SINCE)
    until = MomentText(metadata=_UNTIL)
    labels = shapes.Keyed(
        shapes.Text(empty=True), load_default=dict, metadata=about("Only executions with all of these labels.", {"team": "payments"})
    )
    text = shapes.Text(validate=_SHORT, metadata=_TEXT)
    paused = shapes.Flag(metadata=_PAUSED)

    @post_load
    def _filter(self, data: dict[str, Any], **_: Any) -> dict[str, Any]:
        return _members(data, data.pop("labels"))


def _members(data: Mapping[str, Any], labels: Mapping[str, str]) -> dict[str, Any]:
    status = data.get("status")
    return {**data, "labels": labels, "status": None if status is None else Status(status)}

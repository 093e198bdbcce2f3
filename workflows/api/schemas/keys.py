"""API keys on the wire."""

from __future__ import annotations

from marshmallow import fields

from workflows.api.schemas.base import Moment, Shape, Told, Words, given, nullable
from workflows.language import shapes
from workflows.roles import NAME_CHARACTERS, Role


class RoleName(fields.Field[Role]):
    """A role, as people write it."""

    def _serialize(self, value: Role | None, *_: object, **__: object) -> str | None:
        return None if value is None else value.label

    def _deserialize(self, value: object, *_: object, **__: object) -> Role:
        return Role.named(str(value))


class KeySchema(Shape):
    id = fields.String(**given("Names the key; the part of it behind `sw_`.", "9f86d08188"))
    name = fields.String(**given("What it is for.", "build server"))
    role = RoleName(**given("viewer, operator or admin.", "operator"))
    created = Moment(data_key="createTime", **given("When it was made.", "2026-11-21T03:00:00.000Z"))
    used = Moment(data_key="lastUseTime", **nullable("When it was last used, to the minute; null if never.", "2026-11-21T03:00:00.000Z"))
    address = Words(data_key="lastUseAddress", **nullable("The address it was last used from.", "10.0.0.7"))
    revoked = Moment(data_key="revokeTime", **nullable("When it was revoked; null while it is good."))


class KeysSchema(Shape):
    keys = fields.List(fields.Nested(KeySchema), **given("All there have been, the oldest first."))


class NewKeyBody(shapes.Shape):
    """What a key is made of."""

    name = shapes.Text(
        required=True, metadata={"description": f"What it is for: 1 to {NAME_CHARACTERS} characters.", "examples": ["build server"]}
    )
    role = shapes.Choice(
        tuple(role.label for role in Role),
        required=True,
        metadata={"description": "What it allows: to look, also to operate executions, or everything.", "examples": ["operator"]},
    )


class NewKeySchema(Shape):
    id = fields.String(attribute="key.id", **given("Names the key from now on.", "9f86d08188"))
    name = fields.String(attribute="key.name", **given("What it is for.", "build server"))
    role = RoleName(attribute="key.role", **given("viewer, operator or admin.", "operator"))
    secret = fields.String(
        data_key="key", **given("The key to send. It is shown this once.", "sw_9f86d08188_hQ3kW5m0b1m2b7f8pVd0R3l4yQ6aXn9sT5uVjWcZ1oE")
    )


class RevokedSchema(Shape):
    message = Told(lambda done: f"Key {done['id']!r} is revoked", str, **given("What happened, for people.", "Key '9f86d08188' is revoked"))
    id = fields.String(**given("The key's id.", "9f86d08188"))

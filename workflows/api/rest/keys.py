"""Endpoints of API keys: making, listing and revoking them."""

from __future__ import annotations

from typing import Any

from workflows.api.bodies import JsonBody
from workflows.api.rest.endpoints import Endpoint, Kind, Role
from workflows.api.schemas.keys import KeysSchema, NewKeyBody, NewKeySchema, RevokedSchema
from workflows.runtime.keys import ApiKey, NewKey
from workflows.service import Service


def keys(service: Service) -> dict[str, list[ApiKey]]:
    return {"keys": service.keys.list()}


def add_key(service: Service, sent: dict[str, Any]) -> NewKey:
    return service.keys.add(sent["name"], sent["role"])


def revoke_key(service: Service, key_id: str) -> dict[str, str]:
    service.keys.revoke(key_id)
    return {"id": key_id}


KIND = Kind(
    "keys",
    "API keys: who may come in, and what they may do. Those of the settings are not among them.",
    (
        Endpoint(
            keys,
            "GET",
            "/keys",
            "Lists the API keys, without their secrets.",
            {200: KeysSchema},
            description="The oldest first; revoked ones stay in the list.",
            role=Role.ADMIN,
        ),
        Endpoint(
            add_key,
            "POST",
            "/keys",
            "Makes an API key.",
            {201: NewKeySchema},
            description="The answer is the only place where the key ever stands: only a hash of it is kept.",
            leads={"revoke_key": {"keyId": "id"}},
            body=JsonBody(NewKeyBody, "The key's name and role.", '{"name": "build server", "role": "operator"}'),
            role=Role.ADMIN,
        ),
        Endpoint(
            revoke_key,
            "DELETE",
            "/keys/<key_id>",
            "Revokes an API key, for good.",
            {200: RevokedSchema},
            description="From the answer on, nobody comes in with it. One that is revoked already stays so.",
            sample="/keys/KEY_ID",
            role=Role.ADMIN,
        ),
    ),
)

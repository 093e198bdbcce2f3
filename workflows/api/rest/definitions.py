"""Endpoints of job definitions."""

from __future__ import annotations

from typing import Any

from workflows.api.bodies import RawBody
from workflows.api.rest.endpoints import Endpoint, Kind, Role
from workflows.api.schemas.definitions import (
    DefinitionSchema,
    DefinitionsSchema,
    DeletedRevisionSchema,
    DeletedSchema,
    RegisteredSchema,
    RevisionsSchema,
)
from workflows.api.schemas.queries import PageQuery
from workflows.runtime.catalogue import Registration
from workflows.service import Service

TASK_LIST = '{"id": "first", "tasks": [{"id": "say", "name": "Say it", "functionName": "echo", "maxRetry": 0}]}'


def register(service: Service, sent: bytes) -> Registration:
    return service.definitions.register(sent)


def definitions(service: Service, query: dict[str, Any]) -> Any:
    return service.definitions.page(query["limit"], query["cursor"])


def definition(service: Service, definition_id: str) -> Any:
    return service.definitions.get(definition_id)


def revisions(service: Service, definition_id: str, query: dict[str, Any]) -> Any:
    return service.definitions.revisions(definition_id, query["limit"], query["cursor"])


def revision(service: Service, definition_id: str, revision: int) -> Any:
    return service.definitions.get(definition_id, revision)


def delete_definition(service: Service, definition_id: str) -> dict[str, Any]:
    service.definitions.delete(definition_id)
    return {"id": definition_id}


def delete_revision(service: Service, definition_id: str, revision: int) -> dict[str, Any]:
    service.definitions.delete_revision(definition_id, revision)
    return {"id": definition_id, "revision": revision}


def schema(service: Service) -> dict[str, Any]:
    return service.definitions.schema()


KIND = Kind(
    "definitions",
    "What may be executed: task lists, graphs and state machines, each in numbered revisions.",
    (
        Endpoint(
            register,
            "POST",
            "/job-definitions",
            "Registers a job definition, or its next revision.",
            {201: RegisteredSchema},
            description="The same document again, however it is written, is the same revision. One that is refused is told every problem.",
            body=RawBody("A task list, a graph, or a state machine in Amazon States Language.", TASK_LIST, form={"type": "object"}),
            leads={"execute": {"definitionId": "id"}},
            role=Role.ADMIN,
        ),
        Endpoint(
            definitions,
            "GET",
            "/job-definitions",
            "Lists the job definitions, by id.",
            {200: DefinitionsSchema},
            description="Each as its newest revision has it, without the document.",
            query=PageQuery,
        ),
        Endpoint(
            definition,
            "GET",
            "/job-definitions/<definition_id>",
            "Shows the newest revision of a job definition.",
            {200: DefinitionSchema},
            description="With the document as it was sent.",
            sample="/job-definitions/hello",
        ),
        Endpoint(
            revisions,
            "GET",
            "/job-definitions/<definition_id>/revisions",
            "Lists the revisions of a job definition, the newest first.",
            {200: RevisionsSchema},
            description="Those that were deleted are missing; their numbers are not given out again.",
            query=PageQuery,
            sample="/job-definitions/hello/revisions",
        ),
        Endpoint(
            revision,
            "GET",
            "/job-definitions/<definition_id>/revisions/<int:revision>",
            "Shows a revision of a job definition.",
            {200: DefinitionSchema},
            description="With the document as it was sent.",
            sample="/job-definitions/hello/revisions/1",
        ),
        Endpoint(
            delete_definition,
            "DELETE",
            "/job-definitions/<definition_id>",
            "Deletes a job definition.",
            {200: DeletedSchema},
            description="It is a conflict while an execution of it has not ended. Those that have ended are kept, with the revisions that "
            "they ran on, and may be redriven. Registered again, its numbering goes on.",
            errors=(409,),
            sample="/job-definitions/DEFINITION_ID",
            role=Role.ADMIN,
        ),
        Endpoint(
            delete_revision,
            "DELETE",
            "/job-definitions/<definition_id>/revisions/<int:revision>",
            "Deletes a revision of a job definition.",
            {200: DeletedRevisionSchema},
            description="It is a conflict while an execution is kept that ran on it, and if it is the newest.",
            errors=(409,),
            sample="/job-definitions/DEFINITION_ID/revisions/1",
            role=Role.ADMIN,
        ),
        Endpoint(
            schema,
            "GET",
            "/schema",
            "Gives the JSON Schema of job definitions.",
            {200: None},
            description="For editors, which complete and check by it (draft 2020-12). It lists the registered functions.",
        ),
    ),
)

"""The shapes themselves: strict when loaded, described, and exact about moments."""

from __future__ import annotations

import importlib
import inspect
import pkgutil

import orjson
import pytest
from marshmallow import RAISE, ValidationError, fields

from workflows.api import schemas
from workflows.api.schemas.base import Moment, RawJson, Shape, example_of
from workflows.api.schemas.executions import ErrorSchema, ExecutionStateSchema
from workflows.api.schemas.problems import ConflictSchema, FindingSchema
from workflows.api.schemas.queries import Query
from workflows.api.schemas.system import HealthSchema
from workflows.model import Error, Status
from workflows.runtime.state import ExecutionState
from workflows.runtime.task_state import TaskState
from workflows.service.system import Health

MODULES = [importlib.import_module(f"{schemas.__name__}.{module.name}") for module in pkgutil.iter_modules(schemas.__path__)]
CLASSES = {value for module in MODULES for _, value in inspect.getmembers(module, inspect.isclass) if value.__module__ == module.__name__}
ALL = sorted((one for one in CLASSES if issubclass(one, Shape) and one is not Shape), key=lambda one: one.__name__)
QUERIES = sorted((one for one in CLASSES if issubclass(one, Query)), key=lambda one: one.__name__)

LEFT_OUT = {FindingSchema: ("suggestion", "code", "line", "column"), ConflictSchema: ("problems",), HealthSchema: ("troubles",)}
"""Of a few shapes: what may be missing."""

STATE = ExecutionState(
    *("exec-0-1-aaaaaaaa", "job", 3, Status.FAILED, 5, {"team": "x"}, 1_700_000_000.0, 1_700_000_000.1234, None),
    *('{"a": 1.00}', None, Error("Oops", task="t")),
    tasks=(TaskState("t", "T", "echo", "FAILED", attempts=1, result="1e2"),),
)


@pytest.mark.parametrize("schema", ALL, ids=lambda schema: schema.__name__)
def test_every_field_says_what_it_means_and_none_may_be_missing(schema: type[Shape]) -> None:
    assert schema().unknown == RAISE
    for name, field in schema().fields.items():
        assert field.metadata.get("description", "").endswith("."), f"{schema.__name__}.{name}"
        assert field.required or name in LEFT_OUT.get(schema, ())


@pytest.mark.parametrize("schema", ALL, ids=lambda schema: schema.__name__)
def test_the_examples_make_an_answer_of_this_shape(schema: type[Shape]) -> None:
    """KeyError: a field has no example."""
    shown = example_of(schema())
    assert orjson.loads(orjson.dumps(shown)) == shown
    assert schema().load(shown)


@pytest.mark.parametrize("query", QUERIES, ids=lambda query: query.__name__)
def test_every_query_parameter_says_what_it_means(query: type[Query]) -> None:
    for name, field in query().fields.items():
        assert field.metadata.get("description", "").endswith("."), f"{query.__name__}.{name}"


def test_payloads_are_spliced_and_moments_written_in_utc() -> None:
    text = orjson.dumps(ExecutionStateSchema().dump(STATE)).decode()
    assert '"input":{"a": 1.00}' in text
    assert '"result":1e2' in text
    assert '"startTime":"2023-11-14T22:13:20.123Z"' in text
    assert '"endTime":null' in text
    assert '"error":{"type":"Oops","message":"","traceback":null,"task":"t"}' in text


def test_what_is_dumped_loads() -> None:
    state = ExecutionStateSchema().loads(orjson.dumps(ExecutionStateSchema().dump(STATE)).decode())
    assert (state["started"], state["status"], state["input"]) == (1_700_000_000.123, Status.FAILED, {"a": 1.0})


@pytest.mark.parametrize("change", [{"more": 1}, {"type": None}, {"message": 1}])
def test_other_shapes_do_not(change: dict[str, object]) -> None:
    whole = ErrorSchema().dump(Error("Oops"))
    with pytest.raises(ValidationError):
        ErrorSchema().load(whole | change)
    del whole["task"]
    with pytest.raises(ValidationError):
        ErrorSchema().load(whole)


@pytest.mark.parametrize("value", ["yesterday", 5, None])
def test_a_moment_is_a_moment(value: object) -> None:
    with pytest.raises(ValidationError):
        Moment().deserialize(value)


def test_health() -> None:
    assert HealthSchema().dump(Health(())) == {"status": "ok", "troubles": []}
    assert HealthSchema().dump(Health(("a", "b"))) == {"status": "degraded", "troubles": ["a", "b"]}


def test_null_as_text_is_not_no_text() -> None:
    field: fields.Field[object] = RawJson()
    assert orjson.dumps([field.serialize("a", {"a": "null"}), field.serialize("a", {"a": None})]) == b"[null,null]"

"""Sound definitions, spoilt here and there: each is taken or refused in words that lead to the place, and what is taken can be run.

The definitions are those that are shipped, those of the guide and made-up ones. A few changes of the kind people make (a key misspelt, a
value of another kind, a part lost, moved or written twice) leave most of a document sound, so the reader comes far and the few that are
still right say something new to the machine that runs them.
"""

from __future__ import annotations

import copy
import json
import re
from collections.abc import Iterator
from typing import Any
from zlib import crc32

import pytest
from hypothesis import HealthCheck, Phase, example, given, settings
from hypothesis import strategies as st

from app import create_app
from definitions import DIRECTORY
from tests.core.test_asl_properties import INPUT, documents
from tests.core.world import World
from tests.docs.pages import DEFINITIONS
from tests.language.test_fuzz import jobs
from workflows.core import machine as machine_module
from workflows.core.waits import Work
from workflows.errors import Invalid, Problem
from workflows.language import canonical, read_definition
from workflows.language.text import loads
from workflows.model import ENDED, Definition
from workflows.runtime.catalogue import dialect_for
from workflows.server import Server
from workflows.service import Service
from workflows.settings import Settings

PHASES = (Phase.explicit, Phase.generate, Phase.shrink)
examples = settings(
    deadline=None,
    derandomize=True,
    max_examples=120,
    phases=PHASES,
    suppress_health_check=[HealthCheck.too_slow, HealthCheck.data_too_large, HealthCheck.function_scoped_fixture],
)

EVENTS = 250
"""After so many an execution that goes round in circles is cancelled."""

CORPUS: list[dict[str, Any]] = [
    *(json.loads(path.read_text(encoding="utf-8")) for path in sorted(DIRECTORY.glob("*.json"))),
    *(json.loads(block.text) for block in DEFINITIONS),
]
FUNCTIONS = frozenset(re.findall(r'"(?:functionName|Resource)": "([\w-]+)"', json.dumps(CORPUS))) | {"f"}
INPUTS: list[Any] = [
    INPUT,
    {},
    {"name": "Ada", "goods": 90, "postage": 5, "coupon": None, "order": 7, "n": 1.0},
    {"to": "Ada", "items": [{"weight": 120}, {"weight": 1.5}], "fail": ["ship"], "rows": 3},
]

# ---------------------------------------------------------------------------------------------------------------------- spoiling

VALUES: list[Any] = [
    *(None, True, False, 0, -1, 1, 2, 40, 100, 10**9, 2**63, 10**30, 0.5, -0.0, 1e-300, 1e300, "", "x", "$", "$$", "$.input", "$.", "$x"),
    *("$.results", "$..a", "$.items[*]", "$[?(@.a == 1)]", "States.ALL", "States.Timeout", "States.Format('{}', $)", "States.UUID()"),
    *(
        "States.Array($, $$)",
        "States.MathAdd(1, 2)",
        "{% 1 %}",
        "JSONata",
        "2016-03-14T01:59:00Z",
        "a" * 81,
        "é",
        "\u0000",
        "\U0001f600",
        "~/",
    ),
    *([], {}, [[]], [{}], {"a": {}}, {"a.$": "$"}, {"Variable": "$.a", "IsPresent": True}, {"Next": "x"}, ["States.ALL"], [1, "a", None]),
]


def places(value: Any, way: tuple[Any, ...] = ()) -> Iterator[tuple[Any, ...]]:
    """The way to every value inside."""
    members = value.items() if isinstance(value, dict) else enumerate(value) if isinstance(value, list) else ()
    for key, member in members:
        yield (*way, key)
        yield from places(member, (*way, key))


def at(document: Any, way: tuple[Any, ...]) -> Any:
    for key in way:
        document = document[key]
    return document


def renamed(container: dict[str, Any], old: str, new: str) -> None:
    """In its place among the keys."""
    members = [(new if key == old else key, value) for key, value in container.items() if key == old or key != new]
    container.clear()
    container.update(members)


@st.composite
def spoilt(draw: st.DrawFn) -> Any:
    sound = draw(st.sampled_from(CORPUS) | jobs() | documents().map(lambda made: {"id": "made", **made}))
    document: Any = json.loads(json.dumps(sound))  # a copy in which no part is in two places, so that a change is in one
    for _ in range(draw(st.integers(0, 3))):
        ways = list(places(document))
        if not ways:
            break
        way = draw(st.sampled_from(ways))
        container, key = at(document, way[:-1]), way[-1]
        other = at(document, draw(st.sampled_from(ways)))
        match draw(st.sampled_from(["replace", "replace", "lose", "misspell", "copy", "add", "wrap", "nudge"])):
            case "replace":
                container[key] = copy.deepcopy(draw(st.sampled_from(VALUES)))
            case "lose":
                del container[key]
            case "misspell" if isinstance(key, str):
                renamed(container, key, draw(st.sampled_from([key[1:], f"{key}s", key.swapcase(), f"{key}.$", key.removesuffix(".$"), ""])))
            case "copy":
                container[key] = copy.deepcopy(other)
            case "add" if isinstance(container, dict):
                keys = [way[-1] for way in ways if isinstance(way[-1], str)]
                container[draw(st.sampled_from([*keys, "Next", "End", "", "x"]))] = copy.deepcopy(other)
            case "wrap":
                container[key] = copy.deepcopy(draw(st.sampled_from([[other], {"a": other}])))
            case _ if isinstance(container[key], str):
                text = container[key]
                container[key] = draw(st.sampled_from([text[1:], text[:-1], f"{text}x", text.upper(), f"$.{text}", f" {text}"]))
    return document


# ---------------------------------------------------------------------------------------------------------------------- answers


def read(document: Any, indent: int | None = None) -> Definition | tuple[Problem, ...]:
    text = json.dumps(document, indent=indent, ensure_ascii=False)
    try:
        return read_definition(text, functions=FUNCTIONS.__contains__, function_names=FUNCTIONS)
    except Invalid as error:
        return error.problems


def leads(document: Any, pointer: str) -> tuple[tuple[Any, ...], bool]:
    """The way that the pointer leads as far as there is one, and whether it is all of it."""
    way: tuple[Any, ...] = ()
    for segment in pointer.split("/")[1:]:
        key: Any = segment.replace("~1", "/").replace("~0", "~")
        if isinstance(document, list) and key.isdecimal() and int(key) < len(document):
            key = int(key)
        elif not isinstance(document, dict) or key not in document:
            return way, False
        way, document = (*way, key), document[key]
    return way, True


def place_of(document: Any, way: tuple[Any, ...], indent: int | None) -> tuple[int, int]:
    """Line and column of a value, found by writing a mark in its place: all before it stays as it is."""
    mark = "a text that stands nowhere else"
    marked = copy.deepcopy(document)
    if way:
        at(marked, way[:-1])[way[-1]] = mark
    before = json.dumps(marked, indent=indent, ensure_ascii=False).partition(json.dumps(mark))[0] if way else ""
    return before.count("\n") + 1, len(before) - (before.rfind("\n") + 1) + 1


@examples
@given(spoilt(), st.sampled_from([None, 0, 2]))
def test_every_problem_leads_to_its_place(document: Any, indent: int | None) -> None:
    found = read(document, indent)
    problems = found if isinstance(found, tuple) else found.warnings
    assert problems or not isinstance(found, tuple)
    assert len(set(problems)) == len(problems), "nothing is said twice"
    for problem in problems:
        way, whole = leads(document, problem.pointer)
        missing = problem.pointer.count("/") - len(way)
        assert whole or missing == 1, f"{problem}: neither that nor what is around it is there"
        assert (problem.line, problem.column) == place_of(document, way, indent), problem
        assert problem.message
        assert str(problem)
    assert not isinstance(found, tuple) or any(problem.severity == "error" for problem in found)


# ---------------------------------------------------------------------------------------------------------------------- running


def run(definition: Definition, data: Any, salt: int) -> World:
    """To its end, or for so many events and then cancelled. An exception in a step would be a defect, and is raised here."""
    world = World(dialect_for(definition), seed=salt)
    world.start(data)
    for _ in range(EVENTS):
        waits, timers = world.waits(), world.timers()
        if waits:
            path, wait = next(iter(waits.items()))
            if wait.kind is Work.CONTINUE:
                world.go_on(path)
            elif not wait.taken:
                world.take(path)
            else:
                report(world, path, salt)
        elif timers:
            world.fire(min(timers, key=lambda path: (timers[path], path)))
        else:
            return world
    world.cancel()
    return world


def report(world: World, path: str, salt: int) -> None:
    frame = world.at(path)
    spec = world.dialect.resolve(frame)
    assert spec.function
    data = loads(world.text(frame.input or world.head().input))
    match crc32(f"{salt} {frame.state} {frame.attempt}".encode("utf-8", "surrogatepass")) % 5:
        case 0:
            world.fail(path, "Oops", "made up")
        case 1:
            world.succeed(path, {"json": {"note": "x"}, "status": 200, "total": 5, "n": [1, 2, 3]})
        case 2:
            world.succeed(path, salt)
        case _:
            world.succeed(path, data)


@examples
@given(spoilt(), st.sampled_from(INPUTS), st.integers(0, 100))
def test_whatever_is_taken_runs_to_an_end(document: Any, data: Any, salt: int) -> None:
    definition = read(document)
    if isinstance(definition, tuple):
        return
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(machine_module, "TURN", 16)
        world = run(definition, data, salt)
    assert world.status() in ENDED
    world.check()
    assert not world.waits()
    assert not world.timers()


@pytest.mark.parametrize("document", CORPUS, ids=lambda document: str(document["id"]))
@pytest.mark.parametrize("data", INPUTS, ids=range(len(INPUTS)))
def test_the_sound_ones_are_taken_and_run_whatever_they_are_given(document: Any, data: Any) -> None:
    definition = read(document)
    assert isinstance(definition, Definition), definition
    for salt in range(5):
        assert run(definition, data, salt).status() in ENDED


# ------------------------------------------------------------------------------------------------------------------ registering


@pytest.fixture(scope="module")
def service(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Service]:
    empty = tmp_path_factory.mktemp("definitions")
    server: Server = create_app(Settings(store="memory:", definitions=empty, grace_s=0.5)).extensions["stepwell"]
    server.start()
    yield server.service
    server.stop()


def other_order(value: Any) -> Any:
    """The same document, its keys the other way round. (The order of tasks and states means something, so this is for canonical text.)"""
    if isinstance(value, dict):
        return {key: other_order(member) for key, member in reversed(value.items())}
    return [other_order(member) for member in value] if isinstance(value, list) else value


@examples
@example(
    {"id": "n", "tasks": [{"id": "a", "functionName": "echo", "parameters": {"n": 10**30, "x": 1e300, "y": -0.0, "\u2028": "\U0001f600"}}]}
)
@given(spoilt())
def test_the_same_document_again_is_the_same_revision(service: Service, document: Any) -> None:
    text = json.dumps(document)
    form = canonical(loads(text))
    assert canonical(loads(form)) == form
    assert canonical(loads(json.dumps(other_order(document), indent=1, ensure_ascii=False))) == form
    try:
        first = service.definitions.register(text.encode())
    except Invalid:
        return
    for again in (text, form, json.dumps(document, indent=3, ensure_ascii=False)):
        second = service.definitions.register(again.encode())
        assert (second.id, second.revision, second.created) == (first.id, first.revision, False)

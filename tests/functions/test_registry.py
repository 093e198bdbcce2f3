"""What may be registered, under which names it is found, and what happens to names that are taken."""

from __future__ import annotations

import functools
from collections.abc import AsyncIterator, Callable, Iterator
from typing import Any

import pytest

from task_functions import REGISTRY, DuplicateFunction, Function, Registry, task_function
from task_functions.registry import describe

pytestmark = pytest.mark.usefixtures("registry")


def _registered(name: str) -> Function:
    function = REGISTRY.get(name)
    assert function is not None
    return function


def test_bare_and_named() -> None:
    @task_function
    def charge(data: Any) -> Any:
        return ["charged", data]

    @task_function("ship it")
    def ship(data: Any, ctx: Any) -> Any:
        return ["shipped", data, ctx]

    assert REGISTRY.names() == ["charge", "ship it"]
    assert charge(1) == ["charged", 1], "the function comes back as it was"
    assert _registered("charge").invoke(1, "ctx") == ["charged", 1]
    assert _registered("ship it").invoke(2, "ctx") == ["shipped", 2, "ctx"]
    assert _registered("ship it").call is ship
    module, _, line = _registered("charge").origin.rpartition(":")
    assert module == __name__
    assert line == str(charge.__code__.co_firstlineno)


def _data_only(data: Any) -> Any: ...
def _with_default(data: Any = None) -> Any: ...
def _default_of_its_own(data: Any, times: int = 3) -> Any: ...
def _data_and_more(data: Any, *more: Any, key: int = 1, **rest: Any) -> Any: ...
def _both(event: Any, lambda_context: Any) -> Any: ...
def _optional_context(data: Any = None, ctx: Any = None) -> Any: ...
def _handler(event: Any, context: Any = None) -> Any: ...
def _both_and_default(data: Any, c: Any, times: int = 3) -> Any: ...
def _positional_only(data: Any, c: Any, /) -> Any: ...


class _Callable:
    def __call__(self, data: Any, ctx: Any) -> Any:
        return data, ctx

    def method(self, data: Any) -> Any:
        return data


@functools.wraps(_both)
def _wrapped(*args: Any) -> Any:
    return _both(*args)


@pytest.mark.parametrize(
    ("call", "wants_context"),
    [
        (_data_only, False),
        (_with_default, False),
        (_default_of_its_own, False),
        (_data_and_more, False),
        (_Callable().method, False),
        (functools.partial(_both, lambda_context=1), False),
        (_both, True),
        (_optional_context, True),
        (_handler, True),
        (_both_and_default, True),
        (_positional_only, True),
        (_Callable(), True),
        (_wrapped, True),
    ],
)
def test_what_a_function_is_given(call: Callable[..., Any], wants_context: bool) -> None:
    function = describe("name", call)
    assert function.wants_context is wants_context
    assert function.origin.startswith(f"{__name__}:")
    function.invoke({}, None)


def test_origin_of_something_without_code() -> None:
    assert describe("name", _Callable()).origin == f"{__name__}:0"


def _nothing() -> Any: ...
def _three(a: Any, b: Any, c: Any) -> Any: ...
def _anything(*args: Any) -> Any: ...
def _keyword(data: Any, *, key: Any) -> Any: ...
async def _coroutine(data: Any) -> Any: ...


def _generator(data: Any) -> Iterator[Any]:
    yield data


async def _async_generator(data: Any) -> AsyncIterator[Any]:
    yield data


class _AsyncCallable:
    async def __call__(self, data: Any) -> Any: ...


@pytest.mark.parametrize(
    ("call", "message"),
    [
        (_nothing, r"takes \(\) -> .*; it may take \(data\) or \(data, ctx\)"),
        (_three, r"takes \(a.*, b.*, c.*\)"),
        (_anything, r"takes \(\*args"),
        (_keyword, "needs the keyword argument 'key'"),
        (_coroutine, "is a coroutine function"),
        (functools.partial(_coroutine), "is a coroutine function"),
        (_AsyncCallable(), "is a coroutine function"),
        (_generator, "is a generator function"),
        (_async_generator, "is a generator function"),
        (type, "does not tell what parameters it takes"),
    ],
)
def test_what_cannot_be_called_so_is_refused(call: Any, message: str) -> None:
    with pytest.raises(TypeError, match=message):
        task_function("name")(call)
    assert REGISTRY.names() == []


def test_the_refusal_says_where() -> None:
    with pytest.raises(TypeError, match=rf"task function 'name' \(.*test_registry\.py:{_three.__code__.co_firstlineno}\)"):
        task_function("name")(_three)


@pytest.mark.parametrize("name", ["", " padded", "two\nlines"])
def test_names_must_be_readable(name: str) -> None:
    with pytest.raises(TypeError, match="needs a name"):
        task_function(name)(_data_only)


def test_a_lambda_has_no_name() -> None:
    with pytest.raises(TypeError, match="needs a name"):
        task_function(lambda data: data)
    task_function("same")(lambda data: data)
    assert REGISTRY.names() == ["same"]


def test_decorating_nonsense() -> None:
    with pytest.raises(TypeError, match=r"takes a name \(text\), not 42"):
        task_function(42)  # type: ignore[call-overload]
    with pytest.raises(TypeError, match="cannot be called: it is of type int"):
        task_function("name")(42)  # type: ignore[type-var]


def test_a_name_belongs_to_one_function() -> None:
    task_function("name")(_data_only)
    with pytest.raises(DuplicateFunction) as caught:
        task_function("name")(_both)
    text = str(caught.value)
    assert f"test_registry.py:{_data_only.__code__.co_firstlineno}" in text
    assert f"test_registry.py:{_both.__code__.co_firstlineno}" in text
    assert _registered("name").call is _data_only


def test_duplicates_without_code_are_named_by_their_path() -> None:
    task_function("name")(_data_only)
    with pytest.raises(DuplicateFunction, match=rf"at {__name__}\._Callable"):
        task_function("name")(_Callable())


def test_the_same_function_loaded_again_takes_its_own_place() -> None:
    def make() -> Callable[[Any], Any]:
        @task_function("name")
        def again(data: Any) -> Any:
            return data

        return again

    make()
    second = make()
    assert _registered("name").call is second


def test_suffix_rule() -> None:
    registry = Registry()
    registry.add(describe("task1", _data_only))
    registry.add(describe("task2", _data_only))
    registry.add(describe("task2Function", _both))
    assert registry.get("task1") is registry.get("task1Function")
    assert registry.get("task1") is not None
    exact = registry.get("task2Function")
    assert exact is not None
    assert exact.call is _both
    assert registry.get("task1FunctionFunction") is None
    assert registry.get("Function") is None
    assert registry.get("task") is None
    assert registry.names() == ["task1", "task2", "task2Function"]


# ------------------------------------------------------------------------------------------------------ where it is to run


def test_a_function_may_say_where_it_runs() -> None:
    @task_function(executor="isolated")
    def render(data: Any) -> Any:
        return data

    @task_function("quick", executor="inline")
    def answer(data: Any) -> Any:
        return data

    @task_function()
    def plain(data: Any) -> Any:
        return data

    assert {name: _registered(name).executor for name in REGISTRY.names()} == {"render": "isolated", "quick": "inline", "plain": None}
    assert [REGISTRY.runs_inline(name) for name in ("quick", "quickFunction", "render", "plain", "gone")] == [
        True,
        True,
        False,
        False,
        False,
    ]
    assert render(1) == 1


def test_a_place_that_there_is_not_is_refused() -> None:
    with pytest.raises(TypeError, match="executor is one of inline, shared, isolated, not 'forked'"):
        task_function(executor="forked")

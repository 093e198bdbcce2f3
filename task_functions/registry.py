"""Task functions by name: the decorator that registers one, the registry that finds it, and the loading of users' files.

Registration happens while modules are imported, at start-up; afterwards the registry is only read. What a function takes is settled
when it is registered, so that a wrong signature is an error at start-up and never a failed task at night. Must not know how, when or
in which process a function is called: worker processes load the same sources again and are sent names.

One bad file must not take its neighbours down: `load` never raises for what is wrong with a source, it reports it.
"""

from __future__ import annotations

import functools
import hashlib
import importlib
import importlib.util
import inspect
import sys
import threading
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from pathlib import Path
from types import CodeType, ModuleType, TracebackType
from typing import Any, TypeVar, overload

from task_functions.handlers import Handlers, has_variables

SUFFIX = "Function"
"""A definition may say `task1Function` for the function registered as `task1`, as go-job-orchestrator's definitions do."""

EXECUTORS = ("inline", "shared", "isolated")
"""Where a function may ask to run: on a thread of the server, beside others in a worker process, in a worker process by itself."""

_CONTEXT_NAMES = frozenset({"ctx", "context"})

AnyFunction = TypeVar("AnyFunction", bound=Callable[..., Any])


class DuplicateFunction(ValueError):
    """Two different functions want the same name."""


class LoadError(Exception):
    """A source, or one file of it, could not be loaded. `file` and `line` are where, as far as that is known; line 0: not known."""

    def __init__(self, source: str, message: str, file: str = "", line: int = 0) -> None:
        super().__init__(source, message, file, line)  # all of them, so that a worker process can send one
        self.source, self.message, self.file, self.line = source, message, file, line

    def __str__(self) -> str:
        place = f"{self.file}:{self.line}" if self.line else self.source
        return f"{place}: {self.message}"


@dataclass(frozen=True, slots=True)
class Loaded:
    """What a source gave: the names registered from it, sorted, and an error for each file that could not be loaded."""

    names: tuple[str, ...] = ()
    errors: tuple[LoadError, ...] = ()


@dataclass(frozen=True, slots=True)
class Function:
    """`call` takes (data) or, where `wants_context`, (data, ctx). `origin` is "module:line". A `handler` is AWS Lambda's: bytes that it
    returns are the JSON text of its result. `executor`: one of EXECUTORS, or None where the function does not mind."""

    name: str
    call: Callable[..., Any]
    wants_context: bool
    origin: str
    handler: bool = False
    executor: str | None = None

    def invoke(self, data: Any, ctx: Any) -> Any:
        return self.call(data, ctx) if self.wants_context else self.call(data)


class Registry:
    """Functions by name. Any thread may add and look up."""

    def __init__(self) -> None:
        self._lock = threading.Lock()
        self._functions: dict[str, Function] = {}
        self.handlers = Handlers(lambda file: _import_file(file, _private_name(file)))

    def add(self, function: Function) -> None:
        """The same function of a module loaded again takes the place of its former self; another one raises DuplicateFunction."""
        with self._lock:
            there = self._functions.get(function.name)
            if there is not None and _identity(there.call) != _identity(function.call):
                places = f"at {_place(there.call)} and at {_place(function.call)}"
                raise DuplicateFunction(f"task function {function.name!r} is registered twice: {places}")
            self._functions[function.name] = function

    def get(self, name: str) -> Function | None:
        """The function of exactly this name; failing that, of this name without the suffix "Function"; failing that, a handler's file of
        this name in the directories that were loaded."""
        functions = self._functions
        found = functions.get(name) or functions.get(name.removesuffix(SUFFIX))
        if found is None and (handler := self.handlers.find(name)) is not None:
            # variables are the whole process's, so that one who has some gets a process
            executor = "isolated" if handler.has_variables else None
            return Function(name, handler, wants_context=True, origin=f"{name}.py", handler=True, executor=executor)
        return found

    def has(self, name: str) -> bool:
        return self.get(name) is not None

    def runs_inline(self, name: str) -> bool:
        """Whether there is such a function and it is made to run in the server itself."""
        function = self.get(name)
        return function is not None and function.executor == "inline"

    def names(self) -> list[str]:
        return sorted(self.snapshot())

    def snapshot(self) -> Mapping[str, Function]:
        with self._lock:
            return dict(self._functions)

    def restore(self, snapshot: Mapping[str, Function]) -> None:
        """Back to how things were, so that half a file leaves nothing behind."""
        with self._lock:
            self._functions = dict(snapshot)


REGISTRY = Registry()
"""Where the decorator puts functions."""


# ------------------------------------------------------------------------------------------- decorator


@overload
def task_function(name: AnyFunction, /) -> AnyFunction: ...


@overload
def task_function(name: str | None = None, /, *, executor: str | None = None) -> Callable[[AnyFunction], AnyFunction]: ...


def task_function(name: Any = None, /, *, executor: str | None = None) -> Any:
    """Register a function that tasks may call: `@task_function("name")`, or bare `@task_function` for the function's own name.

    The function takes (data) or (data, ctx), see `Context`, and returns a JSON value; it comes back unchanged. An optional second
    parameter is given the context only if it is called `ctx` or `context`. `executor` says where it is to run unless the task says
    otherwise: "shared" and "isolated" are kinds of worker processes; "inline" is the server itself, which such a function must neither hold
    up nor bring down. Raises TypeError if the function cannot be called so, DuplicateFunction if the name is taken.
    """
    if executor is not None and executor not in EXECUTORS:
        raise TypeError(f"@task_function: executor is one of {', '.join(EXECUTORS)}, not {executor!r}")
    if name is None or isinstance(name, str):
        return lambda call: _register(getattr(call, "__name__", "") if name is None else name, call, executor)
    if not callable(name):
        raise TypeError(f"@task_function takes a name (text), not {name!r}")
    return _register(getattr(name, "__name__", ""), name, executor)


def _register(name: str, call: AnyFunction, executor: str | None) -> AnyFunction:
    REGISTRY.add(describe(name, call, executor))
    return call


def describe(name: str, call: Callable[..., Any], executor: str | None = None) -> Function:
    """The record of a function, not registered anywhere. Raises TypeError where the decorator would."""
    if not callable(call):
        raise TypeError(f"task function {name!r} cannot be called: it is of type {type(call).__name__}")
    if not name or name != name.strip() or not name.isprintable() or name == "<lambda>":
        raise TypeError(f'{_place(call)} needs a name to be registered by: @task_function("name"), not {name!r}')
    wants_context = _wants_context(f"task function {name!r} ({_place(call)})", call)
    module, _ = _identity(call)
    code = _code(call)
    return Function(name, call, wants_context, f"{module}:{code.co_firstlineno if code else 0}", executor=executor)


def _wants_context(subject: str, call: Callable[..., Any]) -> bool:
    for candidate in (call, type(call).__call__):
        if inspect.iscoroutinefunction(candidate):
            raise TypeError(f"{subject} is a coroutine function (async def); tasks call plain functions")
        if inspect.isgeneratorfunction(candidate) or inspect.isasyncgenfunction(candidate):
            raise TypeError(f"{subject} is a generator function (it has a yield); return the result instead")
    try:
        parameters = inspect.signature(call).parameters.values()
    except (TypeError, ValueError) as error:
        raise TypeError(f"{subject} does not tell what parameters it takes: {error}") from error
    positional = [p for p in parameters if p.kind in (p.POSITIONAL_ONLY, p.POSITIONAL_OR_KEYWORD)]
    required = [p for p in positional if p.default is p.empty]
    needed = [p.name for p in parameters if p.kind is p.KEYWORD_ONLY and p.default is p.empty]
    if needed:
        raise TypeError(f"{subject} needs the keyword argument {needed[0]!r}, which nobody gives it; it may take (data) or (data, ctx)")
    if not positional or len(required) > 2:
        raise TypeError(f"{subject} takes {inspect.signature(call)}; it may take (data) or (data, ctx)")
    return len(required) == 2 or (len(positional) > 1 and positional[1].name in _CONTEXT_NAMES)


def _underlying(call: Callable[..., Any]) -> Any:
    target: Any = inspect.unwrap(call)
    return target.func if isinstance(target, functools.partial) else target


def _code(call: Callable[..., Any]) -> CodeType | None:
    code = getattr(_underlying(call), "__code__", None)
    return code if isinstance(code, CodeType) else None


def _identity(call: Callable[..., Any]) -> tuple[str, str]:
    target = _underlying(call)
    return str(getattr(target, "__module__", "?")), str(getattr(target, "__qualname__", type(target).__qualname__))


def _place(call: Callable[..., Any]) -> str:
    code = _code(call)
    return f"{code.co_filename}:{code.co_firstlineno}" if code else ".".join(_identity(call))


# --------------------------------------------------------------------------------------------- loading


def load(source: str) -> Loaded:
    """Import what registers task functions: a directory if one is there by that name, else a module.

    Of a directory each `*.py` that does not start with "_" is loaded, in name order, as a module of its own under a private name: the
    directory is not put on `sys.path`, so its files cannot shadow a library, nor import each other. A file that raises, even SystemExit,
    is reported and registers nothing. Handlers that nobody registered are looked for in these directories, too (`handlers`); a file that
    has variables of its own is one of them, and is not read before it is used. Loading a source again takes up its changes (of a module:
    none, as Python imports it once).
    """
    directory = Path(source)
    if directory.is_dir():
        directory = directory.resolve()
        REGISTRY.handlers.add(directory)
        files = [file for file in sorted(directory.glob("*.py")) if not file.name.startswith("_") and not has_variables(file)]
        results = [_load(source, functools.partial(_import_file, file, _private_name(file))) for file in files]
    elif all(part.isidentifier() for part in source.split(".")):
        results = [_load(source, functools.partial(_import_module, source))]
    else:
        results = [Loaded(errors=(LoadError(source, "there is no such directory, and this is not the name of a module"),))]
    names = {name for result in results for name in result.names}
    return Loaded(tuple(sorted(names)), tuple(error for result in results for error in result.errors))


def _load(source: str, act: Callable[[], ModuleType]) -> Loaded:
    before = REGISTRY.snapshot()
    try:
        module = act()
    except KeyboardInterrupt:
        raise  # somebody at the terminal wants to stop; no file is to blame
    except BaseException as error:
        REGISTRY.restore(before)
        return Loaded(errors=(_load_error(source, error),))
    after = REGISTRY.snapshot()
    new = (name for name, function in after.items() if before.get(name) is not function)
    own = (name for name, function in after.items() if _identity(function.call)[0] == module.__name__)
    return Loaded(names=tuple({*new, *own}))


def _import_module(source: str) -> ModuleType:
    try:
        return importlib.import_module(source)
    except ModuleNotFoundError as error:
        if error.name is not None and f"{source}.".startswith(f"{error.name}."):
            raise ModuleNotFoundError(f"this is neither a directory nor a module: {error}", name=error.name) from None
        raise


def _private_name(file: Path) -> str:
    digest = hashlib.sha256(str(file.parent).encode("utf-8", "surrogateescape")).hexdigest()
    return f"stepwell_functions_{digest[:12]}_{file.stem}"


def _import_file(file: Path, name: str) -> ModuleType:
    spec = importlib.util.spec_from_file_location(name, file)
    assert spec is not None
    assert spec.loader is not None
    module = importlib.util.module_from_spec(spec)
    former = sys.modules.get(name)
    sys.modules[name] = module  # dataclasses and pickle look a class's module up there
    try:
        spec.loader.exec_module(module)
    except BaseException:
        del sys.modules[name]
        if former is not None:
            sys.modules[name] = former
        raise
    return module


def _load_error(source: str, error: BaseException) -> LoadError:
    file, line = _where(error.__traceback__)
    if not line and isinstance(error, SyntaxError):
        file, line = error.filename or "", error.lineno or 0
    result = LoadError(source, f"{type(error).__name__}: {error.msg if isinstance(error, SyntaxError) else error}", file, line)
    result.__cause__ = error
    return result


def _where(traceback: TracebackType | None) -> tuple[str, int]:
    """The outermost line that is neither ours nor the import system's: in the file that was to be loaded."""
    machinery = (__file__, importlib.__file__)
    while traceback is not None:
        file = traceback.tb_frame.f_code.co_filename
        if file not in machinery and not file.startswith("<frozen importlib"):
            return file, traceback.tb_lineno
        traceback = traceback.tb_next
    return "", 0

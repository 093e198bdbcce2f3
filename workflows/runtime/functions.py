"""The registered functions, as far as the engine must know them: which there are, what they want, and where each is to run."""

from __future__ import annotations

from task_functions.registry import Registry
from workflows.model import DELIVERING, INLINE, ISOLATED, SHARED, TaskSpec

DELIVER = frozenset({"alert.webhook", "alert.slack", "alert.email"})


class RegisteredFunctions:
    """`dispatch.Functions` over a registry. `default`: the executor of what says nothing else."""

    def __init__(self, registry: Registry, default: str = SHARED) -> None:
        self._registry = registry
        self._default = default

    def has(self, name: str) -> bool:
        return self._registry.has(name)

    def wants_context(self, name: str) -> bool:
        function = self._registry.get(name)
        return function is not None and function.wants_context

    def lane(self, spec: TaskSpec, alone: bool) -> str:
        """The task's own word, else the function's, else the default; never inline for a function that is not made for that, whatever was
        true when its definition was registered. `alone`: not beside others."""
        function = self._registry.get(spec.function)
        own = None if function is None else function.executor
        lane = spec.executor or own or self._default
        if lane == INLINE and own != INLINE:
            lane = self._default
        if lane == INLINE and spec.function in DELIVER:
            return DELIVERING
        return ISOLATED if alone and lane == SHARED else lane

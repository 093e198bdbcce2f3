"""The registered functions, as far as the engine must know them."""

from __future__ import annotations

from task_functions.registry import Registry


class RegisteredFunctions:
    """`dispatch.Functions` over a registry."""

    def __init__(self, registry: Registry) -> None:
        self._registry = registry

    def has(self, name: str) -> bool:
        return self._registry.has(name)

    def wants_context(self, name: str) -> bool:
        function = self._registry.get(name)
        return function is not None and function.wants_context

"""What tasks may call. Users write `from task_functions import task_function` and nothing else of ours.

This package knows nothing of the server: it imports the standard library only (`http` imports more when it is called), so a worker
process starts fast and a function can be tested without a store or an engine. `registry` finds functions by name, `context` says what a
function is told, `permissions` what the built-in ones may do, `builtin` and `examples` are functions.
"""

from task_functions.context import Context
from task_functions.registry import REGISTRY, DuplicateFunction, Function, Loaded, LoadError, Registry, load, task_function

__all__ = ["REGISTRY", "Context", "DuplicateFunction", "Function", "LoadError", "Loaded", "Registry", "load", "task_function"]

"""JSON in, a frozen Definition (or every problem) out. Imports layer 0, marshmallow and the standard library, and nothing else."""

from workflows.language.definitions import compile_definition, read_definition
from workflows.language.text import canonical

__all__ = ["canonical", "compile_definition", "read_definition"]

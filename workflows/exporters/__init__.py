"""Definitions as other tools read them: drawings (Mermaid, Graphviz), and task lists as state machines of the states language.

Compiled definitions in, text or JSON out; nothing is read or run. What the other form cannot say is told, line by line, never left out in
silence: as a `Note` where the rest still means the same, else as `CannotExport`.
"""

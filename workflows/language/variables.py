"""Variables (ASL.md section L): the names that Assign may give, where they may be given, and whether what is read was ever given.

A scope sees its own variables and those of the scopes around it, and may not give a name of theirs again. What is read and given nowhere
in sight is a warning, not a refusal: the state that reads it may never be reached.
"""

from __future__ import annotations

from typing import Any

from workflows.expressions import CONTEXT, DATA
from workflows.language.expressions import paths_of
from workflows.language.findings import Findings
from workflows.language.shapes import shown
from workflows.model import child_path

MAX_NAME = 80
RESERVED = "states"


def check_names(assign: dict[str, Any], pointer: str, findings: Findings) -> None:
    """The keys of an Assign, each of which gives a variable to the present scope."""
    for key in assign:
        name, place = key.removesuffix(".$"), child_path(pointer, key)
        if name == RESERVED:
            findings.refuse(place, f"no variable may be called {RESERVED!r}: that name is reserved")
        elif len(name) > MAX_NAME:
            findings.refuse(place, f"a variable's name has at most {MAX_NAME} characters")
        elif not name.isidentifier():
            findings.refuse(place, f"{shown(name)} is no name of a variable: letters, digits and '_', not starting with a digit")
        else:
            findings.sight.given.setdefault(name, place)


def note_reads(node: Any, pointer: str, findings: Findings) -> None:
    """Remember the variables that a compiled expression, template or rule reads."""
    found = paths_of(node, pointer)
    findings.sight.read += [(path.root, place) for place, path in found if path.root not in (DATA, CONTEXT)]


def check_variables(findings: Findings) -> None:
    """After everything has been read: inner scopes give no name again, and every variable that is read is given somewhere."""
    for sight in findings.sights:
        for name, place in sight.given.items():
            if any(name in outer.given for outer in sight.around()):
                findings.refuse(place, f"the variable {shown(name)} belongs to an outer scope; here it can only be read")
        for name, place in sight.read:
            in_sight = (sight, *sight.around())
            if not any(name in scope.given for scope in in_sight):
                known = [other for scope in in_sight for other in scope.given] if findings.comparisons_left > 0 else []
                findings.warn(place, f"no state in sight assigns the variable {shown(name)}", findings.nearest(name, known))

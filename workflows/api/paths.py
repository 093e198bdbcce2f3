"""How paths are shown to people, and which one was probably meant. Knows the URL map, not what is behind it."""

from __future__ import annotations

import re
from difflib import SequenceMatcher

from werkzeug.routing import Map, Rule

NEAR = 0.6
"""How alike (0 to 1) a path that is asked for and one that exists must be to be named."""

COMPARED_CHARACTERS = 100
COMPARED_SEGMENTS = 6
"""Of a path that is asked for: how much of a segment, and how many of them."""

_VALUE = re.compile(r"<(?:[^:>]+:)?([^>]+)>")


def shown_path(rule: str) -> str:
    """A rule as people read it: "/jobs/<execution_id>/state" becomes "/jobs/{executionId}/state"."""
    return _VALUE.sub(lambda match: f"{{{shown_name(match[1])}}}", rule)


def shown_name(name: str) -> str:
    """The name of a value in a path as people read it: "execution_id" becomes "executionId"."""
    first, *rest = name.split("_")
    return first + "".join(word.capitalize() for word in rest)


def unknown_path(asked: str, known: Map) -> str:
    """Says that there is no such path, and which one was probably meant."""
    likeness, nearest = max(((_likeness(rule, asked), rule.rule) for rule in known.iter_rules()), key=lambda pair: pair[0])
    hint = ""
    if likeness >= NEAR:
        there = {method for rule in known.iter_rules() if rule.rule == nearest for method in rule.methods or ()}
        hint = f"did you mean {', '.join(sorted(there - {'HEAD', 'OPTIONS'}))} {shown_path(nearest)}? "
    return f"there is no path {asked}; {hint}GET / lists the paths there are"


def _likeness(rule: Rule, asked: str) -> float:
    """Values do not count: where the rule takes any, whatever was given is as good as another. A path that only stops short is more like
    where it leads to than like another of its length."""
    given = [segment[:COMPARED_CHARACTERS] for segment in asked.rstrip("/").split("/")[1 : COMPARED_SEGMENTS + 1]]
    parts = rule.rule.split("/")[1:]
    masked = ["*" if segment and n < len(parts) and parts[n].startswith("<") else segment for n, segment in enumerate(given)]
    known = ["*" if part.startswith("<") else part for part in parts]
    alike = SequenceMatcher(None, "/".join(known), "/".join(masked), autojunk=False).ratio()
    return alike + (1 if any(masked) and known[: len(masked)] == masked else 0)

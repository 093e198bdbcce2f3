"""Drawings as Mermaid flowcharts (mermaid.js.org), which GitHub and many wikis draw where they find them in text."""

from __future__ import annotations

import re
from collections.abc import Iterator

from workflows.exporters.drawing import Arrow, Box, Drawing, Form, Group
from workflows.exporters.text import visible

_FORMS = {
    Form.TASK: ('["', '"]'),
    Form.STEP: ('("', '")'),
    Form.CHOICE: ('{"', '"}'),
    Form.SCOPE: ('{{"', '"}}'),
    Form.BEGIN: ('(["', '"])'),
    Form.JOIN: ('(["', '"])'),
    Form.END: ('(["', '"])'),
    Form.FAILURE: ('[["', '"]]'),
}

_SAFE = re.compile(r"[^\w ,:/()=+?!$%'.-]")
_LIST = re.compile(r"^(\s*)([0-9]+[.)]|[-+])(?=\s|$)")


def write(drawing: Drawing) -> str:
    lines = [f"%% {drawing.title}", "flowchart TD", *_group(drawing.group, "    ")]
    lines += [f"    {_arrow(arrow)}" for arrow in drawing.arrows]
    return "\n".join(lines) + "\n"


def _group(group: Group, indent: str, key: str = "") -> Iterator[str]:
    for number, box in enumerate(group.boxes):
        if isinstance(box, Group):
            inner = f"{key or 'g'}_{number}"
            yield f'{indent}subgraph {inner}["{escaped((box.name,))}"]'
            yield from _group(box, indent + "    ", inner)
            yield f"{indent}end"
        else:
            yield indent + _box(box)


def _box(box: Box) -> str:
    before, after = _FORMS[box.form]
    return f"{box.key}{before}{escaped(box.lines)}{after}"


def _arrow(arrow: Arrow) -> str:
    line = "-.->" if arrow.exceptional else "-->"
    label = f'|"{escaped(arrow.lines)}"|' if arrow.lines else ""
    return f"{arrow.source} {line}{label} {arrow.target}"


def escaped(lines: tuple[str, ...]) -> str:
    """Text between quotation marks: what might mean something there goes by its number (`#35;`), so that nothing of it does, and so does
    what would make a line an item of a Markdown list."""
    return "<br/>".join(_LIST.sub(_item, _SAFE.sub(_number, visible(line))) for line in lines)


def _item(match: re.Match[str]) -> str:
    return f"{match[1]}{match[2][:-1]}#{ord(match[2][-1])};"


def _number(match: re.Match[str]) -> str:
    return f"#{ord(match[0])};"

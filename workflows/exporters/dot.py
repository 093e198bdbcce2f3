"""Drawings in the language of Graphviz (graphviz.org/doc/info/lang.html): `stepwell export order.json --format dot | dot -Tsvg`."""

from __future__ import annotations

from collections.abc import Iterator

from workflows.exporters.drawing import Arrow, Box, Drawing, Form, Group
from workflows.exporters.text import visible

_FORMS = {
    Form.TASK: "shape=box",
    Form.STEP: 'shape=box, style="rounded"',
    Form.CHOICE: "shape=diamond",
    Form.SCOPE: "shape=hexagon",
    Form.BEGIN: "shape=ellipse",
    Form.JOIN: "shape=ellipse",
    Form.END: "shape=ellipse",
    Form.FAILURE: "shape=box, peripheries=2",
}


def write(drawing: Drawing) -> str:
    lines = [f"digraph {quoted((drawing.title,))} {{", '    node [fontname="Helvetica"];', '    edge [fontname="Helvetica"];']
    lines += _group(drawing.group, "    ")
    lines += [f"    {_arrow(arrow)}" for arrow in drawing.arrows]
    return "\n".join([*lines, "}"]) + "\n"


def _group(group: Group, indent: str, key: str = "cluster") -> Iterator[str]:
    for number, box in enumerate(group.boxes):
        if isinstance(box, Group):
            inner = f"{key}_{number}"
            yield f"{indent}subgraph {inner} {{"
            yield f"{indent}    label={quoted((box.name,))};"
            yield from _group(box, indent + "    ", inner)
            yield f"{indent}}}"
        else:
            yield indent + _box(box)


def _box(box: Box) -> str:
    return f"{box.key} [label={quoted(box.lines)}, {_FORMS[box.form]}];"


def _arrow(arrow: Arrow) -> str:
    attributes = [f"label={quoted(arrow.lines)}"] if arrow.lines else []
    attributes += ["style=dashed"] if arrow.exceptional else []
    behind = f" [{', '.join(attributes)}]" if attributes else ""
    return f"{arrow.source} -> {arrow.target}{behind};"


def quoted(lines: tuple[str, ...]) -> str:
    """A string of the language. A backslash would begin an escape, an ampersand a character of HTML."""
    text = "\\n".join(_escaped(visible(line)) for line in lines)
    return f'"{text}"'


def _escaped(line: str) -> str:
    return line.replace("&", "&amp;").replace("\\", "\\\\").replace('"', '\\"')

"""Drawings: each task and arrow once, nothing that an id says is taken for the language's own, and what both languages take."""

from __future__ import annotations

import re
import shutil
import subprocess
from collections import Counter
from collections.abc import Callable
from html import unescape
from typing import Any

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from definitions import DIRECTORY
from tests.core.machines import machine
from tests.exporters.drawn import dags, job_of
from workflows.exporters import dot, mermaid
from workflows.exporters.drawing import Drawing, Group, condition_text, draw
from workflows.exporters.text import visible
from workflows.language import read_definition, states
from workflows.language.expressions import parse_rule

examples = settings(deadline=None, derandomize=True, max_examples=200, suppress_health_check=[HealthCheck.too_slow])

# What both languages look like here, line by line: a small part of each, in which every label is closed where it should be.

M_LABEL = r'"(?:[\w ,:/()=+?!$%\'.-]|#[0-9]+;|<br/>)*"'
M_BOX = re.compile(rf" +(n\d+)(?:\[{M_LABEL}\]|\({M_LABEL}\)|\{{{M_LABEL}\}}|\{{\{{{M_LABEL}\}}\}}|\(\[{M_LABEL}\]\)|\[\[{M_LABEL}\]\])")
M_ARROW = re.compile(rf" +(n\d+) (-->|-\.->)(?:\|{M_LABEL}\|)? (n\d+)")
M_OTHER = re.compile(rf"flowchart TD| +subgraph g(?:_\d+)+\[{M_LABEL}\]| +end|%% [\w.-]+, revision \d+")

D_LABEL = r'"(?:[^"\\\n]|\\["\\n])*"'
D_BOX = re.compile(rf" +(n\d+) \[label=({D_LABEL}), shape=\w+(?:, \w+=(?:\w+|{D_LABEL}))?\];")
D_ARROW = re.compile(rf" +(n\d+) -> (n\d+)(?: \[(?:label={D_LABEL})?(?:, )?(?:style=dashed)?\])?;")
D_OTHER = re.compile(
    rf" *(?:digraph {D_LABEL} \{{|(?:node|edge) \[fontname={D_LABEL}\];|subgraph cluster(?:_\d+)+ \{{|label={D_LABEL};|\}})"
)


def parsed(text: str, box: re.Pattern[str], arrow: re.Pattern[str], other: re.Pattern[str]) -> tuple[list[str], Counter[tuple[str, str]]]:
    """Keys of boxes and ends of arrows. Any line that is none of the three fails."""
    boxes, arrows = [], Counter[tuple[str, str]]()
    for line in text.split("\n")[:-1]:
        if match := box.fullmatch(line):
            boxes.append(match[1])
        elif match := arrow.fullmatch(line):
            arrows[match[1], match[match.lastindex or 2]] += 1
        else:
            assert other.fullmatch(line), line
    return boxes, arrows


def checked(drawing: Drawing) -> tuple[str, str]:
    """The drawing in both languages, in which its boxes and arrows stand, each as often as in it."""
    texts = mermaid.write(drawing), dot.write(drawing)
    keys = [box.key for box in drawing.group.all_boxes()]
    assert len(set(keys)) == len(keys)
    arrows = Counter((arrow.source, arrow.target) for arrow in drawing.arrows)
    assert parsed(texts[0], M_BOX, M_ARROW, M_OTHER) == (keys, arrows)
    assert parsed(texts[1], D_BOX, D_ARROW, D_OTHER) == (keys, arrows)
    assert {end for arrow in arrows for end in arrow} <= set(keys)
    return texts


@examples
@given(dags())
def test_every_task_and_every_edge_is_there_once(document: dict[str, Any]) -> None:
    drawing = draw(job_of(document))
    checked(drawing)
    names = {box.key: box.lines[0] for box in drawing.group.all_boxes()}
    assert list(names.values()) == [task["id"] for task in document["tasks"]]
    edges = Counter((name, task["id"]) for task in document["tasks"] for name in task["dependsOn"])
    assert Counter((names[arrow.source], names[arrow.target]) for arrow in drawing.arrows) == edges


@given(st.text(st.characters(), min_size=1))
def test_any_text_comes_back_out_of_a_label(text: str) -> None:
    escaped = mermaid.escaped((text, "second"))
    assert re.fullmatch(M_LABEL, f'"{escaped}"')
    assert re.sub(r"#(\d+);", lambda match: chr(int(match[1])), escaped.removesuffix("<br/>second")) == visible(text)
    quoted = dot.quoted((text, "second"))
    assert re.fullmatch(D_LABEL, quoted)
    assert unescape(re.sub(r"\\(.)", r"\1", quoted[1 : -len('\\nsecond"')])) == visible(text)


@pytest.mark.parametrize(
    ("text", "written"),
    [
        ('a "b" [c]', "a #34;b#34; #91;c#93;"),
        ("1. first", "1#46; first"),
        ("- item", "#45; item"),
        ("`*_x_*`", "#96;#42;_x_#42;#96;"),
        ("<b>&amp;", "#60;b#62;#38;amp#59;"),
        ("#35;", "#35;35#59;"),
        ("Zürich 3.5 日本", "Zürich 3.5 日本"),
    ],
)
def test_what_would_mean_something_to_mermaid(text: str, written: str) -> None:
    assert mermaid.escaped((text,)) == written


@pytest.mark.parametrize("path", sorted(DIRECTORY.glob("*.json")), ids=lambda path: path.stem)
def test_the_shipped_definitions_are_drawn_as_they_were(path: Any, golden: Callable[[str, str], None]) -> None:
    texts = checked(draw(read_definition(path.read_bytes(), functions=None)))
    golden(f"{path.stem}.mmd", texts[0])
    golden(f"{path.stem}.dot", texts[1])


EVERYTHING: dict[str, Any] = machine(
    Ask={"Type": "Choice", "Choices": [{"Variable": "$.n", "NumericGreaterThan": 1, "Next": "Both"}], "Default": "Ask"},
    Both={
        "Type": "Parallel",
        "Branches": [
            machine(One={"Type": "Task", "Resource": "f", "TimeoutSecondsPath": "$.t", "Retry": [{"ErrorEquals": ["X"]}]}),
            machine(
                Each={"Type": "Map", "ItemsPath": "$.items", "ItemProcessor": machine(Nap={"Type": "Wait", "SecondsPath": "$.s"})},
            ),
        ],
        "Catch": [{"ErrorEquals": ["A", "B"], "Next": "Broken"}, {"ErrorEquals": ["States.ALL"], "Next": "Later"}],
        "Next": "Later",
    },
    Later={"Type": "Wait", "Timestamp": "2026-11-21T03:00:00Z", "Next": "Good"},
    Good={"Type": "Succeed"},
    Broken={"Type": "Fail", "ErrorPath": "$.Error"},
)


def test_a_state_machine_with_everything() -> None:
    drawing = draw(states.read({"id": "m", "definition": EVERYTHING}, functions=None))
    checked(drawing)
    lines = {box.key: box.lines for box in drawing.group.all_boxes()}
    groups = [box.name for box in drawing.group.boxes if isinstance(box, Group)]
    inner = [box.name for group in drawing.group.boxes if isinstance(group, Group) for box in group.boxes if isinstance(box, Group)]
    assert (groups, inner) == (["Both"], ["Each"])
    told = [" / ".join(found) for found in lines.values()]
    for text in (
        "2 branches at once",
        "One / calls f / up to 3 times more on X / at most $.t s",
        "for each of $.items",
        "Nap / waits $.s s",
        "Later / waits until 2026-11-21T03:00:00.000Z",
        "Broken / fails: $.Error",
    ):
        assert told.count(text) == 1, text
    arrows = {(lines[arrow.source][0], arrow.lines, lines[arrow.target][0], arrow.exceptional) for arrow in drawing.arrows}
    assert arrows == {
        ("start", (), "Ask", False),
        ("Ask", ("$.n > 1",), "2 branches at once", False),
        ("Ask", ("otherwise",), "Ask", False),
        ("2 branches at once", (), "One", False),
        ("2 branches at once", (), "for each of $.items", False),
        ("for each of $.items", (), "Nap", False),
        ("Nap", (), "all done", False),
        ("One", (), "all done", False),
        ("all done", (), "all done", False),
        ("all done", (), "Later", False),
        ("2 branches at once", ("A, B",), "Broken", True),
        ("2 branches at once", ("any error",), "Later", True),
        ("Later", (), "Good", False),
        ("Good", (), "end", False),
    }


def test_what_is_not_as_usual_stands_in_the_box() -> None:
    document = {
        "id": "job",
        "tasks": [
            {"id": "a", "functionName": "a", "dependsOn": [], "maxRetry": 1},
            {
                "id": "b",
                "name": "Bee",
                "functionName": "f",
                "dependsOn": ["a"],
                "triggerRule": "allDone",
                "when": {"Variable": "$.input.x", "StringEquals": "y"},
                "maxRetry": 3,
                "retryOn": ["E"],
                "doNotRetryOn": ["F"],
                "timeoutSeconds": 2.5,
                "continueOnFailure": True,
            },
        ],
    }
    boxes = [box.lines for box in draw(job_of(document)).group.all_boxes()]
    assert boxes[0] == ("a", "once more")
    assert boxes[1] == (
        "Bee (b)",
        "calls f",
        "if allDone",
        'when $.input.x = "y"',
        "up to 3 times more on E, but not F",
        "at most 2.5 s",
        "may fail",
    )


@pytest.mark.parametrize(
    ("rule", "text"),
    [
        ({"Variable": "$.a", "NumericLessThanEquals": 1.50}, "$.a <= 1.5"),
        ({"Variable": "$.a", "StringMatches": "x*"}, '$.a matches "x*"'),
        ({"Variable": "$.a", "BooleanEqualsPath": "$.b"}, "$.a = $.b"),
        ({"Variable": "$.a", "IsPresent": False}, "$.a is not present"),
        ({"Not": {"Variable": "$.a", "IsNull": True}}, "not ($.a is null)"),
        (
            {"And": [{"Variable": "$.a", "IsTimestamp": True}, {"Or": [{"Variable": "$.b", "IsString": True}] * 2}]},
            "$.a is a moment and ($.b is text or $.b is text)",
        ),
    ],
)
def test_conditions_as_people_write_them(rule: dict[str, Any], text: str) -> None:
    parsed_rule = parse_rule(rule, "", [], top=False)
    assert parsed_rule is not None
    assert condition_text(parsed_rule) == text


DOT = shutil.which("dot")


@pytest.mark.skipif(DOT is None, reason="Graphviz (dot) is not installed")
@settings(examples, max_examples=10)
@given(dags())
def test_graphviz_reads_what_is_written_for_it(document: dict[str, Any]) -> None:
    drawings = [draw(job_of(document)), draw(states.read({"id": "m", "definition": EVERYTHING}, functions=None))]
    for drawing in drawings:
        done = subprocess.run([str(DOT), "-Tplain"], input=dot.write(drawing).encode(), capture_output=True, check=False)
        assert (done.returncode, done.stderr) == (0, b"")
        words = [line.split()[0] for line in done.stdout.decode().splitlines() if line.split()]
        assert words.count("node") == len(list(drawing.group.all_boxes()))
        assert words.count("edge") == len(drawing.arrows)

"""The pages as a whole: generated parts are what the code says, no example escapes the suite, links lead somewhere."""

from __future__ import annotations

import re
import shlex
from collections import Counter
from pathlib import Path

import click
import pytest

from reference.pages import PARTS, parts_of, renewed
from reference.tables import ranged
from tests.docs.pages import BLOCKS, DOCS, PAGES, README, SESSIONS, Block
from workflows.api import goflow, rest, traffic
from workflows.api.paths import shown_path
from workflows.cli import main
from workflows.commands import SECTIONS
from workflows.language.schedules import BlackoutShape, ScheduleShape
from workflows.language.schemas import JobShape, RetryDelayShape, TaskShape
from workflows.language.scopes import KINDS as STATES
from workflows.service import metrics
from workflows.settings import TABLE

NOT_RUN = {
    ("README.md", "make demo   "): "the whole suite, and the demo, which tests/cli/test_demo.py runs",
    ("README.md", ". .venv/bin/activate"): "the environment that `make` makes",
    ("alerts.md", '{\n  "specversion"'): "no command; tests/alerts compares it with an event",
    ("http.md", "const stream"): "for a browser",
    ("metrics.md", "scrape_configs:"): "for Prometheus",
    ("metrics.md", "groups:"): "for Prometheus; tests/http/test_metrics.py looks for what the rules are about",
    ("moving.md", "func nightly"): "a job of goflow in Go, which only goflow runs",
    ("benchmarks.md", "make bench  "): "takes ten minutes; tests/test_benchmarks.py runs the parts",
}
"""Page and beginning of a block → why nothing runs it."""

RECORDED = "benchmarks.md"
"""Its plain blocks are what a run said on a machine."""


@pytest.mark.parametrize("page", PAGES, ids=lambda page: page.name)
def test_what_is_generated_is_up_to_date(page: Path) -> None:
    text = page.read_text(encoding="utf-8")
    assert renewed(text) == text, f"{page.name} is not what the code says: run `make docs`"


def test_every_generated_part_has_its_place() -> None:
    assert Counter(name for page in PAGES for name in parts_of(page.read_text(encoding="utf-8"))) == dict.fromkeys(PARTS, 1)


def test_the_parts_have_all_that_there_is() -> None:
    shapes = {"job": JobShape, "task": TaskShape, "retryDelay": RetryDelayShape, "schedule": ScheduleShape, "blackout": BlackoutShape}
    for shape, part in ((shape, f"{name} fields") for name, shape in shapes.items()):
        for name, field in shape().load_fields.items():
            assert f"\n| `{field.data_key or name}` | " in PARTS[part](), name
            assert field.metadata["description"] in PARTS[part]()
    for name, kind in STATES.items():
        for key in kind.fields:
            assert f"\n| `{key}` | " in PARTS["state machine fields"](), f"{name}.{key}"
    for setting in TABLE.values():
        assert f"`{setting.variable}`" in PARTS["settings"]()
    for kinds, part in ((rest.KINDS, "endpoints"), (goflow.KINDS, "goflow endpoints")):
        for endpoint in (endpoint for kind in kinds for endpoint in kind.endpoints):
            assert f"\n| `{endpoint.method} {shown_path(endpoint.rule)}` | {endpoint.summary}" in PARTS[part]()
    for metric in (*metrics.METRICS, *traffic.METRICS):
        assert f"\n| `{metric.full_name}` | {metric.kind} | " in PARTS["metrics"]()
    for command in (name for section in SECTIONS.values() for name in section):
        assert f"\n#### stepwell {command}\n" in PARTS["commands"]()


def test_ranges_are_told_in_words() -> None:
    assert ranged(None, None) == ""
    assert ranged(1, 1000) == "from 1 to 1,000"
    assert ranged(0, 60, above=True) == "above 0, to 60"
    assert ranged(1, 2**31 - 1) == "from 1"
    assert ranged(None, 5) == "to 5"


@pytest.mark.parametrize("block", BLOCKS, ids=lambda block: block.place)
def test_no_example_escapes(block: Block) -> None:
    """Each is run by a test here, or there is a reason why not."""
    reasons = [why for (page, start), why in NOT_RUN.items() if page == block.page.name and block.text.startswith(start)]
    assert reasons or is_run(block), f"{block.place}: nothing runs this; make it a session, a definition or a file of one"


def is_run(block: Block) -> bool:
    if block.generated:
        return block.language == "sh"  # test_every_example_of_a_command_can_be_typed
    if block.name:
        return block.page in SESSIONS  # test_tour writes it where its session goes on
    if block.language == "python":  # test_tour executes these
        return block.text.startswith(("from workflows.client import ", "from workflows.testing import "))
    if block.page.name == RECORDED:
        return block.language == "text"
    return block.language in ("console", "json")  # test_tour repeats the one, test_docs executes the other


def test_no_fence_is_overlooked() -> None:
    for page in PAGES:
        fences = re.findall(r"^\s*(?:```|~~~)", page.read_text(encoding="utf-8"), re.MULTILINE)
        assert len(fences) == 2 * sum(block.page == page for block in BLOCKS), page.name
        assert "\n    $ " not in page.read_text(encoding="utf-8"), page.name


def test_reasons_are_of_blocks_that_are_there() -> None:
    for page, start in NOT_RUN:
        assert any(block.page.name == page and block.text.startswith(start) for block in BLOCKS), start


@pytest.mark.parametrize("block", [block for block in BLOCKS if block.generated], ids=lambda block: block.place)
def test_every_example_of_a_command_can_be_typed(block: Block) -> None:
    """Its command, options and values are understood; click calls nothing."""
    for line in block.text.splitlines():
        within = re.search(r"\$\((stepwell [^)]*)\)", line)
        words = shlex.split(within[1] if within else line.split(" | ")[0], comments=True)
        command: click.Command = main
        context = click.Context(main)
        words = words[words.index("stepwell") + 1 :]
        while isinstance(command, click.Group):
            _, found, words = command.resolve_command(context, words)
            assert found is not None, line
            command = found
        ends = [index for index, word in enumerate(words) if word in (">", "<")]
        command.make_context(command.name, words[: min(ends, default=len(words))])


@pytest.mark.parametrize("page", PAGES, ids=lambda page: page.name)
def test_links_and_pictures_lead_somewhere(page: Path) -> None:
    for target, anchor in re.findall(r"\]\(([^)#\s]*)(?:#([^)]*))?\)", page.read_text(encoding="utf-8")):
        if target.startswith("http"):
            continue
        found = page.parent / target if target else page
        assert found.exists(), f"{page.name} links to {target}, which is not there"
        assert not anchor or anchor in anchors(found), f"{page.name} links to {target}#{anchor}, which is not there"


def anchors(page: Path) -> set[str]:
    titles = re.findall(r"^#+ (.*)", page.read_text(encoding="utf-8"), re.MULTILINE)
    return {re.sub(r"[^\w -]", "", title).strip().lower().replace(" ", "-") for title in titles}


def test_the_index_has_every_page() -> None:
    index = (DOCS / "guide.md").read_text(encoding="utf-8")
    for page in PAGES:
        if page.parent == DOCS and page.name != "guide.md":
            assert f"]({page.name})" in index, page.name
    assert "docs/guide.md" in README.read_text(encoding="utf-8")

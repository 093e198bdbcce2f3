"""What the documents show is true: definitions in them are accepted, settings in them exist, links lead somewhere."""

from __future__ import annotations

import dataclasses
import json
import re
from pathlib import Path

import pytest

from task_functions.registry import REGISTRY, load
from workflows.language import read_definition
from workflows.settings import Settings

ROOT = Path(__file__).parent.parent.parent
GUIDE = (ROOT / "docs" / "guide.md").read_text(encoding="utf-8")
PAGES = [ROOT / "README.md", ROOT / "CHANGELOG.md", *sorted((ROOT / "docs").glob("*.md"))]


def blocks(text: str, language: str) -> list[str]:
    return re.findall(rf"```{language}\n(.*?)```", text, re.DOTALL)


@pytest.mark.parametrize("text", blocks(GUIDE, "json"), ids=lambda text: str(json.loads(text)["id"]))
def test_every_job_of_the_guide_is_accepted(text: str) -> None:
    names = {"echo", "sleep", "fail"}
    assert read_definition(text, functions=names.__contains__).id == json.loads(text)["id"]


def test_every_shipped_definition_is_accepted_with_the_default_settings() -> None:
    for source in ("task_functions.builtin", *Settings().functions):
        assert not load(source).errors
    files = sorted(Settings().definitions.glob("*.json"))
    assert files
    for path in files:
        read_definition(path.read_bytes(), functions=REGISTRY.has)


def test_every_setting_is_in_the_guide() -> None:
    for field in dataclasses.fields(Settings):
        assert f"`STEPWELL_{field.name.upper()}`" in GUIDE


@pytest.mark.parametrize("page", PAGES, ids=lambda page: page.name)
def test_links_and_pictures_exist(page: Path) -> None:
    for target in re.findall(r"\]\(([^)#]+)\)", page.read_text(encoding="utf-8")):
        assert target.startswith("http") or (page.parent / target).exists(), f"{page.name} links to {target}, which is not there"


def test_every_make_target_named_in_the_readme_exists() -> None:
    makefile = (ROOT / "Makefile").read_text(encoding="utf-8")
    for target in re.findall(r"\bmake (\w+)", (ROOT / "README.md").read_text(encoding="utf-8")):
        assert re.search(rf"^{target}:", makefile, re.MULTILINE), f"no target {target}"

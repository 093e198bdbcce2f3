"""The pages, and the example blocks in them, each with what kind of example it is."""

from __future__ import annotations

import re
from dataclasses import dataclass
from pathlib import Path

from reference.pages import parts_of

ROOT = Path(__file__).parents[2]
README = ROOT / "README.md"
DOCS = ROOT / "docs"
PAGES = [README, ROOT / "CHANGELOG.md", *sorted(DOCS.glob("*.md"))]
GUIDE = "\n".join(page.read_text(encoding="utf-8") for page in sorted(DOCS.glob("*.md")))
"""All of it."""

_BLOCK = re.compile(
    r"(?:`(?P<name>[\w./-]+\.\w+)`:\n\n)?^```(?P<language>\w*)\n(?P<text>.*?)^```\n"
    r"(?:\nInput `(?P<given>[^`]+)` gives `(?P<expected>[^`]+)`)?",
    re.DOTALL | re.MULTILINE,
)
_GENERATED = re.compile(r"<!-- generated: .*?<!-- end -->", re.DOTALL)


@dataclass(frozen=True, slots=True)
class Block:
    """A fenced block. `name`: the file that it is, if it is one. `given` and `expected`: what a definition is said to come to."""

    page: Path
    line: int
    language: str
    text: str
    name: str
    given: str
    expected: str
    generated: bool

    @property
    def place(self) -> str:
        return f"{self.page.name}:{self.line}"

    @property
    def first_line(self) -> str:
        return self.text.partition("\n")[0]


def blocks_of(page: Path) -> list[Block]:
    text = page.read_text(encoding="utf-8")
    made = [found.span() for found in _GENERATED.finditer(text)]
    assert len(made) == len(parts_of(text))
    blocks = []
    for found in _BLOCK.finditer(text):
        line = text.count("\n", 0, found.start("text"))
        generated = any(start < found.start() < end for start, end in made)
        language, code, name, given, expected = (found[part] or "" for part in ("language", "text", "name", "given", "expected"))
        blocks.append(Block(page, line, language, code, name, given, expected, generated))
    return blocks


BLOCKS = [block for page in PAGES for block in blocks_of(page)]
DEFINITIONS = [block for block in BLOCKS if block.language == "json" and not block.name]
"""The definitions of the guide. A file belongs to the session of its page, and may have a mistake."""
SESSIONS = [page for page in PAGES if any(block.language == "console" for block in blocks_of(page))]

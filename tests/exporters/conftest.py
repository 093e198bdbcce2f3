"""Exports of the shipped definitions, kept as files. STEPWELL_GOLDEN=write writes them anew."""

from __future__ import annotations

import os
from collections.abc import Callable
from pathlib import Path

import pytest

KEPT = Path(__file__).parent / "kept"


@pytest.fixture
def golden() -> Callable[[str, str], None]:
    def compare(name: str, text: str) -> None:
        file = KEPT / name
        if os.environ.get("STEPWELL_GOLDEN") == "write":
            file.write_text(text, encoding="utf-8")
        assert text == file.read_text(encoding="utf-8"), f"{file} differs; if it should, run the tests with STEPWELL_GOLDEN=write"

    return compare

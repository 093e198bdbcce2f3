"""An open file store in a folder of its own."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path

import pytest

from storage.zodb import ZodbStore


@pytest.fixture
def path(tmp_path: Path) -> Path:
    return tmp_path / "Data.fs"


@pytest.fixture
def store(path: Path) -> Iterator[ZodbStore]:
    made = ZodbStore(path)
    made.open()
    yield made
    made.close()

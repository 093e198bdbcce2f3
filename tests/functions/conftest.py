"""A registry of one's own."""

from __future__ import annotations

from collections.abc import Iterator

import pytest

from task_functions import REGISTRY


@pytest.fixture
def registry() -> Iterator[None]:
    """The default registry, empty for the length of a test."""
    before = REGISTRY.snapshot()
    REGISTRY.restore({})
    yield
    REGISTRY.restore(before)

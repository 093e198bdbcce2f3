"""Where the generated parts are: between `<!-- generated: NAME -->` and `<!-- end -->` of a page. Knows no part's content."""

from __future__ import annotations

import re
from collections.abc import Callable
from pathlib import Path

from reference.commands import commands
from reference.endpoints import endpoints, goflow_endpoints
from reference.fields import (
    blackout_fields,
    hook_fields,
    job_fields,
    on_alert_fields,
    retry_delay_fields,
    schedule_fields,
    signature_fields,
    state_fields,
    task_fields,
)
from reference.metrics import metrics
from reference.settings import settings

DOCS = Path(__file__).parent.parent / "docs"
PAGES = sorted(DOCS.glob("*.md"))

PARTS: dict[str, Callable[[], str]] = {
    "job fields": job_fields,
    "task fields": task_fields,
    "retryDelay fields": retry_delay_fields,
    "schedule fields": schedule_fields,
    "blackout fields": blackout_fields,
    "onAlert fields": on_alert_fields,
    "hook fields": hook_fields,
    "signature fields": signature_fields,
    "state machine fields": state_fields,
    "settings": settings,
    "endpoints": endpoints,
    "goflow endpoints": goflow_endpoints,
    "commands": commands,
    "metrics": metrics,
}

_PART = re.compile(r"<!-- generated: (.*?) -->\n.*?<!-- end -->", re.DOTALL)


def renewed(page: str) -> str:
    """The page with its generated parts as they are to be. Raises KeyError for a part that nobody makes."""
    return _PART.sub(lambda found: f"<!-- generated: {found[1]} -->\n\n{PARTS[found[1]]().strip()}\n\n<!-- end -->", page)


def parts_of(page: str) -> list[str]:
    """The names of the generated parts in it."""
    return [found[1] for found in _PART.finditer(page)]

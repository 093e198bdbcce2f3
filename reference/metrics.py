"""The metrics, from the rows that they are read by."""

from __future__ import annotations

from reference.tables import spelt, table
from workflows.api import traffic
from workflows.service import metrics as service


def metrics() -> str:
    rows = [(f"`{one.full_name}`", one.kind, spelt(one.labels), one.about) for one in (*service.METRICS, *traffic.METRICS)]
    return table(("Name", "Kind", "Labels", "What it tells"), rows)

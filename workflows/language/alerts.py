"""The `onAlert` of a job: JSON in, a frozen OnAlert out."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from workflows.alerts.listening import KINDS, OnAlert
from workflows.language.schedules import about
from workflows.language.shapes import Choice, Many, Shape, Text


class OnAlertShape(Shape):
    """Which alerts the job hears: each starts an execution of it."""

    kinds = Many(Choice(KINDS), metadata=about("Which kinds. If absent, all.", ["failed", "missed"]))
    jobs = Many(
        Text(),
        metadata=about(
            "Ids of the jobs that it hears about, with `*`, `?` and `[...]` as in file names. If absent, all.", ["nightly", "report-*"]
        ),
    )


def on_alert_of(job: Mapping[str, Any]) -> OnAlert | None:
    """Of a job that was loaded without a problem; None: it hears none."""
    given = job.get("on_alert")
    return None if given is None else OnAlert(*(tuple(given[name]) if name in given else None for name in ("kinds", "jobs")))

"""A calendar as it is sent: named ranges of days."""

from __future__ import annotations

import re
from typing import Any

from marshmallow import ValidationError

from workflows.errors import Invalid, Problem
from workflows.language.ids import ID
from workflows.language.schedules import DaysShape, about
from workflows.language.shapes import Many, Object, Shape, shown

MAX_RANGES = 1_000
"""Of one calendar."""


class Ranges(Many):
    """Those of a calendar."""

    def __init__(self, **kwargs: Any) -> None:
        super().__init__(Object(DaysShape), **kwargs)

    def _deserialize(self, value: Any, *_: Any, **__: Any) -> list[Any]:
        if isinstance(value, list) and len(value) > MAX_RANGES:
            raise ValidationError(f"a calendar has at most {MAX_RANGES:,} ranges of days, not {len(value):,}")
        return super()._deserialize(value)


class CalendarShape(Shape):
    """Days on which schedules that name the calendar do not run."""

    dates = Ranges(required=True, metadata=about("Ranges of days.", [{"from": "2026-12-24", "to": "2026-12-26", "name": "Christmas"}]))


def check_name(name: str) -> None:
    """Raises Invalid."""
    if not re.fullmatch(ID.strip("^$"), name):
        what = "a calendar's name is 1 to 128 of the characters A-Z a-z 0-9 _ . - and starts with a letter or digit"
        raise Invalid([Problem("", f"{what}, not {shown(name)}")])

"""The ids that users give to jobs and schedules: such that they can stand in an address, a file name and the id of an execution."""

from __future__ import annotations

import re

from marshmallow import ValidationError

from workflows.language.shapes import shown

ID = r"^[A-Za-z0-9][A-Za-z0-9_.-]{0,127}$"


def check_id(value: str) -> None:
    """Raises marshmallow's ValidationError."""
    if not re.fullmatch(ID.strip("^$"), value):
        what = "an id is 1 to 128 of the characters A-Z a-z 0-9 _ . - and starts with a letter or digit"
        raise ValidationError(f"{what}, not {shown(value)}")

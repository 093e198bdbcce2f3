"""The table of settings."""

from __future__ import annotations

from reference.tables import table
from workflows.setting import Setting
from workflows.settings import TABLE


def settings() -> str:
    return table(("Flag", "Variable", "Default", "Meaning"), map(_row, TABLE.values()))


def _row(setting: Setting) -> tuple[str, ...]:
    shown = setting.shown(setting.default)
    default = setting.shown_default or (shown if shown == "none" else f"`{shown}`")
    choices = " or ".join(f"`{choice}`" for choice in setting.limits.choices)
    ranged = "" if setting.limits.high is None else f"{setting.allowed[0].upper()}{setting.allowed[1:]}"
    allowed = f" {choices or ranged}." if choices or ranged else ""
    return f"`{setting.flag}`" if setting.flag else "", f"`{setting.variable}`", default, f"{setting.about}{allowed}"

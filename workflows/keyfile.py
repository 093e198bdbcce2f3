"""The keys that the settings name, in a variable or in a file, and what is said when there are none at all."""

from __future__ import annotations

import logging
import re
import stat
from collections.abc import Iterator
from pathlib import Path

from workflows.roles import Role
from workflows.setting import SettingsError
from workflows.settings import API_KEY, Settings

log = logging.getLogger(__name__)


def configured_keys(settings: Settings) -> list[tuple[Role, str]]:
    """Role and key of each: of `api_keys`, then of the lines of `api_keys_file`. Raises SettingsError."""
    texts = [*settings.api_keys, *(_lines(settings.api_keys_file) if settings.api_keys_file is not None else ())]
    pairs = (text.partition(":") for text in texts)
    return [(Role.named(role), key) for role, _, key in pairs]


def no_keys(settings: Settings) -> str:
    """Why a server does not start, and what helps."""
    why = "keys are required" if settings.require_keys else f"refusing to listen on {settings.host}: whoever reaches it could run jobs"
    return (
        f"{why}, and there is no key yet. Make the first one with: stepwell keys add --role admin --store {settings.store} NAME (or set "
        "STEPWELL_API_KEYS, or a file of keys). Else listen on 127.0.0.1, or say --insecure if everybody on the network may do everything"
    )


def _lines(path: Path) -> Iterator[str]:
    """Empty lines and those that begin with # are nothing."""
    try:
        mode, text = path.stat().st_mode, path.read_text(encoding="utf-8")
    except (OSError, UnicodeDecodeError) as error:
        raise SettingsError(f"api_keys_file is {str(path)!r}, which cannot be read: {error}") from None
    if mode & (stat.S_IRGRP | stat.S_IROTH):
        log.warning("keys: others on this machine can read %s; chmod 600 it", path)
    for number, line in enumerate(text.splitlines(), 1):
        entry = line.strip()
        if not entry or entry.startswith("#"):
            continue
        if not re.fullmatch(API_KEY, entry):
            raise SettingsError(f"{path}:{number} is no key: a line is ROLE:KEY, and KEY has at least 16 characters, no spaces, no commas")
        yield entry

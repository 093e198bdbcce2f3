"""Text as it can stand in a drawing."""

from __future__ import annotations

import unicodedata


def visible(text: str) -> str:
    """Without what is no character of a line: control characters become spaces, halves of surrogate pairs the sign for what cannot be
    shown."""
    return "".join(_VISIBLE.get(unicodedata.category(character), character) for character in text)


_VISIBLE = {"Cc": " ", "Cs": "\ufffd", "Zl": " ", "Zp": " "}

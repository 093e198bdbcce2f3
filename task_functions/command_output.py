"""What a program says, as it says it: whole lines go to the log and the result, without the secrets that the attempt was given.

Whole lines, because a secret that came in two pieces would be found in neither. Knows no process.
"""

from __future__ import annotations

from collections.abc import Callable

LINE_BYTES = 256 * 1024
"""A longer line is taken in pieces."""


class Output:
    """One stream of a program. `mask` takes secrets out of a text, `tell` gets what was said, `most` bytes of its end are kept."""

    def __init__(self, most: int, mask: Callable[[str], str], tell: Callable[[str], object]) -> None:
        self._most = most
        self._mask = mask
        self._tell = tell
        self._line = bytearray()
        self._kept = bytearray()
        self._truncated = False

    def add(self, chunk: bytes) -> None:
        self._line += chunk
        end = max(self._line.rfind(b"\n"), self._line.rfind(b"\r")) + 1
        self._pass(len(self._line) if len(self._line) - end > LINE_BYTES else end)

    def close(self) -> None:
        """There is no more: what has no end of line is a line, too."""
        self._pass(len(self._line))

    def text(self) -> str:
        """The end of it so far, with a line that has not ended."""
        kept = bytes(self._kept) + self._masked(self._line)
        cut = self._truncated or len(kept) > self._most
        kept = kept[-self._most :]
        if cut:  # in the middle of a character, perhaps
            kept = kept[:4].lstrip(bytes(range(0x80, 0xC0))) + kept[4:]
        return kept.decode("utf-8", "replace")

    @property
    def truncated(self) -> bool:
        self._cut()
        return self._truncated

    def _pass(self, end: int) -> None:
        if not end:
            return
        said = self._masked(self._line[:end])
        del self._line[:end]
        self._tell(said.decode("utf-8", "replace"))
        self._kept += said
        if len(self._kept) > 2 * self._most:
            self._cut()

    def _masked(self, said: bytearray) -> bytes:
        return self._mask(said.decode("utf-8", "surrogateescape")).encode("utf-8", "surrogateescape")

    def _cut(self) -> None:
        if len(self._kept) > self._most:
            del self._kept[: -self._most]
            self._truncated = True

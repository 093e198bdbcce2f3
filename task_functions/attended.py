"""Work with another server, on a thread of its own. The attempt's thread waits for it, gives signs of life, and gives up when the time is
over or the attempt is cancelled, wherever the work stands then: in looking up a name, in a handshake, in an answer that comes a byte at a
time. The connection is cut, so the thread ends too.
"""

from __future__ import annotations

import threading
import time
from abc import ABC, abstractmethod
from typing import Any, ClassVar

from task_functions.context import Context
from task_functions.http_wire import Wire
from task_functions.inputs import Cancelled
from task_functions.permissions import permissions

SLICE_SECONDS = 0.1
"""How soon a cancelled attempt is noticed."""


class Attended(ABC):
    """`wait` gives what `work` gives, or raises what that raises; `late` when it takes longer than `seconds` from now. `told`: what it is,
    for messages. `work` says in `stage` where it stands, and connects by `wire` only."""

    name: ClassVar[str]
    late: ClassVar[type[Exception]]

    def __init__(self, told: str, seconds: float) -> None:
        self.stage = "connecting"
        self.deadline = time.monotonic() + seconds
        self.wire = Wire(permissions(), self.deadline)
        self._told = told
        self._seconds = seconds
        self._ended = threading.Event()
        self._result: dict[str, Any] = {}
        self._error: BaseException | None = None

    @abstractmethod
    def work(self) -> dict[str, Any]:
        """On the thread of its own."""

    def wait(self, ctx: Context) -> dict[str, Any]:
        threading.Thread(target=self._run, name=self.name, daemon=True).start()
        try:
            while not self._ended.wait(max(0.0, min(SLICE_SECONDS, self.deadline - time.monotonic()))):
                if ctx.cancelled:
                    raise Cancelled(f"{self._told} was given up")
                if time.monotonic() >= self.deadline:
                    raise self.late(f"{self._told} took longer than {self._seconds:g} s, and was {self.stage}")
                ctx.heartbeat()
        finally:
            self.wire.cut()
        if self._error is not None:
            raise self._error from None
        return self._result

    def _run(self) -> None:
        try:
            self._result = self.work()
        except BaseException as error:  # it is raised again where the attempt is
            self._error = error
        finally:
            self.wire.close()
            self._ended.set()

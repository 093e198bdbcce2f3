"""What one attempt has written, as its executor reports it: not too often while it runs, and in any case before its end.

Each report becomes a record of all the text, so what is long is reported less often: at most about RATE_BYTES_PER_S of store for an
attempt that never stops talking.
"""

from __future__ import annotations

import threading
import time
from collections.abc import Callable

from workflows.runtime.capture import PULSE_S, Tail
from workflows.runtime.executor import Identity, Logged, Outcome, Run

RATE_BYTES_PER_S = 4 * 1024


class Output:
    """`changed` is called when there is something to pass on again."""

    def __init__(self, run: Run, changed: Callable[[], None]) -> None:
        self._run = run
        self._next = 0.0
        self._telling = threading.Lock()  # what is taken is reported before anybody goes on to report the attempt's end
        self.tail = Tail(changed)

    def pass_on(self, report: Callable[[Identity, Outcome], None], *, now: bool = True) -> bool:
        """Report what has not been reported. Without `now` that may be put off; True: it was, ask again."""
        moment = time.monotonic()
        with self._telling:
            if not now and moment < self._next:
                return True
            taken = self.tail.take(keep=True)
            if taken is not None:
                text, truncated = taken
                self._next = moment + max(PULSE_S, len(text) / RATE_BYTES_PER_S)
                report(self._run.identity, Logged(self._run.task_id, self._run.attempt, text, truncated))
        return False

"""What holds for all tests: the processes that they start heed signals, however the tests were started."""

from __future__ import annotations

import signal


def _pass_on_no_deafness() -> None:
    """Whoever runs the tests in the background, or under nohup, has signals ignored, and children inherit that. One that is caught is
    ignored here as well, and is as usual again in whatever is executed. (A `preexec_fn` may hang: other threads hold locks at the fork.)"""
    for number in (signal.SIGINT, signal.SIGHUP, signal.SIGQUIT, signal.SIGTERM):
        if signal.getsignal(number) is signal.SIG_IGN:
            signal.signal(number, lambda *_: None)


_pass_on_no_deafness()

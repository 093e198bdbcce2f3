"""What functions print and log, kept per attempt: the last LOG_BYTES of it, whoever writes and however much.

Whose text it is, is known by the thread: the attempt's own, or one that it started. So `sys.stdout` and `sys.stderr` are stood in for by
streams that look up the present attempt, and the root logger has one handler more. What is written outside any attempt goes where it went
before. Used by the server for inline attempts and by worker processes; knows neither. A function that writes nothing costs nothing.
"""

from __future__ import annotations

import io
import logging
import sys
import threading
import traceback
from collections import deque
from collections.abc import Callable, Iterable, Iterator
from contextlib import contextmanager
from typing import Any, TextIO

LOG_BYTES = 64 * 1024
"""Of an attempt's text; the end of it is kept."""

PULSE_S = 1.0
"""How often text is passed on while it changes."""

FORMAT = "%(levelname)s %(name)s: %(message)s"
"""Of what is logged. What is printed stays as it is."""

TASK_LOGGER = "stepwell.task"
"""Above the loggers of functions' contexts."""

_MARK = "_stepwell_tail"
_local = threading.local()


def plain(text: str) -> str:
    """The text as it is."""
    return text


class Tail:
    """The end of what was written. Any thread writes; `changed` is called, by the writer, when there is something again since `take`.
    `mask` takes out what nobody is to read, of all that was written since the last `take`: not every writer writes whole lines."""

    def __init__(self, changed: Callable[[], None] = lambda: None, limit: int = LOG_BYTES) -> None:
        self._changed = changed
        self._limit = limit
        self._parts: deque[str] = deque()
        self._size = 0
        self._fresh = False
        self._closed = False
        self._lock = threading.Lock()
        self.truncated = False
        self.mask: Callable[[str], str] = plain

    def write(self, text: str, truncated: bool = False) -> bool:
        """False: the attempt is over, and this is not its text. `truncated`: something is missing before it."""
        if not text:
            return not self._closed
        with self._lock:
            if self._closed:
                return False
            self._parts.append(text)
            self._size += len(text)
            self.truncated = self.truncated or truncated
            while self._size - len(self._parts[0]) >= self._limit:
                self._size -= len(self._parts.popleft())
                self.truncated = True
            news, self._fresh = not self._fresh, True
        if news:
            self._changed()
        return True

    def take(self, *, keep: bool) -> tuple[str, bool] | None:
        """The text, and whether something before it is gone; None: nothing was written since the last time. Without `keep` it is forgotten,
        and what comes next is the continuation."""
        with self._lock:
            if not self._fresh:
                return None
            text, cut = _end(self.mask("".join(self._parts)), self._limit)
            truncated, self._fresh = self.truncated or cut, False
            self._parts.clear()
            self._size = 0
            if keep:
                self._parts.append(text)
                self._size, self.truncated = len(text), truncated
            else:
                self.truncated = False
        return text, truncated

    def __len__(self) -> int:
        """Roughly how many characters are kept."""
        return self._size

    def close(self) -> None:
        with self._lock:
            self._closed = True


def _end(text: str, limit: int) -> tuple[str, bool]:
    """At most `limit` bytes of it in UTF-8, and whether that is less than all. What UTF-8 cannot hold is written out."""
    raw = text.encode("utf-8", "backslashreplace")
    return raw[-limit:].decode("utf-8", "ignore"), len(raw) > limit


class Pulse:
    """Calls `beat` a moment after it was asked to, on a thread that lives no longer; asked again meanwhile, it does nothing more."""

    def __init__(self, beat: Callable[[], None], seconds: float = PULSE_S) -> None:
        self._beat = beat
        self._seconds = seconds
        self._lock = threading.Lock()
        self._asked = False

    def ask(self) -> None:
        with self._lock:
            if self._asked:
                return
            self._asked = True
        timer = threading.Timer(self._seconds, self._go)
        timer.daemon = True
        try:
            timer.start()
        except RuntimeError:  # no thread to spare: what was written goes out later, at the attempt's end at the latest
            self._asked = False

    def _go(self) -> None:
        with self._lock:
            self._asked = False
        self._beat()


# ------------------------------------------------------------------------------------------------------------- whose text


def current() -> Tail | None:
    """Of the attempt that the calling thread works for."""
    tail: Tail | None = getattr(_local, "tail", None)
    return getattr(threading.current_thread(), _MARK, None) if tail is None else tail


@contextmanager
def captured(tail: Tail) -> Iterator[None]:
    """What this thread writes, and what it logs, goes to `tail`, until the end of the block."""
    install()
    _local.tail = tail
    try:
        yield
    finally:
        _local.tail = None


def install() -> None:
    """Stand in for the standard streams and listen to the root logger, where that is not so already: others replace streams, too."""
    for name in ("stdout", "stderr"):
        stream = getattr(sys, name)
        if not isinstance(stream, Stream):
            setattr(sys, name, Stream(stream))
    root = logging.getLogger()
    if _HANDLER not in root.handlers:
        root.addHandler(_HANDLER)
    task = logging.getLogger(TASK_LOGGER)
    if _HANDLER not in task.handlers:  # `ctx.logger`: from INFO on, whatever the server's own log takes, and not into that
        task.addHandler(_HANDLER)
        task.setLevel(logging.INFO)
        task.propagate = False
    _mask_records()


def adopt_threads() -> None:
    """Threads started from now on write for the attempt that started them. For processes of our own only."""
    start = threading.Thread.start

    def begin(thread: threading.Thread) -> None:
        setattr(thread, _MARK, current())
        start(thread)

    setattr(threading.Thread, "start", begin)  # noqa: B010  # a method; there is no hook for it


class Stream(io.TextIOBase):
    """Stands in for a standard stream."""

    def __init__(self, inner: TextIO | None) -> None:
        self._inner = inner

    def write(self, text: str, /) -> int:
        if not isinstance(text, str):
            raise TypeError(f"write() argument must be str, not {type(text).__name__}")
        tail = current()
        if (tail is None or not tail.write(text)) and self._inner is not None:
            self._inner.write(text if tail is None else tail.mask(text))
        return len(text)

    def writelines(self, lines: Iterable[Any], /) -> None:
        for line in lines:
            self.write(line)

    def flush(self) -> None:
        if self._inner is not None and current() is None:
            self._inner.flush()

    @property
    def buffer(self) -> Any:
        """For those who write bytes."""
        return _Bytes(self)

    @property
    def encoding(self) -> str:  # type: ignore[override]
        return "utf-8"

    def writable(self) -> bool:
        return True

    def isatty(self) -> bool:
        return current() is None and self._inner is not None and self._inner.isatty()

    def fileno(self) -> int:
        if self._inner is None:
            raise io.UnsupportedOperation("fileno")
        return self._inner.fileno()

    def __getattr__(self, name: str) -> Any:
        return getattr(self._inner, name)


class _Bytes(io.RawIOBase):
    def __init__(self, stream: Stream) -> None:
        self._stream = stream

    def writable(self) -> bool:
        return True

    def write(self, data: Any, /) -> int:
        raw = bytes(data)
        self._stream.write(raw.decode("utf-8", "backslashreplace"))
        return len(raw)


def _mask_records() -> None:
    """Have log records made so that no handler, whosever it is, sees what the present attempt masks."""
    former = logging.getLogRecordFactory()
    if getattr(former, "masks", False):
        return

    def make(*args: Any, **more: Any) -> logging.LogRecord:
        record: logging.LogRecord = former(*args, **more)
        tail = current()
        if tail is not None and tail.mask is not plain:
            record.msg, record.args, record.exc_info = tail.mask(_whole(record)), (), None
        return record

    make.masks = True  # type: ignore[attr-defined]  # how it is known again
    logging.setLogRecordFactory(make)


def _whole(record: logging.LogRecord) -> str:
    """Its message, and the traceback that a handler would put behind it."""
    try:
        text = record.getMessage()
    except Exception:  # a handler would show the arguments
        text = f"(its arguments do not fit) {record.msg}"
    if record.exc_info and record.exc_info[0] is not None:
        text += "\n" + "".join(traceback.format_exception(*record.exc_info)).rstrip()
    return text


class _Handler(logging.Handler):
    """Gives records to the present attempt; outside of any it is not there."""

    def emit(self, record: logging.LogRecord) -> None:
        tail = current()
        if tail is not None:
            tail.write(self.format(record) + "\n")


_HANDLER = _Handler()
_HANDLER.setFormatter(logging.Formatter(FORMAT))

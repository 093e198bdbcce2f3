"""How the log is written: one line on stderr for each message, as text for people or as a JSON object for programs.

All of it is Python's own `logging`: a module says `log = logging.getLogger(__name__)`, and `extra={"execution_id": …}` where a line is
about something. This file owns what becomes of that: the form, the level, and what is `bound` to all that a thread says in the meantime.
Libraries, gunicorn and warnings come through here as well, and so does what nobody caught. Payloads and secrets are no business of a log:
tracebacks come without the values of variables. Must not know Flask or the store: worker processes use it, too.
"""

from __future__ import annotations

import json
import logging
import logging.config
import sys
import threading
from collections.abc import Callable, Iterator, Mapping, MutableMapping
from contextlib import contextmanager
from typing import Any, cast


@contextmanager
def _absent(name: str) -> Iterator[None]:
    """In this block, a module that nobody has imported so far cannot be."""
    if name in sys.modules:
        yield
        return
    sys.modules[name] = cast(Any, None)
    try:
        yield
    finally:
        del sys.modules[name]


with _absent("rich"):  # for tracebacks in colour, structlog would import it: 90 ms and 4 MiB in each process
    from structlog.contextvars import bound_contextvars as bound
    from structlog.contextvars import merge_contextvars
    from structlog.dev import Column, ConsoleRenderer, KeyValueColumnFormatter, plain_traceback
    from structlog.processors import JSONRenderer, StackInfoRenderer, TimeStamper, format_exc_info
    from structlog.stdlib import ExtraAdder, ProcessorFormatter, add_log_level, add_logger_name

__all__ = ["bound", "configuration", "present", "set_up"]

TEXT, JSON = "text", "json"
"""The latter is for programs: nothing but the log's lines belongs on stderr then."""

ALWAYS = ("timestamp", "level", "logger", "event")
"""What every line has, in this order. `timestamp` is RFC 3339, in UTC."""

_QUIET: Mapping[str, str] = {"txn": "INFO", "asyncio": "INFO", "urllib3": "INFO"}
"""Libraries that would say a line or more of each transaction or call, and the least that they may say."""

_OURS = ("workflows.", "storage.", "gunicorn.")
"""Loggers that text does not name: it is plain who speaks."""

_Event = MutableMapping[str, Any]

_extra = ExtraAdder()

log = logging.getLogger(__name__)


def set_up(form: str, level: str) -> None:
    """Have this process log in this form, `text` or `json`, what is of this level (`debug` … `error`) or worse. May be called again."""
    logging.config.dictConfig(configuration(form, level))
    logging.captureWarnings(True)
    sys.excepthook = lambda _, error, __: _uncaught(error, "this process ends by a defect")
    threading.excepthook = lambda args: _uncaught(args.exc_value, "a thread ended by a defect")
    sys.unraisablehook = lambda args: _uncaught(args.exc_value, args.err_msg or "an exception was ignored")


def present() -> tuple[str, str]:
    """Form and level of this process's log, for those that it starts."""
    for handler in logging.getLogger().handlers:
        if isinstance(handler.formatter, Lines):
            return handler.formatter.form, logging.getLevelName(handler.level).lower()
    return TEXT, "info"


def configuration(form: str, level: str) -> dict[str, Any]:
    """The same as data for `logging.config.dictConfig`, gunicorn's messages included. Their level stays as it is."""
    return {
        "version": 1,
        "disable_existing_loggers": False,
        "formatters": {"lines": {"()": Lines, "form": form}},
        "handlers": {
            "stderr": {"class": "logging.StreamHandler", "formatter": "lines", "stream": "ext://sys.stderr", "level": level.upper()}
        },
        "root": {"level": level.upper(), "handlers": ["stderr"]},
        "loggers": {
            "gunicorn.error": {"handlers": [], "propagate": True},
            **({name: {"level": least} for name, least in _QUIET.items()} if level == "debug" else {}),
        },
    }


class Lines(ProcessorFormatter):
    """Formats any record. One that cannot be put into words (a wrong `%d`, a number that JSON has not) is told of, not lost."""

    def __init__(self, form: str) -> None:
        self.form = form
        super().__init__(
            foreign_pre_chain=[_with_extra, merge_contextvars, add_log_level, add_logger_name, TimeStamper(fmt="iso", utc=True)],
            processors=[
                ProcessorFormatter.remove_processors_meta,
                StackInfoRenderer(),
                format_exc_info,
                *((_in_order, JSONRenderer(allow_nan=False)) if form == JSON else (_on_one_line, _renderer())),
            ],
        )

    def format(self, record: logging.LogRecord) -> str:
        try:
            return super().format(record)
        except Exception as error:
            said = f"{record.msg!r} cannot be logged: {type(error).__name__}: {error}"
            return super().format(logging.LogRecord(record.name, record.levelno, record.pathname, record.lineno, said, None, None))


def _with_extra(logger: Any, method: str, event: _Event) -> _Event:
    """What a line is about. A member that is called `event` does not take the message's place."""
    message = event["event"]
    event = _extra(logger, method, event)
    for name in ("message", "asctime"):  # another handler's formatter leaves them in the record
        event.pop(name, None)
    if event["event"] is not message:
        event["extra_event"], event["event"] = event["event"], message
    return event


def _in_order(_: Any, __: str, event: _Event) -> _Event:
    return {**{name: event[name] for name in ALWAYS}, **event}


def _on_one_line(_: Any, __: str, event: _Event) -> _Event:
    """Nothing that somebody sent can look like a line of its own, or move a terminal's cursor."""
    event["event"] = _plain(event["event"].rstrip())
    if "exception" in event:
        event["exception"] = f"  {_plain(event['exception'])}"
    if event["logger"].startswith(_OURS):
        del event["logger"]
    return event


def _plain(text: str) -> str:
    return text if text.isprintable() else "".join(map(_printable, text))


def _printable(character: str) -> str:
    return character if character.isprintable() else "\n  " if character == "\n" else json.dumps(character)[1:-1]


def _renderer() -> ConsoleRenderer:
    def column(show: Callable[[Any], str], key: str | None = None) -> KeyValueColumnFormatter:
        return KeyValueColumnFormatter(key_style=key, value_style="", reset_style="", value_repr=show)

    columns = [
        Column("", column(_shown, "")),
        Column("timestamp", column(str)),
        Column("level", column(lambda level: f"{level.upper():<7}")),
        Column("event", column(str)),
    ]
    return ConsoleRenderer(columns=columns, exception_formatter=plain_traceback, sort_keys=False)


def _shown(value: Any) -> str:
    """A value that may hold anything: quoted if it is more than a word."""
    text = str(value)
    return text if text.isprintable() and text and not set(text) & set(" \"'=") else json.dumps(text, ensure_ascii=not text.isprintable())


def _uncaught(error: BaseException | None, where: str) -> None:
    if error is None or isinstance(error, SystemExit):
        return
    if isinstance(error, KeyboardInterrupt):
        log.warning("interrupted")
    else:
        log.critical("%s", where, exc_info=error)

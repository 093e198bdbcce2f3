"""`stepwell serve`: gunicorn with our settings only. Owns the listening socket, the master process and the order of `sys.path`.

Nothing of the current directory is imported unless a user names it: gunicorn's own command puts that directory first, where an `app.py`
would take the place of ours; here it comes last, after all of ours is loaded. No `gunicorn.conf.py`, GUNICORN_CMD_ARGS or WEB_CONCURRENCY
is read. The socket is bound here, so that a port in use is said at once, and port 0 is known before anybody is told.
"""

from __future__ import annotations

import errno
import logging
import os
import signal
import socket
import sys
from contextlib import suppress
from dataclasses import replace
from typing import Any, NoReturn

from storage.protocol import StoreError
from workflows import logs
from workflows.errors import StepwellError
from workflows.hosting import BACKLOG, CANNOT_START, boot, options, refuse
from workflows.settings import Settings

os.environ.pop("WEB_CONCURRENCY", None)  # gunicorn reads it while it is imported, and fails if it is no number

from gunicorn.app.base import BaseApplication
from gunicorn.arbiter import Arbiter
from gunicorn.errors import HaltServer
from gunicorn.glogging import Logger


class CannotListen(StepwellError):
    """The address cannot be listened on."""


def serve(settings: Settings) -> NoReturn:
    """Serve until told to stop. Exits 0 when drained, 3 when the engine died, 4 when it cannot start. Raises CannotListen."""
    listener = listen(settings.host, settings.port)
    logs.set_up(settings.log_format, settings.log_level)
    try:
        Application(replace(settings, port=listener.getsockname()[1]), listener).run()
    except HaltServer as halt:  # the worker failed while the master was stopping already
        sys.exit(halt.exit_status)
    sys.exit(0)


def listen(host: str, port: int) -> socket.socket:
    """A listening socket; port 0 finds a free one. Raises CannotListen."""
    address = host.strip("[]")
    try:
        return socket.create_server((address, port), family=socket.AF_INET6 if ":" in address else socket.AF_INET, backlog=BACKLOG)
    except OSError as error:
        why = (error.strerror or str(error)).partition(" (while")[0]  # Python adds the address, which is named here already
        hint = "; is another server running? --port 0 finds a free port" if error.errno == errno.EADDRINUSE else ""
        raise CannotListen(f"cannot listen on {host}:{port}: {why}{hint}") from error


def url(listener: socket.socket) -> str:
    address, port = listener.getsockname()[:2]
    return f"http://[{address}]:{port}" if ":" in address else f"http://{address}:{port}"


class Application(BaseApplication):  # type: ignore[misc]
    """gunicorn's application: its settings from ours, the Flask application made in the worker."""

    def __init__(self, settings: Settings, listener: socket.socket) -> None:
        self._settings = settings
        self._url = url(listener)
        self._bind = f"fd://{listener.detach()}"
        super().__init__()

    def load_config(self) -> None:
        for name, value in (options(self._settings) | self._own()).items():
            if name in self.cfg.settings:  # older releases know no control socket
                self.cfg.set(name, value)

    def _own(self) -> dict[str, Any]:
        level = "error" if self._settings.log_level == "error" else "warning"
        return {"bind": self._bind, "loglevel": level, "logger_class": QuietLogger, "post_worker_init": self._boot}

    def load(self) -> Any:
        from app import create_app

        try:
            application = create_app(self._settings)
        except StoreError as error:
            refuse(error, CANNOT_START)
        sys.path.append(os.getcwd())  # for --functions, which may name a module there
        return application

    def _boot(self, worker: Any) -> None:
        """Names the master's process: a worker that is stopped alone is replaced."""
        boot(worker)
        with suppress(OSError):  # nobody may be reading any more when a killed worker is replaced
            sys.stdout.write(f"Stepwell listens at {self._url} (store {self._settings.store}, process {os.getppid()}); Ctrl-C stops it\n")
            sys.stdout.flush()

    def run(self) -> None:
        Master(self).run()


class Master(Arbiter):  # type: ignore[misc]
    """Every signal that asks for an end drains. None starts a second worker or master beside the first, whose store is locked."""

    def init_signals(self) -> None:
        under_nohup = signal.getsignal(signal.SIGHUP) is signal.SIG_IGN
        super().init_signals()
        if under_nohup:
            signal.signal(signal.SIGHUP, signal.SIG_IGN)

    def handle_int(self) -> None:
        self.handle_term()

    def handle_quit(self) -> None:
        self.handle_term()

    def handle_hup(self) -> None:
        """The terminal was closed."""
        self.handle_term()

    def handle_usr2(self) -> None:
        self.log.warning("USR2 is ignored: stop the server and start it again, no work is lost")


class QuietLogger(Logger):  # type: ignore[misc]
    """gunicorn's messages without those that only repeat what was said."""

    def setup(self, cfg: Any) -> None:
        super().setup(cfg)
        self.error_log.addFilter(_tells_something)


def _tells_something(record: logging.LogRecord) -> bool:
    if record.msg == "Worker (pid:%s) exited with code %s." and isinstance(record.args, tuple):
        return record.args[1] != CANNOT_START  # then the worker has said why
    return record.msg not in ("Shutting down: %s", "Reason: %s")

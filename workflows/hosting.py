"""What gunicorn is told, and what its worker does when it boots and when it ends. `stepwell serve` and `gunicorn.conf.py` both use it.

One worker process with many threads: the engine writes its store alone, so a second worker could only wait for the lock. The store is
opened in the worker, after the fork. A worker that cannot start leaves with code 4, one whose engine dies with 3, and gunicorn's master
with the same, instead of trying for ever. On a signal the engine drains at once, on a thread of its own, while gunicorn still answers
the requests under way. Its messages come out as ours do (`logs`). Must not import gunicorn, which reads its environment while it is
imported, nor what only the worker needs.
"""

from __future__ import annotations

import logging
import math
import os
import queue
import signal
import sys
import threading
import time
from collections.abc import Callable, Mapping
from contextlib import suppress
from pathlib import Path
from typing import Any, NoReturn, Protocol

from storage.protocol import StoreError
from workflows import logs
from workflows.setting import SettingsError
from workflows.settings import Settings, is_loopback

log = logging.getLogger(__name__)

CANNOT_START = 4
"""gunicorn's code for an application that cannot be loaded: the master ends, too."""

ANSWERING_S = 5
"""What requests under way get beyond the grace of running attempts."""

KEEPALIVE_S = 75

ORPHANED_S = 0.5
"""How soon a worker notices that its master was killed."""

BACKLOG = 2048

_SHARED_MEMORY = Path("/dev/shm")  # noqa: S108 (gunicorn makes its file there with mkstemp)


class Startable(Protocol):
    """The part of `workflows.server.Server` that hosting needs."""

    settings: Settings

    def start(self) -> None: ...

    def stop(self, grace: float | None = None) -> None: ...


def options(settings: Settings) -> dict[str, Any]:
    """gunicorn's settings, hooks included."""
    host = f"[{settings.host}]" if ":" in settings.host and not settings.host.startswith("[") else settings.host
    return {
        "bind": f"{host}:{settings.port}",
        "worker_class": "gthread",
        "workers": 1,
        "threads": settings.threads,
        "worker_connections": max(1_000, 4 * settings.threads),
        "backlog": BACKLOG,
        "keepalive": KEEPALIVE_S,
        # Opening a large store takes as long as it takes, and one call into C can hold every thread up: neither is a reason to kill.
        "timeout": 0,
        "graceful_timeout": math.ceil(settings.grace_s) + ANSWERING_S,
        "max_requests": 0,
        "control_socket_disable": True,
        "worker_tmp_dir": str(_SHARED_MEMORY) if os.access(_SHARED_MEMORY, os.W_OK) else None,
        "proc_name": "stepwell",
        "loglevel": "info" if settings.log_level == "debug" else settings.log_level,  # it would name each request once more
        "logconfig_dict": logs.configuration(settings.log_format, settings.log_level),
        "when_ready": lambda master: refuse_strangers(master, settings),
        "nworkers_changed": keep_to_one_worker,
        "on_reload": end_the_old_worker,
        "post_worker_init": boot,
        "worker_exit": leave,
    }


def say_why(error: Exception) -> None:
    """A line for each thing that is wrong, no traceback; where the log is read by programs, in the log."""
    for line in str(error).splitlines():
        if logs.present()[0] == logs.JSON:
            log.critical("%s", line)
        else:
            sys.stderr.write(f"stepwell: {line}\n")
    sys.stderr.flush()


def refuse(error: Exception, code: int) -> NoReturn:
    say_why(error)
    sys.exit(code)


# -------------------------------------------------------------------------------------------------------------- gunicorn's hooks


def keep_to_one_worker(master: Any, workers: int, _before: int | None) -> None:
    """Whatever -w, WEB_CONCURRENCY or a TTIN signal say."""
    if workers > 1:
        master.log.warning("one worker, not %d: Stepwell is one process with many threads (STEPWELL_THREADS)", workers)
        master.num_workers = 1
        master.cfg.set("workers", 1)


def end_the_old_worker(master: Any) -> None:
    """Before a reload (HUP) starts the new one, which needs the store."""
    master.kill_workers(signal.SIGTERM)
    deadline = time.monotonic() + master.cfg.graceful_timeout
    while master.WORKERS and time.monotonic() < deadline:
        master.reap_workers()
        time.sleep(0.05)


def refuse_strangers(master: Any, settings: Settings) -> None:
    """gunicorn's own --bind is held to the same rule as our host."""
    for listener in master.LISTENERS:
        name = listener.getsockname()
        if isinstance(name, tuple) and not (settings.insecure or settings.keys_needed) and not is_loopback(name[0]):
            refuse(SettingsError(f"refusing to listen on {name[0]} without keys: say STEPWELL_REQUIRE_KEYS=true, and make a key"), 2)


def boot(worker: Any) -> None:
    """In the worker, before its first request."""
    server: Startable = worker.wsgi.extensions["stepwell"]
    logs.set_up(server.settings.log_format, server.settings.log_level)
    try:
        server.start()
    except (SettingsError, StoreError) as error:
        refuse(error, CANNOT_START)
    answer_unread(worker.wsgi.extensions["stepwell.unread"])
    drain = worker.wsgi.extensions["stepwell.drain"] = Drain(server)

    def stop(number: int, frame: Any) -> None:
        drain.begin()
        worker.handle_exit(number, frame)

    for number in (signal.SIGTERM, signal.SIGINT, signal.SIGQUIT):
        signal.signal(number, stop)
        signal.siginterrupt(number, False)
    signal.signal(signal.SIGHUP, lambda *_: None)  # a closed terminal tells the master, too, which decides


def answer_unread(answer: Callable[[int, str], tuple[Mapping[str, str], bytes]]) -> None:
    """What gunicorn cannot read (a wrong request line, too long a header) never reaches the application, and it would answer in HTML. It
    has no setting for that, only this function."""
    from gunicorn import util

    def write_error(client: Any, status: int, reason: str, message: str) -> None:
        headers, body = answer(status, message or reason)
        lines = [f"{name}: {value}" for name, value in {"Connection": "close", **headers, "Content-Length": len(body)}.items()]
        util.write_nonblock(client, "\r\n".join([f"HTTP/1.1 {status} {reason}", *lines, "", ""]).encode("latin-1") + body)

    util.write_error = write_error


def leave(_master: Any, worker: Any) -> None:
    """In the worker, after its last request."""
    drain = getattr(worker, "wsgi", None) and worker.wsgi.extensions.get("stepwell.drain")
    if drain:
        drain.finish()


class Drain:
    """Stops a server once, on a thread that waits for the word from the start: a signal handler must not start threads or take locks.

    A worker whose master was killed gives no grace: another server may be waiting for the store, for two seconds only.
    """

    def __init__(self, server: Startable) -> None:
        self._server = server
        self._master = os.getppid()
        self._word: queue.SimpleQueue[None] = queue.SimpleQueue()
        self._thread = threading.Thread(target=self._stop, name="drain", daemon=True)
        self._thread.start()

    def begin(self) -> None:
        """May be called by a signal handler, any number of times."""
        self._word.put(None)

    def finish(self) -> None:
        """Begin, if nobody has, and wait until all is committed."""
        self.begin()
        self._thread.join()

    def _stop(self) -> None:
        asked = False
        while not asked and not self._orphaned():
            with suppress(queue.Empty):
                self._word.get(timeout=ORPHANED_S)
                asked = True
        if self._orphaned():
            log.warning("the master process is gone: stopping at once")
            self._server.stop(0.0)
        else:
            log.info("stopping: running attempts get %g seconds", self._server.settings.grace_s)
            self._server.stop()
        log.info("stopped; what was done is committed")

    def _orphaned(self) -> bool:
        return os.getppid() != self._master


# -------------------------------------------------------------------------------------------------------------- without the hooks


class StartOnFirstRequest:
    """WSGI: starts the server with the first request in a process, where no hook has. `start` of one that runs does nothing."""

    def __init__(self, application: Callable[[Any, Any], Any], server: Startable, leave: Callable[[int], Any] = os._exit) -> None:
        self._application = application
        self._server = server
        self._leave = leave
        self._process: int | None = None
        self._starting = threading.Lock()

    def __call__(self, environ: Any, start_response: Any) -> Any:
        if self._process != os.getpid():
            with self._starting:
                if self._process != os.getpid():
                    self._start()
        return self._application(environ, start_response)

    def _start(self) -> None:
        import atexit

        if not logging.getLogger().handlers:  # else somebody has set up logging already
            logs.set_up(self._server.settings.log_format, self._server.settings.log_level)
        try:
            self._server.start()
        except (SettingsError, StoreError) as error:
            say_why(error)
            self._leave(CANNOT_START)  # sys.exit would end this thread only
            raise
        atexit.register(self._server.stop)
        self._process = os.getpid()

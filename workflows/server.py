"""The server as one thing that starts and stops: store, functions, engine, alerts, definitions, schedules, in that order.

Owns the order and what is said about it on the way. Nothing is opened before `start`, which belongs after every fork.
"""

from __future__ import annotations

import os

from storage.protocol import Store
from task_functions import permissions
from workflows.keyfile import configured_keys, no_keys
from workflows.loading import Loading
from workflows.ping import Ping
from workflows.runtime.alerter import Alerter
from workflows.runtime.audit import Origin
from workflows.runtime.engine import Engine
from workflows.runtime.scheduler import Scheduler
from workflows.service import Service
from workflows.service.asking import acting
from workflows.setting import SettingsError
from workflows.settings import Settings


class Server:
    """`start` is idempotent within a process; `stop` before `start` is fine."""

    def __init__(
        self,
        settings: Settings,
        store: Store,
        engine: Engine,
        service: Service,
        loading: Loading,
        scheduler: Scheduler,
        alerter: Alerter,
        ping: Ping,
    ) -> None:
        self.settings = settings
        self.service = service
        self._store = store
        self._engine = engine
        self._loading = loading
        self._scheduler = scheduler
        self._ping = ping
        self._alerter = alerter
        self._pid: int | None = None
        self._environment: dict[str, str | None] = {}

    def start(self) -> None:
        """Raises storage.StoreError when the store cannot be opened, SettingsError when nobody could come in. Bad function and definition
        files are left out, as `loading` says."""
        if self._pid == os.getpid():
            return
        self._store.open()
        try:
            self._check_keys()
        except BaseException:
            self._store.close()
            raise
        self._pid = os.getpid()
        self._permit()
        self._loading.load_functions()
        self._engine.start()
        self._alerter.start()
        with acting(Origin("startup")):
            self._loading.load_definitions()
        self._scheduler.start()
        self._ping.start()

    def stop(self, grace: float | None = None) -> None:
        """Drain: no new work, running attempts get `grace` seconds (the setting's, unless given), the last batch is committed."""
        if self._pid == os.getpid():
            self._ping.stop()
            self._scheduler.stop()
            self._alerter.stop()
            self._engine.stop(self.settings.grace_s if grace is None else grace)
            self._store.close()
            self._restore_environment()
            self._pid = None

    def _check_keys(self) -> None:
        self.service.keys.configure(configured_keys(self.settings))
        if self.settings.keys_needed and not self.service.keys.any():
            raise SettingsError(no_keys(self.settings))

    def _permit(self) -> None:
        """Tell functions what they may do, here and in every process started from here."""
        settings = self.settings
        told = permissions.variables(commands=settings.allow_commands, http_allow=settings.http_allow, http_private=settings.http_private)
        self._environment = {name: os.environ.get(name) for name in told}
        os.environ.update(told)

    def _restore_environment(self) -> None:
        for name, value in self._environment.items():
            if value is None:
                os.environ.pop(name, None)
            else:
                os.environ[name] = value

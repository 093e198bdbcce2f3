"""create_app(settings): the wiring, on one screen. Makes every part and joins them; decides nothing and opens nothing."""

from __future__ import annotations

import os

from flask import Flask

from storage.uri import resolve
from task_functions.registry import REGISTRY
from workflows.api.faces import KINDS
from workflows.api.problems import register_problems
from workflows.api.rest import register_rest
from workflows.api.safety import guard
from workflows.api.traffic import count_traffic
from workflows.language import compile_definition, compile_schedule
from workflows.loading import Loading
from workflows.model import DELIVERING, ISOLATED, SHARED
from workflows.ping import Ping
from workflows.runtime.alerter import Alerter
from workflows.runtime.asking import asker
from workflows.runtime.catalogue import Catalogue
from workflows.runtime.engine import Engine
from workflows.runtime.executor import Executor
from workflows.runtime.fanout import Fanout
from workflows.runtime.functions import RegisteredFunctions
from workflows.runtime.gates import ALERTING
from workflows.runtime.inline import InlineExecutor
from workflows.runtime.ledger import Ledger
from workflows.runtime.scheduler import Scheduler
from workflows.runtime.secrets import Vault
from workflows.runtime.telling import Teller
from workflows.runtime.workers.pool import WorkerPool
from workflows.server import Server
from workflows.service import Service
from workflows.service.alerts import Alerts
from workflows.service.audit import Audit
from workflows.service.backfills import Backfills
from workflows.service.calendars import Calendars
from workflows.service.control import Control
from workflows.service.definitions import Definitions
from workflows.service.executions import Executions
from workflows.service.hooks import Hooks
from workflows.service.inputs import Inputs
from workflows.service.jobs import Jobs
from workflows.service.keys import Keys
from workflows.service.listing import Listing
from workflows.service.metrics import Metrics
from workflows.service.schedules import Schedules
from workflows.service.seats import Seats, waiting_requests
from workflows.service.streams import Streams
from workflows.service.system import System
from workflows.settings import BUILT_IN, Settings


def create_app(settings: Settings) -> Flask:
    """A Flask application whose `extensions["stepwell"]` is the Server, not yet started. Raises storage.StoreError for a wrong URI."""
    store = resolve(settings.store)
    ledger = Ledger(store)
    functions = RegisteredFunctions(REGISTRY, settings.executor)
    catalogue = Catalogue(ledger, compile_definition)
    vault = Vault(settings.secrets)
    executors = _executors(settings, vault)
    engine = Engine(ledger, catalogue, executors, functions, max_jobs=settings.max_jobs, feed_events=settings.feed_events)
    inputs, seats = Inputs(), Seats(waiting_requests(settings.threads))
    ask = asker(engine)
    teller = Teller(ledger, catalogue, inputs.check, ask)
    alerter = Alerter(ledger, engine, teller, ask, queue_depth=settings.alert_queue_depth, kept=settings.feed_events)
    scheduler = Scheduler(ledger, catalogue, engine, compile_schedule, inputs.check, ask=ask, expecting=alerter.wake)
    schedules, fanout = Schedules(ledger, catalogue, engine, scheduler.wake), Fanout(ledger, engine.feed)
    definitions = Definitions(ledger, catalogue, engine, REGISTRY, vault, scheduler.wake)
    loading = Loading(settings, definitions)
    system = System(ledger, catalogue, engine, more=lambda: [*loading.troubles(), *scheduler.troubles(), *alerter.troubles()])
    service = Service(
        definitions=definitions,
        executions=Executions(ledger, catalogue, engine, inputs, seats),
        control=Control(ledger, catalogue, engine, inputs),
        listing=Listing(ledger, catalogue),
        streams=Streams(ledger, catalogue, fanout, seats),
        system=system,
        audit=Audit(ledger),
        keys=Keys(ledger, engine),
        schedules=schedules,
        backfills=Backfills(ledger, engine, scheduler.wake),
        alerts=Alerts(ledger, engine, teller, alerter.wake),
        calendars=Calendars(ledger, engine),
        hooks=Hooks(ledger, catalogue, engine, inputs, vault),
        jobs=Jobs(ledger, catalogue, schedules),
        metrics=Metrics(ledger, engine, system, scheduler, fanout),
    )

    app = Flask("stepwell", static_folder=None)
    app.config["MAX_CONTENT_LENGTH"] = settings.max_body_bytes
    ping = Ping(settings.ping_url, settings.ping_interval, service.system.unwell)
    app.extensions["stepwell"] = Server(settings, store, engine, service, loading, scheduler, alerter, ping)
    count_traffic(app)
    register_problems(app)
    guard(app, settings, service.keys)
    register_rest(app, service, KINDS)
    return app


def _executors(settings: Settings, vault: Vault) -> list[Executor]:
    """Where functions run: on threads of the server, those for alerts apart, in workers of many threads, in workers of their own."""
    cores, recycle = len(os.sched_getaffinity(0)) if hasattr(os, "sched_getaffinity") else os.cpu_count() or 1, settings.recycle_after
    shared, isolated = settings.task_workers or cores, settings.isolated_workers or 2 * cores
    sources = (BUILT_IN, *settings.sources)
    return [
        InlineExecutor(REGISTRY.get, settings.task_threads, vault),
        InlineExecutor(REGISTRY.get, ALERTING, vault, DELIVERING),
        WorkerPool(SHARED, sources, settings.secrets, workers=shared, threads=settings.task_threads, recycle_after=recycle),
        WorkerPool(ISOLATED, sources, settings.secrets, workers=isolated, recycle_after=recycle, alone=True),
    ]

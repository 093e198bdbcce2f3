"""create_app(settings): the wiring, on one screen. Makes every part and joins them; decides nothing and opens nothing."""

from __future__ import annotations

from flask import Flask

from storage.uri import resolve
from task_functions.registry import REGISTRY
from workflows.api.problems import register_problems
from workflows.api.rest import register_rest
from workflows.api.safety import guard
from workflows.language import compile_definition
from workflows.runtime.catalogue import Catalogue
from workflows.runtime.engine import Engine
from workflows.runtime.functions import RegisteredFunctions
from workflows.runtime.inline import InlineExecutor
from workflows.runtime.ledger import Ledger
from workflows.server import Server
from workflows.service import Service
from workflows.service.control import Control
from workflows.service.definitions import Definitions
from workflows.service.executions import Executions
from workflows.service.listing import Listing
from workflows.service.system import System
from workflows.settings import Settings


def create_app(settings: Settings) -> Flask:
    """A Flask application whose `extensions["stepwell"]` is the Server, not yet started. Raises storage.StoreError for a wrong URI."""
    store = resolve(settings.store)
    ledger = Ledger(store)
    functions = RegisteredFunctions(REGISTRY)
    catalogue = Catalogue(ledger, compile_definition)
    executor = InlineExecutor(REGISTRY.get, settings.task_workers)
    engine = Engine(ledger, catalogue, executor, functions, max_jobs=settings.max_jobs)
    service = Service(
        definitions=Definitions(ledger, catalogue, engine, REGISTRY),
        executions=Executions(ledger, catalogue, engine),
        control=Control(ledger, catalogue, engine),
        listing=Listing(ledger, catalogue),
        system=System(ledger, catalogue, engine),
    )

    app = Flask("stepwell", static_folder=None)
    app.config["MAX_CONTENT_LENGTH"] = settings.max_body_bytes
    app.extensions["stepwell"] = Server(settings, store, engine, service)
    register_problems(app)
    guard(app, settings)
    register_rest(app, service)
    return app

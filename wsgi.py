"""What gunicorn serves: `gunicorn wsgi:app`, with the settings of the `STEPWELL_*` variables and `stepwell.toml`, by many threads.

Importing this opens nothing, so it may happen before a fork (`--preload`). The server starts in the worker: by the hooks of
`gunicorn.conf.py` when it boots, or else with its first request.
"""

from __future__ import annotations

from flask import Flask

from app import create_app
from storage.protocol import StoreError
from workflows.configuration import read_settings
from workflows.hosting import CANNOT_START, StartOnFirstRequest, refuse
from workflows.setting import SettingsError


def application() -> Flask:
    """The application. Leaves the process with one line on stderr when the settings are wrong: gunicorn then gives up, too."""
    try:
        made = create_app(read_settings())
    except (SettingsError, StoreError) as error:
        refuse(error, CANNOT_START)
    made.wsgi_app = StartOnFirstRequest(made.wsgi_app, made.extensions["stepwell"])  # type: ignore[method-assign]
    return made


app = application()

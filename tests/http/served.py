"""The application for gunicorn, its server started: imported by the worker, and so after the fork."""

from __future__ import annotations

from app import create_app
from workflows.settings import from_environment

app = create_app(from_environment())
app.extensions["stepwell"].start()

"""The least that Flask and gunicorn can do with a POST, and both's settings: a floor under what our own server adds.

gunicorn reads its settings from this module's names; those of the real server are taken, its hooks are not.
"""

from __future__ import annotations

from flask import Flask, Response, request

from workflows.configuration import read_settings
from workflows.hosting import options

_HOOKS = ("nworkers_changed", "post_worker_init", "worker_exit")

globals().update({name: value for name, value in options(read_settings()).items() if name not in _HOOKS})

app = Flask("bare", static_folder=None)


@app.post("/jobs/<definition_id>/execute")
def execute(definition_id: str) -> Response:
    request.get_data()
    return Response(f'{{"executionID": "{definition_id}"}}', 202, content_type="application/json")


@app.get("/health")
def health() -> Response:
    return Response('{"status": "ok"}', content_type="application/json")

"""Talks to a server over HTTP: for the command line, the demo, and programs that use Stepwell from Python.

    client = Client()  # $STEPWELL_URL is the command line's; here: http://127.0.0.1:8080, or the URL given
    execution_id = client.execute("order", {"items": {"tea": 2}})
    for change in client.watch(execution_id):
        print(change)

Knows paths and field names and nothing of the server's insides: answers are the JSON that the server sends, described by its
`/openapi.json`. One file per group of endpoints; `transport.py` is the connection, `errors.py` what may go wrong, `changes.py` what is new
between two looks at an execution.
"""

from __future__ import annotations

from workflows.client.access import Access
from workflows.client.alerts import Alerts
from workflows.client.calendars import Calendars
from workflows.client.changes import ENDED, Change, changes, describe_error, moment, seconds_between
from workflows.client.control import Control
from workflows.client.definitions import Definitions
from workflows.client.errors import CannotReach, ClientError, NotReady
from workflows.client.executions import Started
from workflows.client.filters import Filter
from workflows.client.hooks import Hooks
from workflows.client.live import Live, StreamEvent
from workflows.client.schedules import Schedules
from workflows.client.transport import DEFAULT_URL, Json


class Client(Definitions, Live, Control, Schedules, Calendars, Alerts, Hooks, Access):
    """All that a server can be asked. One thread's connection, kept alive between requests.

    Every method raises CannotReach (there is no server, or none that answers in time) and ClientError (it refused, and says why)."""


__all__ = [
    "DEFAULT_URL",
    "ENDED",
    "CannotReach",
    "Change",
    "Client",
    "ClientError",
    "Filter",
    "Json",
    "NotReady",
    "Started",
    "StreamEvent",
    "changes",
    "describe_error",
    "moment",
    "seconds_between",
]

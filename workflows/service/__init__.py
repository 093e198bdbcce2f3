"""What can be asked of the server, once: each file holds one kind of questions and changes, `Service` holds them together.

Every face (REST, command line, later others) translates to these and decides nothing. They take and give plain data and the errors of
`workflows.errors`, and know no HTTP. Requests that change something go through the engine's inbox and are answered after their commit;
questions are answered from a snapshot and never wait for the engine. Any thread may call any method.
"""

from __future__ import annotations

from dataclasses import dataclass

from workflows.service.alerts import Alerts
from workflows.service.audit import Audit
from workflows.service.backfills import Backfills
from workflows.service.calendars import Calendars
from workflows.service.control import Control
from workflows.service.definitions import Definitions
from workflows.service.executions import Executions
from workflows.service.hooks import Hooks
from workflows.service.jobs import Jobs
from workflows.service.keys import Keys
from workflows.service.listing import Listing
from workflows.service.metrics import Metrics
from workflows.service.schedules import Schedules
from workflows.service.streams import Streams
from workflows.service.system import System


@dataclass(frozen=True, slots=True)
class Service:
    """`definitions`: what may be executed. `executions`: starting and looking. `control`: stopping and going on. `listing`: looking
    through executions. `streams`: live events. `system`: the server. `audit`: who changed what. `keys`: who may come in.
    `schedules`: when jobs run by themselves. `calendars`: days on which schedules do not run. `hooks`: requests from outside that start
    jobs. `alerts`: what went wrong. `jobs`: definitions with their schedules and latest executions. `backfills`:
    making up for occurrences that have no execution. `metrics`: figures for whoever watches the server."""

    definitions: Definitions
    executions: Executions
    control: Control
    listing: Listing
    streams: Streams
    system: System
    audit: Audit
    keys: Keys
    schedules: Schedules
    backfills: Backfills
    alerts: Alerts
    hooks: Hooks
    calendars: Calendars
    jobs: Jobs
    metrics: Metrics

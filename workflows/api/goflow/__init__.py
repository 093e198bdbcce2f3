"""The faces for clients of the two systems that are called goflow, a file per kind of endpoint: `jobs` and `events` for fieldryand's,
`dags` for zbrookle's.

Rows of the same table as the REST face's (`workflows.api.rest`), so that roles, OpenAPI and the index have them too. Each view translates
to the service; where those clients want a refusal in a form of their own, it answers with that instead of problem details.
"""

from __future__ import annotations

from workflows.api.goflow import dags, events, jobs

KINDS = (jobs.KIND, events.KIND, dags.KIND)

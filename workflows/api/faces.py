"""All endpoints that the application has: those of the REST face, and of the faces for clients of other systems."""

from __future__ import annotations

from workflows.api import goflow, rest

KINDS = (*rest.KINDS, *goflow.KINDS)

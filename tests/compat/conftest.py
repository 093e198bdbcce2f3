"""The servers are those of the HTTP tests."""

from __future__ import annotations

from tests.http.conftest import api, serve

__all__ = ["api", "serve"]

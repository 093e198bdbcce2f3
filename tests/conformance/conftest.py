"""The score of the recorded executions, at the end of a run."""

from __future__ import annotations

from typing import Any


def pytest_terminal_summary(terminalreporter: Any) -> None:
    found = {
        outcome: [
            report for report in terminalreporter.stats.get(outcome, ()) if "test_recorded_execution" in getattr(report, "nodeid", "")
        ]
        for outcome in ("passed", "failed", "skipped")
    }
    if not any(found.values()):
        return
    passed, failed, skipped = (len(found[outcome]) for outcome in ("passed", "failed", "skipped"))
    terminalreporter.write_line(f"recorded executions: {passed} of {passed + failed} as recorded, {skipped} not yet in scope")

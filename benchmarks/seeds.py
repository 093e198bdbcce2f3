"""Figures of the three systems Stepwell grew out of, measured once on a machine of the same kind (2 cores, ext4 on a virtual disk with a
write-back cache), with three tasks that do nothing. They are shown for orientation and never measured here.

FJO: fawad1985/go-job-orchestrator (durable: bbolt, synced at every transition). FGF: fieldryand/goflow v2 with its bbolt, file and memory
stores. Of a figure that was seen several times the range is given.
"""

from __future__ import annotations

from benchmarks.report import Reported

FJO, SIBLING = "go-job-orchestrator (bbolt)", "simple-job-orchestrator (bbolt)"
FGF_BBOLT, FGF_FILE, FGF_MEMORY = "goflow v2 (bbolt)", "goflow v2 (files, no sync)", "goflow v2 (memory)"

SEEDS = (
    Reported(FJO, "executions/s, 8 clients", "28 .. 139, median 92"),
    Reported(SIBLING, "executions/s, 8 clients", "31 .. 40"),
    Reported(FGF_BBOLT, "executions/s, 8 clients", "72"),
    Reported(FGF_FILE, "executions/s, 8 clients", "663"),
    Reported(FGF_MEMORY, "executions/s, 8 clients", "2,487 (649 of 1,000 visible afterwards)"),
    Reported(FJO, "idle latency, p50 / p99", "704 / 1,022 ms"),
    Reported(SIBLING, "idle latency, p50 / p99", "880 / 992 ms"),
    Reported(FGF_BBOLT, "idle latency, p50 / p99", "9.6 / 35 ms"),
    Reported(FGF_FILE, "idle latency, p50 / p99", "6.3 / 13.8 ms"),
    Reported(FGF_MEMORY, "idle latency, p50 / p99", "4.5 / 9.9 ms"),
    Reported(FJO, "syncs per execution", "28"),
    Reported(FGF_BBOLT, "syncs per execution", "10"),
    Reported(FJO, "resident memory, idle / loaded", "10 / 19 MiB"),
    Reported(FGF_MEMORY, "resident memory, idle / loaded", "17 / 24 MiB"),
    Reported(FJO, "restart to first answer (tiny store)", "0.02 .. 0.08 s"),
)

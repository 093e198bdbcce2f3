"""The bill of materials as a document: joins what the tasks of the example job found, and writes it as JSON and as Markdown.

The same findings give the same bytes: no times, no random order. A file is replaced in one move, so a reader, or a crash half-way,
never leaves or sees half a report.
"""

from __future__ import annotations

import hashlib
import json
import os
import uuid
from collections.abc import Iterable, Mapping, Sequence
from pathlib import Path
from typing import Any

from task_functions.installation import InstallationChanged

COUNTS = ("files", "bytes", "matching", "differing", "unrecorded", "unreadable")
"""What `sbomHash` counts; files = matching + differing + unrecorded + unreadable."""

MOST_REQUIRED = 15
"""So many lines in the Markdown report; the JSON has all."""

Json = dict[str, Any]


def join(
    inventory: Mapping[str, Any], shards: Iterable[Mapping[str, Any]], licences: Mapping[str, Any], requires: Mapping[str, Any]
) -> Json:
    """One document of the results of sbomList, every sbomHash, sbomLicences and sbomRequires.

    Raises ValueError if a shard is absent, InstallationChanged if the shards saw other files than the list did.
    """
    ordered = sorted(shards, key=lambda shard: int(shard["shard"]))
    numbers = [(shard["shard"], shard["of"]) for shard in ordered]
    if not numbers or numbers != [(number, len(numbers)) for number in range(len(numbers))]:
        raise ValueError(f"the report needs each shard once, and has (shard, of) = {numbers}")
    names = {name: licence for licence, members in licences["licences"].items() for name in members}
    rows = [_row(listed, ordered, names.get(listed["name"])) for listed in inventory["distributions"]]
    return {
        "python": inventory["python"],
        "totals": {"distributions": len(rows)} | {count: sum(row[count] for row in rows) for count in COUNTS},
        "distributions": rows,
        "licences": licences["licences"],
        "requires": requires["requires"],
        "requiredBy": requires["requiredBy"],
        "missingRequirements": requires["missing"],
        "findings": sorted(
            (finding for shard in ordered for finding in shard["findings"]), key=lambda found: (found["distribution"], found["file"])
        ),
        "findingCount": sum(shard["findingCount"] for shard in ordered),
    }


def _row(listed: Mapping[str, Any], shards: Sequence[Mapping[str, Any]], licence: str | None) -> Json:
    parts = [shard["distributions"][listed["name"]] for shard in shards if listed["name"] in shard["distributions"]]
    counts = {count: sum(part[count] for part in parts) for count in COUNTS}
    if counts["files"] != listed["files"]:
        raise InstallationChanged(f"{listed['name']} had {listed['files']} files when listed, and {counts['files']} when hashed")
    digest = hashlib.sha256("".join(f"{part['digest']}\n" for part in parts).encode()).hexdigest()
    return {**listed, **counts, "licence": licence, "digest": digest}


def summary(report: Mapping[str, Any]) -> Json:
    """The figures one wants to see at once."""
    return {
        **report["totals"],
        "licences": len(report["licences"]),
        "missingRequirements": sum(len(names) for names in report["missingRequirements"].values()),
        "findings": report["findingCount"],
    }


# --------------------------------------------------------------------------------------------- writing


def as_json(report: Mapping[str, Any]) -> str:
    return json.dumps(report, indent=2, ensure_ascii=False, allow_nan=False) + "\n"


def as_markdown(report: Mapping[str, Any]) -> str:
    python, totals = report["python"], report["totals"]
    lines = [
        "# Software bill of materials",
        "",
        f"{python['implementation']} {python['version']}: {totals['distributions']} distributions, {totals['files']:,} files, "
        f"{totals['bytes']:,} bytes. Of the files {totals['matching']:,} match the hash in their RECORD, {totals['differing']:,} differ, "
        f"{totals['unrecorded']:,} have none recorded, {totals['unreadable']:,} are missing or cannot be read.",
    ]
    lines += _section("Files that are not as installed", ("Distribution", "File", "Finding"), map(_finding_cells, report["findings"]))
    more = report["findingCount"] - len(report["findings"])
    lines += ["", f"and {more:,} more."] if more else []
    missing = [(name, ", ".join(absent)) for name, absent in report["missingRequirements"].items()]
    lines += _section("Requirements that are not installed", ("Distribution", "Requires"), missing)
    most = list(report["requiredBy"].items())[:MOST_REQUIRED]
    lines += _section("Most required", ("Distribution", "Required by"), most)
    licences = sorted(report["licences"].items(), key=lambda item: (-len(item[1]), item[0]))
    lines += _section("Licences", ("Licence", "Number", "Distributions"), [(name, len(who), ", ".join(who)) for name, who in licences])
    columns = ("Distribution", "Version", "Licence", "Files", "Bytes")
    rows = [
        (row["name"], row["version"], row["licence"] or "", f"{row['files']:,}", f"{row['bytes']:,}") for row in report["distributions"]
    ]
    lines += _section("Distributions", columns, rows)
    return "\n".join(lines) + "\n"


def _finding_cells(finding: Mapping[str, str]) -> tuple[str, str, str]:
    return finding["distribution"], finding["file"], finding["finding"]


def _section(title: str, columns: Sequence[str], rows: Iterable[Sequence[Any]]) -> list[str]:
    body = [_line(row) for row in rows]
    table = [_line(columns), _line(["---"] * len(columns)), *body] if body else ["None."]
    return ["", f"## {title}", "", *table]


def _line(cells: Sequence[Any]) -> str:
    """A row of a table. What stands in metadata and file names must not break out of its cell."""
    return "| " + " | ".join(" ".join(str(cell).split()).replace("\\", "\\\\").replace("|", "\\|") for cell in cells) + " |"


def write(path: Path, text: str) -> None:
    """Put the text where the file is, whole and on disk before it can be seen."""
    temporary = path.with_name(f".{path.name}.{uuid.uuid4().hex}.tmp")
    try:
        with temporary.open("x", encoding="utf-8", newline="\n") as stream:
            stream.write(text)
            stream.flush()
            os.fsync(stream.fileno())
        temporary.replace(path)
    except BaseException:
        temporary.unlink(missing_ok=True)
        raise
